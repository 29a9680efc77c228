//! Every capacity and its reason. "Full" is an ordinary answer; what it is stands beside each bound.

/// UCI file: 64 kB hold hundreds of phones; a longer one is refused whole.
pub const CONFIG_BYTES: usize = 65_536;
/// Sections in a configuration; further ones are reported and ignored.
pub const CONFIG_SECTIONS: usize = 512;
/// Problems that one check reports; the rest is counted.
pub const CONFIG_PROBLEMS: usize = 100;
