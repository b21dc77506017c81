//! Each answer of Windows, and what is made of it; each structure, and what is read from it.

use super::*;
use crate::windows::scripted::{Connection, Script, Times};

fn answer(code: u32) -> FunctionAnswer {
    FunctionAnswer::Code(code)
}

const SET: &str = "SetPerTcpConnectionEStats";
const SET6: &str = "SetPerTcp6ConnectionEStats";
const GET: &str = "GetPerTcpConnectionEStats";

/// A script of one connection, and its row.
fn one(local: &str, remote: &str) -> (Script, Row) {
    let connection = Connection::of(local, remote, 85_000).unwrap();
    let row = Row::between(connection.local, connection.remote).unwrap();
    let script = Script::default();
    script.state().connections.push(connection);
    (script, row)
}

fn both() -> [(Script, Row, &'static str); 2] {
    let (script, row) = one("10.1.1.10:80", "10.1.2.5:50000");
    let (script6, row6) = one("[2001:db8::1]:80", "[2001:db8:2::5]:50000");
    [(script, row, SET), (script6, row6, SET6)]
}

#[test]
fn each_answer_is_its_own_state() {
    let check = |code: u32, expect: fn(&'static str, FunctionAnswer) -> NoTimes| {
        for (script, row, function) in both() {
            script.state().switch_on.insert(Subject::Data, code);
            let result = switch_on(&script.functions(), &row);
            assert_eq!(result, Err(expect(function, answer(code))), "{code}");
        }
    };
    check(5, |_, _| NoTimes::NotElevated);
    check(50, |function, answer| NoTimes::NotSupported { function, answer });
    check(120, |function, answer| NoTimes::NotSupported { function, answer });
    check(1168, |_, _| NoTimes::Gone);
    check(87, |function, answer| NoTimes::Failed { function, answer });
}

#[test]
fn a_missing_function_is_not_supported() {
    let (script, row) = one("10.1.1.10:80", "10.1.2.5:50000");
    let missing =
        |function| Err(NoTimes::NotSupported { function, answer: FunctionAnswer::Missing });
    let mut functions = script.functions();
    functions.ipv4.read = None;
    assert_eq!(switch_on(&functions, &row), missing(GET));
    assert_eq!(read(&functions, &row, Subject::Path).map(drop), missing(GET).map(drop));
    functions.ipv4.switch_on = None;
    assert_eq!(switch_on(&functions, &row), missing(SET));
    assert_eq!(script.state().calls.switched_on, 0, "what cannot be read is not collected");
}

#[test]
fn microseconds_where_they_are_offered_else_milliseconds() {
    for (script, row, function) in both() {
        let functions = script.functions();
        assert_eq!(
            read(&functions, &row, Subject::FineRtt),
            Err(NoTimes::NotYetEnabled),
            "nobody has asked yet"
        );
        assert_eq!(switch_on(&functions, &row), Ok(Subject::FineRtt));
        let fine = Reading {
            smoothed_us: 105_000,
            deviation_us: 3_000,
            min_us: 85_000,
            bytes_acked: 5_000,
            data_segments_out: 4,
        };
        assert_eq!(read(&functions, &row, Subject::FineRtt), Ok(fine));

        // ERROR_INVALID_PARAMETER: a Windows that does not know the subject.
        script.state().switch_on.insert(Subject::FineRtt, 87);
        assert_eq!(switch_on(&functions, &row), Ok(Subject::Path));
        script.state().connections[0].times.min_us = 85_700;
        assert_eq!(read(&functions, &row, Subject::Path), Ok(fine), "whole milliseconds");
        script.state().switch_on.insert(Subject::Path, 50);
        let expect = NoTimes::NotSupported { function, answer: answer(50) };
        assert_eq!(switch_on(&functions, &row), Err(expect));
    }
}

#[test]
fn a_reading_of_path_tells_short_from_never() {
    let (script, row) = one("10.1.1.10:80", "10.1.2.5:50000");
    let functions = script.functions();
    script.state().switch_on.insert(Subject::FineRtt, 50);
    assert_eq!(switch_on(&functions, &row), Ok(Subject::Path));
    let check = |times: Times, smoothed_us: u32, min_us: u32| {
        script.state().connections[0].times = times;
        let reading = read(&functions, &row, Subject::Path).unwrap();
        assert_eq!((reading.smoothed_us, reading.min_us), (smoothed_us, min_us), "{times:?}");
    };
    let times =
        |smoothed_us, min_us, count| Times { smoothed_us, min_us, count, ..Times::default() };
    check(times(0, 0, 0), 0, 0);
    check(times(400, 300, 2), 500, 500);
    check(times(1_900, 999, 2), 1_000, 500);
    check(times(u32::MAX, 2_000, 2), 4_294_967_000, 2_000);
}

#[test]
fn what_cannot_be_read_says_why() {
    let (script, row) = one("10.1.1.10:80", "10.1.2.5:50000");
    let functions = script.functions();
    let times = switch_on(&functions, &row).unwrap();
    for (code, expect) in [
        (1168, NoTimes::Gone),
        (50, NoTimes::NotSupported { function: GET, answer: answer(50) }),
        (1784, NoTimes::Failed { function: GET, answer: answer(1784) }),
    ] {
        script.state().read = code;
        assert_eq!(read(&functions, &row, times), Err(expect));
    }
}
