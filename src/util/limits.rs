//! Every capacity and its reason. "Full" is an ordinary answer; what it is stands beside each bound.

/// UCI file: 64 kB hold hundreds of phones; a longer one is refused whole.
pub const CONFIG_BYTES: usize = 65_536;
/// Sections in a configuration; further ones are reported and ignored.
pub const CONFIG_SECTIONS: usize = 512;
/// Problems that one check reports; the rest is counted.
pub const CONFIG_PROBLEMS: usize = 100;

/// One line from a stick: the longest is a PDU of 176 octets in hexadecimal; a USSD answer stays under 800. The rest of a
/// longer line is dropped and counted.
pub const AT_LINE: usize = 2_048;
/// Bytes of a stick that wait to become lines. Beyond it the oldest incomplete line is dropped.
pub const AT_BUFFER: usize = 8_192;
/// Lines of one answer: `AT+CMGL=4` gives two for each slot, 50 slots are the largest SIM seen. Further lines are dropped; the next list finds what is left.
pub const AT_ANSWER_LINES: usize = 520;
/// Slots waiting to be read or deleted. When more come in, the whole list is read again instead.
pub const SLOT_JOBS: usize = 64;
/// USB devices in one snapshot of the bus; a router with hubs has a dozen. Further ones are not looked at.
pub const USB_DEVICES: usize = 128;
/// Interfaces of one device; a stick has up to seven.
pub const USB_INTERFACES: usize = 32;
/// Ports of one stick that are held open.
pub const PORTS: usize = 8;
