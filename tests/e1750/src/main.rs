//! `e1750`: one process is one stick. See README.md.

use std::process::ExitCode;

use e1750::control;
use e1750::options::{Options, Request, help};
use e1750::stick::Stick;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)) {
        Ok(Request::Help) => {
            print!("{}", help());
            ExitCode::SUCCESS
        }
        Ok(Request::Run(options)) => match Stick::new(*options).and_then(control::run) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("e1750: {e}");
                ExitCode::FAILURE
            }
        },
        Err(e) => {
            eprintln!("e1750: {e}");
            ExitCode::from(2)
        }
    }
}
