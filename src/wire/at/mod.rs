//! AT commands of Huawei E1750-class sticks: bytes to lines, lines to meaning. ITU-T V.250, 3GPP TS 27.007 and 27.005.
//!
//! Sticks take liberties with the standard; each tolerance here names its cause. "DONGLE n" is a section of the notes on these sticks
//! that the emulated one (tests/e1750) is written from.
pub mod calls;
pub mod fields;
pub mod line;
pub mod tokens;
pub mod urc;
pub mod ussd;

pub use calls::{Listed, Party, Stat};
pub use fields::Fields;
pub use line::Final;
pub use tokens::{Token, Tokens};
pub use urc::{Registration, Storage, Urc};
pub use ussd::Ussd;
