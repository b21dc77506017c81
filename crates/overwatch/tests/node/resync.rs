//! Whom the next process waits for before it answers.

use overwatch::Event;

use crate::bench::{Bench, connections};
use crate::settings::parsed;

/// The demo, in which one of the two agents has learned something.
fn learned() -> Bench {
    let mut bench = Bench::demo();
    bench.observe("eu", connections("10.1.2.7", 85, 10));
    bench.advance(31_000);
    bench
}

/// Time passes in which nobody is heard.
fn hang(bench: &mut Bench, ms: u64) {
    bench.now = bench.now.plus_ms(ms);
    bench.tell(Event::Tick);
}

/// Who is awaited, and whether its rows are.
fn awaited(bench: &Bench) -> Vec<(String, bool)> {
    let positions = bench.overwatch.positions(bench.now).into_iter();
    positions.map(|(agent, position)| (agent.to_string(), position.is_some())).collect()
}

#[test]
fn who_was_not_heard_for_a_moment_is_awaited_where_answers_go_by_its_rows() {
    let eu = [("eu".to_owned(), true)];
    for is_cut in [false, true] {
        let mut bench = learned();
        let there: Vec<String> = awaited(&bench).into_iter().map(|(agent, _)| agent).collect();
        assert_eq!(there, ["eu", "sg"]);
        if is_cut {
            bench.cut("eu");
            bench.cut("sg");
        }
        // A heartbeat is late; the process hung; it hung for as long as a hand-over may.
        for ms in [16_000, 20_000, 70_000] {
            hang(&mut bench, ms);
            assert_eq!(awaited(&bench), eu, "{ms}, {is_cut}");
            assert!(!bench.overwatch.has_caught_up(&parsed("eu"), None, bench.now));
        }
        // It has ended.
        hang(&mut bench, 300_000);
        assert_eq!(awaited(&bench), [], "{is_cut}");
    }
}

#[test]
fn who_said_goodbye_is_awaited_by_nobody() {
    let mut bench = learned();
    bench.stop("eu");
    assert!(awaited(&bench).iter().all(|(agent, _)| agent != "eu"));
}
