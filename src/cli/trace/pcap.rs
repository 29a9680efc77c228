//! A capture file that Wireshark and tshark read: LINKTYPE_RAW (101), each message as one UDP datagram with the addresses it had.
//! What came by TCP is written so too: the stream around it is not ours to invent.
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

/// Longest message that fits into an IPv4 datagram.
const LONGEST: usize = 65_507;
const IP_RAW: u32 = 101;

/// The first bytes of a file: microseconds, little endian.
pub fn begin(out: &mut impl Write) -> io::Result<()> {
    let mut head = Vec::with_capacity(24);
    head.extend(0xa1b2_c3d4_u32.to_le_bytes());
    head.extend([2, 0, 4, 0]);
    head.extend([0; 8]);
    head.extend(65_535_u32.to_le_bytes());
    head.extend(IP_RAW.to_le_bytes());
    out.write_all(&head)
}

/// One message. `at_us`: microseconds since 1970.
pub fn packet(
    out: &mut impl Write,
    at_us: u64,
    from: SocketAddr,
    to: SocketAddr,
    payload: &[u8],
) -> io::Result<()> {
    let payload = payload.get(..payload.len().min(LONGEST)).unwrap_or_default();
    let bytes = datagram(from, to, payload);
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let seconds = u32::try_from(at_us / 1_000_000).unwrap_or(u32::MAX);
    let micros = u32::try_from(at_us % 1_000_000).unwrap_or(0);
    let mut record = Vec::with_capacity(bytes.len().saturating_add(16));
    for number in [seconds, micros, length, length] {
        record.extend(number.to_le_bytes());
    }
    record.extend(bytes);
    out.write_all(&record)
}

fn datagram(from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let udp_length = u16::try_from(payload.len().saturating_add(8)).unwrap_or(u16::MAX);
    let (source, destination) = same_family(from.ip(), to.ip());
    // What the checksum of UDP covers besides: RFC 768, RFC 8200 section 8.1.
    let mut pseudo = [source.clone(), destination.clone()].concat();
    pseudo.extend(u32::from(udp_length).to_be_bytes());
    pseudo.extend([0, 0, 0, 17]);
    let mut udp = Vec::with_capacity(payload.len().saturating_add(8));
    for number in [from.port(), to.port(), udp_length, 0] {
        udp.extend(number.to_be_bytes());
    }
    udp.extend_from_slice(payload);
    let sum = checksum(&[&pseudo, &udp]);
    // Zero says "none" (RFC 768).
    let sum = if sum == 0 { u16::MAX } else { sum };
    udp.splice(6..8, sum.to_be_bytes());
    let mut packet = if source.len() == 4 {
        let total = udp_length.saturating_add(20);
        let mut head = vec![0x45, 0];
        head.extend(total.to_be_bytes());
        // No fragments, 64 hops, UDP.
        head.extend([0, 0, 0x40, 0, 64, 17, 0, 0]);
        head.extend(source);
        head.extend(destination);
        let sum = checksum(&[&head]);
        head.splice(10..12, sum.to_be_bytes());
        head
    } else {
        let mut head = vec![0x60, 0, 0, 0];
        head.extend(udp_length.to_be_bytes());
        head.extend([17, 64]);
        head.extend(source);
        head.extend(destination);
        head
    };
    packet.extend(udp);
    packet
}

/// The octets of both, in IPv6 where one of them is.
fn same_family(from: IpAddr, to: IpAddr) -> (Vec<u8>, Vec<u8>) {
    let wide = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    match (from.to_canonical(), to.to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => (from.octets().to_vec(), to.octets().to_vec()),
        (from, to) => (wide(from), wide(to)),
    }
}

/// RFC 1071. Only the last part may have an odd length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum: u64 = 0;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        let high = u64::from(pair.first().copied().unwrap_or(0));
        let low = u64::from(pair.get(1).copied().unwrap_or(0));
        sum = sum.wrapping_add(high << 8 | low);
    }
    while sum > 0xffff {
        sum = (sum & 0xffff).wrapping_add(sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_add_up() {
        for (from, to) in [("192.0.2.1:5060", "192.0.2.2:5070"), ("[2001:db8::1]:5060", "192.0.2.2:5070")] {
            for payload in [&b"OPTIONS"[..], b"OPTION", b""] {
                let bytes = datagram(from.parse().unwrap(), to.parse().unwrap(), payload);
                let v4 = bytes[0] == 0x45;
                let (head, addresses) = if v4 { (20, 12..20) } else { (40, 8..40) };
                assert_eq!(bytes.len(), head + 8 + payload.len());
                if v4 {
                    assert_eq!(checksum(&[&bytes[..20]]), 0);
                }
                let udp = &bytes[head..];
                let pseudo =
                    [&bytes[addresses], &u32::try_from(udp.len()).unwrap().to_be_bytes(), &[0, 0, 0, 17]]
                        .concat();
                assert_eq!(checksum(&[&pseudo, udp]), 0, "{from} {to}");
            }
        }
    }

    /// RFC 1071 section 3.
    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(checksum(&[&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]]), !0xddf2);
    }

    #[test]
    fn a_file() {
        let mut out = Vec::new();
        begin(&mut out).unwrap();
        let at = ("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5070".parse().unwrap());
        packet(&mut out, 1_700_000_000_250_000, at.0, at.1, b"x").unwrap();
        assert_eq!(&out[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
        assert_eq!(&out[20..24], [101, 0, 0, 0]);
        assert_eq!(&out[24..28], 1_700_000_000_u32.to_le_bytes());
        assert_eq!(&out[28..32], 250_000_u32.to_le_bytes());
        assert_eq!(&out[32..36], 29_u32.to_le_bytes());
        assert_eq!(out.len(), 24 + 16 + 29);
    }
}
