//! What etcd 3.4 and 3.5 say, as it was recorded, and anything else.

use testkit::{Random, bend};

use super::*;

const RANGE: &[u8] = br#"{"header":{"cluster_id":"14443903163313418560","member_id":"11417610130673999598","revision":"7","raft_term":"2"},"kvs":[{"key":"L2EvMQ==","create_revision":"2","mod_revision":"5","version":"1","value":"eA=="}],"more":true,"count":"2"}"#;
const LOST: &[u8] = br#"{"header":{"revision":"9","raft_term":"2"},"responses":[{"response_range":{"header":{"revision":"9"},"kvs":[{"key":"L2EvMQ==","create_revision":"2","mod_revision":"8","version":"1"}],"count":"1"}},{"response_range":{"header":{"revision":"9"}}}]}"#;
const EVENTS: &[u8] = br#"{"result":{"header":{"revision":"3"},"events":[{"kv":{"key":"L2EvMQ==","create_revision":"2","mod_revision":"2","version":"1","value":"eA=="}},{"type":"DELETE","kv":{"key":"L2EvMQ==","mod_revision":"3"}}]}}"#;
const COMPACTED: &[u8] =
    br#"{"result":{"header":{"raft_term":"2"},"canceled":true,"compact_revision":"3"}}"#;
const KEPT: &[u8] = br#"{"result":{"header":{"revision":"3"},"ID":"1234","TTL":"15"}}"#;

#[test]
fn recorded_answers_are_read() {
    let range = read_range(RANGE).unwrap();
    assert_eq!((range.revision, range.has_more), (7, true));
    let entry = &range.entries[0];
    assert_eq!(
        (str::from_utf8(&entry.key).unwrap(), entry.value.as_slice(), entry.revision),
        ("/a/1", &b"x"[..], 5)
    );
    let lost = read_transaction(LOST).unwrap();
    assert!(!lost.is_done && lost.revision == 9);
    let found: Vec<_> =
        lost.found.iter().map(|range| range.entries.first().map(|e| e.revision)).collect();
    assert_eq!(found, [Some(8), None]);
    let Watched::Changed(events) = read_watched(EVENTS).unwrap() else { panic!("no events") };
    assert_eq!(
        events.iter().map(|(e, is)| (e.revision, *is)).collect::<Vec<_>>(),
        [(2, true), (3, false)]
    );
    assert_eq!(read_watched(COMPACTED).unwrap(), Watched::Compacted);
    let begins = br#"{"result":{"header":{"revision":"2"},"created":true}}"#;
    assert_eq!(read_watched(begins).unwrap(), Watched::Begins);
    let ends = br#"{"error":{"grpc_code":14,"http_code":503,"message":"no\nleader"}}"#;
    assert_eq!(read_watched(ends).unwrap(), Watched::Ends("no leader".to_owned()));
    assert_eq!(
        read_lease(br#"{"ID":"2228897024393086218","TTL":"15"}"#).unwrap(),
        2_228_897_024_393_086_218
    );
    assert!(read_kept(KEPT).unwrap());
    // One that is gone: etcd leaves zero out, or says -1.
    assert!(!read_kept(br#"{"result":{"ID":"1234"}}"#).unwrap());
    assert!(!read_kept(br#"{"result":{"ID":"1234","TTL":"-1"}}"#).unwrap());
    let refusal = br#"{"error":"etcdserver: authentication is not enabled","code":9}"#;
    assert_eq!(read_refusal(refusal), "etcdserver: authentication is not enabled");
    assert_eq!(read_refusal(b"<html>\r\n"), "<html>  ");
}

#[test]
fn what_is_asked_is_what_etcd_takes() {
    assert_eq!(
        transaction(
            vec![is_at("/a", 5), is_leased("/h", 7)],
            vec![put("/a", b"x", 0)],
            vec![look("/a")]
        )
        .to_string(),
        json!({
            "compare": [
                {"key": "L2E=", "target": "MOD", "result": "EQUAL", "mod_revision": "5"},
                {"key": "L2g=", "target": "LEASE", "result": "EQUAL", "lease": "7"},
            ],
            "success": [{"request_put": {"key": "L2E=", "value": "eA==", "lease": "0"}}],
            "failure": [{"request_range": {"key": "L2E=", "keys_only": true}}],
        })
        .to_string()
    );
    // All keys that begin with it lie before its end.
    assert_eq!(end_of("/opengslb/rows/"), b"/opengslb/rows0");
}

#[test]
fn any_bytes_are_read_or_refused() {
    let mut random = Random::new(7);
    for round in 0..3_000 {
        let mut data = [RANGE, LOST, EVENTS, COMPACTED, KEPT][round % 5].to_vec();
        bend(&mut random, &mut data, |random| *random.one_of(b"{}[]\",:-0123456789null=\xff\n"));
        crate::fuzz::etcd_answer(&data);
    }
}
