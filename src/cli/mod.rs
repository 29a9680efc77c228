//! The command line.
pub mod pdu;

use std::process::ExitCode;

/// Run the program with the process's arguments.
pub fn main() -> ExitCode {
    ExitCode::SUCCESS
}
