//! L4: the world. Sockets, ttys, files, clocks; no decision about texts or calls.
//!
//! One thread runs the `Switch` (`run`); a thread each writes the disk, speaks SMTP, and opens ttys, which may block.
mod clock;
mod control;
mod disk;
#[cfg(feature = "tls")]
mod elsewhere;
mod event;
pub mod logging;
mod machine;
pub mod mail;
mod net;
mod ports;
pub mod reactor;
mod reset;
mod run;
mod seed;
// A handler and its registration.
#[allow(unsafe_code)]
mod signal;
mod sysfs;
// Takes a function of the C library's place.
#[cfg(target_env = "musl")]
#[allow(unsafe_code)]
mod thread_name;
#[cfg(feature = "tls")]
mod tls;
// A descriptor changes hands between three libraries: see there.
#[allow(unsafe_code)]
mod tty;
mod uevent;
mod usb;

pub use run::{Options, read_config, run};
pub use seed::seed;
