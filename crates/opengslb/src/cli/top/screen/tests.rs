//! Screens as text, without their colours.

use super::*;

fn seen() -> Seen {
    let backend = |address: &str, status: &str| {
        serde_json::json!({
            "service": "app.demo.local", "address": address, "port": 80, "weight": 100,
            "region": "eu-west", "effective_status": status, "authority": "check",
        })
    };
    let backends: Vec<_> = (0..30).map(|n| backend(&format!("10.2.1.{n}"), "healthy")).collect();
    let backends = [backends, vec![backend("10.9.9.9", "unhealthy")]].concat();
    let at = "2026-01-01T00:00:00Z";
    let status = serde_json::json!({
        "cluster_healthy": false,
        "overwatch": {"node_id": "one", "status": "healthy", "uptime_seconds": 5},
        "agents": [], "healthy_agents": 0,
        "backend_summary": {"total": 31, "healthy": 30, "unhealthy": 1, "stale": 0},
        "generated_at": at,
    });
    let agent = serde_json::json!({
        "agent_id": "backend\u{1b}[2J", "status": "pending", "key_sha256": "00", "backend_count": 1,
        "latency_rows": 7,
    });
    Seen {
        status: serde_json::from_value(status).unwrap(),
        backends: serde_json::from_value(
            serde_json::json!({"backends": backends, "generated_at": at}),
        )
        .unwrap(),
        agents: serde_json::from_value(serde_json::json!({"agents": [agent], "generated_at": at}))
            .unwrap(),
        learning: api::hand::Learning { domains: Vec::new(), held_agents: Vec::new() },
    }
}

/// Without colours.
fn text(lines: &[String]) -> Vec<String> {
    let plain = |line: &String| {
        let mut out = String::new();
        for (at, part) in line.split("\u{1b}[").enumerate() {
            out += if at == 0 { part } else { part.split_once('m').unwrap().1 };
        }
        out
    };
    lines.iter().map(plain).collect()
}

#[test]
fn a_screen_has_what_needs_somebody_on_top_and_fits() {
    let mut state = State::new("unix:/run/control.sock".to_owned());
    assert_eq!(text(&draw(&state, (40, 10)))[1], "asking ...");
    state.take(Ok(seen()));
    for size in [(80, 24), (200, 50), (20, 8), (1, 1), (0, 0)] {
        let lines = text(&draw(&state, size));
        assert_eq!(lines.len(), size.1, "{size:?}");
        assert!(lines.iter().all(|line| line.chars().count() <= size.0), "{size:?} {lines:#?}");
    }
    let lines = text(&draw(&state, (80, 24)));
    assert_eq!(lines[0], "overwatch one  unhealthy");
    assert_eq!(lines[1], "servers 30 of 31 healthy, 0 stale  agents 0 of 0 connected");
    assert_eq!(lines[3], "[SERVERS]  AGENTS   DOMAINS THAT LEARN ");
    assert!(lines[5].contains("10.9.9.9:80") && lines[5].contains("unhealthy"), "{lines:#?}");
    assert!(lines[6].contains("10.2.1.0:80"), "{lines:#?}");
    assert!(lines[23].starts_with("1-18 of 31  q quit"), "{lines:#?}");
    // A word of standing has its colour.
    assert!(draw(&state, (80, 24))[5].contains("\u{1b}[31munhealthy\u{1b}[0m"));
}

#[test]
fn keys_move_through_the_lists() {
    let (mut state, size) = (State::new("x".to_owned()), (80, 24));
    state.take(Ok(seen()));
    let last = |state: &State| text(&draw(state, size)).pop().unwrap();
    state.press(Key::Up, size);
    assert!(last(&state).starts_with("1-18 of 31"));
    state.press(Key::Down, size);
    assert!(last(&state).starts_with("2-19 of 31"));
    state.press(Key::PageDown, size);
    state.press(Key::PageDown, size);
    assert!(last(&state).starts_with("14-31 of 31"), "no further than the end");
    state.press(Key::PageUp, size);
    assert!(last(&state).starts_with("1-18 of 31"));
    state.press(Key::Next, size);
    let lines = text(&draw(&state, size));
    // What an agent calls itself cannot move the cursor.
    assert!(lines[5].starts_with("backend?[2J"), "{lines:#?}");
    state.press(Key::Next, size);
    assert!(last(&state).starts_with("0-0 of 0"));
}

#[test]
fn a_failure_is_told_beside_what_was_seen_and_a_pause_keeps_that() {
    let (mut state, size) = (State::new("x".to_owned()), (80, 24));
    state.take(Ok(seen()));
    state.take(Err("nobody answers".to_owned()));
    let lines = text(&draw(&state, size));
    assert!(lines[2].contains("NOT NOW: nobody answers") && lines[0].contains("one"), "{lines:#?}");
    state.take(Ok(seen()));
    state.press(Key::Pause, size);
    state.take(Err("nobody answers".to_owned()));
    let lines = text(&draw(&state, size));
    assert!(!lines[2].contains("NOT NOW") && lines[23].ends_with("PAUSED"), "{lines:#?}");
}
