//! What a run is told as: a line for each step, a table by fault, and promises with a tick or a cross.

use std::time::Duration;

use super::fault::Scene;
use super::judge::{Asked, DETECTION_US, RECOVERY_US, Tally, Verdict};
use super::keeping::Kept;
use super::run::{Done, Run};
use super::schedule::Step;
use super::stalls::Stall;
use crate::demo::screen::Screen;

/// After the end of a fault, all is well again within this time.
const RECOVERY_MAX: Duration = Duration::from_micros(RECOVERY_US);

/// Of what is not as promised, so much is shown.
const SHOWN_MAX: usize = 5;

/// Wide enough for two faults in one line.
const WHAT_COLUMNS: usize = 68;

/// Above the lines.
pub(super) fn head(screen: &Screen) {
    let (time, what, again) = ("TIME", "FAULT", "WELL AGAIN AFTER");
    let numbers = numbers(["ASKED", "RETRIED", "ELSEWHERE", "LOST", "WRONG"].map(str::to_owned));
    screen.note(&format!("  {time:>5}  {what:<WHAT_COLUMNS$} {numbers}  {again}"));
}

/// A step, which began so long after the first one.
pub(super) fn line(screen: &Screen, from_us: u64, done: &Done, tally: &Tally) {
    let seconds = from_us / 1_000_000;
    let again = match &done.recovery {
        Ok(recovery) => format!("{:.1} s", recovery.as_secs_f64()),
        Err(why) => format!("never: {why}"),
    };
    let text = format!(
        "{:>2}:{:02}  {:<WHAT_COLUMNS$} {}  {again}",
        seconds / 60,
        seconds % 60,
        what(&done.step),
        counts(tally),
    );
    mark(screen, is_good(tally) && is_quick(done), &text);
}

/// The faults of a step, and how long each was.
pub(super) fn what(step: &Step) -> String {
    let each = step.0.iter().map(|planned| {
        let seconds = f64::from(planned.until_ms - planned.from_ms) / 1000.0;
        format!("{}, {seconds:.1} s", planned.fault)
    });
    each.collect::<Vec<_>>().join("; ")
}

fn numbers([asked, retried, elsewhere, lost, wrong]: [String; 5]) -> String {
    format!("{asked:>7} {retried:>7} {elsewhere:>9} {lost:>4} {wrong:>5}")
}

fn counts(tally: &Tally) -> String {
    let Tally { asked, retried, elsewhere, lost, .. } = *tally;
    numbers([asked, retried, elsewhere, lost, tally.wrong()].map(grouped))
}

/// A number with a comma before each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn mark(screen: &Screen, is_good: bool, text: &str) {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    if is_good {
        screen.tick(first);
    } else {
        screen.cross(first);
    }
    lines.for_each(|line| screen.line(&format!("  {line}")));
}

const fn is_good(tally: &Tally) -> bool {
    tally.lost == 0 && tally.wrong() == 0
}

fn is_quick(done: &Done) -> bool {
    done.recovery.as_ref().is_ok_and(|recovery| *recovery <= RECOVERY_MAX)
}

/// The table by fault and the promises; `true` if all were kept. `ended`: how many daemons ended, and
/// how many panics their logs tell of.
pub(super) fn conclude(run: &Run<'_>, ended: (usize, usize), kept: Option<&Kept>) -> bool {
    let screen = &run.stage.screen;
    by_fault(run);
    crate::say("");
    let all = run.tally_of_all();
    let recoveries = sorted(run.done.iter());
    let mut promises = vec![
        no_question_lost(&all),
        no_wrong_answer(run, &all),
        recovery_of_each(run, &recoveries),
        recovery_of_the_last(run),
        no_end(run, ended),
    ];
    promises.extend(kept.map(|kept| every_word_kept(run, kept)));
    for (is_kept, text) in &promises {
        mark(screen, *is_kept, text);
    }
    for Stall { at_us, length_us } in run.stalls.found() {
        let seconds = |us: u64| Duration::from_micros(us).as_secs_f64();
        let (at, length) = (seconds(at_us.saturating_sub(run.began_us)), seconds(length_us));
        screen.line(&format!(
            "  This machine itself stood still for {length:.1} s, {at:.1} s after the beginning: no process ran. What\n  \
             went wrong then is not theirs; run it again."
        ));
    }
    promises.iter().all(|(is_kept, _)| *is_kept)
}

fn by_fault(run: &Run<'_>) {
    let screen = &run.stage.screen;
    screen.title("\nBy fault");
    let (what, times) = ("", "TIMES");
    let head = numbers(["ASKED", "RETRIED", "ELSEWHERE", "LOST", "WRONG"].map(str::to_owned));
    screen.note(&format!("  {what:<35} {times:>5} {head}  WELL AGAIN: MIDDLE  LONGEST"));
    for scene in Scene::ALL {
        let has = |done: &&Done| done.step.0.iter().any(|planned| planned.scene == scene);
        let those: Vec<&Done> = run.done.iter().filter(has).collect();
        if those.is_empty() {
            continue;
        }
        let mut tally = Tally::default();
        those.iter().for_each(|done| tally.add(&run.tally(done)));
        let (recoveries, title) = (sorted(those.iter().copied()), scene.title());
        let seconds = |found: Option<&Duration>| {
            found.map_or("never".into(), |time| format!("{:.1} s", time.as_secs_f64()))
        };
        let text = format!(
            "{title:<35} {:>5} {}  {:>18}  {:>7}",
            those.len(),
            counts(&tally),
            seconds(recoveries.get(recoveries.len() / 2)),
            seconds(recoveries.last().filter(|_| recoveries.len() == those.len())),
        );
        mark(screen, is_good(&tally) && those.iter().all(|done| is_quick(done)), &text);
    }
    screen.note(
        "A step with two faults counts for both. Elsewhere: another region, as it should be.",
    );
}

fn sorted<'a>(those: impl Iterator<Item = &'a Done>) -> Vec<Duration> {
    let mut all: Vec<Duration> =
        those.filter_map(|done| done.recovery.as_ref().ok().copied()).collect();
    all.sort_unstable();
    all
}

fn no_question_lost(all: &Tally) -> (bool, String) {
    let answered = all.asked - all.lost;
    let text = format!(
        "no question is lost: {} asked, {} answered, {} of them by the second nameserver, {} lost",
        grouped(all.asked),
        grouped(answered),
        grouped(all.retried),
        grouped(all.lost)
    );
    (all.lost == 0 && all.asked > 0, text)
}

fn no_wrong_answer(run: &Run<'_>, all: &Tally) -> (bool, String) {
    let (detection, recovery) = (DETECTION_US / 1_000_000, RECOVERY_US / 1_000_000);
    let mut text = format!(
        "no answer is wrong: {} named a server that was down or out of reach for more than {detection} s, {} \
         none of the domain's,\n{} a far one with nothing in the way of a near one for {recovery} s, {} none at \
         all\n({detection} s: three checks in a row, one a second; a time-out of 1 s; 1 s for the way)",
        grouped(all.gone),
        grouped(all.strangers),
        grouped(all.far),
        grouped(all.nothing)
    );
    for line in first_wrong(run) {
        text.push_str(&format!("\n{line}"));
    }
    (all.wrong() == 0, text)
}

/// The first wrong answers and lost questions, each in a line.
fn first_wrong(run: &Run<'_>) -> Vec<String> {
    let Some(load) = &run.load else { return Vec::new() };
    let all = load.all();
    let judged = all.iter().map(|asked| (asked, run.judge.verdict(asked)));
    let wrong = judged.filter(|(_, it)| !matches!(it, Verdict::Well | Verdict::Elsewhere));
    let line = |(asked, verdict): (&Asked, Verdict)| {
        let seconds = Duration::from_micros(asked.over_us.saturating_sub(run.began_us));
        let by = asked.by.map_or_else(|| "nobody".to_owned(), |by| by.to_string());
        let said = match &asked.answer {
            Ok(named) => named.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            Err(why) => why.clone(),
        };
        let (client, seconds) = (asked.client, seconds.as_secs_f64());
        format!("{seconds:.2} s, clients {client}, by {by}: {said} ({verdict:?})")
    };
    wrong.take(SHOWN_MAX).map(line).collect()
}

fn every_word_kept(run: &Run<'_>, kept: &Kept) -> (bool, String) {
    let Kept { said, acknowledged, refused, excused, heard, broken } = kept;
    let mut text = format!(
        "what operators make is kept: {said} words, {acknowledged} acknowledged and held by all in the end, \
         {refused} refused as etcd was away,\n{excused} at an overwatch that did not answer as it was missing; \
         kills of etcd: {}; {heard} answers heard as acknowledged; {} otherwise",
        run.etcd_killed,
        broken.len()
    );
    for line in broken.iter().take(SHOWN_MAX) {
        text.push_str(&format!("\n{line}"));
    }
    (broken.is_empty() && *acknowledged > 0 && *heard > 0, text)
}

fn recovery_of_each(run: &Run<'_>, recoveries: &[Duration]) -> (bool, String) {
    let limit = RECOVERY_MAX.as_secs();
    let late = run.done.iter().filter(|done| !is_quick(done)).count();
    let seconds = |found: Option<&Duration>| found.map_or(0.0, Duration::as_secs_f64);
    let text = format!(
        "well again within {limit} s after each of {} steps: {:.1} s in the middle, {:.1} s at most, \
         {late} too late",
        run.done.len(),
        seconds(recoveries.get(recoveries.len() / 2)),
        seconds(recoveries.last())
    );
    (late == 0 && !run.done.is_empty(), text)
}

fn recovery_of_the_last(run: &Run<'_>) -> (bool, String) {
    match run.done.last().map(|done| &done.recovery) {
        Some(Ok(recovery)) => {
            let text = format!(
                "well again {:.1} s after the last fault: all reach one another, hold the same rows and \
                 servers,\nand every client is answered at once, with its nearest region",
                recovery.as_secs_f64()
            );
            (*recovery <= RECOVERY_MAX, text)
        }
        Some(Err(why)) => (false, format!("not well again after the last fault: {why}")),
        None => (false, "nothing went wrong, so nothing is proven".to_owned()),
    }
}

fn no_end(run: &Run<'_>, (ended, panics): (usize, usize)) -> (bool, String) {
    let killed = run.killed;
    let text = format!(
        "no process ends by itself: {ended} ended, {killed} were killed, {panics} panics in the logs"
    );
    (ended == killed && panics == 0, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_by_threes() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
