//! What of USB goes over the wire as bytes: descriptors, and the command blocks of mass storage.
//!
//! USB 2.0 chapter 9; USB Mass Storage Class, Bulk-Only Transport 1.0 section 5.1.

const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;
const MASS_STORAGE: u8 = 0x08;
/// The lowest two bits of an endpoint's attributes: bulk.
const BULK: u8 = 2;
/// The highest bit of an endpoint's address: towards the host.
const IN: u8 = 0x80;

/// The mass-storage interface of a device, and how to talk to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storage {
    pub interface: u8,
    /// Address of its bulk endpoint away from the host.
    pub bulk_out: u8,
    pub bulk_in: Option<u8>,
}

impl Storage {
    /// The first one in a device's descriptors as the kernel gives them: the device's, then those of its configurations. Nothing of
    /// what is read here has more than one byte: numbers of two are in the kernel's order in the first descriptor and in the bus's
    /// order in the others.
    #[must_use]
    pub fn find(descriptors: &[u8]) -> Option<Self> {
        let mut interface = None;
        let (mut bulk_out, mut bulk_in) = (None, None);
        for descriptor in each(descriptors) {
            match *descriptor {
                [_, INTERFACE, number, _, _, class, ..] => {
                    if let (Some(interface), Some(bulk_out)) = (interface, bulk_out) {
                        return Some(Self { interface, bulk_out, bulk_in });
                    }
                    (bulk_out, bulk_in) = (None, None);
                    interface = (class == MASS_STORAGE).then_some(number);
                }
                [_, ENDPOINT, address, attributes, ..] if attributes & 3 == BULK => {
                    let place = if address & IN == 0 { &mut bulk_out } else { &mut bulk_in };
                    place.get_or_insert(address);
                }
                _ => {}
            }
        }
        Some(Self { interface: interface?, bulk_out: bulk_out?, bulk_in })
    }
}

/// Each descriptor, up to the first that is cut short or lies about its length.
fn each(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = usize::from(*bytes.first()?);
        let (descriptor, rest) = bytes.split_at_checked(length).filter(|_| length >= 2)?;
        bytes = rest;
        Some(descriptor)
    })
}

/// Length of a command block wrapper.
pub const COMMAND: usize = 31;

/// A command block wrapper without data. `length`: of the command block, as it is told; Huawei's own say 0 and are taken all the same.
#[must_use]
pub fn command(length: u8, block: &[u8]) -> [u8; COMMAND] {
    let mut bytes = [0; COMMAND];
    // Signature and tag.
    let head = *b"USBC\x12\x34\x56\x78";
    let told = core::iter::once((14, length));
    let bytes_of = head.into_iter().enumerate().chain(told).chain((15..).zip(block.iter().copied()));
    for (at, byte) in bytes_of {
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device descriptor (with its numbers of two bytes in either order), one configuration, two interfaces: what 12d1:1446 shows.
    fn cd(big_endian: bool) -> Vec<u8> {
        let mut bytes = vec![18, 1, 0, 2, 0, 0, 0, 64, 0xd1, 0x12, 0x46, 0x14, 0, 0, 1, 2, 0, 1];
        if big_endian {
            bytes[8..12].copy_from_slice(&[0x12, 0xd1, 0x14, 0x46]);
        }
        bytes.extend([9, 2, 55, 0, 2, 1, 0, 0xe0, 250]);
        for number in 0..2 {
            bytes.extend([9, 4, number, 0, 2, 8, 6, 0x50, 0]);
            bytes.extend([7, 5, 0x81 + number, 2, 0, 2, 0]);
            bytes.extend([7, 5, 0x01 + number, 2, 0, 2, 0]);
        }
        bytes
    }

    #[test]
    fn the_first_storage_interface_is_found_in_either_byte_order() {
        let wanted = Storage { interface: 0, bulk_out: 0x01, bulk_in: Some(0x81) };
        assert_eq!(Storage::find(&cd(false)), Some(wanted));
        assert_eq!(Storage::find(&cd(true)), Some(wanted));
    }

    #[test]
    fn other_interfaces_before_it_are_passed_over() {
        let mut bytes = vec![9, 4, 0, 0, 1, 0xff, 0, 0, 0, 7, 5, 0x02, 2, 0, 2, 0];
        bytes.extend([9, 4, 3, 0, 3, 8, 6, 0x50, 0, 7, 5, 0x86, 3, 8, 0, 1]);
        bytes.extend([7, 5, 0x05, 2, 0, 2, 0]);
        assert_eq!(Storage::find(&bytes), Some(Storage { interface: 3, bulk_out: 5, bulk_in: None }));
    }

    #[test]
    fn what_is_cut_or_lies_ends_the_reading() {
        let whole = cd(false);
        for cut in 0..whole.len() {
            // Up to the end of the first interface's endpoints it can't be known.
            let found = Storage::find(&whole[..cut]);
            assert!(found.is_none() || cut >= 50, "{cut}: {found:?}");
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 2, 255] {
                let mut lies = whole.clone();
                lies[at] = byte;
                let _ = Storage::find(&lies);
            }
        }
        assert_eq!(Storage::find(&[0, 0, 0]), None);
        assert_eq!(Storage::find(&[1; 40]), None);
        // Storage without a way out.
        assert_eq!(Storage::find(&[9, 4, 0, 0, 1, 8, 6, 0x50, 0, 7, 5, 0x81, 2, 0, 2, 0]), None);
    }

    #[test]
    fn a_command_is_padded_and_bounded() {
        let bytes = command(6, &[0x1b, 0, 0, 0, 2, 0]);
        assert_eq!(bytes[..8], *b"USBC\x12\x34\x56\x78");
        assert_eq!(bytes[8..], [0, 0, 0, 0, 0, 0, 6, 0x1b, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(command(0, &[7; 100])[15..], [7; 16]);
    }
}
