//! Configurations in the shape of the former program's six demos: imported, started, asked.
//!
//! Each file in `testdata` has the keys that such a file has; words in capitals are put in here. What a demo
//! shows with delays of a network needs the lab: here every server is equally far.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../process/daemon.rs"]
#[expect(dead_code, reason = "other suites end and signal processes, too")]
mod daemon;

mod other;

mod question;

mod site;

use std::net::IpAddr;

use daemon::eventually;
use question::Question;
use site::{Site, Web};

const NAME: &str = "app.demo.test";

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Demo 1: three servers in turn; one that is stopped leaves, and comes back.
#[test]
fn demo_1_standalone() {
    let webs = [11, 12, 13].map(Web::start);
    let mut site = Site::import(&[("standalone.yaml", &[])], &webs, &[]);
    site.overwatch();
    let question = Question::of("web.demo.test");
    let all = || -> Vec<IpAddr> { webs.iter().map(|web| web.address.ip()).collect() };
    eventually("all three are answered", || site.answers(&question) == all());
    webs[1].set(false);
    eventually("the second is not", || site.answers(&question) == [all()[0], all()[2]]);
    webs[1].set(true);
    eventually("it is again", || site.answers(&question) == all());
}

/// Demo 2: a server whose `/health` fails is out of the answers, though its `/` is well.
#[test]
fn demo_2_agents() {
    let webs = [21, 22].map(Web::start);
    let site = two_agents(&webs, "round-robin", "false");
    let question = Question::of(NAME);
    let both = [webs[0].address.ip(), webs[1].address.ip()];
    eventually("both are answered", || site.answers(&question) == both);
    webs[0].set(false);
    eventually("the one that drains is not", || site.answers(&question) == [both[1]]);
    site.assert_report("overwatch.agent_tokens", "the token that the agents");
}

/// Demo 3: an overwatch that measures. Which is nearest is the lab's to show; here that it decides by time.
#[test]
fn demo_3_latency() {
    let webs = [31, 32].map(Web::start);
    let site = two_agents(&webs, "latency", "false");
    let question = Question::of(NAME);
    eventually("it decides by time", || {
        site.answers(&question);
        site.says("routing decision", "reason=latency")
    });
    site.assert_report("domains[].routing_algorithm: latency", "time to connect");
}

/// Demo 4: by the client's network, as ECS names it: own networks first, the longest first, then the
/// country, then the continent, then the default. The answer says for whom it holds.
#[test]
fn demo_4_geography() {
    let webs = [41, 42, 43].map(Web::start);
    let database = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/mmdb/country_v4");
    let mut site = Site::import(&[("geography.yaml", &[("DATABASE", database)])], &webs, &[]);
    site.overwatch();
    let [america, europe, asia] = [0, 1, 2].map(|at| webs[at].address.ip());
    for (client, region) in [
        ("10.1.2.3", europe),
        ("10.9.2.3", asia),
        ("192.0.2.1", america),
        ("198.51.100.7", america),
    ] {
        let question = Question { subnet: Some((ip(client), 24)), ..Question::of(NAME) };
        eventually(&format!("{client} goes to {region}"), || site.answers(&question) == [region]);
        assert!(site.ask(&question).scope > 0, "{client}: no scope");
    }
}

/// Demo 5: a server whose machine is under load loses its clients before it fails.
#[test]
fn demo_5_predictive() {
    let webs = [51, 52].map(Web::start);
    let site = two_agents(&webs, "round-robin", "true");
    let question = Question::of(NAME);
    // The first agent's threshold is below any load, the second one's is off.
    eventually("only the calm one is answered", || {
        site.answers(&question) == [webs[1].address.ip()] && site.says("", "draining")
    });
    assert!(webs[0].is_well(), "it drains though its checks pass");
}

/// Demo 6: geography until something is learned. Nothing is learned of loopback clients, so what comes then
/// is the lab's to show, with files of the same keys (`opengslb lab demo6`).
#[test]
fn demo_6_passive_latency() {
    let webs = [61, 62].map(Web::start);
    let site = agents_of("passive.yaml", &webs, "learned_latency", "false");
    let question = Question { from: ip("127.0.9.1"), ..Question::of(NAME) };
    eventually("geography sends it west", || site.answers(&question) == [webs[1].address.ip()]);
    // A line about a decision is written after the answer.
    eventually("it says so", || site.says("geo_fallback", "region=west"));
    let asker = Question::of(NAME);
    eventually("the default is east", || site.answers(&asker) == [webs[0].address.ip()]);
    assert!(site.says("latency learning", "dump active"), "{}", site.log());
    site.assert_report("domains[].latency_config", "now it counts");
}

fn two_agents(webs: &[Web], algorithm: &str, predictive: &str) -> Site {
    agents_of("agents.yaml", webs, algorithm, predictive)
}

/// An overwatch and two agents, imported as one set; the first agent's server is at 127.0.0.1 by its file.
fn agents_of(overwatch: &'static str, webs: &[Web], algorithm: &str, predictive: &str) -> Site {
    let (first, second) = (webs[0].port(), webs[1].port());
    let address = webs[1].address.ip().to_string();
    let east = [
        ("REGION", "east"),
        ("ADDRESS", "127.0.0.1"),
        ("PORT1", &*first),
        ("PREDICTIVE", predictive),
    ];
    let west =
        [("REGION", "west"), ("ADDRESS", &*address), ("PORT1", &*second), ("PREDICTIVE", "false")];
    let files: [(&str, &[(&str, &str)]); 3] =
        [(overwatch, &[("ALGORITHM", algorithm)]), ("agent.yaml", &east), ("agent.yaml", &west)];
    let mut site = Site::import(&files, webs, &["--address", &webs[0].address.ip().to_string()]);
    site.overwatch();
    site.agents();
    site
}
