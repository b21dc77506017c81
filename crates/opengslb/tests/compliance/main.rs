//! What the compliance tests of the DNS community ask of an authority, asked of the built binary.
//!
//! The 34 tests of ISC's genreport (its groups EDNS, FULL and COMM, and the flag test of RFC 8906, 8.2.5,
//! that it describes beside them) go to one process on loopback, each by UDP and by TCP. No fault is
//! allowed. Knot and NSD are asked the same where they are installed; what they miss is printed, and
//! proves that the judge can find something. In the order of the data:

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod trials;

#[path = "../differential/client.rs"]
mod client;

#[path = "../differential/servers.rs"]
mod servers;

mod transport;

mod judge;

use std::io::Write as _;
use std::net::SocketAddr;

use judge::faults_of;
use servers::{Server, program};
use transport::{Transport, exchange};
use trials::{TRIALS, Trial};

/// The zone that all servers have.
const ZONES: &[(&str, &str)] =
    &[("compliance.test.", include_str!("testdata/compliance.test.zone"))];
/// As it stands on the wire.
const ZONE: &[u8] = b"\x0acompliance\x04test\x00";

const OK: &str = "ok";

#[test]
fn no_test_finds_a_fault() {
    let mut servers = vec![Server::opengslb()];
    servers.extend(program("knotd").map(|_| Server::knot()));
    servers.extend(program("nsd").map(|_| Server::nsd()));
    if servers.len() < 3 {
        let _ = writeln!(std::io::stderr(), "SKIPPED: not compared; apt-get install knot nsd");
    }
    let results: Vec<Vec<String>> = TRIALS
        .iter()
        .map(|trial| servers.iter().map(|server| verdict(server.address, trial)).collect())
        .collect();
    let _ = write!(std::io::stderr(), "{}", table(&servers, &results));
    let faulty = TRIALS.iter().zip(&results).filter(|(_, results)| results[0] != OK);
    let faulty: Vec<_> =
        faulty.map(|(trial, results)| format!("{}: {}", trial.name, results[0])).collect();
    assert!(faulty.is_empty(), "{}", faulty.join("\n"));
}

/// What is wrong with a server's answers to one test.
fn verdict(server: SocketAddr, trial: &Trial) -> String {
    let said = [Transport::Udp, Transport::Tcp].map(|transport| {
        let faults = match reply(server, trial, transport) {
            Ok((reply, transport)) => faults_of(trial, &reply, transport),
            Err(error) => vec![error],
        };
        if faults.is_empty() { None } else { Some(format!("{transport}: {}", faults.join(", "))) }
    });
    let said: Vec<_> = said.into_iter().flatten().collect();
    if said.is_empty() { OK.to_owned() } else { said.join("; ") }
}

/// The answer to judge, and how it came: one that was cut is asked for again.
fn reply(
    server: SocketAddr,
    trial: &Trial,
    transport: Transport,
) -> Result<(Vec<u8>, Transport), String> {
    let packet = trial.packet(ZONE);
    let reply = exchange(server, &packet, transport)?;
    let is_cut = reply.get(2).is_some_and(|flags| flags & 0x02 != 0);
    if transport == Transport::Udp && is_cut && trial.takes_whole() {
        return Ok((exchange(server, &packet, Transport::Tcp)?, Transport::Tcp));
    }
    Ok((reply, transport))
}

/// One line a test, and then what was found.
fn table(servers: &[Server], results: &[Vec<String>]) -> String {
    let mut table = format!("\n{:<12}", "test");
    let mut found = String::new();
    for server in servers {
        table += &format!(" {:<10}", server.name);
    }
    table += "\n";
    for (trial, results) in TRIALS.iter().zip(results) {
        table += &format!("{:<12}", trial.name);
        for (server, result) in servers.iter().zip(results) {
            table += &format!(" {:<10}", if result == OK { OK } else { "fault" });
            if result != OK {
                found += &format!("{}, {}: {result}\n", server.name, trial.name);
            }
        }
        table += "\n";
    }
    table + &found
}

/// An answer of the server that is tested, with one thing wrong in it.
#[test]
fn the_judge_finds_what_is_wrong() {
    let server = Server::opengslb();
    let check = |name: &str, change: &dyn Fn(&mut Vec<u8>), expect: &str| {
        let trial = TRIALS.iter().find(|trial| trial.name == name).unwrap();
        let mut reply = exchange(server.address, &trial.packet(ZONE), Transport::Tcp).unwrap();
        assert_eq!(faults_of(trial, &reply, Transport::Tcp), Vec::<String>::new());
        change(&mut reply);
        assert_eq!(faults_of(trial, &reply, Transport::Tcp), [expect], "{name}");
    };
    check("dns", &|reply| reply[2] &= !0x80, "no response");
    check("dns", &|reply| reply[2] &= !0x04, "not authoritative");
    check("dns", &|reply| reply[2] |= 0x01, "RD that nobody set");
    check("dns", &|reply| reply[3] |= 0x40, "the reserved flag");
    check("dns", &|reply| reply[3] |= 0x20, "AD that nobody asked for");
    check("dns", &|reply| reply[3] |= 0x10, "CD that nobody set");
    check("dns", &|reply| reply.push(0), "malformed");
    check("dns", &|reply| add(reply, &[0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]), "an OPT record");
    check("rd", &|reply| reply[2] &= !0x01, "no RD");
    check("type666", &|reply| reply[13] ^= 0x01, "another question");
    check("opcode", &|reply| reply[2] &= 0x87, "opcode 0");
    check("opcode", &|reply| reply[2] |= 0x04, "AA, which is QUERY's");
    check("opcode", &|reply| reply[3] |= 0x80, "RA, which is QUERY's");
    check("opcode", &|reply| reply[3] &= 0xf0, "NOERROR");
    check(
        "opcode",
        &|reply| add(reply, &[0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0]),
        "something in its sections",
    );
    // The OPT record is the last one, of 11 bytes where it has no option.
    check("edns", &|reply| reply.truncate(reply.len() - 11), "malformed");
    check("edns", &|reply| *behind(reply, 6) = 1, "EDNS version 1");
    check("edns", &|reply| *behind(reply, 7) = 0x40, "an undefined EDNS flag");
    check("edns1", &|reply| *behind(reply, 5) = 0, "NOERROR");
    check("do", &|reply| *behind(reply, 7) = 0, "no DO");
    let without = |reply: &mut Vec<u8>| {
        reply.truncate(reply.len() - 11);
        reply[11] -= 1;
    };
    check("edns", &without, "no OPT record");
    let echoing = |reply: &mut Vec<u8>| {
        *behind(reply, 10) = 4;
        reply.extend([0, 100, 0, 0]);
    };
    check("ednsopt", &echoing, "the unknown option");
}

/// A byte of the OPT record at the end.
fn behind(reply: &mut [u8], place: usize) -> &mut u8 {
    let start = reply.len() - 11;
    &mut reply[start + place]
}

/// One more record in the additional section.
fn add(reply: &mut Vec<u8>, record: &[u8]) {
    reply[11] += 1;
    reply.extend(record);
}
