//! `opengslb service`: the agent as a Windows service.
//!
//! Installed, started, stopped and removed by an administrator; started by Windows, with the
//! machine, and anew when it fails. It runs as LocalSystem, since Windows times connections for an
//! administrator only. Must never be needed to run an agent: in a console it runs as it is.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser as _;
use opengslb::configuration::load;
use runtime::windows::event_log::{Weight, report};
use runtime::windows::notify::{self, Told};
use runtime::windows::signals::{self, Asked};
use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceControl, ServiceControlAccept,
    ServiceErrorControl, ServiceExitCode, ServiceFailureActions, ServiceFailureResetPeriod,
    ServiceInfo, ServiceStartType, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{
    self, ServiceControlHandlerResult, ServiceStatusHandle,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_service::{Error, define_windows_service, service_dispatcher};

use super::command_line::{Arguments, ServiceWord};
use super::{USAGE, run, say, tell};

/// What it is called.
const NAME: &str = "opengslb";
const DISPLAY_NAME: &str = "OpenGSLB agent";
const DESCRIPTION: &str = "Measures the round-trip times of this server's clients and reports them to OpenGSLB overwatches.";

/// Where lines go that nobody reads as they come.
const LOG_FILE: &str = r"C:\opengslb\logs\agent.log";

/// After the first failure, the second and each further one.
const RESTART_AFTER: [Duration; 3] =
    [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];

/// Failures older than this are forgotten: the next one is the first.
const FORGET_FAILURES: Duration = Duration::from_secs(86_400);

/// How long Windows may wait for the next sign while it starts or ends: names are looked up and
/// overwatches hear a goodbye.
const PATIENCE: Duration = Duration::from_secs(30);

/// Carries a word out.
pub(crate) fn main(word: ServiceWord, arguments: &Arguments) -> ExitCode {
    let done = match word {
        ServiceWord::Install => install(&arguments.config),
        ServiceWord::Remove => remove(),
        ServiceWord::Start => open(ServiceAccess::START).and_then(|it| it.start(&[] as &[&OsStr])),
        ServiceWord::Stop => stop(),
        ServiceWord::Run => service_dispatcher::start(NAME, ffi_serve),
    };
    match done {
        Ok(()) => {
            if word != ServiceWord::Run {
                say(&format!("service {NAME}: {}", word.done()));
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            tell(&format!("opengslb: service {NAME}: {}", runtime::logs::chain(&error)));
            ExitCode::FAILURE
        }
    }
}

fn manager(access: ServiceManagerAccess) -> Result<ServiceManager, Error> {
    ServiceManager::local_computer(None::<&str>, access | ServiceManagerAccess::CONNECT)
}

fn open(access: ServiceAccess) -> Result<Service, Error> {
    manager(ServiceManagerAccess::CONNECT)?.open_service(NAME, access)
}

/// With Windows from now on, and anew when it fails.
fn install(config: &Path) -> Result<(), Error> {
    let program = std::env::current_exe().map_err(Error::Winapi)?;
    let words = [OsStr::new("--config"), config.as_os_str(), "service".as_ref(), "run".as_ref()];
    let info = ServiceInfo {
        name: NAME.into(),
        display_name: DISPLAY_NAME.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: program,
        launch_arguments: words.map(OsStr::to_owned).into(),
        dependencies: Vec::new(),
        // LocalSystem.
        account_name: None,
        account_password: None,
    };
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::START;
    let service = manager(ServiceManagerAccess::CREATE_SERVICE)?.create_service(&info, access)?;
    service.set_description(DESCRIPTION)?;
    let restart = |delay| ServiceAction { action_type: ServiceActionType::Restart, delay };
    let recovery = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(FORGET_FAILURES),
        reboot_msg: None,
        command: None,
        actions: Some(RESTART_AFTER.map(restart).into()),
    };
    // Without these it is a service all the same.
    let recovered = service
        .update_failure_actions(recovery)
        .and_then(|()| service.set_failure_actions_on_non_crash_failures(true));
    if let Err(error) = recovered {
        tell(&format!("it is not restarted when it fails: {}", runtime::logs::chain(&error)));
    }
    Ok(())
}

/// Stops it, if it runs, and takes it away.
fn remove() -> Result<(), Error> {
    let access = ServiceAccess::DELETE | ServiceAccess::QUERY_STATUS;
    let service = open(access)?;
    if service.query_status()?.current_state != ServiceState::Stopped {
        stop()?;
    }
    service.delete()
}

/// Stops it and waits until it has ended.
fn stop() -> Result<(), Error> {
    let service = open(ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)?;
    service.stop()?;
    let began = Instant::now();
    while service.query_status()?.current_state != ServiceState::Stopped {
        if began.elapsed() > PATIENCE {
            let late = std::io::Error::new(std::io::ErrorKind::TimedOut, "it has not ended yet");
            return Err(Error::Winapi(late));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

define_windows_service!(ffi_serve, serve);

/// What Windows calls in a thread of its own. Its words are those of installation, on the process's
/// command line.
fn serve(_words: Vec<OsString>) {
    let registered = service_control_handler::register(NAME, on_control);
    let handle = match registered {
        Ok(handle) => handle,
        Err(error) => return report(Weight::Error, &runtime::logs::chain(&error)),
    };
    show(handle, ServiceState::StartPending, 0);
    notify::listen(move |told| match told {
        Told::Ready => {
            report(Weight::Information, "The agent runs.");
            show(handle, ServiceState::Running, 0);
        }
        Told::Stopping => show(handle, ServiceState::StopPending, 0),
    });
    let code = match start() {
        Ok(code) if code == ExitCode::SUCCESS => {
            report(Weight::Information, "The agent has ended.");
            0
        }
        Ok(_) => {
            report(Weight::Error, &format!("The agent has failed: see {LOG_FILE}."));
            1
        }
        Err(faults) => {
            report(Weight::Error, &format!("The agent cannot start:\n{faults}"));
            u32::from(USAGE)
        }
    };
    show(handle, ServiceState::Stopped, code);
}

/// Runs the agent until it is asked to end.
fn start() -> Result<ExitCode, String> {
    let mut arguments = Arguments::try_parse().map_err(|error| error.to_string())?;
    arguments.log_file.get_or_insert_with(|| LOG_FILE.into());
    let loaded = load(&arguments.config, arguments.mode.map(Into::into));
    let loaded = loaded.map_err(|faults| faults.join("\n"))?;
    Ok(run(loaded, arguments))
}

fn on_control(control: ServiceControl) -> ServiceControlHandlerResult {
    match control {
        ServiceControl::Stop | ServiceControl::Shutdown => signals::ask(Asked::End),
        ServiceControl::ParamChange => signals::ask(Asked::Reload),
        ServiceControl::Interrogate => {}
        _ => return ServiceControlHandlerResult::NotImplemented,
    }
    ServiceControlHandlerResult::NoError
}

/// Tells Windows how far it is; `code` is 0 unless it failed.
fn show(handle: ServiceStatusHandle, state: ServiceState, code: u32) {
    let is_pending = matches!(state, ServiceState::StartPending | ServiceState::StopPending);
    let accepted = ServiceControlAccept::STOP
        | ServiceControlAccept::SHUTDOWN
        | ServiceControlAccept::PARAM_CHANGE;
    let is_running = state == ServiceState::Running;
    let exit_code = match code {
        0 => ServiceExitCode::Win32(0),
        code => ServiceExitCode::ServiceSpecific(code),
    };
    let status = ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state: state,
        controls_accepted: if is_running { accepted } else { ServiceControlAccept::empty() },
        exit_code,
        checkpoint: 0,
        wait_hint: if is_pending { PATIENCE } else { Duration::ZERO },
        process_id: None,
    };
    // Who cannot be told is gone.
    let _ = handle.set_service_status(status);
}
