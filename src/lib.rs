//! tandem: a telephone exchange for OpenWrt routers.
//!
//! Layers, imports go down only (`tests/layering.rs`):
//! `cli` → `io` → `switch` ← `config`; `switch` → `modem`, `message` → `wire` → `util`.
#![deny(unsafe_code)]

pub mod cli;
pub mod config;
pub mod io;
pub mod media;
pub mod message;
pub mod modem;
pub mod sip;
pub mod switch;
pub mod util;
pub mod wire;
