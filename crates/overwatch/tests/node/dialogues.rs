//! The text dialogues of `testdata/`: a world, then questions and what is answered.
//!
//! `testdata/README.md` says how they are written. `DIALOGUES=write cargo test -p overwatch` writes
//! what is answered now into the files; read the difference before you keep it.

mod world;

use std::path::Path;

use dns::{CookieStanding, Verdict};
use model::{BackendKey, Rtt, Time};
use overwatch::{Asker, Command, Event, HandOrder, Outcome, Reply, Transport, Worker, resolve};

use crate::bench::{self, Bench, drained};
use crate::settings::{ip, parsed};
use crate::wire::{self, Edns, Question};
pub(crate) use world::{World, give_keys};

#[test]
fn learned_latency_steers() {
    check("learned.txt");
}

#[test]
fn each_algorithm_steers_in_its_own_way() {
    check("algorithms.txt");
}

#[test]
fn health_and_operators_are_heeded() {
    check("health.txt");
}

#[test]
fn clients_of_a_constraint_stay_where_they_may() {
    check("constraints.txt");
}

#[test]
fn the_zone_has_records_of_its_own() {
    check("zone.txt");
}

#[test]
fn static_records_stand_beside_steered_names() {
    check("static.txt");
    check("wildcard-limit.txt");
}

#[test]
fn a_steered_name_may_name_several_servers_and_tell_of_https() {
    check("answers.txt");
}

#[test]
fn a_steered_name_may_be_an_alias() {
    check("aliases.txt");
}

#[test]
fn a_steered_name_may_be_a_wildcard() {
    check("steered-wildcard.txt");
}

#[test]
fn what_is_no_question_of_ours_is_told_so() {
    check("faults.txt");
}

#[test]
fn packets_of_any_form_are_answered_or_dropped() {
    check("packets.txt");
    check("edns.txt");
}

#[test]
fn answers_fit_their_askers() {
    check("truncation.txt");
    check("size.txt");
}

#[test]
fn the_client_network_is_heard_where_it_should() {
    check("ecs.txt");
    check("ecs-off.txt");
    check("ecs-trusted.txt");
    check("ecs-nobody.txt");
}

#[test]
fn cookies_prove_where_an_asker_is() {
    check("cookies.txt");
    check("cookies-off.txt");
    check("cookies-rotated.txt");
}

#[test]
fn the_server_says_about_itself_what_is_set() {
    check("identity.txt");
    check("version.txt");
}

#[test]
fn signed_zones_sign_what_they_say() {
    check("signed.txt");
    check("signed-denial.txt");
    check("signed-steered.txt");
    check("signed-size.txt");
    check("signed-nested.txt");
}

#[test]
fn errors_say_why() {
    check("errors.txt");
}

#[test]
fn answers_to_one_network_are_limited() {
    check("rate-limit.txt");
}

#[test]
fn a_policy_says_what_to_answer_where_nothing_is_healthy() {
    check("none-last-healthy.txt");
    check("none-servfail.txt");
    check("none-all.txt");
}

/// Runs a file: the lines that begin with `=` must be what happens.
fn check(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    let is_step = |line: &str| ["ask ", "hex ", "do "].iter().any(|word| line.starts_with(word));
    let world: World = text.lines().take_while(|line| !is_step(line)).collect();
    let mut worker = world.worker();
    let mut bench = world.build();
    let (mut now, mut cookie) = (Vec::new(), Vec::new());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        now.push(line.to_owned());
        if let Some(words) = line.strip_prefix("do ") {
            act(&mut bench, words);
        }
        if !is_step(line) || line.starts_with("do ") {
            continue;
        }
        let mut given = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("= ")) {
            given.push(line.to_owned());
        }
        let (asker, packet) = asked(bench.now, line, &cookie);
        let happens = answer(&bench, &asker, &packet, &mut worker, &mut cookie);
        if std::env::var_os("DIALOGUES").is_none() {
            assert_eq!(given, happens, "{file}: {line}");
        }
        now.extend(happens);
    }
    if std::env::var_os("DIALOGUES").is_some() {
        std::fs::write(path, now.join("\n") + "\n").unwrap();
    }
}

/// Who asks, and the packet. `cookie` is the one that was given last.
fn asked(now: Time, line: &str, cookie: &[u8]) -> (Asker, Vec<u8>) {
    let (address, local, transport) = (ip("10.9.9.9"), ip("10.1.1.10"), Transport::Udp);
    let asker = Asker { address, local, transport, now };
    match line.split_once(' ') {
        Some(("ask", words)) => question(asker, words, cookie),
        Some((_, hex)) => (asker, bytes(hex)),
        None => panic!("{line:?} asks nothing"),
    }
}

/// Hexadecimal digits and texts in quotes.
fn bytes(hex: &str) -> Vec<u8> {
    let text = |word: &str| Some(word.strip_prefix('"')?.strip_suffix('"')?.as_bytes().to_vec());
    hex.split_whitespace()
        .flat_map(|word| text(word).unwrap_or_else(|| wire::from_hex(word)))
        .collect()
}

/// A question in words.
fn question(mut asker: Asker, line: &str, cookie: &[u8]) -> (Asker, Vec<u8>) {
    let mut words = line.split_whitespace();
    let mut next = || words.next().unwrap_or("");
    let mut question = Question::new(next(), parsed(next()));
    let edns = |question: &mut Question| question.edns.get_or_insert(Edns::NONE).clone();
    let option = |question: &mut Question, code, value| {
        question.edns.get_or_insert(Edns::NONE).options.push((code, value));
    };
    loop {
        match next() {
            "" => break,
            "from" => asker.address = ip(next()),
            "to" => asker.local = ip(next()),
            "tcp" => asker.transport = Transport::Tcp,
            "rd" => question.flags |= 0x0100,
            "aa" => question.flags |= 0x0400,
            "tc" => question.flags |= 0x0200,
            "ra" => question.flags |= 0x0080,
            "z" => question.flags |= 0x0040,
            "ad" => question.flags |= 0x0020,
            "cd" => question.flags |= 0x0010,
            "opcode" => question.flags |= parsed::<u16>(next()) << 11,
            "class" => question.qclass = parsed::<dns::Class>(next()).0,
            "edns" => {
                question.edns = Some(Edns { udp_size: parsed(next()), ..edns(&mut question) });
            }
            "version" => {
                question.edns = Some(Edns { version: parsed(next()), ..edns(&mut question) });
            }
            "ecs" => {
                let ecs = Some(parsed(next()));
                question.edns = Some(Edns { ecs, ..edns(&mut question) });
            }
            "option" => {
                let (code, value) = (parsed(next()), wire::from_hex(next()));
                option(&mut question, code, value);
            }
            "cookie" => {
                let value = match next() {
                    "kept" => cookie.to_vec(),
                    hex => wire::from_hex(hex),
                };
                option(&mut question, 10, value);
            }
            "do" => question.edns = Some(Edns { dnssec_ok: true, ..edns(&mut question) }),
            "co" => question.edns = Some(Edns { compact_ok: true, ..edns(&mut question) }),
            "nsid" => option(&mut question, 3, Vec::new()),
            "keepalive" => option(&mut question, 11, Vec::new()),
            word => panic!("{word:?} is no word of an `ask` line"),
        }
    }
    (asker, question.to_bytes())
}

/// What comes back. Each question is the next turn.
fn answer(
    bench: &Bench,
    asker: &Asker,
    packet: &[u8],
    worker: &mut Worker,
    cookie: &mut Vec<u8>,
) -> Vec<String> {
    let mut buffer = vec![0; 65_535];
    let reply = resolve(&bench.view, asker, packet, worker, &mut buffer);
    let mut lines = answer_lines(reply.bytes, cookie);
    lines.extend(terms(&reply));
    lines.push(format!("= because {}", because(&reply.outcome)));
    lines
}

fn answer_lines(bytes: &[u8], cookie: &mut Vec<u8>) -> Vec<String> {
    if bytes.is_empty() {
        return vec!["= nothing".to_owned()];
    }
    let answer = wire::read(bytes);
    let mut lines = vec![format!("= {}, {}", answer.head, answer.question)];
    lines.extend(answer.records.iter().map(|(section, text)| format!("= {section} {text}")));
    if let Some(size) = answer.edns {
        let ecs = answer.ecs.map(|(network, scope)| format!(", client {network} scope {scope}"));
        let compact_ok = if answer.compact_ok { " co" } else { "" };
        lines.push(format!("= edns {size}{compact_ok}{}", ecs.unwrap_or_default()));
        lines.extend(answer.options.iter().map(|option| format!("= {option}")));
        answer.cookie.clone_into(cookie);
    }
    lines
}

/// What the asker's cookie proved, and whether its answer was limited.
fn terms(reply: &Reply<'_, '_>) -> Vec<String> {
    let cookie = match reply.cookie {
        CookieStanding::None => None,
        CookieStanding::ClientOnly => Some("= cookie new"),
        CookieStanding::Good => Some("= cookie good"),
        CookieStanding::Bad => Some("= cookie bad"),
    };
    let limited = match (reply.verdict, &reply.outcome) {
        (Verdict::Answer, _) | (_, Outcome::Dropped) => None,
        (Verdict::Truncate, _) => Some("= limited cut"),
        (Verdict::Drop, _) => Some("= limited kept back"),
    };
    cookie.into_iter().chain(limited).map(str::to_owned).collect()
}

/// What is counted and logged.
fn because(outcome: &Outcome<'_>) -> String {
    let reason = bench::reason_of(outcome);
    let Outcome::Steered { decision, client, .. } = outcome else { return reason.to_owned() };
    let region = decision.region.map_or_else(|| "nowhere".to_owned(), ToString::to_string);
    let rtt =
        |rtt: Option<Rtt>| rtt.map(|rtt| format!(" {} ms", rtt.ms_rounded())).unwrap_or_default();
    let others: Vec<String> = decision
        .runners_up()
        .map(|other| format!("{} {}{}", other.region, other.reason, rtt(other.rtt)))
        .collect();
    let others = if others.is_empty() { String::new() } else { format!("; {}", others.join(", ")) };
    format!("{reason}: {client} to {region}{}{others}", rtt(decision.rtt()))
}

/// Something happens.
fn act(bench: &mut Bench, line: &str) {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["override", address, word] => {
            let is_up = match *word {
                "up" => Some(true),
                "down" => Some(false),
                _ => None,
            };
            let backend = backend(bench, address);
            bench.command(Command::Hand(HandOrder::Override { backend, is_up }));
        }
        ["drain", address, word] => {
            let permille = if *word == "on" { 1_000 } else { 0 };
            bench.command(drained(backend(bench, address), permille));
        }
        ["check", address, "fails"] => {
            let backend = backend(bench, address);
            (0..2).for_each(|_| bench.checked(&backend, false));
        }
        ["check", address, "passes", ms] => {
            let connect = Rtt::from_us(parsed::<u64>(ms) * 1_000).unwrap();
            let backend = backend(bench, address);
            bench.tell(Event::Checked { backend, outcome: health::Outcome::Pass { connect } });
            bench.tell(Event::Tick);
        }
        ["goodbye", region] => world::goodbye(bench, region),
        ["cut", region] => world::cut(bench, region),
        ["wait", seconds] => bench.advance(parsed::<u64>(seconds) * 1_000),
        _ => panic!("{line:?} is nothing that can happen"),
    }
}

/// The backend at an address.
fn backend(bench: &Bench, address: &str) -> BackendKey {
    let backends = bench.overwatch.backend_list(bench.now).backends;
    let found = backends.into_iter().find(|backend| backend.address == address).unwrap();
    BackendKey { service: parsed(&found.service), address: ip(address), port: found.port }
}
