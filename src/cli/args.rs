//! What can be typed, and the help that teaches it.
use crate::io::logging::Door;
use argh::FromArgs;
use std::path::PathBuf;

#[cfg(feature = "office")]
mod office;
#[cfg(feature = "office")]
pub use office::*;

fn default_socket() -> PathBuf {
    PathBuf::from("/var/run/tandem/control.sock")
}

fn default_config() -> PathBuf {
    PathBuf::from("/etc/config/tandem")
}

/// A telephone exchange for OpenWrt routers: the texts of a SIM in a USB dongle reach your mailbox, its calls your phone.
#[derive(FromArgs, Debug)]
#[argh(
    example = "Is the file right?\n  tandem check /etc/config/tandem\nStart it in this terminal:\n  tandem run -c /etc/config/tandem --log stderr\nIs the dongle there, does mail go out?\n  tandem status\nWhat came, and what became of it?\n  tandem sms list",
    note = "Exit codes: 0 fine, 1 the thing asked for failed, 2 wrong usage, 3 the daemon is not reachable, 4 the configuration is bad.",
    note = "'tandem COMMAND --help' tells more of each command."
)]
pub struct Tandem {
    /// print the version
    #[argh(switch, short = 'V')]
    pub version: bool,

    #[argh(subcommand)]
    pub command: Option<Command>,
}

/// The words in an order that argh reads as people mean them: in a text to send nothing is an option and "help" is a word,
/// while `-s`, `--dongle` and `--json` may stand anywhere before a `--`.
#[must_use]
pub fn arrange(words: Vec<String>) -> Vec<String> {
    let with_value: &[&str] = match words.iter().take(2).map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["sms", "send"] => &["-s", "--socket", "--dongle"],
        ["pdu", "encode"] => &[],
        _ => return words.into_iter().map(|w| if w == "-h" { "--help".to_owned() } else { w }).collect(),
    };
    let mut rest = words.into_iter();
    let mut arranged: Vec<String> = rest.by_ref().take(2).collect();
    let mut text = Vec::new();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "--" => text.extend(rest.by_ref()),
            "help" | "-h" | "--help" if text.is_empty() => arranged.push("--help".to_owned()),
            w if with_value.contains(&w) => {
                arranged.push(word);
                arranged.extend(rest.next());
            }
            "--json" if !with_value.is_empty() => arranged.push(word),
            // Before the number a dash can only begin an option, a mistyped one.
            w if w.starts_with('-') && text.is_empty() => arranged.push(word),
            _ => text.push(word),
        }
    }
    if !text.is_empty() {
        arranged.push("--".to_owned());
        arranged.append(&mut text);
    }
    arranged
}

#[derive(FromArgs, Debug)]
#[argh(subcommand)]
pub enum Command {
    Run(Run),
    Check(Check),
    Status(Status),
    Reload(Reload),
    Sms(Sms),
    Calls(Calls),
    Dial(Dial),
    #[cfg(feature = "manager")]
    Doctor(Doctor),
    Hangup(Hangup),
    #[cfg(feature = "office")]
    Extension(Extension),
    Ussd(Ussd),
    #[cfg(feature = "office")]
    Route(Route),
    #[cfg(feature = "office")]
    Trace(Trace),
    #[cfg(feature = "office")]
    Pdu(Pdu),
    Version(Version),
}

/// Run the daemon in the foreground. SIGHUP reads the configuration again, SIGTERM ends it.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "run")]
pub struct Run {
    /// configuration, UCI text (default /etc/config/tandem)
    #[argh(option, short = 'c', default = "default_config()")]
    pub config: PathBuf,
    /// control socket (default /var/run/tandem/control.sock)
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// where log lines go: stderr, syslog, or auto (default: stderr on a terminal, else syslog)
    #[argh(option, default = "Door::Auto")]
    pub log: Door,
    /// sysfs, to try it with another tree (default /sys)
    #[argh(option, default = "PathBuf::from(\"/sys\")")]
    pub sysfs: PathBuf,
    /// device nodes (default /dev)
    #[argh(option, default = "PathBuf::from(\"/dev\")")]
    pub dev: PathBuf,
}

/// Read a configuration and say everything that is wrong in it, and what to write instead.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "check")]
pub struct Check {
    /// the file (default /etc/config/tandem)
    #[argh(positional, default = "default_config()")]
    pub file: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// Show dongles, phones, trunks, mail servers, and how many texts wait.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "status")]
pub struct Status {
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// Have the daemon read its configuration again; says what is wrong in it.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "reload")]
pub struct Reload {
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// Texts: list, show, send, retry, delete.
#[derive(FromArgs, Debug)]
#[argh(
    subcommand,
    name = "sms",
    example = "tandem sms list\ntandem sms send +491511234567 I am at home\ntandem sms retry 0123456789abcdef"
)]
pub struct Sms {
    #[argh(subcommand)]
    pub command: SmsCommand,
}

#[derive(FromArgs, Debug)]
#[argh(subcommand)]
pub enum SmsCommand {
    List(SmsList),
    Show(SmsShow),
    Send(SmsSend),
    Retry(SmsRetry),
    Delete(SmsDelete),
}

/// List texts, newest first, and what became of each.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "list")]
pub struct SmsList {
    /// how many (default 50, at most 200)
    #[argh(option, default = "50")]
    pub limit: usize,
    /// go on behind this id
    #[argh(option)]
    pub before: Option<String>,
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// Show one text with every delivery.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "show")]
pub struct SmsShow {
    /// id, as 'sms list' shows it
    #[argh(positional)]
    pub id: String,
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// Send a text. It is stored before this returns; 'sms show' tells how it went.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "send")]
pub struct SmsSend {
    /// number, best with + and country code
    #[argh(positional)]
    pub number: String,
    /// the text; several words are joined by blanks
    #[argh(positional)]
    pub text: Vec<String>,
    /// which dongle, where there are several
    #[argh(option)]
    pub dongle: Option<String>,
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// Deliver or send a text again: one that was refused or given up, or now instead of later.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "retry")]
pub struct SmsRetry {
    /// id, as 'sms list' shows it
    #[argh(positional)]
    pub id: String,
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// Delete a text for good, delivered or not.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "delete")]
pub struct SmsDelete {
    /// id, as 'sms list' shows it
    #[argh(positional)]
    pub id: String,
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// Show the calls there are and the last ones.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "calls")]
pub struct Calls {
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// Ring an extension and, when it answers, dial for it: as if the number had been typed there.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "dial", example = "tandem dial 100 +491511234567")]
pub struct Dial {
    /// the extension that calls
    #[argh(positional)]
    pub extension: String,
    /// what it dials
    #[argh(positional)]
    pub number: String,
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

#[cfg(feature = "manager")]
/// Walk one dongle from its socket to the mailbox: what is fine, what is wrong, how that is known, what to do. Exit code 1 where
/// something is wrong.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "doctor", example = "tandem doctor\ntandem doctor home_sim")]
pub struct Doctor {
    /// the dongle, where there are several
    #[argh(positional)]
    pub dongle: Option<String>,
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// End a call.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "hangup", example = "tandem hangup 12\ntandem hangup all")]
pub struct Hangup {
    /// its number, as 'tandem calls' shows it, or 'all'
    #[argh(positional)]
    pub call: String,
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// Send a USSD code such as *100# and print the network's answer.
#[derive(FromArgs, Debug)]
#[argh(
    subcommand,
    name = "ussd",
    example = "tandem ussd '*100#'\ntandem ussd 1        (an answer to a question of the network)",
    note = "Put codes in quotes: the shell takes * and # for itself."
)]
pub struct Ussd {
    /// the code, or the answer to the network's question
    #[argh(positional)]
    pub code: String,
    /// which dongle, where there are several
    #[argh(option)]
    pub dongle: Option<String>,
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// Print the version.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "version")]
pub struct Version {
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_taken_as_it_stands() {
        let arranged = |line: &str| arrange(line.split(' ').map(str::to_owned).collect()).join(" ");
        for (typed, read) in [
            ("sms send +491 I need help now", "sms send -- +491 I need help now"),
            ("sms send +491 -5 degrees -s x.sock --json", "sms send -s x.sock --json -- +491 -5 degrees"),
            ("sms send --dongle sim +491 hi", "sms send --dongle sim -- +491 hi"),
            ("sms send +491 -- --json -s", "sms send -- +491 --json -s"),
            ("sms send help", "sms send --help"),
            ("sms send --jsno +491 hi", "sms send --jsno -- +491 hi"),
            ("pdu encode +491 -s help", "pdu encode -- +491 -s help"),
            ("sms list -h", "sms list --help"),
        ] {
            assert_eq!(arranged(typed), read);
        }
    }
}
