//! A whole talk that an early build of version 1 had, word for word: its agent speaks to the overwatch of
//! today, and beside it the agent of today learns and says the same.
//!
//! `mesh/testdata/version-1/nodes.md` says how the talk was written down. It is never written anew.

use std::collections::VecDeque;
use std::net::SocketAddr;

use health::{CheckKind, CheckSpec, HttpCheck};
use mesh::{Frame, FrameDecoder, Tokens};
use model::Sample;
use overwatch::{Event, LinkId, Note};

use crate::bench::{Bench, connections, outcome};
use crate::settings::{self, APP, EU, START, key_of, offer, parsed, tcp_check, token};

const WEB: &str = "web.demo.local";
const TALK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../mesh/testdata/version-1/nodes.txt");

/// The agent of then and the agent of today, each with an overwatch of today.
struct Both {
    then: Bench,
    today: Bench,
    /// The session of the agent of then.
    link: LinkId,
    /// What the overwatch answered to it and the talk has not come to yet.
    answers: VecDeque<Frame>,
    /// What the overwatch of then knew, as far as it was not compared.
    knew: Vec<String>,
}

impl Both {
    fn new() -> Self {
        // The agent of then does not say where it is: it may have only what is good for any region.
        let tokens =
            [APP, WEB].map(|service| token(service, settings::TOKEN, &[], &["10.2.0.0/16"]));
        let bench = || Bench::with(|with| with.tokens = Tokens::new(tokens.to_vec()).unwrap());
        let mut today = bench();
        today.start(agent(), EU, 1);
        Self { then: bench(), today, link: 0, answers: VecDeque::new(), knew: Vec::new() }
    }

    /// One line of the talk.
    fn follow(&mut self, ms: &str, words: &[&str]) {
        let at = START.plus_ms(parsed(ms));
        if words[0] != "knew" {
            self.compare();
        }
        for bench in [&mut self.then, &mut self.today] {
            bench.advance(at.ms_since(bench.now));
        }
        match words {
            ["opens", link] => {
                self.link = self.then.dial("eu", EU, 1);
                assert_eq!(self.link.to_string(), *link, "the secret of its TLS is another");
                self.today.connect("eu");
            }
            ["breaks", _] => {
                self.then.tell(Event::LinkClosed { link: self.link, refusal: None });
                self.today.cut("eu");
            }
            ["kernel", client, port, ms, count] => {
                let local = SocketAddr::new(parsed(EU), parsed(port));
                let samples = connections(client, parsed(ms), parsed(count)).into_iter();
                self.today
                    .observe("eu", samples.map(|sample| Sample { local, ..sample }).collect());
            }
            ["check", service, address, word] => {
                let (backend, outcome) = (key_of(service, address), outcome(*word == "pass"));
                self.today.tell_agent("eu", agent::Event::Checked { backend, outcome });
                self.today.run();
            }
            ["stop"] => self.today.stop("eu"),
            ["agent", kind, bytes] => {
                let frame = read(bytes, !["hello", "proof"].contains(kind));
                self.answers.extend(self.then.say(self.link, frame));
            }
            ["overwatch", kind, bytes] => {
                let answer = self.answers.pop_front();
                let answer = answer.unwrap_or_else(|| panic!("at {ms} ms no {kind} is answered"));
                assert_eq!(answer, read(bytes, true), "at {ms} ms");
            }
            ["knew", known @ ..] => self.knew.push(known.join(" ")),
            other => panic!("{other:?}"),
        }
    }

    /// What is known where the talk says what was: the same, whoever told it.
    fn compare(&mut self) {
        let mut knew = std::mem::take(&mut self.knew);
        if knew.is_empty() {
            return;
        }
        knew.sort();
        assert_eq!(known(&self.then), knew, "of the agent of then");
        assert_eq!(known(&self.today), knew, "of the agent of today");
        let of = |bench: &Bench| {
            let overwatch = &bench.overwatch;
            let table = (
                overwatch.table().digest(&parsed("eu")),
                overwatch.table().position(&parsed("eu")),
            );
            (table, overwatch.backend_list(bench.now), bench.kept.clone())
        };
        assert_eq!(of(&self.then), of(&self.today));
    }
}

/// The agent of the talk, in the settings of today.
fn agent() -> agent::Settings {
    let mut settings = settings::agent("eu", "eu-west", EU);
    let health = HttpCheck {
        path: "/health".to_owned(),
        host: Some(APP.to_owned()),
        server_name: None,
        status: parsed("2xx,304"),
        body: None,
    };
    settings.offers[0].check = Some(CheckSpec { kind: CheckKind::Http(health), ..tcp_check() });
    let mut web = offer(WEB, "eu-west", "10.2.1.11");
    (web.listen_port, web.check) = (8080, Some(tcp_check()));
    settings.offers.push(web);
    settings
}

/// Rows and servers, as the talk names them.
fn known(bench: &Bench) -> Vec<String> {
    let rows = [APP, WEB].into_iter().flat_map(|service| {
        let rows = bench.learned_of(service).into_iter();
        rows.map(move |(subnet, region, ms, samples)| {
            format!("row {service} {subnet} {region} {ms} {samples}")
        })
    });
    let servers = bench.standings().into_iter();
    let servers = servers
        .map(|(address, status, authority)| format!("server {address} {status} {authority}"));
    let mut known: Vec<String> = rows.chain(servers).collect();
    known.sort();
    known
}

/// The one frame in the bytes, as the edge reads it of who has proven itself or not.
fn read(hex: &str, is_proven: bool) -> Frame {
    let digit = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(digit).collect();
    let mut decoder = FrameDecoder::new();
    if is_proven {
        decoder.prove();
    }
    decoder.push(&bytes);
    let frame = decoder.next_frame().unwrap().unwrap_or_else(|| panic!("{hex} is skipped"));
    assert_eq!(decoder.next_frame(), Ok(None));
    frame
}

#[test]
fn an_agent_of_version_1_is_heard_as_one_of_today() {
    let mut both = Both::new();
    let talk = std::fs::read_to_string(TALK).unwrap();
    for line in talk.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        both.follow(words[0], &words[1..]);
    }
    both.compare();
    assert!(both.answers.is_empty(), "{:?}", both.answers);
    let [then, today] = [&both.then, &both.today]
        .map(|bench| bench.notes.iter().map(Note::to_string).collect::<Vec<_>>());
    assert_eq!(then, today, "what the logs say");
}
