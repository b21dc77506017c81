//! The embedded topology is the brief's; faulty files say where and what.

use super::*;

#[test]
fn the_embedded_topology_has_the_distances_of_the_brief() {
    let demo: Topology = DEMO6.parse().unwrap();
    let one_way = |from: &str, to: &str| {
        demo.one_way_us(demo.host(from).unwrap().0, demo.host(to).unwrap().0).unwrap()
    };
    assert_eq!(one_way("traffic-eastus", "backend-eu-west"), 42_500);
    assert_eq!(one_way("backend-eu-west-2", "traffic-eastus"), 42_500);
    assert_eq!(one_way("traffic-eastus", "backend-ap-southeast"), 110_000);
    assert_eq!(one_way("backend-eu-west", "backend-ap-southeast"), 82_500);
    assert_eq!(one_way("traffic-singapore", "backend-ap-southeast"), 500);
    let regions: Vec<_> = demo.regions().iter().map(ToString::to_string).collect();
    assert_eq!(regions, ["eu-west", "ap-southeast"]);
    assert_eq!(demo.with_role(Role::Backend).count(), 3);
}

#[test]
fn faulty_files_say_where_and_what() {
    #[track_caller]
    fn check(change: (&str, &str), expect: &str) {
        assert!(DEMO6.contains(change.0), "{} is not in the file", change.0);
        let error = DEMO6.replacen(change.0, change.1, 1).parse::<Topology>().unwrap_err();
        assert!(error.to_string().contains(expect), "{error}");
    }
    check(("jitter_ms: 0", "jiter_ms: 0"), "a topology has no key \"jiter_ms\"");
    check(("east-us, west-europe, 85", "east-us, west-europe, -1"), "from 0 to 10000");
    check(("[east-us, west-europe, 85]", "[east-us, mars, 85]"), "no site is called \"mars\"");
    check(("  - [east-us, west-europe, 85]\n", ""), "rtt_ms lacks east-us - west-europe");
    check(("10.2.1.11", "10.2.1.10"), "10.2.1.10 belongs to another host");
    check(("role: traffic", "role: router"), "overwatch, backend or traffic");
    check(("name: backend-eu-west-2", "name: backend-eu-west"), "stands here twice");
    check(("name: demo6", "name: ../demo"), "characters of a-z");
    check(("    region: eu-west\n", ""), "its site needs a region");
    check(("10.1.2.0/24, \"fd00", "10.1.2.0/99, \"fd00"), "10.1.2.0/99");
}

#[test]
fn no_text_brings_the_reader_down() {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |limit: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).unwrap() % limit
    };
    let spare = *b"[]{}:-,&*!|>'\"%#\n 0eN";
    for _ in 0..3_000 {
        let mut bytes = DEMO6.as_bytes().to_vec();
        for _ in 0..=random(4) {
            let place = random(bytes.len());
            match random(3) {
                0 => bytes[place] = spare[random(spare.len())],
                1 => drop(bytes.splice(place..place, [spare[random(spare.len())]])),
                _ => bytes.truncate(place.max(1)),
            }
        }
        // Any verdict will do.
        let _ = String::from_utf8_lossy(&bytes).parse::<Topology>();
    }
}
