//! AT commands of Huawei E1750-class sticks: bytes to lines, lines to meaning. ITU-T V.250, 3GPP TS 27.007 and 27.005.
//!
//! What the sticks do to the standard is in docs/DONGLE-QUIRKS.md; each tolerance here names its cause.
pub mod fields;
pub mod line;
pub mod tokens;
pub mod urc;

pub use fields::Fields;
pub use line::Final;
pub use tokens::{Token, Tokens};
pub use urc::{Registration, Storage, Urc};
