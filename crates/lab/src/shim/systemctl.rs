//! `systemctl start|stop|restart|status|kill opengslb`: asks the host to. `web`, the web server, can be
//! started and killed.

use std::process::ExitCode;

use anyhow::bail;

use super::Here;
use crate::host;

/// What `systemctl status` and `is-active` exit with for a stopped unit (LSB).
const INACTIVE: u8 = 3;

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (verb, rest) = words.split_first().map_or(("", words.as_slice()), |(v, rest)| (*v, rest));
    let (signal, unit) = match rest {
        ["-s", signal, unit] => (*signal, *unit),
        [option, unit] => (option.strip_prefix("--signal=").unwrap_or_default(), *unit),
        [unit] => ("TERM", *unit),
        _ => ("", ""),
    };
    let unit = unit.strip_suffix(".service").unwrap_or(unit);
    if !matches!(unit, "opengslb" | "web") || signal.is_empty() {
        bail!("usage: systemctl start|stop|restart|status|is-active|kill [-s SIGNAL] opengslb|web");
    }
    let here = Here::find()?;
    let ask = |request: &str| host::ask(&here.layout, &here.host, &format!("{unit} {request}"));
    let state = match verb {
        "start" | "stop" | "restart" => {
            ask(verb)?;
            return Ok(ExitCode::SUCCESS);
        }
        "kill" => {
            ask(&format!("kill {signal}"))?;
            return Ok(ExitCode::SUCCESS);
        }
        "status" | "is-active" => ask("status")?,
        _ => bail!("the lab's systemctl cannot {verb:?}"),
    };
    let word = state.split(':').next().unwrap_or_default();
    crate::say(if verb == "status" { &state } else { word });
    Ok(if word == "active" { ExitCode::SUCCESS } else { ExitCode::from(INACTIVE) })
}
