//! Connections that open, carry a little and close: as many a second as are wanted, exactly counted.
//!
//! One thread has both ends of each. Says its server's port is ready, waits for a line, says how many were
//! closed and in which time, and holds its listener until its input ends.

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};
use testkit::Random;

use super::{PORT, client_bits, server};

/// What a server sends on each connection, in one segment.
const PAYLOAD: [u8; 200] = [b'x'; 200];
/// How far it may fall behind and catch up: a machine that did not let it run for longer is asked for
/// fewer a second, not for all at once.
const BEHIND_MAX: Duration = Duration::from_millis(50);

/// Closes `rate` connections a second, or as many as it can where that is 0, for so many seconds.
pub(super) fn run(number: u32, rate: u32, seconds: u32) -> anyhow::Result<()> {
    let address = SocketAddr::from((server(number), PORT));
    let listener = TcpListener::bind(address)?;
    println!("ready");
    std::io::stdin().lock().read_line(&mut String::new())?;
    let mut random = Random::new(u64::from(number) + 1);
    let began = Instant::now();
    let lasting = Duration::from_secs(seconds.into());
    let pause = Duration::from_secs(1).checked_div(rate);
    let (mut closes, mut due) = (0_u64, began);
    while began.elapsed() < lasting {
        if let Some(pause) = pause {
            due = (due + pause).max(Instant::now().checked_sub(BEHIND_MAX).unwrap_or(due));
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        let (client, accepted) = connect(&listener, address, &mut random)?;
        close(client, accepted)?;
        closes += 1;
    }
    println!("{closes} {}", began.elapsed().as_secs_f64());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Both ends of a connection from any client, over which a payload went and was acknowledged.
pub(super) fn connect(
    listener: &TcpListener,
    to: SocketAddr,
    random: &mut Random,
) -> anyhow::Result<(TcpStream, TcpStream)> {
    let from = std::net::Ipv4Addr::from_bits(client_bits(random));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&to.into())?;
    let (mut accepted, _) = listener.accept()?;
    let mut client = TcpStream::from(socket);
    accepted.write_all(&PAYLOAD)?;
    client.read_exact(&mut [0; PAYLOAD.len()])?;
    Ok((client, accepted))
}

/// The client closes first, so the server's end is gone when this returns.
fn close(client: TcpStream, mut accepted: TcpStream) -> anyhow::Result<()> {
    drop(client);
    accepted.read_to_end(&mut Vec::new())?;
    Ok(())
}
