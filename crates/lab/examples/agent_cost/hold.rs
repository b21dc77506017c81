//! Connections that stay open, both ends in this process: until its input ends.

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use testkit::Random;

use super::{PORT, server};

/// Holds so many; says how many it holds. Then for each line that it hears, it sends a segment on each of them, and
/// says so again.
pub(super) fn run(number: u32, sockets: u32) -> anyhow::Result<()> {
    lab::alone::raise_file_limit()?;
    let address = SocketAddr::from((server(number), PORT));
    let listener = TcpListener::bind(address)?;
    let mut random = Random::new(u64::from(number) + 1);
    let held = (0..sockets).map(|_| super::traffic::connect(&listener, address, &mut random));
    let mut held: Vec<_> = held.collect::<anyhow::Result<_>>()?;
    println!("{}", held.len());
    let mut lines = std::io::stdin().lock().lines();
    while lines.next().transpose()?.is_some() {
        for (client, accepted) in &mut held {
            accepted.write_all(b"x")?;
            client.read_exact(&mut [0])?;
        }
        println!("{}", held.len());
    }
    Ok(())
}
