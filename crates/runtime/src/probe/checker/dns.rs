//! A query by UDP. It is sent again once half of the time is over: one lost datagram is no failure.
//!
//! Answers to something else are passed over; who wants to be believed has to know the number, the
//! port and the name.

use std::net::SocketAddr;

use health::dns_question::{self, ANSWER_BYTES_MAX};
use health::{DnsCheck, ErrorText, FailReason, Outcome, Phase};
use tokio::net::UdpSocket;
use tokio::time::{Instant, timeout_at};

use super::{CheckReport, no_connection, to_rtt};
use crate::random;

/// Asks the server at `target`, from the first moment to the last of these.
pub(super) async fn ask(
    target: SocketAddr,
    check: &DnsCheck,
    (started, deadline): (Instant, Instant),
) -> CheckReport {
    let any: SocketAddr =
        if target.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = match UdpSocket::bind(any).await {
        Ok(socket) => socket,
        Err(error) => return CheckReport::fail(no_connection(&error)),
    };
    if let Err(error) = socket.connect(target).await {
        return CheckReport::fail(no_connection(&error));
    }
    let source = socket.local_addr().ok().map(|local| local.ip().to_canonical());
    let again = started + (deadline - started) / 2;
    let answered = match timeout_at(again, exchange(&socket, check)).await {
        Ok(answered) => answered,
        // Another number: an answer that is late by half is as good as none.
        Err(_) => match timeout_at(deadline, exchange(&socket, check)).await {
            Ok(answered) => answered,
            Err(_) => Err(FailReason::TimedOut(Phase::Response)),
        },
    };
    let outcome = match answered.and_then(|()| to_rtt(started.elapsed())) {
        Ok(connect) => Outcome::Pass { connect },
        Err(reason) => Outcome::Fail(reason),
    };
    CheckReport { outcome, source, certificate_ends: None }
}

/// One query and its answer.
async fn exchange(socket: &UdpSocket, check: &DnsCheck) -> Result<(), FailReason> {
    let id = random::number();
    let no_name = || FailReason::Answer(ErrorText::new("nothing to ask for"));
    let question = dns_question::question(check, id).ok_or_else(no_name)?;
    socket.send(&question).await.map_err(|error| no_connection(&error))?;
    let mut answer = vec![0; ANSWER_BYTES_MAX];
    loop {
        let length = socket.recv(&mut answer).await.map_err(|error| no_connection(&error))?;
        let bytes = answer.get(..length).unwrap_or_default();
        if let Some(judged) = dns_question::judge(check, id, bytes) {
            return judged;
        }
    }
}
