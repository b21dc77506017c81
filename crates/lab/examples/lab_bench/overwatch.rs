//! An overwatch that knows nothing and answers what the demo hopes for, but for one chosen fault.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::log;

/// After this it claims to have learned.
const LEARNING: Duration = Duration::from_secs(2);

pub(crate) fn serve(dns: &UdpSocket, fault: String) -> ExitCode {
    let began = Instant::now();
    let Ok(listener) = TcpListener::bind("[::]:8080") else { return ExitCode::FAILURE };
    let fault_of_api = fault.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = answer_http(&stream, began, &fault_of_api);
        }
    });
    let mut query = [0; 512];
    loop {
        let Ok((length, from)) = dns.recv_from(&mut query) else { return ExitCode::FAILURE };
        let client = from.ip().to_canonical();
        let far = client.to_string().starts_with("10.3.") != (fault == "wrong-region");
        let reason = match fault.as_str() {
            _ if began.elapsed() > LEARNING => "learned_latency",
            "no-fallback" => "round_robin",
            _ => "geo_fallback",
        };
        log(&format!("INFO routing decision client={client} reason={reason}"));
        let address = if far { [10, 3, 1, 10] } else { [10, 2, 1, 10] };
        let message = answer(query.get(..length).unwrap_or_default(), address);
        let _ = dns.send_to(&message, from);
    }
}

/// The question as it came, and one A record that points to its name.
fn answer(query: &[u8], address: [u8; 4]) -> Vec<u8> {
    let id = query.get(..2).unwrap_or_default();
    let behind = query.get(12..).unwrap_or_default();
    let name = behind.iter().position(|byte| *byte == 0).unwrap_or_default();
    let question = behind.get(..name + 5).unwrap_or_default();
    let header = [0x85, 0, 0, 1, 0, 1, 0, 0, 0, 0];
    let record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4];
    [id, &header, question, &record, &address].concat()
}

fn answer_http(stream: &TcpStream, began: Instant, fault: &str) -> std::io::Result<()> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default();
    let body = match path.split('?').next().unwrap_or_default() {
        "/api/v1/cluster/status" => STATUS.to_owned(),
        "/api/v1/overwatch/backends" => backends(),
        "/api/v1/overwatch/latency" => latency(began.elapsed() > LEARNING, fault),
        _ => String::new(),
    };
    let mut out = stream;
    write!(out, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

const STATUS: &str = r#"{"cluster_healthy":true,"overwatch":{"node_id":"overwatch",
"status":"running","uptime_seconds":1},"agents":[],"expected_agents":3,"healthy_agents":3,
"backend_summary":{"total":6,"healthy":6,"unhealthy":0,"stale":0},
"generated_at":"2025-12-19T10:05:00Z"}"#;

fn backends() -> String {
    let addresses = ["10.2.1.10", "fd00:2:1::10", "10.2.1.11", "fd00:2:1::11", "10.3.1.10"];
    let last: IpAddr = [0xfd00, 3, 1, 0, 0, 0, 0, 0x10].into();
    let backend = |address: String| {
        format!(
            r#"{{"service":"app.demo.local","address":"{address}","port":80,"weight":100,
"region":"eu-west","effective_status":"healthy","authority":"validation"}}"#
        )
    };
    let all = addresses.iter().map(ToString::to_string).chain([last.to_string()]);
    let list: Vec<String> = all.map(backend).collect();
    format!(r#"{{"backends":[{}],"generated_at":"2025-12-19T10:05:00Z"}}"#, list.join(","))
}

fn latency(learned: bool, fault: &str) -> String {
    let far_us = if fault == "wrong-rtt" { 241_000 } else { 220_300 };
    let rows = [
        ("10.1.2.0/24", "ap-southeast", far_us),
        ("10.1.2.0/24", "eu-west", 85_200),
        ("10.3.2.0/24", "ap-southeast", 1_100),
    ];
    let entry = |(subnet, region, rtt_us): &(&str, &str, u32)| {
        format!(
            r#"{{"subnet":"{subnet}","domain":"app.demo.local","region":"{region}",
"rtt_ms":{},"samples":50,"last_updated":"2025-12-19T10:05:00Z","rtt_us":{rtt_us}}}"#,
            (rtt_us + 500) / 1000
        )
    };
    let entries: Vec<String> = rows.iter().filter(|_| learned).map(entry).collect();
    format!(r#"{{"entries":[{}]}}"#, entries.join(","))
}
