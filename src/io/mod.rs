//! io

// Defining symbols of the C library is unsafe by nature; nothing else in there is.
pub mod mail;
#[cfg(all(target_arch = "mips", target_endian = "big", target_env = "musl"))]
#[allow(unsafe_code)]
mod mips_timer;
