//! The lab's binary for its own tests: `lab ...`, the hosts' commands, and a daemon that does
//! nothing but listen where the real one would. Never used by the product.

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

/// Listens until it is killed.
fn daemon(args: &[String]) -> ExitCode {
    let config = args.get(1).map(std::fs::read_to_string);
    let readable = matches!(config, Some(Ok(_)));
    let _ = writeln!(std::io::stdout(), "stand-in {args:?}, configuration readable: {readable}");
    let socket = UdpSocket::bind("[::]:53");
    let _ = writeln!(std::io::stdout(), "port 53: {}", socket.is_ok());
    loop {
        std::thread::park();
    }
}
