//! The words of a command line that say where a survey begins, and what it asks for.

use std::net::{IpAddr, SocketAddr};

use clap::Args;
use preflight::{Network, Start};

use super::roots::roots;

/// The port of DNS (RFC 1035, 4.2).
pub const DNS_PORT: u16 = 53;

/// Where to begin, and how.
#[derive(Clone, Debug, Args)]
pub struct Words {
    /// Find the parent by asking this resolver, not by walking down from the root.
    #[arg(long, value_name = "ADDR", value_parser = address, conflicts_with = "root")]
    pub resolver: Option<SocketAddr>,
    /// Begin at this server of a root of your own; may be given several times.
    #[arg(long, value_name = "ADDR", value_parser = address)]
    pub root: Vec<SocketAddr>,
    /// The port that nameservers answer on, for labs.
    #[arg(long, default_value_t = DNS_PORT)]
    pub port: u16,
    /// A client network that resolvers may ask for; may be given several times.
    #[arg(long, value_name = "NETWORK", default_value = "192.0.2.0/24")]
    pub client: Vec<Network>,
    /// The API of an overwatch, to compare configurations; give each one of the zone's.
    #[arg(long, value_name = "URL")]
    pub overwatch: Vec<String>,
}

impl Words {
    /// Where the way begins.
    #[must_use]
    pub fn start(&self) -> Start {
        match self.resolver {
            Some(resolver) => Start::Resolver(resolver),
            None if self.root.is_empty() => Start::Roots(roots()),
            None => Start::Roots(self.root.clone()),
        }
    }
}

/// An address, with its port where it is not that of DNS.
fn address(text: &str) -> Result<SocketAddr, String> {
    let ip = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, DNS_PORT));
    ip.or_else(|_| text.parse()).map_err(|_| {
        "an address is expected, as in 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_have_the_port_of_dns_where_they_name_none() {
        for (text, expect) in [
            ("192.0.2.1", Some("192.0.2.1:53")),
            ("192.0.2.1:99", Some("192.0.2.1:99")),
            ("::1", Some("[::1]:53")),
            ("[::1]:99", Some("[::1]:99")),
            ("ns.test", None),
        ] {
            let read = address(text).ok().map(|socket| socket.to_string());
            assert_eq!(read.as_deref(), expect, "{text}");
        }
    }
}
