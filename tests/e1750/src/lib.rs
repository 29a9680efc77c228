//! An emulated Huawei E1750-class stick with its SIM and its radio network, on three ptys and a fake sysfs tree.
//! An independent reading of the hardware notes: it shares no code with the daemon it tests.

pub mod at;
pub mod audio;
pub mod control;
pub mod gsm7;
pub mod hex;
pub mod log;
pub mod network;
pub mod options;
pub mod pdu;
pub mod ports;
pub mod power;
pub mod quirks;
pub mod requests;
pub mod rng;
pub mod sim;
pub mod stick;
pub mod store;
pub mod sysfs;
pub mod time;
pub mod timers;
pub mod voice;
pub mod wav;
