//! Connections that stay open, both ends in this process: until its input ends.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};

use testkit::Random;

use super::{PORT, server};

/// Holds so many; says how many it holds.
pub(super) fn run(number: u32, sockets: u32) -> anyhow::Result<()> {
    lab::alone::raise_file_limit()?;
    let address = SocketAddr::from((server(number), PORT));
    let listener = TcpListener::bind(address)?;
    let mut random = Random::new(u64::from(number) + 1);
    let held = (0..sockets).map(|_| super::traffic::connect(&listener, address, &mut random));
    let held: Vec<_> = held.collect::<anyhow::Result<_>>()?;
    println!("{}", held.len());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
