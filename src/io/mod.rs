//! io
pub mod mail;
