//! The vectors of RFC 9018, appendix A, and cookies at the edges of what is good.

use proptest::prelude::*;

use super::*;

const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
const SECRET_BEFORE: &str = "dd3bdf9344b678b185a6f5cb60fca715";
const SECRET_AFTER: &str = "445536bcd2513298075a5d379663c962";

fn hex<const N: usize>(text: &str) -> [u8; N] {
    std::array::from_fn(|place| u8::from_str_radix(&text[2 * place..2 * place + 2], 16).unwrap())
}

fn at(unix_s: u64) -> Time {
    Time::from_unix_ms(unix_s * 1000)
}

fn keys(issuing: &str, accepted: Option<&str>) -> CookieKeys {
    CookieKeys::new(hex(issuing), accepted.map(hex))
}

/// Judges a cookie of 24 bytes, as a client would send it back.
fn judge(keys: &CookieKeys, cookie: &[u8], client: &str, now: Time) -> CookieStanding {
    let option = CookieOption::read(cookie).unwrap();
    keys.judge(Some(option), client.parse().unwrap(), now)
}

/// What the server of the RFC's example answers, and that it takes its own cookie.
fn check(keys: &CookieKeys, client: &str, asked_s: u64, expect: &str) {
    let expect: [u8; COOKIE_BYTES] = hex(expect);
    let client_cookie = *expect.first_chunk().unwrap();
    let issued = keys.issue(client_cookie, client.parse().unwrap(), at(asked_s));
    assert_eq!(issued, Cookie(expect));
    assert_eq!(judge(keys, &expect, client, at(asked_s)), CookieStanding::Good);
}

#[test]
fn a_1_learning_a_new_server_cookie() {
    let expect = "2464c4abcf10c957010000005cf79f111f8130c3eee29480";
    check(&keys(SECRET, None), "198.51.100.100", 1_559_731_985, expect);
}

#[test]
fn a_2_the_same_client_learning_a_renewed_server_cookie() {
    let before: [u8; 24] = hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    let now = at(1_559_734_385);
    let standing = judge(&keys(SECRET, None), &before, "198.51.100.100", now);
    assert_eq!(standing, CookieStanding::Good);
    let expect = "2464c4abcf10c957010000005cf7a871d4a564a1442aca77";
    check(&keys(SECRET, None), "198.51.100.100", 1_559_734_385, expect);
}

/// The cookie that the client has bears reserved bytes that are not zero; they are hashed as they
/// came. It is older than an hour by then, so it was good only before.
#[test]
fn a_3_another_client_learning_a_renewed_server_cookie() {
    let before: [u8; 24] = hex("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
    for (now_s, expect) in
        [(1_559_728_000, CookieStanding::Good), (1_559_734_700, CookieStanding::Bad)]
    {
        let standing = judge(&keys(SECRET, None), &before, "203.0.113.203", at(now_s));
        assert_eq!(standing, expect, "at {now_s}");
    }
    let expect = "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e";
    check(&keys(SECRET, None), "203.0.113.203", 1_559_734_700, expect);
}

#[test]
fn a_4_ipv6_query_with_rolled_over_secret() {
    let client = "2001:db8:220:1:59de:d0f4:8769:82b8";
    let before: [u8; 24] = hex("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
    let now = at(1_559_741_961);
    let rolled = keys(SECRET_AFTER, Some(SECRET_BEFORE));
    assert_eq!(judge(&rolled, &before, client, now), CookieStanding::Good);
    let forgotten = keys(SECRET_AFTER, None);
    assert_eq!(judge(&forgotten, &before, client, now), CookieStanding::Bad);
    let expect = "22681ab97d52c298010000005cf7c609a6bb79d16625507a";
    check(&rolled, client, 1_559_741_961, expect);
}

/// RFC 9018, 5: while secrets change, two servers take each other's cookies at each step.
#[test]
fn servers_that_change_secrets_one_after_the_other_agree() {
    let (old, new) = (SECRET_BEFORE, SECRET_AFTER);
    let steps = [
        (keys(old, None), keys(old, Some(new))),
        (keys(old, Some(new)), keys(new, Some(old))),
        (keys(new, Some(old)), keys(new, None)),
    ];
    for (one, other) in steps {
        for (from, to) in [(&one, &other), (&other, &one)] {
            let Cookie(cookie) = from.issue([7; 8], "192.0.2.1".parse().unwrap(), at(100_000));
            assert_eq!(judge(to, &cookie, "192.0.2.1", at(100_060)), CookieStanding::Good);
        }
    }
}

#[test]
fn a_cookie_is_good_for_an_hour_and_five_minutes_ahead() {
    let keys = keys(SECRET, None);
    // The second time is beyond 32 bits: they begin again (RFC 1982).
    for issued_s in [1_559_731_985, (1 << 32) + 10] {
        let client = "192.0.2.1".parse().unwrap();
        let Cookie(cookie) = keys.issue([7; 8], client, at(issued_s));
        for (age_s, expect) in [
            (-301, CookieStanding::Bad),
            (-300, CookieStanding::Good),
            (0, CookieStanding::Good),
            (3600, CookieStanding::Good),
            (3601, CookieStanding::Bad),
            (1 << 31, CookieStanding::Bad),
        ] {
            let now = at(issued_s.checked_add_signed(age_s).unwrap());
            assert_eq!(judge(&keys, &cookie, "192.0.2.1", now), expect, "{age_s} s old");
        }
    }
}

#[test]
fn a_query_without_our_cookie_proves_nothing() {
    let keys = keys(SECRET, None);
    let client = "192.0.2.1".parse().unwrap();
    assert_eq!(keys.judge(None, client, at(1)), CookieStanding::None);
    assert_eq!(judge(&keys, &[7; 8], "192.0.2.1", at(1)), CookieStanding::ClientOnly);
    for length in 16..=40 {
        assert_eq!(judge(&keys, &vec![1; length], "192.0.2.1", at(1)), CookieStanding::Bad);
    }
}

#[test]
fn lengths_are_8_or_16_to_40() {
    for length in 0..100 {
        let read = CookieOption::read(&[1; 100][..length]).is_some();
        assert_eq!(read, length == 8 || (16..=40).contains(&length), "{length}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let shown = format!("{:?}", keys(SECRET, Some(SECRET_AFTER)));
    assert_eq!(shown, "CookieKeys(one secret and another)");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is changed, in the cookie, the address or the secret: it is no longer good.
    #[test]
    fn a_cookie_is_good_only_as_it_was_issued(
        client_cookie in any::<[u8; 8]>(),
        secret in any::<[u8; 16]>(),
        client in any::<IpAddr>(),
        issued_s in 1_000_000_000..4_000_000_000_u64,
        (bit, other_client, other_secret) in (0..192_usize, any::<IpAddr>(), any::<[u8; 16]>()),
    ) {
        prop_assume!(client != other_client && secret != other_secret);
        let keys = CookieKeys::new(secret, None);
        let Cookie(cookie) = keys.issue(client_cookie, client, at(issued_s));
        let judge = |keys: &CookieKeys, cookie: &[u8], client| {
            keys.judge(CookieOption::read(cookie), client, at(issued_s + 1))
        };
        prop_assert_eq!(judge(&keys, &cookie, client), CookieStanding::Good);
        let mut bent = cookie;
        bent[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(judge(&keys, &bent, client), CookieStanding::Bad);
        prop_assert_eq!(judge(&keys, &cookie, other_client), CookieStanding::Bad);
        let others = CookieKeys::new(other_secret, None);
        prop_assert_eq!(judge(&others, &cookie, client), CookieStanding::Bad);
        let others = CookieKeys::new([0; 16], Some(other_secret));
        prop_assert_eq!(judge(&others, &cookie, client), CookieStanding::Bad);
    }
}
