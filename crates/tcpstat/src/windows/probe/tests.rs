//! The one line that an administrator reads when nothing is learned.

use super::*;
use crate::windows::functions::Subject;
use crate::windows::scripted::Script;

fn line(script: &Script) -> String {
    probe(&script.functions()).to_string()
}

#[test]
fn the_line_says_what_is_missing() {
    let script = Script::default();
    assert_eq!(line(&script), "destroy events active; dump active");
    script.state().switch_on.insert(Subject::FineRtt, 87);
    assert_eq!(line(&script), "destroy events active; dump active", "Path does");

    script.state().switch_on.insert(Subject::Data, 5);
    let sources = probe(&script.functions());
    assert!(sources.any() && !sources.any_times());
    assert!(
        sources.to_string().starts_with(
            "destroy events active; dump active; IPv4 connections without their times: not \
             elevated: Windows times connections only for an administrator"
        ),
        "{sources}"
    );
    script.state().switch_on.insert(Subject::Data, 50);
    let not_supported = "IPv4 connections without their times: not supported: \
                         SetPerTcpConnectionEStats answers with error 50";
    assert!(line(&script).contains(not_supported), "{}", line(&script));

    script.state().list = Family::BOTH.map(|family| (family, 120)).into();
    assert!(
        line(&script).starts_with(
            "destroy events not active: it cannot be used: cannot list the IPv4 connections: \
             GetTcpTable2 answers with error 120; dump not active"
        ),
        "{}",
        line(&script)
    );
}

#[test]
fn a_windows_without_any_function_is_no_crash() {
    let sources = probe(&Functions::default());
    assert!(!sources.any());
    let line = sources.to_string();
    assert!(line.contains("GetTcpTable2 is missing in iphlpapi.dll"), "{line}");
}

#[test]
fn timing_that_does_not_stay_on_is_not_yet_enabled() {
    let script = Script::default();
    let mut functions = script.functions();
    functions.ipv4.read = Some(Box::new(|_, _, is_collected, _| {
        *is_collected = 0;
        0
    }));
    let sources = probe(&functions);
    assert_eq!(sources.ipv4_times, Err(NoTimes::NotYetEnabled));
    assert!(sources.any_times(), "the other family is timed, or not spoken here");
}
