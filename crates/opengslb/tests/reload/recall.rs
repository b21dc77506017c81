//! What was learned, kept on disk: killed, handed over and on a full disk, the first answer afterwards goes
//! by it, with no agent there.

use std::fs;
use std::time::{Duration, Instant};

use crate::asker::ask_once;
use crate::daemon::eventually;
use crate::site::{LEARNED, Site};

/// What is promised: at most the last second is lost.
const LOST_AT_MOST: Duration = Duration::from_secs(1);

/// What was learned by now is on the disk.
fn wait_until_kept(site: &Site) {
    let began = Instant::now();
    eventually("a second went by", || began.elapsed() > LOST_AT_MOST);
    eventually("it is kept", || site.metric("overwatch_latency_table_unsaved_seconds") == Some(0));
}

#[test]
fn a_killed_overwatch_answers_by_what_it_had_learned_before_any_agent_is_back() {
    let mut site = Site::learned_and_kept();
    // Another process that takes over has it from the disk, and goes on with the same files.
    site.hand_over();
    assert!(site.overwatch.has("the learned table: 2 rows read in "), "{}", site.overwatch.log());
    assert!(ask_once(site.dns, LEARNED).1);
    wait_until_kept(&site);
    site.overwatch.signal("KILL");
    site.overwatch.end();
    site.leave_agents();
    for round in 0..2 {
        site.start_again();
        // The very first question.
        assert!(ask_once(site.dns, LEARNED).1, "round {round}: {}", site.overwatch.log());
        site.overwatch.line("the learned table: 2 rows read in ");
        site.overwatch.signal("TERM");
        site.overwatch.end();
    }
    // A disk that flipped a bit, and one that cut the end off: it says so, and answers all the same.
    let steps = fs::read_dir(site.directory.path().join("data")).unwrap().flatten();
    let steps = steps
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "steps"));
    for path in steps {
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    }
    site.start_again();
    site.overwatch.line("are no whole step: cut off");
    site.overwatch.signal("TERM");
    site.overwatch.end();
    // Without the key nothing is read, and nothing stays.
    site.write(&site.text());
    site.start_again();
    assert!(!ask_once(site.dns, LEARNED).1);
    site.overwatch.line("latency_table.persist is off: removed ");
}
