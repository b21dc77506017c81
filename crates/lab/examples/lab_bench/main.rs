//! The lab's binary for its own tests: `lab ...`, the hosts' commands, and a stand-in for the
//! daemon, so that the lab can be tested without the product. Never used by the product.
//!
//! With `LAB_BENCH` set to `answers` the overwatch's stand-in says what a good overwatch would;
//! set to `wrong-rtt`, `no-fallback` or `wrong-region` it gets that one thing wrong; else it only
//! listens.

mod overwatch;

use std::io::Write;
use std::net::UdpSocket;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args();
    let argv0 = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    if let Some(code) = lab::shim(&argv0, &args) {
        return code;
    }
    match args.split_first() {
        Some((word, rest)) if word == "lab" => lab::main(rest),
        Some((word, _)) if word == "--config" => daemon(&args),
        _ => ExitCode::from(64),
    }
}

/// Runs until it is killed.
fn daemon(args: &[String]) -> ExitCode {
    let config = args.get(1).map(std::fs::read_to_string);
    let readable = matches!(config, Some(Ok(_)));
    log(&format!("stand-in {args:?}, configuration readable: {readable}"));
    let socket = UdpSocket::bind("[::]:53");
    log(&format!("port 53: {}", socket.is_ok()));
    let is_overwatch = args.last().is_some_and(|mode| mode == "overwatch");
    match (std::env::var("LAB_BENCH"), socket) {
        (Ok(fault), Ok(socket)) if is_overwatch => overwatch::serve(&socket, fault),
        _ => loop {
            std::thread::park();
        },
    }
}

fn log(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
