//! How backends come, go and stand, with their agents' sessions and without.

use health::HeartbeatTerms;
use mesh::KeyHash;
use overwatch::{Command, Enrolment, HandOrder, Note, Said};

use crate::bench::{Bench, connections, outcome};
use crate::settings::{self, APP, EU, SG, ip, key_of, parsed, tcp_check};

/// One agent with one backend that somebody checks.
fn checked(by_overwatch: bool) -> Bench {
    let mut bench = Bench::with(|settings| settings.checks.enabled = by_overwatch);
    let mut settings = settings::agent("eu", "eu-west", EU);
    settings.offers[0].check = Some(tcp_check());
    bench.start(settings, EU, 1);
    bench.connect("eu");
    let event = agent::Event::Checked { backend: key_of(APP, EU), outcome: outcome(true) };
    bench.tell_agent("eu", event);
    bench.run();
    bench
}

#[test]
fn a_goodbye_takes_the_backends_out_at_once() {
    let mut bench = Bench::demo();
    bench.stop("eu");
    assert_eq!(bench.standing(EU), "unhealthy");
    assert_eq!(bench.steer("10.9.1.1").0, [ip(SG)], "geography alone would say eu-west");
    assert!(!bench.is_wired("eu"));
    bench.stop("sg");
    let (addresses, reason) = bench.steer("10.9.1.1");
    assert_eq!((addresses, reason.as_str()), (Vec::new(), "none_healthy"), "no policy names them");
    // Started again they are there again.
    bench.start(settings::agent("eu", "eu-west", EU), EU, 1);
    bench.connect("eu");
    assert_eq!(bench.steer("10.9.1.1").0, [ip(EU)]);
}

#[test]
fn a_goodbye_of_what_was_down_already_takes_it_from_the_policy_too() {
    let mut bench = checked(true);
    let key = key_of(APP, EU);
    bench.checked(&key, true);
    bench.checked(&key, false);
    bench.checked(&key, false);
    assert_eq!(bench.steer("10.9.1.1"), (vec![ip(EU)], "last_healthy".to_owned()));
    bench.stop("eu");
    assert_eq!(bench.steer("10.9.1.1"), (Vec::new(), "none_healthy".to_owned()));
    // It comes back, still down: the policy may name it again.
    let mut settings = settings::agent("eu", "eu-west", EU);
    settings.offers[0].check = Some(tcp_check());
    bench.start(settings, EU, 1);
    bench.connect("eu");
    assert_eq!(bench.steer("10.9.1.1"), (vec![ip(EU)], "last_healthy".to_owned()));
}

#[test]
fn a_lost_session_is_doubtful_and_then_down() {
    let mut bench = Bench::demo();
    bench.cut("eu");
    bench.advance(4_999);
    assert_eq!(bench.standing(EU), "healthy", "no heartbeat is late yet");
    assert_eq!(bench.steer("10.9.1.1").0, [ip(EU)]);
    bench.advance(1);
    assert_eq!(bench.standing(EU), "doubtful");
    assert_eq!(bench.steer("10.9.1.1").0, [ip(SG)], "behind all that are up");
    // interval * missed_threshold
    bench.advance(24_999);
    assert_eq!(bench.standing(EU), "doubtful");
    bench.advance(1_001);
    assert_eq!(bench.standing(EU), "unhealthy");
    bench.connect("eu");
    assert_eq!(bench.standing(EU), "healthy");
    // Its clients come back within the time that it was away.
    bench.advance(32_000);
    assert_eq!(bench.steer("10.9.1.1").0, [ip(EU)]);
}

/// As when its key or that of the mesh is changed: nobody notices, and no client has to come back.
#[test]
fn a_session_that_is_back_before_a_heartbeat_is_late_was_never_lost() {
    let mut bench = Bench::demo();
    bench.cut("eu");
    bench.advance(4_000);
    bench.connect("eu");
    for _ in 0..20 {
        assert_eq!(bench.standing(EU), "healthy");
        assert_eq!(bench.steer("10.9.1.1").0, [ip(EU)]);
        bench.advance(500);
    }
}

#[test]
fn each_agent_has_its_own_terms() {
    let mut bench = Bench::new();
    let mut settings = settings::agent("eu", "eu-west", EU);
    settings.heartbeat = HeartbeatTerms { interval_ms: 2_000, missed_threshold: 2 };
    bench.start(settings, EU, 1);
    bench.connect("eu");
    bench.advance(20_000);
    assert_eq!(bench.hosts["eu"].heartbeats.len(), 10);
    assert_eq!(bench.standing(EU), "healthy");
    bench.cut("eu");
    bench.advance(3_900);
    assert_eq!(bench.standing(EU), "doubtful");
    bench.advance(1_100);
    assert_eq!(bench.standing(EU), "unhealthy");
}

#[test]
fn an_agent_that_falls_silent_is_not_believed_for_ever() {
    let mut bench = Bench::demo();
    // The machine died without a word: its wire stands, nothing comes.
    let silent = bench.hosts.remove("eu");
    assert!(silent.is_some());
    bench.advance(20_000);
    assert_eq!(bench.standing(EU), "doubtful");
    bench.advance(20_000);
    assert_eq!(bench.standing(EU), "unhealthy");
    // A machine rebuilt under another name takes the backend over, whatever the old wire says.
    bench.start(settings::agent("eu-rebuilt", "eu-west", EU), EU, 5);
    bench.connect("eu-rebuilt");
    assert_eq!(bench.standing(EU), "healthy");
    assert_eq!(bench.hosts["eu-rebuilt"].complaints(), Vec::<String>::new());
}

#[test]
fn where_the_overwatch_checks_its_check_decides() {
    let mut bench = checked(true);
    let key = key_of(APP, EU);
    assert_eq!(bench.watched.get(&key).map(|spec| spec.interval_ms), Some(10_000));
    assert_eq!(bench.standing(EU), "healthy", "its agent says so until the first check");
    bench.checked(&key, false);
    assert_eq!(bench.standing(EU), "unhealthy");
    bench.checked(&key, true);
    bench.cut("eu");
    bench.advance(600_000);
    assert_eq!(bench.standing(EU), "healthy", "nobody else needs to vouch for it");
    bench.checked(&key, false);
    bench.checked(&key, false);
    assert_eq!(bench.standing(EU), "unhealthy");
    // Down and unvouched for long enough: forgotten, and checked no more.
    bench.advance(3_700_000);
    assert_eq!(bench.standing(EU), "unknown");
    assert!(bench.watched.is_empty());
}

#[test]
fn where_only_the_agent_checks_its_claim_decides() {
    let mut bench = checked(false);
    assert!(bench.watched.is_empty());
    assert_eq!(bench.standing(EU), "healthy");
    let key = key_of(APP, EU);
    for passes in [false, false] {
        let event = agent::Event::Checked { backend: key.clone(), outcome: outcome(passes) };
        bench.tell_agent("eu", event);
        bench.run();
    }
    assert_eq!(bench.standing(EU), "unhealthy");
    bench.cut("eu");
    assert_eq!(bench.standing(EU), "unhealthy", "losing sight of it makes it no better");
}

#[test]
fn a_changed_check_is_watched_by_its_own_thresholds() {
    let mut bench = checked(true);
    let key = key_of(APP, EU);
    bench.checked(&key, true);
    bench.stop("eu");
    let mut settings = settings::agent("eu", "eu-west", EU);
    let mut check = tcp_check();
    check.failure_threshold = 4;
    settings.offers[0].check = Some(check);
    bench.start(settings, EU, 1);
    bench.connect("eu");
    assert_eq!(bench.watched[&key].failure_threshold, 4);
    (0..3).for_each(|_| bench.checked(&key, false));
    assert_eq!(bench.standing(EU), "healthy");
    bench.checked(&key, false);
    assert_eq!(bench.standing(EU), "unhealthy");
}

#[test]
fn a_rebuilt_machine_takes_over_once_the_old_one_is_gone() {
    let mut bench = Bench::demo();
    // The same name and backend, another key.
    bench.cut("eu");
    bench.start(settings::agent("eu", "eu-west", EU), EU, 77);
    bench.connect("eu");
    assert!(bench.is_wired("eu"));
    assert_eq!(bench.standing(EU), "healthy");
    let pin = &bench.kept.pins["eu"];
    assert_eq!(pin.key, KeyHash::from_bytes([77; 32]));
    // The same backend by another name: refused while the holder is there, granted when it is not.
    bench.start(settings::agent("eu-2", "eu-west", EU), EU, 78);
    bench.connect("eu-2");
    assert_eq!(bench.hosts["eu-2"].complaints().len(), 1);
    bench.cut("eu");
    bench.cut("eu-2");
    bench.connect("eu-2");
    let backends = bench.overwatch.backend_list(bench.now).backends;
    let holder = backends.iter().find(|backend| backend.address == EU).unwrap();
    assert_eq!(holder.agent_id.as_deref(), Some("eu-2"));
    assert_eq!(bench.standing(EU), "healthy");
}

#[test]
fn a_second_connection_of_an_agent_replaces_the_first() {
    let mut bench = Bench::demo();
    let before = bench.hosts["eu"].notes.len();
    bench.connect("eu");
    assert!(bench.is_wired("eu"));
    assert_eq!(bench.standing(EU), "healthy");
    bench.advance(60_000);
    assert_eq!(bench.standing(EU), "healthy");
    assert!(bench.hosts["eu"].notes.len() > before);
    let gone = bench.take_notes().iter().any(|note| matches!(note, Note::AgentLeft { .. }));
    assert!(!gone, "the agent was there all the time");
}

#[test]
fn an_operator_says_yes_first_where_that_is_asked_for() {
    let mut bench = Bench::with(|settings| settings.enrolment = Enrolment::Approve);
    bench.start(settings::agent("eu", "eu-west", EU), EU, 1);
    bench.connect("eu");
    assert!(!bench.is_wired("eu"));
    assert_eq!(bench.standings(), []);
    let status = |bench: &Bench| bench.overwatch.agent_list(bench.now).agents[0].status.clone();
    assert_eq!(status(&bench), "pending");
    let told = bench.hosts["eu"].complaints();
    assert!(told.len() == 1 && told[0].contains("waits for approval"), "{told:?}");
    // Over a restart it waits by asking again: who waits is not worth the disk.
    bench.restart_overwatch();
    bench.connect("eu");
    assert_eq!(status(&bench), "pending");
    bench.command(Command::Approve { agent: parsed("eu"), key: None });
    bench.connect("eu");
    assert_eq!(status(&bench), "connected");
    assert_eq!(bench.standing(EU), "healthy");
}

#[test]
fn a_command_about_nobody_changes_nothing() {
    let mut bench = Bench::demo();
    bench.take_notes();
    let (kept, nobody) = (bench.kept.clone(), key_of(APP, "10.2.1.99"));
    for command in [
        Command::Approve { agent: parsed("nobody"), key: None },
        Command::Revoke(parsed("nobody")),
        Command::Forget(parsed("nobody")),
        Command::Hand(HandOrder::Override { backend: nobody.clone(), is_up: Some(true) }),
        Command::Hand(HandOrder::Empty { backend: nobody, permille: 1_000, over_ms: 0 }),
    ] {
        assert!(bench.overwatch.objection(&command, &Said::default(), bench.now).is_some());
        bench.command(command);
    }
    assert_eq!((bench.kept.clone(), bench.take_notes()), (kept, Vec::new()));
}

#[test]
fn an_agent_that_drops_a_port_takes_its_rows_along() {
    let mut bench = Bench::new();
    let mut settings = settings::agent("eu", "eu-west", EU);
    let web = settings::offer("web.demo.local", "eu-west", EU);
    settings.offers.push(agent::Offer { listen_port: 8_080, ..web });
    bench.start(settings, EU, 1);
    bench.connect("eu");
    let mut samples = connections("10.1.2.7", 85, 5);
    samples.iter_mut().for_each(|sample| sample.local.set_port(8_080));
    bench.observe("eu", samples);
    bench.observe("eu", connections("10.1.2.7", 85, 6));
    bench.advance(31_000);
    assert_eq!((bench.learned().len(), bench.learned_of("web.demo.local").len()), (1, 1));
    // It starts again without the second service.
    bench.stop("eu");
    bench.start(settings::agent("eu", "eu-west", EU), EU, 1);
    bench.connect("eu");
    assert_eq!((bench.learned().len(), bench.learned_of("web.demo.local").len()), (1, 0));
}

#[test]
fn the_api_tells_the_demo_as_it_is() {
    let mut bench = Bench::demo();
    bench.advance(5_000);
    let status = bench.overwatch.cluster_status(Some(2), bench.now);
    assert!(status.cluster_healthy);
    assert_eq!((status.healthy_agents, status.backend_summary.healthy), (2, 2));
    assert_eq!(bench.overwatch.domains_without_server(), ["web.demo.local"]);
    bench.cut("sg");
    let status = bench.overwatch.cluster_status(Some(2), bench.now);
    assert!(!status.cluster_healthy);
    assert_eq!((status.healthy_agents, status.backend_summary.healthy), (1, 2));
    bench.advance(5_000);
    let status = bench.overwatch.cluster_status(Some(2), bench.now);
    assert_eq!((status.healthy_agents, status.backend_summary.healthy), (1, 1));
}

/// How many of 200 networks go there that geography knows nothing of, each drawn for itself.
fn in_sg(bench: &Bench) -> usize {
    let clients = (0..200).map(|i| format!("10.{}.{}.9", 16 + i / 16, i % 16 * 16));
    clients.filter(|client| bench.steer(client).0 == [ip(SG)]).count()
}

#[test]
fn after_an_outage_of_all_regions_every_client_is_at_home() {
    let mut bench = Bench::demo();
    let cut_both = |bench: &mut Bench| {
        bench.cut("sg");
        bench.advance(2_000);
        bench.cut("eu");
        bench.advance(300_000);
        assert_eq!(in_sg(bench), 200, "nothing is up: all stay where they were");
    };
    cut_both(&mut bench);
    bench.connect("eu");
    bench.connect("sg");
    assert_eq!(in_sg(&bench), 200, "nobody was away");
    bench.advance(60_000);
    assert_eq!(in_sg(&bench), 200);
    // Who is back later was away for so long, and no longer.
    cut_both(&mut bench);
    bench.connect("eu");
    bench.advance(60_000);
    assert_eq!(in_sg(&bench), 0);
    bench.connect("sg");
    bench.advance(30_000);
    assert!((60..=140).contains(&in_sg(&bench)), "{} of 200", in_sg(&bench));
    bench.advance(31_000);
    assert_eq!(in_sg(&bench), 200);
}

#[test]
fn one_that_is_in_doubt_serves_nobody_while_one_is_coming_back() {
    let mut bench = Bench::demo();
    bench.stop("sg");
    bench.advance(600_000);
    bench.start(settings::agent("sg", "ap-southeast", SG), SG, 2);
    bench.connect("sg");
    assert_eq!(in_sg(&bench), 0, "it is coming back");
    bench.cut("eu");
    bench.advance(10_000);
    assert_eq!(bench.standing(EU), "doubtful");
    assert_eq!(in_sg(&bench), 200);
}

#[test]
fn a_region_that_comes_back_gets_its_clients_bit_by_bit() {
    let mut bench = Bench::demo();
    assert_eq!(in_sg(&bench), 200, "nobody waits at a start");
    bench.stop("sg");
    assert_eq!(in_sg(&bench), 0, "it is left at once");
    bench.advance(600_000);
    bench.start(settings::agent("sg", "ap-southeast", SG), SG, 2);
    bench.connect("sg");
    assert_eq!(in_sg(&bench), 0, "no stampede");
    let mut before = 0;
    for (after_ms, least, most) in [(75_000, 25, 80), (75_000, 70, 130), (75_000, 120, 180)] {
        bench.advance(after_ms);
        let now = in_sg(&bench);
        assert!((least..=most).contains(&now) && now > before, "{now} of 200");
        before = now;
    }
    bench.advance(75_000);
    assert_eq!(in_sg(&bench), 200);
    // Away for ten seconds, back within ten.
    bench.stop("sg");
    bench.advance(10_000);
    bench.start(settings::agent("sg", "ap-southeast", SG), SG, 2);
    bench.connect("sg");
    bench.advance(11_000);
    assert_eq!(in_sg(&bench), 200);
    // Whoever else is down, somebody must serve.
    bench.stop("sg");
    bench.advance(600_000);
    bench.stop("eu");
    bench.start(settings::agent("sg", "ap-southeast", SG), SG, 2);
    bench.connect("sg");
    assert_eq!(in_sg(&bench), 200);
}
