//! `journalctl -u opengslb [-n LINES] [-f]`: the log of this host's daemon.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};

use super::Here;
use crate::sys::process;

/// How often `-f` looks for more.
const FOLLOW: Duration = Duration::from_millis(200);

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let (mut lines, mut follow, mut words) = (None, false, args.iter());
    while let Some(word) = words.next() {
        match word.as_str() {
            "-u" | "--unit" => check_unit(words.next().map(String::as_str))?,
            "-n" | "--lines" => {
                let count = words.next().and_then(|word| word.parse::<usize>().ok());
                lines = Some(count.context("-n needs a number")?);
            }
            "-f" | "--follow" => follow = true,
            "--no-pager" | "-q" => {}
            unit if unit.starts_with("-u") => check_unit(unit.get(2..))?,
            unit if unit.starts_with("--unit=") => check_unit(unit.get(7..))?,
            option => bail!("the lab's journalctl has no option {option}"),
        }
    }
    let here = Here::find()?;
    let mut log = File::open(here.layout.log(&here.host)).context("this host runs no opengslb")?;
    let mut text = String::new();
    log.read_to_string(&mut text)?;
    let skip = lines.map_or(0, |lines| text.lines().count().saturating_sub(lines));
    text.lines().skip(skip).for_each(crate::say);
    if follow {
        tail(log)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn check_unit(unit: Option<&str>) -> anyhow::Result<()> {
    match unit {
        Some("opengslb" | "opengslb.service") => Ok(()),
        _ => bail!("the lab's hosts have one unit: -u opengslb"),
    }
}

fn tail(mut log: File) -> anyhow::Result<()> {
    process::catch_stop_signals()?;
    let mut position = log.stream_position()?;
    while !process::stop_requested() {
        let mut more = Vec::new();
        log.seek(SeekFrom::Start(position))?;
        position += log.read_to_end(&mut more)? as u64;
        crate::say_raw(&more);
        std::thread::sleep(FOLLOW);
    }
    Ok(())
}
