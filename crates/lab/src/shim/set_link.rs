//! `set-link HOSTS HOSTS cut|mended|slow MILLISECONDS`: cuts or slows the way between hosts of the
//! lab, until it is mended.

use std::os::unix::net::UnixDatagram;
use std::process::ExitCode;

use anyhow::Context;

use super::Here;
use crate::relay::Order;

const USAGE: &str = "usage: set-link HOST[,HOST...] HOST[,HOST...] cut|mended|slow MILLISECONDS";

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let (here, order) = (Here::find()?, args.join(" "));
    Order::parse(&order, &here.topology).context(USAGE)?;
    let relay = here.layout.relay();
    UnixDatagram::unbound()?
        .send_to(order.as_bytes(), &relay)
        .with_context(|| format!("reaching the relay at {}", relay.display()))?;
    Ok(ExitCode::SUCCESS)
}
