//! A look-alike of `dig`: `dig @SERVER NAME [TYPE] [+short] [+tcp] [+subnet=NET] [-4|-6] [-p PORT]`.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use domain::base::iana::Rtype;
use model::Subnet;

use crate::dns_client::{self, Question};

/// As the real one: what it says where no server answers.
const NO_ANSWER: u8 = 9;

/// A command line, understood.
#[derive(Debug)]
struct Request {
    question: Question,
    short: bool,
}

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let request = parse(args)?;
    let answer = match dns_client::ask(&request.question) {
        Ok(answer) => answer,
        Err(error) => {
            crate::say(&format!(";; {error:#}"));
            return Ok(ExitCode::from(NO_ANSWER));
        }
    };
    if request.short {
        dns_client::short(&answer.message)?.iter().for_each(|line| crate::say(line));
        return Ok(ExitCode::SUCCESS);
    }
    crate::say(answer.message.display_dig_style().to_string().trim_end());
    crate::say(&format!(";; Query time: {} msec", answer.took.as_millis()));
    crate::say(&format!(";; SERVER: {}", request.question.server));
    Ok(ExitCode::SUCCESS)
}

fn parse(args: &[String]) -> anyhow::Result<Request> {
    let (mut server, mut name, mut kind, mut subnet) = (None, None, None, None);
    let (mut short, mut tcp, mut ipv6, mut port) = (false, false, None, 53);
    let (mut tries_s, mut words) = (5, args.iter().map(String::as_str));
    while let Some(word) = words.next() {
        match word {
            "+short" => short = true,
            "+tcp" | "+vc" => tcp = true,
            "-4" => ipv6 = Some(false),
            "-6" => ipv6 = Some(true),
            "-p" => port = words.next().context("-p needs a port")?.parse().context("-p")?,
            "-t" => kind = Some(words.next().context("-t needs a type")?.parse()?),
            _ if word.starts_with('@') => server = word.get(1..),
            _ if word.starts_with("+subnet=") => {
                subnet = Some(parse_subnet(word.get(8..).unwrap_or_default())?);
            }
            _ if word.starts_with("+time=") || word.starts_with("+timeout=") => {
                tries_s = word.split('=').nth(1).unwrap_or_default().parse().context("+time")?;
            }
            // What changes only how much is printed, or is the default here.
            _ if word.starts_with("+no") || word.starts_with("+tries=") => {}
            _ if word.starts_with(['+', '-']) => bail!("this stand-in for dig has no {word}"),
            _ => match (&name, word.parse::<Rtype>()) {
                (Some(_), Ok(parsed)) => kind = Some(parsed),
                (None, _) => name = Some(word.to_owned()),
                _ => bail!("{word:?} is no type of record"),
            },
        }
    }
    let server = server.context("say which server to ask: dig @SERVER NAME")?;
    let question = Question {
        server: resolve(server, port, ipv6)?,
        name: name.context("say which name to ask for: dig @SERVER NAME")?,
        kind: kind.unwrap_or(Rtype::A),
        subnet,
        tcp,
        timeout: Duration::from_secs(tries_s),
    };
    Ok(Request { question, short })
}

fn resolve(server: &str, port: u16, ipv6: Option<bool>) -> anyhow::Result<SocketAddr> {
    let mut addresses = (server, port).to_socket_addrs().with_context(|| server.to_owned())?;
    let fits = |address: &SocketAddr| ipv6.is_none_or(|ipv6| address.is_ipv6() == ipv6);
    addresses.find(fits).with_context(|| format!("{server} has no address of that family"))
}

/// A network, or an address that stands for itself.
fn parse_subnet(text: &str) -> anyhow::Result<Subnet> {
    match text.parse::<IpAddr>() {
        Ok(address) => Ok(Subnet::host(address)),
        Err(_) => Ok(text.parse()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> anyhow::Result<Request> {
        parse(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_briefs_command_lines_are_understood() {
        let asked = request("@10.1.1.10 app.demo.local A +short").unwrap();
        assert!(asked.short && asked.question.kind == Rtype::A && !asked.question.tcp);
        assert_eq!(asked.question.server, "10.1.1.10:53".parse().unwrap());
        let line = "@fd00::1 app.demo.local AAAA +tcp -p 5353 +subnet=10.1.2.0/24 +noall";
        let asked = request(line).unwrap();
        assert!(asked.question.tcp && asked.question.kind == Rtype::AAAA);
        assert_eq!(asked.question.server, "[fd00::1]:5353".parse().unwrap());
        assert_eq!(asked.question.subnet.unwrap().to_string(), "10.1.2.0/24");
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for line in ["app.demo.local", "@10.1.1.10", "@10.1.1.10 a b", "@::1 a +dnssec-and-more"] {
            assert!(request(line).is_err(), "{line}");
        }
    }
}
