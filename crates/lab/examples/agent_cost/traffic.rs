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
/// What is due is made once in so long: one wake for ten of 5,000 a second.
const TURN: Duration = Duration::from_millis(2);

/// Closes `rate` connections a second, or as many as it can where that is 0, for so many seconds. Each has its
/// time, counted from the start: where the machine did not let it run, what was due meanwhile comes at once. Where it
/// cannot catch up it ends late, and in twice the time at the latest.
pub(super) fn run(number: u32, rate: u32, seconds: u32) -> anyhow::Result<()> {
    let address = SocketAddr::from((server(number), PORT));
    let listener = TcpListener::bind(address)?;
    println!("ready");
    std::io::stdin().lock().read_line(&mut String::new())?;
    let mut random = Random::new(u64::from(number) + 1);
    let began = Instant::now();
    let lasting = Duration::from_secs(seconds.into());
    let wanted = u64::from(rate) * u64::from(seconds);
    let mut closes = 0;
    while began.elapsed() < lasting || (closes < wanted && began.elapsed() < lasting * 2) {
        if rate > 0 && closes >= due(rate, began.elapsed()).min(wanted) {
            std::thread::sleep(TURN);
            continue;
        }
        let (client, accepted) = connect(&listener, address, &mut random)?;
        close(client, accepted)?;
        closes += 1;
    }
    println!("{closes} {}", began.elapsed().as_secs_f64());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// How many are to have been made after so long.
fn due(rate: u32, elapsed: Duration) -> u64 {
    let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    u64::from(rate).saturating_mul(ms) / 1_000
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
pub(super) fn close(client: TcpStream, mut accepted: TcpStream) -> anyhow::Result<()> {
    drop(client);
    accepted.read_to_end(&mut Vec::new())?;
    Ok(())
}
