//! The `opengslb` binary: one program for agents, overwatches and the lab.
//!
//! Reads the command line and the configuration, and prints every error once, with its causes. All
//! else is in `runtime` and `lab`. Exit codes: 0 well, 1 failed, 64 a faulty command line or
//! configuration (sysexits.h, EX_USAGE).

mod command_line;

#[cfg(windows)]
mod service;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use config::{Config, LoggingSettings, Mode};
use opengslb::cli::{self, USAGE};
use opengslb::configuration::{Loaded, load};
use opengslb::survey::words::Words;
use runtime::logs::{Logs, chain};
use runtime::panics;
use runtime::process::ground::Ground;
use runtime::process::reload::Files;
use runtime::process::{self, Around};

use command_line::{Arguments, Command, ModeArgument};

fn main() -> ExitCode {
    #[cfg(unix)]
    if let Some(code) = in_the_lab() {
        return code;
    }
    let arguments: Arguments = match cli::arguments() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match &arguments.command {
        Some(Command::CheckConfig { config, preflight, words }) => {
            let path = config.as_ref().unwrap_or(&arguments.config);
            match load(path, arguments.mode.map(Into::into)) {
                Ok(loaded) => {
                    let warnings = loaded.warnings.iter().chain(&loaded.exposed);
                    warnings.for_each(|warning| tell(&format!("warning: {warning}")));
                    say(&format!("{} is right", path.display()));
                    if *preflight {
                        look_at_zones(&loaded.config, words)
                    } else {
                        ExitCode::SUCCESS
                    }
                }
                Err(faults) => refuse(&faults),
            }
        }
        // The lab read its words before.
        #[cfg(unix)]
        Some(Command::Lab { words }) => lab::main(words),
        #[cfg(unix)]
        Some(Command::StartSuccessors { words }) => {
            match process::successor::serve(words.clone()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => refuse(&[chain(&error)]),
            }
        }
        #[cfg(windows)]
        Some(Command::Service { word }) => service::main(*word, &arguments),
        None => match load(&arguments.config, arguments.mode.map(Into::into)) {
            Ok(loaded) if arguments.print_config => {
                say(loaded.effective.trim_end());
                ExitCode::SUCCESS
            }
            Ok(Loaded { exposed, .. }) if !exposed.is_empty() => refuse(&exposed),
            Ok(loaded) => run(loaded, arguments),
            Err(faults) => refuse(&faults),
        },
    }
}

/// What the lab does with a command line: it reads its own words, and in it this program also stands in
/// for tools that the machine lacks.
#[cfg(unix)]
fn in_the_lab() -> Option<ExitCode> {
    let mut words = std::env::args();
    let program = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    lab::shim(&program, &rest).or_else(|| match rest.split_first() {
        Some((word, rest)) if word == "lab" => Some(lab::main(rest)),
        _ => None,
    })
}

/// Looks whether resolvers will find the zones of a configuration. An agent has none.
fn look_at_zones(config: &Config, words: &Words) -> ExitCode {
    let Mode::Overwatch(config) = &config.mode else { return ExitCode::SUCCESS };
    let zones: Vec<String> = config.dns.zones.iter().map(|zone| zone.apex().to_string()).collect();
    let names: Vec<String> = config.domains.iter().map(|domain| domain.name.to_string()).collect();
    match cli::look_at_zones(words, &zones, &names) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => refuse(&[fault]),
    }
}

/// Runs the process that the configuration describes.
fn run(loaded: Loaded, arguments: Arguments) -> ExitCode {
    let Loaded { config, warnings, files, paths, .. } = loaded;
    // Before there is another thread: the log has one.
    let ground = match Ground::lay(&config, &paths) {
        Ok(ground) => ground,
        Err(error) => {
            tell(&format!("opengslb: cannot run: {}", chain(&error)));
            return ExitCode::FAILURE;
        }
    };
    let Config { mode, logging, metrics, sandbox } = config;
    let logs = match start_log(&logging, &arguments) {
        Ok(logs) => logs,
        Err(error) => {
            tell(&format!("opengslb: {}", chain(&*error)));
            return ExitCode::FAILURE;
        }
    };
    panics::watch();
    ground.tell();
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let version = env!("CARGO_PKG_VERSION");
    let runtime = match tokio_runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("cannot start: {}", chain(&error));
            return ExitCode::FAILURE;
        }
    };
    let (is_taking_over, path, word) = (arguments.take_over, arguments.config, arguments.mode);
    let read: process::reload::Read = Arc::new(move || read_again(&path, word));
    // Dropped last, so that the last lines are written.
    let logs = Arc::new(logs);
    let held = Arc::clone(&logs);
    let around =
        Around { logging, metrics, sandbox, logs: held, files, read, is_taking_over, ground };
    let ended = match mode {
        Mode::Agent(config) => {
            tracing::info!("opengslb {version} agent {}", config.identity.agent_id);
            runtime.block_on(process::agent::run(*config, around))
        }
        #[cfg(not(unix))]
        Mode::Overwatch(_) => {
            tracing::error!("an overwatch runs on Linux; on this system there are agents only");
            return ExitCode::FAILURE;
        }
        #[cfg(unix)]
        Mode::Overwatch(config) => {
            tracing::info!("opengslb {version} overwatch {}", config.identity.node_id);
            runtime.block_on(process::overwatch::run(*config, around))
        }
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("cannot run: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// What carries everything that is asynchronous; the loop of the node stays on this thread.
fn tokio_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().thread_name(panics::TASKS).enable_all().build()
}

/// The log of the process, where the command line wants it.
fn start_log(
    logging: &LoggingSettings,
    arguments: &Arguments,
) -> Result<Logs, Box<dyn std::error::Error>> {
    #[cfg(windows)]
    if let Some(path) = &arguments.log_file {
        return Ok(Logs::start_in(logging.level, logging.format, path)?);
    }
    // Elsewhere a service manager takes what is written.
    let _ = arguments;
    Ok(Logs::start(logging.level, logging.format)?)
}

/// Reads the configuration while a process runs on it: by the same rules as at its start.
fn read_again(path: &Path, mode: Option<ModeArgument>) -> Result<Files, Vec<String>> {
    match load(path, mode.map(Into::into)) {
        Ok(Loaded { exposed, .. }) if !exposed.is_empty() => Err(exposed),
        Ok(Loaded { files, .. }) => Ok(files),
        Err(mut faults) => {
            // A process that confined itself cannot tell what it may not read from what nobody may.
            if process::ground::may_be_outside(&faults) {
                faults.push(process::ground::OUTSIDE.to_owned());
            }
            Err(faults)
        }
    }
}

/// Prints every fault of a configuration.
fn refuse(faults: &[String]) -> ExitCode {
    faults.iter().for_each(|fault| tell(fault));
    ExitCode::from(USAGE)
}

/// A line on standard output; a closed pipe is not our problem.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line on standard error.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
