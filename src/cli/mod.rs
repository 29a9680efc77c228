//! The command line.
mod args;
mod calls;
mod client;
#[cfg(feature = "manager")]
mod doctor;
#[cfg(feature = "office")]
mod office;
pub mod pdu;
mod show;
#[cfg(feature = "office")]
mod trace;

use crate::io::{self, logging};
use args::{Command, SmsCommand, Tandem};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Exit codes; a document of their own is the `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Fine = 0,
    /// The thing asked for failed.
    Failed = 1,
    /// Wrong usage.
    Usage = 2,
    /// The daemon can't be reached.
    Unreachable = 3,
    /// The configuration is bad.
    Configuration = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Run the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let words = args::arrange(words);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match argh::FromArgs::from_args(&["tandem"], &words) {
        Ok(tandem) => dispatch(tandem).into(),
        Err(early) if early.status.is_ok() => {
            print(&early.output);
            Exit::Fine.into()
        }
        Err(early) => {
            complain(early.output.trim_end());
            complain("'tandem --help' lists the commands, 'tandem COMMAND --help' what each takes");
            Exit::Usage.into()
        }
    }
}

fn dispatch(tandem: Tandem) -> Exit {
    if tandem.version {
        return version(false);
    }
    match tandem.command {
        None => {
            complain("what shall it do? 'tandem --help' lists the commands");
            Exit::Usage
        }
        Some(Command::Run(run)) => serve(run),
        Some(Command::Check(check)) => self::check(&check),
        Some(Command::Status(status)) => ask(&status.socket, "status", &json!({}), status.json, show::status),
        Some(Command::Reload(reload)) => self::reload(&reload),
        Some(Command::Sms(sms)) => self::sms(sms.command),
        Some(Command::Calls(calls)) => ask(&calls.socket, "calls", &json!({}), calls.json, calls::list),
        Some(Command::Dial(dial)) => {
            let params = json!({"from": dial.extension, "to": dial.number});
            ask(&dial.socket, "dial", &params, dial.json, calls::dialled)
        }
        #[cfg(feature = "manager")]
        Some(Command::Doctor(doctor)) => doctor::run(&doctor),
        Some(Command::Hangup(hangup)) => {
            ask(&hangup.socket, "hangup", &json!({"call": hangup.call}), hangup.json, calls::ended)
        }
        #[cfg(feature = "office")]
        Some(Command::Extension(extension)) => office::extension(&extension),
        Some(Command::Ussd(ussd)) => {
            let params = json!({"code": ussd.code, "dongle": ussd.dongle});
            ask(&ussd.socket, "ussd", &params, ussd.json, calls::ussd)
        }
        #[cfg(feature = "office")]
        Some(Command::Route(route)) => office::route(&route),
        #[cfg(feature = "office")]
        Some(Command::Trace(order)) => office::trace(order),
        #[cfg(feature = "office")]
        Some(Command::Pdu(pdu)) => office::pdu(pdu.command),
        Some(Command::Version(version)) => self::version(version.json),
    }
}

fn serve(run: args::Run) -> Exit {
    logging::start(run.log);
    let options = io::Options { config: run.config, socket: run.socket, sysfs: run.sysfs, dev: run.dev };
    match io::run(options) {
        Ok(()) => Exit::Fine,
        Err(why) => {
            log::error!("{why}");
            if why.kind() == std::io::ErrorKind::InvalidInput { Exit::Configuration } else { Exit::Failed }
        }
    }
}

fn check(check: &args::Check) -> Exit {
    let loaded = match io::read_config(&check.file) {
        Ok(loaded) => loaded,
        Err(why) => {
            complain(&why.to_string());
            return Exit::Configuration;
        }
    };
    if check.json {
        let problems: Vec<&str> = loaded.problem_lines().collect();
        let notices: Vec<&str> = loaded.notice_lines().collect();
        print(&format!("{}\n", json!({"problems": problems, "notices": notices})));
    } else {
        print(&loaded.to_string());
        if loaded.is_right() {
            print(&format!("{}: no problems\n", check.file.display()));
        }
    }
    if loaded.is_right() { Exit::Fine } else { Exit::Configuration }
}

/// Exit code 4 when something is wrong in the file, as `check` has it.
fn reload(reload: &args::Reload) -> Exit {
    let mut bad = false;
    let exit = ask_then(&reload.socket, "reload", &json!({}), reload.json, |answer| {
        bad = answer["problems"].as_array().is_some_and(|p| !p.is_empty());
        show::reloaded(answer)
    });
    if exit == Exit::Fine && bad { Exit::Configuration } else { exit }
}

fn sms(command: SmsCommand) -> Exit {
    match command {
        SmsCommand::List(list) => {
            let params = json!({"limit": list.limit, "before": list.before});
            ask(&list.socket, "sms_list", &params, list.json, show::list)
        }
        SmsCommand::Show(one) => ask(&one.socket, "sms_show", &json!({"id": one.id}), one.json, show::text),
        SmsCommand::Send(send) => {
            let text = send.text.join(" ");
            let params = json!({"to": send.number, "text": text, "dongle": send.dongle});
            ask(&send.socket, "sms_send", &params, send.json, show::accepted)
        }
        SmsCommand::Retry(one) => {
            ask(&one.socket, "sms_retry", &json!({"id": one.id}), one.json, show::retried)
        }
        SmsCommand::Delete(one) => {
            ask(&one.socket, "sms_delete", &json!({"id": one.id}), one.json, show::deleted)
        }
    }
}

fn version(as_json: bool) -> Exit {
    let version = env!("CARGO_PKG_VERSION");
    print(&if as_json {
        format!("{}\n", json!({"version": version}))
    } else {
        format!("tandem {version}\n")
    });
    Exit::Fine
}

/// One request to the daemon; its answer as JSON or in words.
fn ask(
    socket: &std::path::Path,
    method: &str,
    params: &Value,
    as_json: bool,
    words: fn(&Value) -> String,
) -> Exit {
    ask_then(socket, method, params, as_json, words)
}

fn ask_then(
    socket: &std::path::Path,
    method: &str,
    params: &Value,
    as_json: bool,
    words: impl FnOnce(&Value) -> String,
) -> Exit {
    match client::request(socket, method, params) {
        Ok(answer) => {
            let shown = words(&answer);
            print(&if as_json { format!("{answer}\n") } else { shown });
            Exit::Fine
        }
        Err(why) => refused(why, socket),
    }
}

fn refused(why: client::Failure, socket: &std::path::Path) -> Exit {
    match why {
        client::Failure::Unreachable(why) => {
            complain(&format!("the daemon is not reachable at {} ({why})", socket.display()));
            Exit::Unreachable
        }
        client::Failure::Refused(why) => {
            complain(&why);
            Exit::Failed
        }
    }
}

/// A reader that closes the pipe has seen enough.
fn print(text: &str) {
    use std::io::Write as _;
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

fn complain(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "tandem: {text}");
}
