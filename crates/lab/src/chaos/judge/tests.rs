//! Answers at moments of one day, each with what it is worth.

use super::*;

const S: u64 = 1_000_000;

fn at(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn judge() -> Judge {
    Judge {
        servers: ["10.0.0.1", "10.0.0.2", "10.0.0.9"].map(at).to_vec(),
        nearest: vec![vec![at("10.0.0.1"), at("10.0.0.2")]],
        learned_us: Some(0),
        ..Judge::default()
    }
}

fn out(judge: &mut Judge, part: Part, (from_s, until_s): (u64, u64)) {
    judge.outages.began(part, from_s * S);
    judge.outages.ended(part, until_s * S);
}

/// The near server 10.0.0.1 is out from 100 to 120 s, and the overwatch 10.9.0.1 until 108 s.
fn a_server_dies() -> Judge {
    let mut judge = judge();
    out(&mut judge, Part::Process(at("10.0.0.1")), (100, 120));
    out(&mut judge, Part::Process(at("10.9.0.1")), (90, 108));
    judge
}

#[track_caller]
fn check(judge: &Judge, over_s: u64, said: &str, expect: Verdict) {
    let line = format!("{} {} {said}", over_s * S - 1000, over_s * S);
    let asked = Asked::parse(0, &line).unwrap();
    assert_eq!(judge.verdict(&asked), expect, "{line}");
}

#[test]
fn a_server_may_be_named_until_it_can_be_known_that_it_is_down() {
    let judge = a_server_dies();
    check(&judge, 99, "1 10.9.0.2 10.0.0.1", Verdict::Well);
    check(&judge, 105, "1 10.9.0.2 10.0.0.1", Verdict::Well);
    check(&judge, 106, "1 10.9.0.2 10.0.0.1", Verdict::Gone);
    check(&judge, 119, "1 10.9.0.2 10.0.0.1", Verdict::Gone);
    check(&judge, 120, "1 10.9.0.2 10.0.0.1", Verdict::Well);
    // This one was away itself until 108, and answers while it starts.
    check(&judge, 107, "1 10.9.0.1 10.0.0.1", Verdict::Well);
    check(&judge, 113, "1 10.9.0.1 10.0.0.1", Verdict::Well);
    check(&judge, 114, "1 10.9.0.1 10.0.0.1", Verdict::Gone);
}

#[test]
fn a_server_that_one_overwatch_does_not_reach_is_right_at_the_others() {
    let mut judge = judge();
    out(&mut judge, Part::way(at("10.9.0.1"), at("10.0.0.1")), (100, 110));
    check(&judge, 105, "1 10.9.0.1 10.0.0.1", Verdict::Well);
    check(&judge, 106, "1 10.9.0.1 10.0.0.1", Verdict::Gone);
    check(&judge, 106, "1 10.9.0.2 10.0.0.1", Verdict::Well);
    check(&judge, 110, "1 10.9.0.1 10.0.0.1", Verdict::Well);
    // It dies behind the cut: who cannot see that has lost it anyway.
    out(&mut judge, Part::Process(at("10.0.0.1")), (108, 130));
    check(&judge, 109, "1 10.9.0.1 10.0.0.1", Verdict::Gone);
    check(&judge, 109, "1 10.9.0.2 10.0.0.1", Verdict::Well);
    check(&judge, 114, "1 10.9.0.2 10.0.0.1", Verdict::Gone);
}

#[test]
fn every_address_of_an_answer_counts() {
    let judge = a_server_dies();
    check(&judge, 106, "1 10.9.0.2 10.0.0.2,10.0.0.1", Verdict::Gone);
    check(&judge, 102, "1 10.9.0.2 10.0.0.2,10.0.0.1", Verdict::Well);
    check(&judge, 50, "1 10.9.0.2 10.0.0.2,10.0.0.9", Verdict::Far);
    check(&judge, 50, "1 10.9.0.2 10.0.0.2,10.0.0.7", Verdict::Stranger);
}

#[test]
fn whoever_reaches_nobody_answers_with_those_last_seen() {
    let mut judge = judge();
    let alone = at("10.9.0.1");
    let servers = judge.servers.clone();
    for server in &servers {
        out(&mut judge, Part::way(alone, *server), (100, 110));
    }
    check(&judge, 109, "1 10.9.0.1 10.0.0.1", Verdict::Well);
    check(&judge, 109, "1 10.9.0.1 10.0.0.7", Verdict::Stranger);
    // One that was known to be down before is not among them; one that it just lost is.
    out(&mut judge, Part::Process(at("10.0.0.2")), (94, 120));
    check(&judge, 109, "1 10.9.0.1 10.0.0.2", Verdict::Gone);
    check(&judge, 109, "1 10.9.0.1 10.0.0.1", Verdict::Well);
    out(&mut judge, Part::Process(at("10.0.0.1")), (96, 120));
    check(&judge, 109, "1 10.9.0.1 10.0.0.1", Verdict::Well);
}

#[test]
fn another_region_needs_a_cause() {
    let mut judge = judge();
    // One near server of two is no cause.
    out(&mut judge, Part::Process(at("10.0.0.1")), (100, 120));
    check(&judge, 106, "1 10.9.0.2 10.0.0.9", Verdict::Far);
    // Both are, at that overwatch, and for as long as recovery may take.
    out(&mut judge, Part::slow(at("10.9.0.2"), at("10.0.0.2")), (100, 110));
    check(&judge, 106, "1 10.9.0.2 10.0.0.9", Verdict::Elsewhere);
    check(&judge, 106, "1 10.9.0.3 10.0.0.9", Verdict::Far);
    check(&judge, 125, "1 10.9.0.2 10.0.0.9", Verdict::Elsewhere);
    check(&judge, 126, "1 10.9.0.2 10.0.0.9", Verdict::Far);
    // So is the overwatch's own return.
    out(&mut judge, Part::Process(at("10.9.0.3")), (200, 210));
    check(&judge, 224, "1 10.9.0.3 10.0.0.9", Verdict::Elsewhere);
    check(&judge, 226, "1 10.9.0.3 10.0.0.9", Verdict::Far);
    // Before anything is learned geography may be wrong.
    judge.learned_us = Some(60 * S);
    check(&judge, 59, "1 10.9.0.2 10.0.0.9", Verdict::Elsewhere);
    check(&judge, 61, "1 10.9.0.2 10.0.0.9", Verdict::Far);
}

#[test]
fn the_others_are_told_apart() {
    let judge = a_server_dies();
    check(&judge, 106, "2 10.9.0.2 10.0.0.2", Verdict::Well);
    check(&judge, 106, "2 - lost", Verdict::Lost);
    check(&judge, 106, "1 10.9.0.2 SERVFAIL", Verdict::Nothing);
    check(&judge, 106, "1 10.9.0.2 empty", Verdict::Nothing);
    for broken in ["", "1 2 3", "1 2 x - lost", "1 2 1 nobody 10.0.0.1"] {
        assert_eq!(Asked::parse(0, broken), None, "{broken}");
    }
}

#[test]
fn a_tally_counts_each_question_once() {
    let lines = [
        "1 2 1 10.9.0.2 10.0.0.2",
        "1 2 2 10.9.0.2 10.0.0.2",
        "100000000 100000000 1 10.9.0.1 10.0.0.9",
        "1 2 1 10.9.0.2 10.0.0.9",
        "1 2 2 - lost",
        "1 2 1 10.9.0.2 SERVFAIL",
        "1 2 1 10.9.0.2 192.0.2.1",
        "106000000 106000000 1 10.9.0.2 10.0.0.1",
    ];
    let all: Vec<Asked> = lines.iter().filter_map(|line| Asked::parse(0, line)).collect();
    let judge = a_server_dies();
    let tally = judge.tally(all.iter());
    let expect = Tally {
        asked: 8,
        retried: 1,
        elsewhere: 1,
        strangers: 1,
        gone: 1,
        far: 1,
        nothing: 1,
        lost: 1,
    };
    assert_eq!((tally, tally.wrong()), (expect, 4));
    let mut twice = tally;
    twice.add(&tally);
    assert_eq!((twice.asked, twice.wrong(), twice.lost), (16, 8, 2));
    assert_eq!(all.iter().filter(|asked| judge.is_as_ever(asked)).count(), 1);
}
