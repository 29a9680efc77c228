//! Every capacity and its reason. "Full" is an ordinary answer; what it is stands beside each bound.

/// UCI file: 64 kB hold hundreds of phones; a longer one is refused whole.
pub const CONFIG_BYTES: usize = 65_536;
/// Sections in a configuration; further ones are reported and ignored.
pub const CONFIG_SECTIONS: usize = 512;
/// Problems that one check reports; the rest is counted.
pub const CONFIG_PROBLEMS: usize = 100;
/// Octets of one SMS PDU: 12 of service centre address and 232 of TPDU (3GPP TS 23.040 section 9.2.3.16) with some
/// to spare for sticks that append; a longer one is refused and kept as it came.
pub const SMS_PDU_OCTETS: usize = 256;
/// Parts of one text to send: each is billed, and a page of writing fits; a longer text is refused. The protocol
/// allows 255.
pub const SMS_PARTS_OUT: usize = 10;
