//! The page of a running overwatch, in a real browser: what it shows is what the log and the API say, what
//! it changes changes the answers, and everybody can read and reach it.
//!
//! With `UPDATE_EXPECT` in the environment the guide's pictures are made anew.
//!
//! - `daemon`: one process, what it says, how it ends,
//! - `learner`: agents in memory that tell what they learned over the real mesh,
//! - `site`: an overwatch with a learned table, and clients that ask it,
//! - `browser`: Chromium by WebDriver,
//! - `judge.js`: what a person could not read or reach.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

#[path = "../process/daemon.rs"]
#[expect(dead_code, reason = "nobody is told to end here")]
mod daemon;

#[path = "../reload/learner.rs"]
mod learner;

mod browser;

mod site;

use std::path::Path;

use base64::Engine as _;
use browser::{Browser, ENTER, ESCAPE, RIGHT, SPACE, TAB};
use daemon::eventually;
use serde_json::{Value, json};
use site::{ADMIN, OPERATOR, READER, Site};

/// Whoever may look at everything without a token.
const HERE: &str = "127.0.0.0/8";
/// A large screen on the wall, and a small phone.
const WALL: (u32, u32) = (1_440, 1_320);
const PHONE: (u32, u32) = (360, 780);
/// A window on a desk, and what fits into the guide.
const BOOK: (u32, u32) = (1_200, 850);

/// That the picture was drawn anew for the width that it has.
const IS_DRAWN: &str = "Number(document.querySelector('#chart svg').getAttribute('width')) === \
                        document.querySelector('#chart').clientWidth";

/// The page, with all that it shows at first.
fn opened(site: &Site, browser: &Browser) {
    browser.look_like(WALL, "light");
    browser.open(&site.url("/"));
    browser.until("document.querySelectorAll('#chart circle').length >= 48");
    browser.until("document.querySelectorAll('#table tbody tr').length === 20");
    browser.says("#agent-rows", "agent-us-east");
    browser.says("#version", "OpenGSLB ");
    browser.until("document.querySelector('#explain-domain').options.length === 2");
}

/// What `judge.js` complains about.
#[track_caller]
fn complaints(browser: &Browser, about: &str) -> Vec<String> {
    let told = browser.run(&format!("{}\nreturn {about}", include_str!("judge.js")));
    serde_json::from_value(told).unwrap()
}

/// That nothing is in the console, and nothing at the top of the page.
#[track_caller]
fn is_quiet(browser: &Browser) {
    assert_eq!(browser.console(), Vec::<String>::new());
    assert_eq!(browser.text("#trouble"), "");
}

/// That what is in the console is what the browser itself says of refused requests, and nothing else.
#[track_caller]
fn only_refused(browser: &Browser, status: u16) {
    assert!(refused(browser, status) > 0);
}

/// The same where there may be none; how many there were.
#[track_caller]
fn refused(browser: &Browser, status: u16) -> usize {
    let said = browser.console();
    let is_refusal = |line: &String| line.contains(&format!("status of {status}"));
    assert!(said.iter().all(is_refusal), "{said:#?}");
    said.len()
}

/// A server of `www.demo.test` on the page.
fn server(site: &Site, number: usize) -> (String, String) {
    let address = site.address(number);
    let css = format!("[data-server='www.demo.test {} {}']", address.ip(), address.port());
    (css, address.to_string())
}

#[test]
fn it_shows_what_is_answered_where_and_finds_what_was_learned() {
    let Some(browser) = browser::start() else { return };
    let site = Site::start(HERE);
    opened(&site, &browser);
    // Each dot is in the lane that DNS answers with.
    for (continent, region) in [(1, "eu-west"), (2, "us-east"), (3, "ap-southeast")] {
        let network = format!("10.{continent}.4.0/24");
        let dot = format!(
            "#chart circle[aria-label^='{network} asks for app.demo.test and gets {region}']"
        );
        browser.until(&format!("document.querySelector({})", json!(dot)));
        assert_eq!(site.ask(site::SERVICE, [10, continent, 4]), Some(10 + continent));
    }
    browser.says("#chart", "16 networks · 2 of 2 servers healthy");
    // A network that nobody measured stands apart once it asks.
    site.ask(site::SERVICE, [10, 9, 1]);
    browser.says("#tail tbody tr", "10.9.1.0/24");
    browser.says("#tail tbody tr", "geo_fallback");
    browser.until("document.querySelector('#chart circle.unknown[aria-label^=\"10.9.1.0/24\"]')");
    // Searching, by what people type; turning pages; another order.
    for (typed, rows, first) in [
        ("10.2.5.", 3, "10.2.5.0/24"),
        ("10.3.7.99", 3, "10.3.7.0/24"),
        ("10.1.0.0/20", 20, "10.1.0.0/24"),
    ] {
        browser.write("#learned-search", typed);
        browser.press(&[ENTER]);
        browser.until(&format!(
            "document.querySelectorAll('#table tbody tr').length === {rows} && \
             document.querySelector('#table tbody .network').textContent === '{first}'"
        ));
    }
    browser.click("#table-next");
    browser.says("#table-note", "20 rows on page 2");
    browser.click("#table-next");
    browser.says("#table-note", "8 rows on page 3");
    browser.click("#table-back");
    browser.says("#table-note", "page 2");
    browser.choose("#learned-sort", "slowest");
    browser.says("#table-note", "the first of this order");
    let slowest: Vec<u32> =
        browser.texts("#table tbody .rtt").iter().map(|text| ms(text)).collect();
    assert!(slowest.is_sorted_by(|a, b| a >= b) && slowest[0] > 200, "{slowest:?}");
    browser.write("#learned-search", "10.1.2.0/99");
    browser.press(&[ENTER]);
    browser.says("#trouble", "A part of the path or of the query is not valid");
    browser.says("#trouble", "10.1.2.0/99");
    only_refused(&browser, 400);
    browser.write("#learned-search", "10.3.");
    browser.press(&[ENTER]);
    browser.until("document.querySelector('#trouble').textContent === ''");
    // A history grows while the page is open.
    let grows = "document.querySelector('#learned-filter').requestSubmit() ?? \
                 document.querySelector('.spark polyline')?.points.length >= 3";
    browser.until(grows);
    is_quiet(&browser);
}

/// The milliseconds of a text.
fn ms(text: &str) -> u32 {
    text.trim().trim_end_matches(" ms").parse().unwrap()
}

#[test]
fn it_explains_any_client_in_the_words_of_the_api() {
    let Some(browser) = browser::start() else { return };
    let site = Site::start(HERE);
    opened(&site, &browser);
    browser.choose("#explain-domain", site::SERVICE);
    browser.write("#explain-client", "10.2.6.9");
    // What is learned moves on while one asks: both are asked until they speak of the same moment.
    let mut told = Value::Null;
    browser.until_true("the page says what the command line says", || {
        browser.press(&[ENTER]);
        let json = site.cli(&["explain", site::SERVICE, "10.2.6.9", "--json"]);
        told = serde_json::from_str(&json).unwrap();
        browser.text("#explanation").contains(told["why"].as_str().unwrap())
    });
    for (css, key) in [(".answer strong", "region"), (".answer code", "reason")] {
        assert_eq!(
            browser.text(&format!("#explanation {css}")),
            told["decision"][key].as_str().unwrap()
        );
    }
    assert_eq!(
        browser.texts("#explanation tbody tr").len(),
        told["candidates"].as_array().unwrap().len()
    );
    // The address keeps the question: somebody else sees the same.
    let address = browser.run("return location.href");
    browser.open("about:blank");
    browser.open(address.as_str().unwrap());
    browser.says("#explanation .answer", "10.2.6.9/32 asks for app.demo.test");
    // A dot and a row of the table explain themselves.
    browser.until("document.querySelectorAll('#table tbody tr').length === 20");
    browser.click("#table tbody .network button");
    browser.says("#explanation .answer", "10.1.0.0/24 asks for");
    browser.write("#explain-client", "nobody");
    browser.press(&[ENTER]);
    browser.says("#explanation .trouble", "\"nobody\"");
    only_refused(&browser, 400);
    assert_eq!(browser.text("#trouble"), "");
}

#[test]
fn it_changes_servers_by_keyboard_and_shows_every_refusal_as_it_is() {
    let Some(browser) = browser::start() else { return };
    let site = Site::start(HERE);
    opened(&site, &browser);
    let (css, address) = server(&site, 0);
    let button = format!("{css} button");
    let force_down = |reason: &str| {
        browser.run(&format!("document.querySelector({}).focus()", json!(button)));
        browser.press(&[ENTER, SPACE]);
        browser.write("#change-reason", reason);
    };
    let said = "#change .trouble";
    // Nobody, somebody who may only look, and somebody who saw what is no more.
    force_down("disk is full");
    browser.says("#change-head", &address);
    browser.press(&[ENTER]);
    browser.says(said, "A token is needed");
    browser.says(said, "this needs a token of role operate");
    browser.press(&[ESCAPE]);
    only_refused(&browser, 401);
    give_token(&browser, "wrong-wrong-wrong-wrong");
    browser.says("#token .trouble", "this token is not known here");
    browser.press(&[ESCAPE]);
    only_refused(&browser, 401);
    give_token(&browser, READER);
    browser.says("#token-open", "Token kept");
    force_down("disk is full");
    browser.press(&[ENTER]);
    browser.says(said, "that of reader is read");
    browser.press(&[ESCAPE]);
    only_refused(&browser, 403);
    give_token(&browser, OPERATOR);
    browser.until("!document.querySelector('#token').open");
    force_down("disk is full");
    site.cli(&["regions", "drain", "ap-southeast", "--share", "0.1"]);
    browser.press(&[ENTER]);
    browser.says(said, "Something was changed since");
    only_refused(&browser, 412);
    browser.until("!document.querySelector('#change button.main').disabled");
    // Read, and wanted all the same.
    browser.press(&[ENTER]);
    let is_second = || site.ask("www.demo.test", [10, 1, 1]) == Some(22);
    eventually("the second server is answered with", is_second);
    browser.until("!document.querySelector('#change').open");
    browser.says(&css, "unhealthy");
    browser.says(&css, "says override");
    browser.says(&css, "disk is full, by operator");
    let line =
        site.overwatch.line(&format!("backend www.demo.test at {address} is overridden to down"));
    assert!(line.ends_with(", by operator: disk is full"), "{line}");
    browser.says(
        "#audit",
        &format!(
            "backend www.demo.test at {address} is overridden to down, by operator: disk is full"
        ),
    );
    // The token is in this tab's storage and nowhere else; the one that is open anew has none.
    assert_eq!(browser.run("return [localStorage.length, document.cookie.length]"), json!([0, 0]));
    browser.open(&site.url("/"));
    browser.says("#token-open", "Token kept");
    // Cleared, by the choice that is there only now.
    browser.until(&format!("document.querySelector({})", json!(button)));
    browser.click(&button);
    browser.click("#change input[value=clear]");
    browser.click("#change button.main");
    browser.says(&css, "says validation");
    eventually("the first server is back", || site.ask("www.demo.test", [10, 1, 1]) == Some(21));
    // Drained by half, for a while.
    browser.click(&button);
    browser.click("#change input[value=drain]");
    browser.choose("#change-share", "half");
    browser.choose("#change-for", "15");
    browser.click("#change button.main");
    browser.says(&css, "drained of 50 % of its weight");
    browser.says(&css, "until ");
    site.overwatch.line(&format!("backend www.demo.test at {address} is drained of 50"));
    is_quiet(&browser);
}

fn give_token(browser: &Browser, token: &str) {
    browser.click("#token-open");
    browser.write("#token-text", token);
    browser.press(&[ENTER]);
}

#[test]
fn it_throws_agents_out_and_lets_them_in_by_keyboard() {
    let Some(browser) = browser::start() else { return };
    let site = Site::start(HERE);
    opened(&site, &browser);
    let row = "#agent-rows [data-agent='agent-us-east']";
    let said = "#change .trouble";
    let choose = |value: &str, reason: &str| {
        browser.run(&format!("document.querySelector({}).focus()", json!(format!("{row} button"))));
        browser.press(&[ENTER]);
        browser.says("#change-head", "Agent agent-us-east");
        browser.run(&format!("document.querySelector('#change input[value={value}]').focus()"));
        browser.press(&[SPACE]);
        browser.write("#change-reason", reason);
        browser.press(&[ENTER]);
    };
    // Whoever may change servers may not say who is trusted.
    give_token(&browser, OPERATOR);
    browser.until("!document.querySelector('#token').open");
    choose("revoke", "stolen");
    browser.says(said, "that of operator is operate");
    browser.says(row, "connected");
    browser.press(&[ESCAPE]);
    only_refused(&browser, 403);
    give_token(&browser, ADMIN);
    browser.until("!document.querySelector('#token').open");
    let done = |what: &str, by: &str| {
        let line = site.overwatch.line(what);
        assert!(line.ends_with(by), "{line}");
        browser.says("#audit", &format!("{what}{by}"));
    };
    choose("revoke", "stolen");
    browser.until("!document.querySelector('#change').open");
    browser.says(row, "revoked");
    done(
        "agent agent-us-east was revoked; its backends are blocked and its rows withdrawn",
        ", by admin: stolen",
    );
    let is_elsewhere = || site.ask(site::SERVICE, [10, 2, 4]) != Some(12);
    eventually("its server is answered no more", is_elsewhere);
    // What can be done now is another thing, and nothing of it ends by itself.
    choose("approve", "it was found again");
    browser.until("!document.querySelector('#change').open");
    browser
        .until(&format!("!document.querySelector({}).textContent.includes('revoked')", json!(row)));
    done("agent agent-us-east was approved", ", by admin: it was found again");
    is_quiet(&browser);
}

#[test]
fn what_operators_checks_and_agents_say_is_told_with_the_words_of_the_log() {
    let Some(browser) = browser::start() else { return };
    let mut site = Site::start(HERE);
    opened(&site, &browser);
    let (css, address) = server(&site, 0);
    let ip = site.address(0).ip().to_string();
    let told = |standing: &str, by: &str| {
        let line = format!("backend www.demo.test at {address} is {standing}, was ");
        let line = site.overwatch.line(&line);
        assert!(line.contains(&format!(", says {by}")), "{line}");
        browser.says(&css, standing);
        browser.says(&css, &format!("says {by}"));
    };
    let set = ["overrides", "set", "www.demo.test", &ip, "--reason", "disk is full"];
    for (word, standing, by) in [
        (&["--healthy", "false"][..], "unhealthy", "override"),
        (&["--drain"], "draining", "draining"),
    ] {
        site.cli(&[&set[..], word].concat());
        told(standing, by);
        browser.says(&css, "disk is full, by control socket");
        site.cli(&["overrides", "clear", "www.demo.test", &ip]);
        browser.says(&css, "says validation");
    }
    // A region's clients are seen to move.
    site.cli(&["regions", "drain", "us-east"]);
    browser.says("#regions", "drained of 100 % of its clients");
    let moved =
        "document.querySelectorAll(\"#chart circle[aria-label*='gets us-east']\").length === 0";
    browser.until(moved);
    site.cli(&["regions", "undrain", "us-east"]);
    browser.until(&moved.replace("=== 0", "=== 16"));
    // An agent that is thrown out takes its servers along.
    site.cli(&["agents", "revoke", "agent-us-east"]);
    browser.says("#agent-rows", "revoked");
    browser.says(
        "#audit",
        "agent agent-us-east was revoked; its backends are blocked and its rows withdrawn",
    );
    site.overwatch
        .line("agent agent-us-east was revoked; its backends are blocked and its rows withdrawn");
    browser.until(moved);
    assert_ne!(site.ask(site::SERVICE, [10, 2, 4]), Some(12));
    // A check that fails.
    site.servers.remove(0);
    let line =
        format!("backend www.demo.test at {address} is unhealthy, was healthy, says validation");
    site.overwatch.line(&line);
    browser.says(&css, "unhealthy");
    browser.says(&css, "says validation");
    browser.says(&css, "check: ");
    is_quiet(&browser);
}

#[test]
fn everybody_can_read_and_reach_it() {
    let Some(browser) = browser::start() else { return };
    let site = Site::start(HERE);
    site.cli(&[
        "overrides",
        "set",
        "www.demo.test",
        "127.0.0.21",
        "--drain",
        "--reason",
        "new disk",
    ]);
    opened(&site, &browser);
    for client in 0..24 {
        site.ask(site::SERVICE, [10, client % 3 + 1, client / 3]);
    }
    site.ask(site::SERVICE, [10, 9, 1]);
    browser.until("document.querySelectorAll('#tail tbody tr').length === 12");
    browser.click("#table tbody .network button");
    browser.says("#explanation", "asks for");
    has_names(&browser);
    assert_eq!(complaints(&browser, "unlabelled()"), Vec::<String>::new());
    // What is refused has to be read, too.
    browser.write("#learned-search", "10.1.2.0/99");
    browser.press(&[ENTER]);
    browser.says("#trouble", "10.1.2.0/99");
    for scheme in ["light", "dark"] {
        for size in [WALL, BOOK, PHONE] {
            let too_wide = format!("tooWide({})", size.0);
            let has_no = |what: &str| {
                assert_eq!(complaints(&browser, what), Vec::<String>::new(), "{scheme} {size:?}");
            };
            browser.look_like(size, scheme);
            browser.until(&format!("innerWidth === {}", size.0));
            browser.until(IS_DRAWN);
            has_no("unreadable()");
            has_no(&too_wide);
            browser.run("document.querySelector('.server button').click()");
            browser.run("document.querySelector('#change input[value=drain]').click()");
            has_no("unreadable()");
            has_no(&too_wide);
            has_names(&browser);
            browser.press(&[ESCAPE]);
            browser.run("document.querySelector('#agent-rows button').click()");
            has_no("unreadable()");
            browser.press(&[ESCAPE]);
        }
    }
    refused(&browser, 400);
    opened(&site, &browser);
    keyboard_reaches_everything(&browser);
    is_quiet(&browser);
}

/// Each control has a name for those who do not see it, as Chromium tells it to screen readers.
#[track_caller]
fn has_names(browser: &Browser) {
    let tree = browser.chromium("Accessibility.getFullAXTree", &json!({}));
    let roles = [
        "button",
        "link",
        "textbox",
        "searchbox",
        "combobox",
        "radio",
        "checkbox",
        "table",
        "dialog",
    ];
    let mut named = 0;
    for node in tree["nodes"].as_array().unwrap() {
        let role = node["role"]["value"].as_str().unwrap_or_default();
        if node["ignored"] == true || !roles.contains(&role) {
            continue;
        }
        let name = node["name"]["value"].as_str().unwrap_or_default();
        assert!(!name.trim().is_empty(), "a {role} without a name: {node}");
        named += 1;
    }
    assert!(named >= 5, "{named}");
}

/// One Tab after the other goes everywhere, in the order of the page, and is seen.
#[track_caller]
fn keyboard_reaches_everything(browser: &Browser) {
    let count = format!("{}\nreturn stops().length", include_str!("judge.js"));
    let at = format!("{}\nreturn at()", include_str!("judge.js"));
    let count = browser.run(&count).as_u64().unwrap();
    assert!(count > 40, "{count}");
    for index in 0..count {
        browser.press(&[TAB]);
        let told = browser.run(&at);
        assert_eq!((&told["index"], &told["isMarked"]), (&json!(index), &json!(true)), "{told}");
    }
    // Inside the picture the arrows go on, and Enter explains.
    browser.run("document.querySelector('#chart circle[tabindex=\"0\"]').focus()");
    browser.press(&[RIGHT, RIGHT]);
    let network =
        browser.run("return document.activeElement.getAttribute('aria-label').split(' ')[0]");
    let network = network.as_str().unwrap();
    browser.says("#readout", network);
    browser.press(&[ENTER]);
    browser.says("#explanation .answer", &format!("{network} asks for"));
}

#[test]
fn where_nobody_may_read_it_asks_for_a_token_and_for_nothing_else() {
    let Some(browser) = browser::start() else { return };
    let site = Site::start("192.0.2.0/24");
    browser.open(&site.url("/"));
    browser.says("#trouble", "this address may not read without a token");
    only_refused(&browser, 401);
    give_token(&browser, READER);
    browser.until("document.querySelectorAll('#table tbody tr').length === 20");
    browser.until("document.querySelector('#trouble').textContent === ''");
    // The export takes the token along.
    assert_eq!(
        browser.run("return document.querySelector('#learned-csv').href.includes('token')"),
        false
    );
    browser.click("#learned-csv");
    is_quiet(&browser);
    // A token that is known no more is forgotten at once, and nobody is shut out.
    browser.run("sessionStorage.setItem('opengslb-token', 'it-was-revoked-long-ago')");
    browser.says("#trouble", "this token is not known here");
    browser.until("document.querySelector('#token-open').textContent === 'Token'");
    only_refused(&browser, 401);
    give_token(&browser, READER);
    browser.until("document.querySelector('#trouble').textContent === ''");
    browser.until("document.querySelector('#token-open').textContent === 'Token kept'");
}

#[test]
fn the_contract_can_be_browsed() {
    let Some(browser) = browser::start() else { return };
    let site = Site::start(HERE);
    browser.open(&site.url("/api/docs#problem-unknown"));
    browser.says("main", "Where a client is sent, and why.");
    browser.says("#problem-unknown", "unknown");
    for (size, scheme) in [(WALL, "light"), (PHONE, "dark")] {
        browser.look_like(size, scheme);
        browser.run("document.querySelectorAll('details').forEach((one) => (one.open = true))");
        browser.until(&format!("innerWidth === {}", size.0));
        assert_eq!(complaints(&browser, &format!("tooWide({})", size.0)), Vec::<String>::new());
    }
    is_quiet(&browser);
}

/// The pictures of the guide: made by hand, since no two machines have the same letters.
#[test]
fn pictures_for_the_guide() {
    if std::env::var_os("UPDATE_EXPECT").is_none() {
        return;
    }
    let browser = browser::start().unwrap();
    let site = Site::start(HERE);
    site.cli(&[
        "overrides",
        "set",
        "www.demo.test",
        "127.0.0.22",
        "--healthy",
        "false",
        "--reason",
        "new disk",
    ]);
    opened(&site, &browser);
    for network in 0..9 {
        for continent in 1..=3 {
            site.ask(site::SERVICE, [10, continent, network * 5 % 16]);
        }
        site.ask(site::SERVICE, [10, 9, network]);
    }
    browser.write("#learned-search", "10.1.");
    browser.until(
        "document.querySelector('#learned-filter').requestSubmit() ?? \
         document.querySelector('.spark polyline')?.points.length >= 24",
    );
    browser.choose("#explain-domain", site::SERVICE);
    browser.write("#explain-client", "10.2.6.9");
    browser.press(&[ENTER]);
    browser.says("#explanation", "asks for");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/pictures");
    for (name, size, scheme, part) in [
        ("page-light", BOOK, "light", "body"),
        ("page-dark", BOOK, "dark", "#learned"),
        ("page-phone", PHONE, "light", "body"),
    ] {
        browser.look_like(size, scheme);
        browser.until(&format!("innerWidth === {}", size.0));
        // The focus is somewhere in all of them; a picture shows none.
        browser.run("document.activeElement.blur()");
        browser.run(&format!("document.querySelector('{part}').scrollIntoView()"));
        browser.until(IS_DRAWN);
        let bytes = base64::engine::general_purpose::STANDARD.decode(browser.picture()).unwrap();
        assert!(bytes.len() < 200_000, "{name}: {}", bytes.len());
        std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
    }
}
