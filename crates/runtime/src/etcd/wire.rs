//! etcd's gateway as JSON: keys and values in base64, 64-bit numbers as texts, and what is zero left out
//! (etcd 3.4's `rpc.proto`, by proto3's JSON mapping).
//!
//! Pure. What comes is foreign: read whole or refused, its length bounded by whoever reads the bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use store::SharedRow;
use zeroize::Zeroizing;

/// What can be wrong with what was said.
pub(crate) type Wrong = Box<dyn std::error::Error + Send + Sync>;

/// Some rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Range {
    /// The revision that it is true at.
    pub(crate) revision: u64,
    /// Key and rest; in the order of the keys.
    pub(crate) entries: Vec<Entry>,
    /// Whether there are more behind the last.
    pub(crate) has_more: bool,
}

/// A key and what is there.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What anybody may have written: ours are UTF-8.
    pub(crate) key: Vec<u8>,
    pub(crate) value: Zeroizing<Vec<u8>>,
    /// The change that made it so.
    pub(crate) revision: u64,
    /// The lease that it goes with; 0 where it stays.
    pub(crate) lease: u64,
}

impl std::fmt::Debug for Entry {
    /// Without the value: it may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let key = String::from_utf8_lossy(&self.key);
        f.debug_struct("Entry").field("key", &key).finish_non_exhaustive()
    }
}

/// What came of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decided {
    /// Whether all that was asked for was so, and it was done.
    pub(crate) is_done: bool,
    /// The revision after it.
    pub(crate) revision: u64,
    /// What is there instead, one for each key that was asked for.
    pub(crate) found: Vec<Range>,
}

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// It begins.
    Begins,
    /// These keys changed; `None` where they are gone.
    Changed(Vec<(Entry, bool)>),
    /// What was to be told is not there any more.
    Compacted,
    /// It ends, and why.
    Ends(String),
    /// Nothing.
    Nothing,
}

/// What a row of ours is called in etcd's order: one that has nothing behind its last byte.
pub(crate) fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    // The prefix is ASCII: there is always a next byte.
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    end
}

/// `/v3/kv/range`: keys from one on, below `prefix`, as they were at a revision; 0 for now.
pub(crate) fn range(prefix: &str, from: &[u8], limit: usize, revision: u64) -> Value {
    json!({
        "key": STANDARD.encode(from),
        "range_end": STANDARD.encode(end_of(prefix)),
        "limit": limit.to_string(),
        "revision": revision.to_string(),
    })
}

/// `/v3/kv/range`: the key below `prefix` that changed last, where that was at a revision or later.
pub(crate) fn newest(prefix: &str, least: u64) -> Value {
    json!({
        "key": STANDARD.encode(prefix),
        "range_end": STANDARD.encode(end_of(prefix)),
        "limit": "1",
        "sort_order": "DESCEND",
        "sort_target": "MOD",
        "min_mod_revision": least.to_string(),
        "keys_only": true,
    })
}

/// `/v3/kv/range`: one key.
pub(crate) fn one(key: &str) -> Value {
    json!({ "key": STANDARD.encode(key) })
}

/// `/v3/watch`: what is below `prefix`, from a revision on.
pub(crate) fn watch(prefix: &str, from: u64) -> Value {
    json!({ "create_request": {
        "key": STANDARD.encode(prefix),
        "range_end": STANDARD.encode(end_of(prefix)),
        "start_revision": from.to_string(),
    }})
}

/// What must be so: this key was last changed by that revision, 0 where it must not be there.
pub(crate) fn is_at(key: &str, revision: u64) -> Value {
    json!({
        "key": STANDARD.encode(key),
        "target": "MOD",
        "result": "EQUAL",
        "mod_revision": revision.to_string(),
    })
}

/// What must be so: this key goes with that lease.
pub(crate) fn is_leased(key: &str, lease: u64) -> Value {
    json!({
        "key": STANDARD.encode(key),
        "target": "LEASE",
        "result": "EQUAL",
        "lease": lease.to_string(),
    })
}

/// What must be so: this key says this.
pub(crate) fn says(key: &str, value: &[u8]) -> Value {
    json!({
        "key": STANDARD.encode(key),
        "target": "VALUE",
        "result": "EQUAL",
        "value": STANDARD.encode(value),
    })
}

/// This is there from now on; with a lease, as long as that.
pub(crate) fn put(key: &str, value: &[u8], lease: u64) -> Value {
    json!({ "request_put": {
        "key": STANDARD.encode(key),
        "value": STANDARD.encode(value),
        "lease": lease.to_string(),
    }})
}

/// This is gone from now on.
pub(crate) fn delete(key: &str) -> Value {
    json!({ "request_delete_range": { "key": STANDARD.encode(key) } })
}

/// All below `prefix` is gone from now on.
pub(crate) fn delete_all(prefix: &str) -> Value {
    json!({ "request_delete_range": {
        "key": STANDARD.encode(prefix),
        "range_end": STANDARD.encode(end_of(prefix)),
    }})
}

/// What is there, without its value.
pub(crate) fn look(key: &str) -> Value {
    json!({ "request_range": { "key": STANDARD.encode(key), "keys_only": true } })
}

/// `/v3/kv/txn`: where all is as it must be this is done, otherwise that.
pub(crate) fn transaction(compare: Vec<Value>, then: Vec<Value>, otherwise: Vec<Value>) -> Value {
    json!({ "compare": compare, "success": then, "failure": otherwise })
}

/// The answer to a range.
pub(crate) fn read_range(bytes: &[u8]) -> Result<Range, Wrong> {
    serde_json::from_slice::<RangeJson>(bytes)?.read()
}

/// The answer to a transaction.
pub(crate) fn read_transaction(bytes: &[u8]) -> Result<Decided, Wrong> {
    let json: TransactionJson = serde_json::from_slice(bytes)?;
    let found = json.responses.into_iter().filter_map(|response| response.response_range);
    Ok(Decided {
        is_done: json.succeeded,
        revision: json.header.revision,
        found: found.map(RangeJson::read).collect::<Result<_, _>>()?,
    })
}

/// One line of a watch.
pub(crate) fn read_watched(line: &[u8]) -> Result<Watched, Wrong> {
    let json: WatchJson = serde_json::from_slice(line)?;
    if let Some(error) = json.error {
        return Ok(Watched::Ends(message_of(&error)));
    }
    let Some(result) = json.result else { return Ok(Watched::Nothing) };
    if result.compact_revision > 0 {
        return Ok(Watched::Compacted);
    }
    if result.canceled {
        return Ok(Watched::Ends(result.cancel_reason));
    }
    if !result.events.is_empty() {
        let event = |event: EventJson| -> Result<_, Wrong> {
            let is_there = event.kind.as_deref() != Some("DELETE");
            Ok((event.kv.read()?, is_there))
        };
        return Ok(Watched::Changed(
            result.events.into_iter().map(event).collect::<Result<_, _>>()?,
        ));
    }
    Ok(if result.created { Watched::Begins } else { Watched::Nothing })
}

/// The lease that was granted.
pub(crate) fn read_lease(bytes: &[u8]) -> Result<u64, Wrong> {
    let json: LeaseJson = serde_json::from_slice(bytes)?;
    if json.id == 0 { Err("no lease".into()) } else { Ok(json.id) }
}

/// Whether a lease lives on.
pub(crate) fn read_kept(bytes: &[u8]) -> Result<bool, Wrong> {
    let json: KeptJson = serde_json::from_slice(bytes)?;
    Ok(json.result.is_some_and(|lease| lease.ttl > 0))
}

/// The token of a session.
pub(crate) fn read_token(bytes: &[u8]) -> Result<Zeroizing<String>, Wrong> {
    let json: TokenJson = serde_json::from_slice(bytes)?;
    Ok(Zeroizing::new(json.token))
}

/// What a refusal says: its message, or some of it.
pub(crate) fn read_refusal(bytes: &[u8]) -> String {
    let value = serde_json::from_slice::<Value>(bytes).ok();
    value.as_ref().map_or_else(|| clip(&String::from_utf8_lossy(bytes)), message_of)
}

/// Whether a refusal says that a session's log-in is over: its time is, or users and roles were changed since
/// (etcd 3.4's `rpctypes/error.go`). What was asked for is not done then.
pub(crate) fn is_login_over(message: &str) -> bool {
    ["invalid auth token", "revision of auth store is old"]
        .iter()
        .any(|said| message.contains(said))
}

/// What can be done about a refusal, where that is known.
pub(crate) fn advice(message: &str) -> &'static str {
    const KNOWN: [(&str, &str); 5] = [
        (
            "authentication failed",
            "; is the first line of `password_file` the password of `username`?",
        ),
        ("user name is empty", "; it lets users in alone: set `username` and `password_file`"),
        (
            "authentication is not enabled",
            "; it knows no users: take `username` out, or enable them",
        ),
        (
            "permission denied",
            "; the role of `username` must be granted `readwrite` below `prefix`",
        ),
        ("space exceeded", "; compact it, and disarm the alarm"),
    ];
    KNOWN.iter().find(|(said, _)| message.contains(said)).map_or("", |(_, advice)| advice)
}

/// An entry below `prefix` as a row; nothing where it is none.
pub(crate) fn row_of(prefix: &str, entry: Entry, is_there: bool) -> Option<SharedRow> {
    let name = entry.key.strip_prefix(prefix.as_bytes())?;
    // Under another name nothing can be a row: it is passed over, and told.
    let name = match str::from_utf8(name) {
        Ok(name) => name.to_owned(),
        Err(_) => format!("no UTF-8: {}", clip(&String::from_utf8_lossy(name))),
    };
    Some(SharedRow { name, revision: entry.revision, bytes: is_there.then_some(entry.value) })
}

fn message_of(error: &Value) -> String {
    let message = error.get("message").or_else(|| error.get("error"));
    clip(message.and_then(Value::as_str).unwrap_or("without saying why"))
}

/// Enough for a sentence, on one line: it goes into logs.
fn clip(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(CHARS_MAX).collect()
}

#[derive(Default, Deserialize)]
struct HeaderJson {
    #[serde(default, deserialize_with = "number")]
    revision: u64,
}

#[derive(Deserialize)]
struct RangeJson {
    #[serde(default)]
    header: HeaderJson,
    #[serde(default)]
    kvs: Vec<EntryJson>,
    #[serde(default)]
    more: bool,
}

#[derive(Deserialize)]
struct EntryJson {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
    #[serde(default, deserialize_with = "number")]
    mod_revision: u64,
    #[serde(default, deserialize_with = "number")]
    lease: u64,
}

#[derive(Deserialize)]
struct TransactionJson {
    #[serde(default)]
    header: HeaderJson,
    #[serde(default)]
    succeeded: bool,
    #[serde(default)]
    responses: Vec<ResponseJson>,
}

#[derive(Deserialize)]
struct ResponseJson {
    response_range: Option<RangeJson>,
}

#[derive(Deserialize)]
struct WatchJson {
    result: Option<WatchedJson>,
    error: Option<Value>,
}

#[derive(Deserialize)]
struct WatchedJson {
    #[serde(default)]
    created: bool,
    #[serde(default)]
    canceled: bool,
    #[serde(default)]
    cancel_reason: String,
    #[serde(default, deserialize_with = "number")]
    compact_revision: u64,
    #[serde(default)]
    events: Vec<EventJson>,
}

#[derive(Deserialize)]
struct EventJson {
    #[serde(rename = "type")]
    kind: Option<String>,
    kv: EntryJson,
}

#[derive(Deserialize)]
struct LeaseJson {
    #[serde(default, rename = "ID", deserialize_with = "number")]
    id: u64,
    #[serde(default, rename = "TTL", deserialize_with = "number")]
    ttl: u64,
}

#[derive(Deserialize)]
struct KeptJson {
    result: Option<LeaseJson>,
}

#[derive(Deserialize)]
struct TokenJson {
    token: String,
}

impl RangeJson {
    fn read(self) -> Result<Range, Wrong> {
        let entries = self.kvs.into_iter().map(EntryJson::read).collect::<Result<_, _>>()?;
        Ok(Range { revision: self.header.revision, entries, has_more: self.more })
    }
}

impl EntryJson {
    fn read(self) -> Result<Entry, Wrong> {
        let Self { key, value, mod_revision: revision, lease } = self;
        let (key, value) = (STANDARD.decode(key)?, Zeroizing::new(value));
        Ok(Entry {
            key,
            value: Zeroizing::new(STANDARD.decode(value.as_bytes())?),
            revision,
            lease,
        })
    }
}

/// A number as proto3's JSON has it: a text, or a number where it is small.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Plain(u64),
    }
    match Either::deserialize(from)? {
        Either::Plain(number) => Ok(number),
        // A lease is an int64, and a dead one has a time to live below zero.
        Either::Text(text) if text.starts_with('-') => Ok(0),
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

/// Takes any bytes for what etcd says. Nothing may panic.
pub(crate) fn read_any(data: &[u8]) {
    let _ = (read_range(data), read_transaction(data), read_watched(data));
    let _ = (read_lease(data), read_kept(data), read_token(data));
    let said = read_refusal(data);
    assert!(!said.contains('\n') && said.chars().count() <= 200, "a refusal is a line: {said:?}");
}

#[cfg(test)]
mod tests;
