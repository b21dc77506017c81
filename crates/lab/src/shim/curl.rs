//! A look-alike of `curl`: GET over http, with `-s`, `-S`, `-f`, `-i`, `-o FILE` and `-m SECONDS`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};

use crate::http::{self, Url};

/// The real one's code where it cannot connect.
const NO_CONNECTION: u8 = 7;
/// The real one's code for `-f` and a status of 400 or more.
const HTTP_ERROR: u8 = 22;

pub(super) fn run(args: &[String]) -> anyhow::Result<ExitCode> {
    let (mut silent, mut fail, mut head, mut file, mut url) = (false, false, false, None, None);
    let (mut timeout, mut words) = (Duration::from_secs(30), args.iter().map(String::as_str));
    while let Some(word) = words.next() {
        match word {
            "-o" | "--output" => file = Some(words.next().context("-o needs a file")?),
            "-m" | "--max-time" => {
                let seconds = words.next().and_then(|word| word.parse().ok());
                timeout = Duration::from_secs(seconds.context("-m needs seconds")?);
            }
            _ if word.starts_with('-') && !word.starts_with("--") => {
                for letter in word.chars().skip(1) {
                    match letter {
                        's' => silent = true,
                        'f' => fail = true,
                        'i' => head = true,
                        // Errors are shown anyway unless -s; redirects and proxies do not occur.
                        'S' => silent = false,
                        'L' | '4' | '6' => {}
                        _ => bail!("this stand-in for curl has no -{letter}"),
                    }
                }
            }
            _ if word.starts_with("--") => bail!("this stand-in for curl has no {word}"),
            _ => url = Some(word),
        }
    }
    let response = match http::get(&Url::parse(url.context("which URL?")?)?, timeout) {
        Ok(response) => response,
        Err(error) => {
            if !silent {
                crate::complain(&format!("curl: ({NO_CONNECTION}) {error:#}"));
            }
            return Ok(ExitCode::from(NO_CONNECTION));
        }
    };
    if fail && response.status >= 400 {
        if !silent {
            crate::complain(&format!("curl: ({HTTP_ERROR}) The server said {}", response.status));
        }
        return Ok(ExitCode::from(HTTP_ERROR));
    }
    if head {
        crate::say_raw(response.head.as_bytes());
    }
    match file {
        Some(path) => std::fs::write(path, &response.body).with_context(|| path.to_owned())?,
        None => crate::say_raw(&response.body),
    }
    Ok(ExitCode::SUCCESS)
}
