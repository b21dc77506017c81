//! etcd played by a script on loopback: what is asked, and what follows from each answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use overwatch::{Change, Snapshot};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::commit::{Outcome, bring_in, bring_to, commit};
use super::*;

/// What the script says to a request.
enum Answer {
    Json(Value),
    Refusal(Value),
    /// It cannot, without the others.
    Unavailable,
    /// Line by line; then it stays open.
    Lines(Vec<Value>),
    /// It hangs up.
    Nothing,
}

type Script = Arc<dyn Fn(&str, &Value) -> Answer + Send + Sync>;
/// Each request: its path, its token, its body.
type Asked = Arc<Mutex<Vec<(String, String, Value)>>>;

/// An endpoint that goes by a script.
async fn gateway(script: impl Fn(&str, &Value) -> Answer + Send + Sync + 'static) -> (u16, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, asked) = (listener.local_addr().unwrap().port(), Asked::default());
    let (script, heard): (Script, _) = (Arc::new(script), Arc::clone(&asked));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&script), Arc::clone(&heard)));
        }
    });
    (port, asked)
}

async fn serve(mut stream: TcpStream, script: Script, asked: Asked) {
    while let Some((path, token, body)) = read_request(&mut stream).await {
        let answer = script(&path, &body);
        asked.lock().unwrap().push((path, token, body));
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        let text = match answer {
            Answer::Json(json) => {
                let json = json.to_string();
                format!("{head}Content-Length: {}\r\n\r\n{json}", json.len())
            }
            Answer::Refusal(json) => {
                let json = json.to_string();
                format!("HTTP/1.1 400 Bad\r\nContent-Length: {}\r\n\r\n{json}", json.len())
            }
            Answer::Unavailable => {
                "HTTP/1.1 503 Unavailable\r\nContent-Length: 2\r\n\r\n{}".to_owned()
            }
            Answer::Lines(lines) => {
                let head = format!("{head}Transfer-Encoding: chunked\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
                for line in lines {
                    // As from far away: what does not wait for a line has the time not to.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    let line = format!("{line}\n");
                    let chunk = format!("{:x}\r\n{line}\r\n", line.len());
                    // Who asked may have left.
                    if stream.write_all(chunk.as_bytes()).await.is_err() {
                        return;
                    }
                }
                continue;
            }
            Answer::Nothing => return,
        };
        stream.write_all(text.as_bytes()).await.unwrap();
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<(String, String, Value)> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let field = |name: &str| {
                let mut lines = head.lines().filter_map(|line| line.split_once(": "));
                lines
                    .find(|(key, _)| key.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.to_owned())
            };
            if body.len() == field("content-length").unwrap().parse::<usize>().unwrap() {
                let path = head.split(' ').nth(1).unwrap().to_owned();
                let token = field("authorization").unwrap_or_default();
                return Some((path, token, serde_json::from_str(body).unwrap()));
            }
        }
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes).await.ok()? {
            0 => return None,
            count => read.extend_from_slice(&bytes[..count]),
        }
    }
}

fn etcd(ports: &[u16], login: Option<(String, String)>) -> Arc<Etcd> {
    let endpoints = ports.iter().map(|port| format!("http://127.0.0.1:{port}").parse().unwrap());
    let (ca, identity, prefix) = (None, None, "/t".to_owned());
    let settings = EtcdSettings { endpoints: endpoints.collect(), prefix, ca, identity, login };
    Arc::new(Etcd::new(&settings, "one").unwrap())
}

fn coded(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

fn kv(key: &str, value: &str, revision: u64) -> Value {
    json!({ "key": coded(key), "value": coded(value), "mod_revision": revision.to_string() })
}

fn range(kvs: Vec<Value>, revision: u64) -> Answer {
    Answer::Json(json!({ "header": { "revision": revision.to_string() }, "kvs": kvs }))
}

/// A script in which all is done.
fn done(_: &str, _: &Value) -> Answer {
    Answer::Json(json!({ "header": { "revision": "12" }, "succeeded": true }))
}

/// What is kept, and so many lines of so many bytes each.
fn with_lines(mut kept: Snapshot, count: u64, bytes: usize) -> Snapshot {
    for number in 0..count {
        let (at, what) = (model::Time::from_unix_ms(number), "x".repeat(bytes));
        let line = overwatch::AuditLine { at, what, by: None, reason: None };
        kept.apply(Change::PutAudit(number, line));
    }
    kept
}

/// The format of this release, as it is read at a revision.
fn format_at(revision: u64) -> Answer {
    range(vec![kv("/t/format", "1", 2)], revision)
}

/// A script in which there is a format and one row for each of two pages.
fn two_pages(body: &Value) -> Answer {
    let key = body["key"].as_str().unwrap();
    if key == coded("/t/format") {
        return format_at(9);
    }
    if key == coded("/t/rows/") {
        let kvs = vec![kv("/t/rows/hand/a", "{}", 3)];
        return Answer::Json(json!({ "header": { "revision": "12" }, "kvs": kvs, "more": true }));
    }
    range(vec![kv("/t/rows/hand/b", "{}", 4)], 12)
}

#[tokio::test]
async fn all_rows_are_read_at_one_revision_and_then_followed() {
    let watches = Mutex::new(0);
    let (port, asked) = gateway(move |path, body| match path {
        "/v3/kv/range" => two_pages(body),
        "/v3/watch" => {
            let mut watches = watches.lock().unwrap();
            *watches += 1;
            let begins = json!({ "result": { "created": true } });
            if *watches == 1 {
                let event = json!({ "kv": kv("/t/rows/hand/c", "{}", 10) });
                let gone = json!({ "type": "DELETE", "kv": kv("/t/rows/hand/a", "", 11) });
                let events = json!({ "result": { "events": [event, gone] } });
                // What it would go on with is not there any more.
                let compacted = json!({ "result": { "canceled": true, "compact_revision": "20" } });
                return Answer::Lines(vec![begins, events, compacted]);
            }
            Answer::Lines(vec![begins])
        }
        _ => Answer::Nothing,
    })
    .await;
    let (news, mut heard) = mpsc::channel(16);
    let task = tokio::spawn(follow::follow(etcd(&[port], None), news));
    let names = |rows: Vec<SharedRow>| {
        let row = |row: SharedRow| (row.name, row.revision, row.bytes.is_some());
        rows.into_iter().map(row).collect::<Vec<_>>()
    };
    let row = |name: &str, revision, is_there| (name.to_owned(), revision, is_there);
    for round in 0..2 {
        let Some(News::All(rows, 9)) = heard.recv().await else { panic!("no rows") };
        assert_eq!(names(rows), [row("hand/a", 3, true), row("hand/b", 4, true)]);
        assert!(matches!(heard.recv().await, Some(News::InStep)));
        if round == 0 {
            let Some(News::Changed(rows)) = heard.recv().await else { panic!("no change") };
            assert_eq!(names(rows), [row("hand/c", 10, true), row("hand/a", 11, false)]);
        }
    }
    task.abort();
    let asked = asked.lock().unwrap();
    let pages: Vec<&Value> =
        asked.iter().map(|(_, _, body)| body).filter(|body| body["limit"].is_string()).collect();
    // The second page is of the same moment as the first, and begins behind it.
    assert!(pages.iter().all(|page| page["revision"] == "9"), "{pages:?}");
    assert_eq!(pages[1]["key"], coded("/t/rows/hand/a\0"));
    let watch = asked.iter().find(|(path, ..)| path == "/v3/watch").unwrap();
    assert_eq!(watch.2["create_request"]["start_revision"], "10");
}

#[tokio::test]
async fn an_etcd_that_came_back_without_its_last_changes_is_read_again() {
    let is_first = AtomicBool::new(true);
    let (port, _) = gateway(move |path, body| match path {
        "/v3/kv/range" if body["key"] == coded("/t/format") => {
            format_at(if is_first.swap(false, Ordering::Relaxed) { 50 } else { 7 })
        }
        "/v3/kv/range" => range(Vec::new(), 7),
        _ => Answer::Lines(vec![json!({ "result": { "created": true } })]),
    })
    .await;
    let (news, mut heard) = mpsc::channel(16);
    let task = tokio::spawn(follow::follow(etcd(&[port], None), news));
    assert!(matches!(heard.recv().await, Some(News::All(_, 50))));
    assert!(matches!(heard.recv().await, Some(News::All(_, 7))));
    assert!(matches!(heard.recv().await, Some(News::InStep)));
    task.abort();
}

#[tokio::test]
async fn rows_of_a_later_release_and_an_etcd_that_is_gone_are_told() {
    let (port, _) = gateway(|_, _| range(vec![kv("/t/format", "99", 2)], 9)).await;
    let (news, mut heard) = mpsc::channel(16);
    let task = tokio::spawn(follow::follow(etcd(&[port], None), news));
    let Some(News::Away(why)) = heard.recv().await else { panic!("it was read") };
    assert!(why.contains("format \"99\""), "{why}");
    task.abort();
    // Nobody listens there any more.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let (news, mut heard) = mpsc::channel(16);
    let task = tokio::spawn(follow::follow(etcd(&[free], None), news));
    let Some(News::Away(why)) = heard.recv().await else { panic!("it was read") };
    assert!(why.contains(&format!("http://127.0.0.1:{free} is not reached")), "{why}");
    task.abort();
}

fn rows() -> Vec<SharedRow> {
    let mut known = store::Known::default();
    let row = |revision| SharedRow {
        name: "words/00000000000000000001".to_owned(),
        revision,
        bytes: None,
    };
    known.take(row(4));
    known.propose(vec![Change::PutMade("{}".to_owned())]).unwrap().rows
}

#[tokio::test]
async fn a_change_is_done_lost_refused_or_unknown() {
    let (port, asked) = gateway(done).await;
    // The first endpoint is gone; from then on the second is asked first.
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let two = etcd(&[free, port], None);
    assert_eq!(commit(&two, &rows(), Some(7)).await.unwrap(), Outcome::Done(12));
    assert_eq!(two.in_turn().next().unwrap().0, 1);
    let sent = asked.lock().unwrap()[0].2.clone();
    assert_eq!(sent["compare"][0]["mod_revision"], "0");
    assert_eq!(sent["compare"][1]["lease"], "7");

    let found = |revision: u64| {
        let range = json!({ "kvs": [kv("/t/rows/made/document", "", revision)] });
        let answer =
            json!({ "header": { "revision": "12" }, "responses": [{ "response_range": range }] });
        move |_: &str, _: &Value| Answer::Json(answer.clone())
    };
    let (port, _) = gateway(found(11)).await;
    let lost = Outcome::Lost(vec!["made/document".to_owned()], 11);
    assert_eq!(commit(&etcd(&[port], None), &rows(), None).await.unwrap(), lost);
    // Nothing is otherwise, but the lease is another's.
    let (port, _) = gateway(found(0)).await;
    assert_eq!(commit(&etcd(&[port], None), &rows(), Some(7)).await.unwrap(), Outcome::NotHeld);

    let full = json!({ "error": "etcdserver: mvcc: database space exceeded" });
    let (port, _) = gateway(move |_, _| Answer::Refusal(full.clone())).await;
    let error = commit(&etcd(&[port], None), &rows(), None).await.unwrap_err();
    assert!(
        matches!(&error, EtcdError::Refused { message, is_certain: true, .. } if message.contains("space")),
        "{error}"
    );
    // Without a majority nobody knows: what was sent on its way may be done once there is one.
    let (port, _) = gateway(|_, _| Answer::Unavailable).await;
    let error = commit(&etcd(&[port], None), &rows(), None).await.unwrap_err();
    assert!(matches!(error, EtcdError::Refused { is_certain: false, .. }), "{error}");
    // It hung up after it was asked: nobody knows.
    let (port, asked) = gateway(|_, _| Answer::Nothing).await;
    let error = commit(&etcd(&[port], None), &rows(), None).await.unwrap_err();
    assert!(matches!(error, EtcdError::Silent { .. }), "{error}");
    assert_eq!(asked.lock().unwrap().len(), 1, "a change is sent once");
    let (port, _) = gateway(|_, _| Answer::Json(json!(["what?"]))).await;
    let error = commit(&etcd(&[port], None), &rows(), None).await.unwrap_err();
    assert!(matches!(error, EtcdError::Nonsense { .. }), "{error}");
}

#[tokio::test]
async fn whoever_logs_in_shows_the_token() {
    let (port, asked) = gateway(|path, _| match path {
        "/v3/auth/authenticate" => Answer::Json(json!({ "token": "abc.1" })),
        _ => Answer::Json(json!({ "header": { "revision": "2" }, "succeeded": true })),
    })
    .await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    std::fs::write(&path, "open sesame\n").unwrap();
    let login = ("gslb".to_owned(), path.display().to_string());
    commit(&etcd(&[port], Some(login.clone())), &rows(), None).await.unwrap();
    {
        let asked = asked.lock().unwrap();
        assert_eq!(asked[0].2, json!({ "name": "gslb", "password": "open sesame" }));
        assert_eq!((asked[1].0.as_str(), asked[1].1.as_str()), ("/v3/kv/txn", "abc.1"));
    }
    drop(directory);
    let error = commit(&etcd(&[port], Some(login)), &rows(), None).await.unwrap_err();
    assert!(matches!(error, EtcdError::Password { .. }), "{error}");
}

/// Its time is over, or users and roles are others: each is logged in again, and asked anew, once.
#[tokio::test]
async fn a_log_in_that_is_over_is_made_anew_and_nobody_notices() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    std::fs::write(&path, "open sesame").unwrap();
    let login = Some(("gslb".to_owned(), path.display().to_string()));
    for (said, refusals, is_done) in [
        ("etcdserver: invalid auth token", 1, true),
        ("etcdserver: revision of auth store is old", 1, true),
        ("etcdserver: invalid auth token", 2, false),
        ("etcdserver: permission denied", 1, false),
    ] {
        let left = Mutex::new(refusals);
        let (port, asked) = gateway(move |path, _| {
            if path == "/v3/auth/authenticate" {
                return Answer::Json(json!({ "token": "abc.1" }));
            }
            let mut left = left.lock().unwrap();
            if *left > 0 {
                *left -= 1;
                return Answer::Refusal(json!({ "error": said }));
            }
            Answer::Json(json!({ "header": { "revision": "2" }, "succeeded": true }))
        })
        .await;
        let committed = commit(&etcd(&[port], login.clone()), &rows(), None).await;
        assert_eq!(committed.is_ok(), is_done, "{said}: {committed:?}");
        let (asked, again) =
            (asked.lock().unwrap(), usize::from(said != "etcdserver: permission denied"));
        let log_ins: Vec<&str> = asked
            .iter()
            .filter_map(|(path, token, _)| {
                (path == "/v3/auth/authenticate").then_some(token.as_str())
            })
            .collect();
        assert!(log_ins.iter().all(|token| token.is_empty()), "{said}: {log_ins:?}");
        let log_ins = log_ins.len();
        assert_eq!((log_ins, asked.len() - log_ins), (1 + again, 1 + again), "{said}");
    }
    // Without a log-in there is nothing to make anew; and it is said what can be done.
    let empty = json!({ "error": "etcdserver: user name is empty" });
    let (port, asked) = gateway(move |_, _| Answer::Refusal(empty.clone())).await;
    let error = commit(&etcd(&[port], None), &rows(), None).await.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("is empty; it lets users in alone: set `username` and `password_file`")
    );
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn rows_are_brought_in_some_at_a_time_and_the_format_last() {
    let (port, asked) = gateway(done).await;
    let kept = with_lines(Snapshot::default(), 300, 1);
    assert!(bring_in(&etcd(&[port], None), &kept, Some(7)).await.unwrap());
    let asked = asked.lock().unwrap();
    let counts: Vec<usize> =
        asked.iter().map(|(_, _, body)| body["success"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [2, 120, 120, 60, 2]);
    let compares = asked.iter().map(|(_, _, body)| body["compare"].as_array().unwrap().len());
    assert_eq!(compares.collect::<Vec<_>>(), [2, 3, 3, 3, 3]);
    // Each goes on only where the mark of the first is there.
    let put = &asked[0].2["success"][0]["request_put"];
    for (_, _, body) in asked.iter().skip(1) {
        assert_eq!(body["compare"][2]["key"], put["key"]);
        assert_eq!(body["compare"][2]["value"], put["value"]);
    }
    assert_eq!(asked[4].2["success"][0]["request_put"]["key"], coded("/t/format"));
}

#[tokio::test]
async fn rows_that_another_one_brings_in_as_well_are_not_said_to_be_there() {
    let asked = Mutex::new(0);
    let (port, _) = gateway(move |path, _| match path {
        "/v3/kv/txn" => {
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            Answer::Json(json!({ "header": { "revision": "12" }, "succeeded": *asked == 1 }))
        }
        _ => range(Vec::new(), 9),
    })
    .await;
    let etcd = etcd(&[port], None);
    let error = bring_to(&etcd, &Snapshot::default()).await.unwrap_err();
    assert!(crate::logs::chain(&error).contains("restore it again"), "{error:?}");
    assert!(!bring_in(&etcd, &Snapshot::default(), Some(7)).await.unwrap());
}

#[tokio::test]
async fn an_endpoint_that_takes_connections_and_cannot_answer_is_left_for_the_next() {
    let (mute, _) = gateway(|_, _| Answer::Nothing).await;
    let (alone, _) = gateway(|_, _| Answer::Unavailable).await;
    let (well, _) = gateway(done).await;
    let three = etcd(&[mute, alone, well], None);
    let error = commit(&three, &rows(), None).await.unwrap_err();
    assert!(matches!(error, EtcdError::Silent { .. }), "{error}");
    let error = commit(&three, &rows(), None).await.unwrap_err();
    assert!(matches!(error, EtcdError::Refused { .. }), "{error}");
    for _ in 0..2 {
        assert_eq!(commit(&three, &rows(), None).await.unwrap(), Outcome::Done(12));
    }
}

#[tokio::test]
async fn a_watch_that_means_nothing_is_begun_anew_with_all_rows() {
    let (port, _) = gateway(|path, body| match path {
        "/v3/kv/range" => two_pages(body),
        _ => Answer::Lines(vec![json!({ "result": { "created": true } }), json!(["what?"])]),
    })
    .await;
    let (news, mut heard) = mpsc::channel(16);
    let task = tokio::spawn(follow::follow(etcd(&[port], None), news));
    for _ in 0..2 {
        assert!(matches!(heard.recv().await, Some(News::All(..))));
        assert!(matches!(heard.recv().await, Some(News::InStep)));
        assert!(matches!(heard.recv().await, Some(News::Away(_))));
    }
    task.abort();
}

#[tokio::test]
async fn a_lease_is_held_kept_and_lost() {
    let kept = Arc::new(Mutex::new(true));
    let is_kept = Arc::clone(&kept);
    let (port, asked) = gateway(move |path, body| match path {
        "/v3/lease/grant" => Answer::Json(json!({ "ID": "77", "TTL": "15" })),
        "/v3/lease/keepalive" => {
            let ttl = if *is_kept.lock().unwrap() { "15" } else { "0" };
            Answer::Json(json!({ "result": { "ID": body["ID"], "TTL": ttl } }))
        }
        _ if *is_kept.lock().unwrap() => {
            Answer::Json(json!({ "header": { "revision": "2" }, "succeeded": true }))
        }
        _ => {
            let holder = json!({ "key": coded("/t/holder"), "lease": "99", "mod_revision": "5" });
            let range = json!({ "response_range": { "kvs": [holder] } });
            Answer::Json(json!({ "header": { "revision": "5" }, "responses": [range] }))
        }
    })
    .await;
    let etcd = etcd(&[port], None);
    let mut lease = None;
    assert_eq!(lease::hold_once(&etcd, &mut lease).await.unwrap(), Some(77));
    assert_eq!(lease::hold_once(&etcd, &mut lease).await.unwrap(), Some(77));
    *kept.lock().unwrap() = false;
    assert_eq!(lease::hold_once(&etcd, &mut lease).await.unwrap(), None);
    etcd.give_back(77).await;
    let paths: Vec<String> = asked.lock().unwrap().iter().map(|(path, ..)| path.clone()).collect();
    let [grant, keep, txn] = ["/v3/lease/grant", "/v3/lease/keepalive", "/v3/kv/txn"];
    assert_eq!(paths, [grant, txn, keep, txn, keep, grant, txn, "/v3/lease/revoke"]);
}

/// All is read at revision 7, a look finds a change of revision 9, and the watch says this.
fn a_change_behind_what_was_read(
    watch: Vec<Value>,
) -> impl Fn(&str, &Value) -> Answer + Send + Sync + 'static {
    let is_first = AtomicBool::new(true);
    move |path, body| match path {
        "/v3/kv/range" if body["key"] == coded("/t/format") => {
            format_at(if is_first.swap(false, Ordering::Relaxed) { 7 } else { 9 })
        }
        "/v3/kv/range" if body["sort_target"] == "MOD" => {
            range(vec![kv("/t/rows/hand/b", "", 9)], 9)
        }
        "/v3/kv/range" => range(vec![kv("/t/rows/hand/a", "{}", 3)], 7),
        _ => Answer::Lines(watch.clone()),
    }
}

/// A watch that was begun at a member which is cut off since, while the reads end at another one.
#[tokio::test]
async fn a_watch_that_tells_nothing_of_what_is_there_is_begun_anew_with_all_rows() {
    let (port, asked) = gateway(a_change_behind_what_was_read(vec![begins()])).await;
    let mut quick = etcd(&[port], None);
    let settings = Arc::get_mut(&mut quick).unwrap();
    settings.look_every = Duration::from_millis(1);
    let (news, mut heard) = mpsc::channel(16);
    let task = tokio::spawn(follow::follow(quick, news));
    // It is followed from revision 8 on, and the change of revision 9 is not told.
    let mut all = Vec::new();
    let patience = Duration::from_secs(30);
    while all.len() < 2 {
        match tokio::time::timeout(patience, heard.recv()).await.unwrap().unwrap() {
            News::All(_, revision) => all.push(revision),
            News::InStep => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(all, [7, 9]);
    task.abort();
    let asked = asked.lock().unwrap();
    assert!(asked.iter().any(|(_, _, body)| body["min_mod_revision"].is_string()));
}

/// A watch that was begun at a member which is cut off since, as above, or one that has had no time yet.
#[tokio::test]
async fn a_watch_has_time_to_tell_what_was_found_before_it_began() {
    let change = json!({ "result": { "events": [{ "kv": kv("/t/rows/hand/b", "{}", 9) }] } });
    let watch = vec![begins(), change];
    let (port, _) = gateway(a_change_behind_what_was_read(watch)).await;
    let (news, mut heard) = mpsc::channel(16);
    let task = tokio::spawn(follow::follow(etcd(&[port], None), news));
    assert!(matches!(heard.recv().await, Some(News::All(_, 7))));
    assert!(matches!(heard.recv().await, Some(News::InStep)));
    assert!(matches!(heard.recv().await, Some(News::Changed(_))));
    task.abort();
}

fn begins() -> Value {
    json!({ "result": { "created": true } })
}

#[tokio::test]
async fn rows_are_brought_in_by_their_bytes_and_the_document_alone() {
    let (port, asked) = gateway(done).await;
    let mut kept = Snapshot::default();
    kept.apply(Change::PutMade("x".repeat(1_400_000)));
    let kept = with_lines(kept, 8, 200_000);
    assert!(bring_in(&etcd(&[port], None), &kept, Some(7)).await.unwrap());
    let asked = asked.lock().unwrap();
    let counts: Vec<usize> =
        asked.iter().map(|(_, _, body)| body["success"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [2, 1, 2, 2, 2, 2, 2]);
}

#[tokio::test]
async fn a_backup_that_is_restored_in_part_says_so() {
    let asked = Mutex::new(0);
    let (port, _) = gateway(move |path, body| match path {
        "/v3/kv/range" if body["key"] == coded("/t/format") => format_at(9),
        "/v3/kv/range" => range(Vec::new(), 9),
        _ => {
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            match *asked {
                1 => Answer::Json(json!({ "header": { "revision": "12" }, "succeeded": true })),
                2 => {
                    let other = range_json(kv("/t/rows/words/x", "", 11));
                    Answer::Json(json!({ "header": { "revision": "12" }, "responses": [other] }))
                }
                _ => Answer::Nothing,
            }
        }
    })
    .await;
    let etcd = etcd(&[port], None);
    let kept = with_lines(Snapshot::default(), 130, 1);
    let error = bring_to(&etcd, &kept).await.unwrap_err();
    assert!(matches!(error, EtcdError::Partly { rows: 120, .. }), "{error:?}");
    let said = crate::logs::chain(&error);
    assert!(said.contains("120 rows were changed") && said.contains("meanwhile"), "{said}");
    // Nothing was changed before that.
    let error = bring_to(&etcd, &kept).await.unwrap_err();
    assert!(matches!(error, EtcdError::Silent { .. }), "{error:?}");
}

fn range_json(kv: Value) -> Value {
    json!({ "response_range": { "kvs": [kv] } })
}

/// Whatever somebody wrote below the prefix.
#[tokio::test]
async fn a_key_that_is_no_text_is_passed_over_and_told() {
    let (port, _) = gateway(|path, body| match path {
        "/v3/kv/range" if body["key"] == coded("/t/format") => format_at(9),
        "/v3/kv/range" => {
            use base64::Engine as _;
            let key = base64::engine::general_purpose::STANDARD.encode(b"/t/rows/hand/\xff");
            let strange = json!({ "key": key, "value": coded("{}"), "mod_revision": "4" });
            range(vec![kv("/t/rows/made/document", "{}", 3), strange], 9)
        }
        _ => Answer::Lines(vec![json!({ "result": { "created": true } })]),
    })
    .await;
    let (news, mut heard) = mpsc::channel(16);
    let task = tokio::spawn(follow::follow(etcd(&[port], None), news));
    let Some(News::All(rows, 9)) = heard.recv().await else { panic!("no rows") };
    let taken = store::Known::default().take_all(rows, 9);
    assert_eq!(taken.changes, [Change::PutMade("{}".to_owned())]);
    assert_eq!(taken.faults.len(), 1, "{:?}", taken.faults);
    task.abort();
}
