//! L1: bytes <-> values. No state, no time, no I/O.
pub mod at;
pub mod dns;
pub mod dtmf;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod sip;
pub mod sms;
pub mod uci;
pub mod usb;
