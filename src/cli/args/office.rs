//! What can be typed with the feature `office`.
use super::default_socket;
use argh::FromArgs;
use std::path::PathBuf;

/// Show SIP messages as they come and go: a ladder of each call on the terminal, and a file for Wireshark. Passwords and keys are
/// masked. Ends with Ctrl-C.
#[derive(FromArgs, Debug)]
#[argh(
    subcommand,
    name = "trace",
    example = "Every call from now on, and a file:\n  tandem trace -o calls.pcap\nWhy does a phone not register?\n  tandem trace --all",
    note = "Times are UTC. What came by TCP is in the file as UDP."
)]
pub struct Trace {
    /// only this call, a number that 'tandem calls' shows
    #[argh(option)]
    pub call: Option<u32>,
    /// registrations and everything else too
    #[argh(switch)]
    pub all: bool,
    /// write a capture file (pcap)
    #[argh(option, short = 'o')]
    pub output: Option<PathBuf>,
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON, a line for each message
    #[argh(switch)]
    pub json: bool,
}

/// Show or set what an extension does with its calls: do not disturb, forwarding.
#[derive(FromArgs, Debug)]
#[argh(
    subcommand,
    name = "extension",
    example = "tandem extension 100\ntandem extension 100 dnd on\ntandem extension 100 forward busy 0301234567\ntandem extension 100 forward busy off"
)]
pub struct Extension {
    /// its number
    #[argh(positional)]
    pub name: String,
    /// dnd on|off, or forward always|busy|no_answer|unreachable NUMBER|off
    #[argh(positional)]
    pub set: Vec<String>,
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// Where a call would go.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "route")]
pub struct Route {
    #[argh(subcommand)]
    pub command: RouteCommand,
}

#[derive(FromArgs, Debug)]
#[argh(subcommand)]
pub enum RouteCommand {
    Explain(RouteExplain),
}

/// Which rule takes a number, what is dialled where, and why the other rules do not. Nothing is dialled.
#[derive(FromArgs, Debug)]
#[argh(
    subcommand,
    name = "explain",
    example = "tandem route explain 100 +491511234567\ntandem route explain provider/+15555555555 +491511234567"
)]
pub struct RouteExplain {
    /// who calls: an extension, or the name of a trunk or dongle, with the caller's number behind a slash
    #[argh(positional)]
    pub from: String,
    /// what is dialled
    #[argh(positional)]
    pub number: String,
    /// control socket
    #[argh(option, short = 's', default = "default_socket()")]
    pub socket: PathBuf,
    /// print JSON
    #[argh(switch)]
    pub json: bool,
}

/// SMS as sticks write it: decode and encode by hand.
#[derive(FromArgs, Debug)]
#[argh(
    subcommand,
    name = "pdu",
    example = "tandem pdu decode 07912143658709F1040B918100551512F20000111010214365000AE8329BFD4697D9EC37\ntandem pdu encode +491511234567 Grüße"
)]
pub struct Pdu {
    #[argh(subcommand)]
    pub command: PduCommand,
}

#[derive(FromArgs, Debug)]
#[argh(subcommand)]
pub enum PduCommand {
    Decode(PduDecode),
    Encode(PduEncode),
}

/// Print as JSON what a PDU says, SMSC field first, as +CMGR prints it. Exit code 1 when it can't be read.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "decode")]
pub struct PduDecode {
    /// hexadecimal, blanks allowed
    #[argh(positional)]
    pub hex: Vec<String>,
}

/// Print as JSON the PDUs that carry a text, and the lengths for AT+CMGS.
#[derive(FromArgs, Debug)]
#[argh(subcommand, name = "encode")]
pub struct PduEncode {
    /// number
    #[argh(positional)]
    pub number: String,
    /// the text
    #[argh(positional)]
    pub text: Vec<String>,
}
