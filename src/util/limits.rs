//! Every capacity and its reason. "Full" is an ordinary answer; what it is stands beside each bound.

/// UCI file: 64 kB hold hundreds of phones; a longer one is refused whole.
pub const CONFIG_BYTES: usize = 65_536;
/// Sections in a configuration; further ones are reported and ignored.
pub const CONFIG_SECTIONS: usize = 512;
/// Problems that one check reports; the rest is counted.
pub const CONFIG_PROBLEMS: usize = 100;
/// Options in one section; a longer one has no meaning here.
pub const CONFIG_OPTIONS: usize = 64;
/// Items in one list: as many destinations as one text may have.
pub const CONFIG_ITEMS: usize = 64;
/// Bytes in one value or name: a path, an address or a password fits four times over.
pub const CONFIG_VALUE: usize = 1_024;
