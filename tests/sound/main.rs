//! The sound of a call through the public API: its own generators, its own ears, and a virtual clock.
//! `cargo test --test sound -- --nocapture` prints what was measured.
#![allow(clippy::unwrap_used, clippy::panic, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_wrap)]
mod drift;
mod espeak;
mod judge;
mod keys;
mod listening;
mod network;
mod quality;
mod shaped;
mod trace;
mod world;
