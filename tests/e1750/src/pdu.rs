//! SMS PDUs as a network and a SIM see them (3GPP TS 23.040): DELIVER and STATUS-REPORT are built,
//! SUBMIT is read. Written for the stick alone; shares nothing with the daemon.

use crate::gsm7;
use crate::hex;
use crate::time::Stamp;

/// The longest TPDU (without SMSC) a stick of this class takes, in octets.
pub const TPDU_LIMIT: usize = 164;

const SMSC: &str = "+491710760000";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alphabet {
    Gsm7,
    Eight,
    Ucs2,
}

/// One part of a text on its way to the SIM: user data header and packed user data.
#[derive(Debug, Clone)]
pub struct Segment {
    pub alphabet: Alphabet,
    pub has_header: bool,
    /// TP-UDL: septets for GSM 7-bit, octets otherwise.
    pub length: usize,
    pub octets: Vec<u8>,
}

/// How a text is split.
#[derive(Debug, Clone, Copy)]
pub struct Split {
    pub alphabet: Option<Alphabet>,
    pub reference: u16,
    /// 8 or 16 bits of reference number (information element 00 or 08).
    pub width: u8,
}

/// Units that must stay together: an escape pair, a surrogate pair, one octet.
fn units(text: &str, alphabet: Alphabet) -> Option<Vec<Vec<u8>>> {
    match alphabet {
        Alphabet::Gsm7 => text.chars().map(gsm7::septets_of).collect(),
        Alphabet::Eight => Some(text.bytes().map(|b| vec![b]).collect()),
        Alphabet::Ucs2 => Some(
            text.chars()
                .map(|c| {
                    let mut buffer = [0u16; 2];
                    c.encode_utf16(&mut buffer).iter().flat_map(|u| u.to_be_bytes()).collect()
                })
                .collect(),
        ),
    }
}

fn concat_header(split: &Split, total: u8, seq: u8) -> Vec<u8> {
    let [high, low] = split.reference.to_be_bytes();
    if split.width == 16 { vec![6, 8, 4, high, low, total, seq] } else { vec![5, 0, 3, low, total, seq] }
}

/// Cuts a text into parts. The alphabet is GSM 7-bit when it fits, else UCS2, unless one is asked for.
pub fn split(text: &str, how: &Split) -> Result<Vec<Segment>, String> {
    let alphabet =
        how.alphabet.unwrap_or(if gsm7::encode(text).is_some() { Alphabet::Gsm7 } else { Alphabet::Ucs2 });
    let units = units(text, alphabet).ok_or("the text does not fit the GSM alphabet")?;
    let whole: usize = units.iter().map(Vec::len).sum();
    let header = if how.width == 16 { 7 } else { 6 };
    let (single, multi) = match alphabet {
        Alphabet::Gsm7 => (160, (140 - header) * 8 / 7),
        Alphabet::Eight => (140, 140 - header),
        Alphabet::Ucs2 => (140, (140 - header) / 2 * 2),
    };
    if whole <= single {
        return Ok(vec![segment(alphabet, &[], &units.concat())]);
    }
    let mut parts: Vec<Vec<u8>> = vec![Vec::new()];
    for unit in units {
        if parts.last().is_some_and(|p| p.len() + unit.len() > multi) {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.last_mut() {
            part.extend(unit);
        }
    }
    let total = u8::try_from(parts.len()).map_err(|_| "more than 255 parts")?;
    Ok(parts
        .iter()
        .zip(1..=total)
        .map(|(part, seq)| segment(alphabet, &concat_header(how, total, seq), part))
        .collect())
}

fn segment(alphabet: Alphabet, header: &[u8], content: &[u8]) -> Segment {
    let mut octets = header.to_vec();
    let length = if alphabet == Alphabet::Gsm7 {
        let fill = fill_bits(header.len());
        octets.extend(gsm7::pack(content, fill));
        (header.len() * 8).div_ceil(7) + content.len()
    } else {
        octets.extend(content);
        octets.len()
    };
    Segment { alphabet, has_header: !header.is_empty(), length, octets }
}

/// Bits between the header and the first septet (TS 23.040 9.2.3.24).
fn fill_bits(header: usize) -> usize {
    (7 - header * 8 % 7) % 7
}

/// A number as type of address and semi-octets; alphanumeric when it is not a number.
/// Returns the length field's value (digits, or semi-octets used) and the octets behind it.
fn address(number: &str) -> (usize, Vec<u8>) {
    let digits: Option<Vec<u8>> =
        number.strip_prefix('+').unwrap_or(number).chars().map(semi_octet).collect();
    match digits {
        Some(digits) => {
            let toa = if number.starts_with('+') { 0x91 } else { 0x81 };
            let mut octets = vec![toa];
            octets.extend(digits.chunks(2).map(|p| match p {
                [low, high] => high << 4 | low,
                [low] => 0xF0 | low,
                _ => 0xFF,
            }));
            (digits.len(), octets)
        }
        None => {
            let mut septets = gsm7::encode(number).unwrap_or_default();
            septets.truncate(11);
            let octets = [vec![0xD0], gsm7::pack(&septets, 0)].concat();
            ((septets.len() * 7).div_ceil(4), octets)
        }
    }
}

fn semi_octet(c: char) -> Option<u8> {
    Some(match c {
        '0'..='9' => c.to_digit(10).and_then(|d| u8::try_from(d).ok())?,
        '*' => 10,
        '#' => 11,
        _ => return None,
    })
}

fn smsc_field() -> Vec<u8> {
    let (_, octets) = address(SMSC);
    let mut out = vec![u8::try_from(octets.len()).unwrap_or(0)];
    out.extend(octets);
    out
}

/// The SMSC number the SIM holds.
pub fn smsc_number() -> &'static str {
    SMSC
}

/// A DELIVER as +CMGR prints it: SMSC, then TPDU.
pub fn deliver(from: &str, segment: &Segment, scts: &Stamp, class: Option<u8>) -> Vec<u8> {
    let mut out = smsc_field();
    out.push(if segment.has_header { 0x44 } else { 0x04 });
    let (length, octets) = address(from);
    out.push(u8::try_from(length).unwrap_or(0));
    out.extend(octets);
    out.push(0);
    let group = match segment.alphabet {
        Alphabet::Gsm7 => 0x00,
        Alphabet::Eight => 0x04,
        Alphabet::Ucs2 => 0x08,
    };
    out.push(group | class.map_or(0, |c| 0x10 | c & 3));
    out.extend(scts.octets());
    out.push(u8::try_from(segment.length).unwrap_or(0));
    out.extend(&segment.octets);
    out
}

/// A STATUS-REPORT for message reference `mr` to `to`, status `st` (TS 23.040 9.2.3.15).
pub fn status_report(mr: u8, to: &str, sent: &Stamp, discharged: &Stamp, st: u8) -> Vec<u8> {
    let mut out = smsc_field();
    out.push(0x06);
    out.push(mr);
    let (length, octets) = address(to);
    out.push(u8::try_from(length).unwrap_or(0));
    out.extend(octets);
    out.extend(sent.octets());
    out.extend(discharged.octets());
    out.push(st);
    out
}

/// Octets of the TPDU: all behind the SMSC field. `None` when the SMSC field is longer than the PDU.
pub fn tpdu_length(pdu: &[u8]) -> Option<usize> {
    let smsc = usize::from(*pdu.first()?);
    pdu.len().checked_sub(1 + smsc)
}

/// What a SUBMIT says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submit {
    pub to: String,
    pub text: String,
    pub report: bool,
    /// Reference, total, sequence of a part.
    pub part: Option<(u16, u8, u8)>,
    pub dcs: u8,
    /// National language tables named in the header (24 single, 25 locking); the text is shown by the default ones.
    pub national: bool,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn octet(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?.first().copied().unwrap_or(0))
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let (head, tail) = self.0.split_at_checked(n).ok_or("PDU too short")?;
        self.0 = tail;
        Ok(head)
    }
}

/// Reads a SUBMIT with its SMSC field, as written behind AT+CMGS.
pub fn submit(pdu: &[u8]) -> Result<Submit, String> {
    let mut r = Reader(pdu);
    let smsc = usize::from(r.octet()?);
    r.take(smsc)?;
    let first = r.octet()?;
    if first & 3 != 1 {
        return Err(format!("not a SUBMIT: first octet {first:02X}"));
    }
    r.octet()?;
    let digits = usize::from(r.octet()?);
    if digits > 20 {
        return Err(format!("address of {digits} digits"));
    }
    let toa = r.octet()?;
    let to = number(toa, digits, r.take(digits.div_ceil(2))?)?;
    r.octet()?;
    let dcs = r.octet()?;
    r.take(match first >> 3 & 3 {
        0 => 0,
        2 => 1,
        _ => 7,
    })?;
    let udl = usize::from(r.octet()?);
    user_data(first, to, dcs, udl, r.0)
}

fn user_data(first: u8, to: String, dcs: u8, udl: usize, ud: &[u8]) -> Result<Submit, String> {
    let alphabet = alphabet_of(dcs);
    let octets = if alphabet == Alphabet::Gsm7 { (udl * 7).div_ceil(8) } else { udl };
    if ud.len() != octets {
        return Err(format!("user data of {} octets, its length says {octets}", ud.len()));
    }
    let has_header = first & 0x40 != 0;
    let header = if has_header { 1 + usize::from(*ud.first().ok_or("no header")?) } else { 0 };
    let head = ud.get(..header).ok_or("header longer than the user data")?;
    let body = ud.get(header..).ok_or("header longer than the user data")?;
    let text = match alphabet {
        Alphabet::Gsm7 => {
            let skipped = (header * 8).div_ceil(7);
            let count = udl.checked_sub(skipped).ok_or("header longer than the user data")?;
            gsm7::decode(&gsm7::unpack(body, fill_bits(header), count))
        }
        Alphabet::Eight => hex::encode(body),
        Alphabet::Ucs2 => {
            if body.len() % 2 != 0 {
                return Err("odd number of UCS2 octets".into());
            }
            let raw: Vec<u16> = body.chunks_exact(2).map(|p| u16::from_be_bytes([p[0], p[1]])).collect();
            String::from_utf16_lossy(&raw)
        }
    };
    let elements = elements(head.get(1..).unwrap_or_default())?;
    let part = elements.iter().find_map(|(iei, data)| match (iei, data) {
        (0, [r, total, seq]) => Some((u16::from(*r), *total, *seq)),
        (8, [high, low, total, seq]) => Some((u16::from_be_bytes([*high, *low]), *total, *seq)),
        _ => None,
    });
    if part.is_some_and(|(_, total, seq)| total == 0 || seq == 0 || seq > total) {
        return Err("impossible part number".into());
    }
    let national = elements.iter().any(|(iei, _)| matches!(iei, 0x24 | 0x25));
    Ok(Submit { to, text, report: first & 0x20 != 0, part, dcs, national })
}

fn alphabet_of(dcs: u8) -> Alphabet {
    match (dcs >> 4, dcs >> 2 & 3) {
        (0..=7, 1) => Alphabet::Eight,
        (0..=7, 2) => Alphabet::Ucs2,
        (0xE, _) => Alphabet::Ucs2,
        (0xF, 1 | 3) => Alphabet::Eight,
        _ => Alphabet::Gsm7,
    }
}

fn elements(mut head: &[u8]) -> Result<Vec<(u8, &[u8])>, String> {
    let mut out = Vec::new();
    while let [iei, length, rest @ ..] = head {
        let data = rest.get(..usize::from(*length)).ok_or("information element too long")?;
        out.push((*iei, data));
        head = rest.get(usize::from(*length)..).unwrap_or_default();
    }
    Ok(out)
}

fn number(toa: u8, digits: usize, octets: &[u8]) -> Result<String, String> {
    if toa & 0x80 == 0 {
        return Err(format!("type of address {toa:02X}"));
    }
    if toa & 0x70 == 0x50 {
        return Ok(gsm7::decode(&gsm7::unpack(octets, 0, digits * 4 / 7)));
    }
    let mut out = String::from(if toa & 0x70 == 0x10 { "+" } else { "" });
    for n in 0..digits {
        let octet = octets.get(n / 2).copied().unwrap_or(0xFF);
        let digit = if n % 2 == 0 { octet & 15 } else { octet >> 4 };
        out.push(match digit {
            0..=9 => char::from(b'0' + digit),
            10 => '*',
            11 => '#',
            12..=14 => char::from(b'a' + digit - 12),
            _ => return Err("filler inside the number".into()),
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_match_published_vectors() {
        for (text, field) in [
            ("+9876543210", "0A918967452301"),
            ("+987654321", "099189674523F1"),
            ("+27829135934", "0B917228195339F4"),
            ("FRANCOIS", "0ED04669D0397C26A7"),
            ("a[]{}€", "14D0E10D6FE3DBA036A94D19"),
            ("9037029920", "0A810973209902"),
        ] {
            let (length, octets) = address(text);
            assert_eq!(format!("{length:02X}{}", hex::encode(&octets)), field, "{text}");
        }
    }

    #[test]
    fn parts_are_counted_as_published() {
        let how = Split { alphabet: None, reference: 7, width: 8 };
        for (c, count, parts) in [
            ("x", 160, 1),
            ("x", 161, 2),
            ("x", 306, 2),
            ("x", 307, 3),
            ("€", 80, 1),
            ("€", 153, 3),
            ("ő", 70, 1),
            ("ő", 71, 2),
            ("ő", 134, 2),
            ("ő", 135, 3),
        ] {
            assert_eq!(split(&c.repeat(count), &how).unwrap().len(), parts, "{c} x {count}");
        }
    }

    #[test]
    fn surrogates_stay_together() {
        let how = Split { alphabet: None, reference: 300, width: 16 };
        for part in split(&"я😋".repeat(60), &how).unwrap() {
            let text = &part.octets[7..];
            let raw: Vec<u16> = text.chunks(2).map(|p| u16::from_be_bytes([p[0], p[1]])).collect();
            assert!(String::from_utf16(&raw).is_ok());
            assert!(part.octets.len() <= 140);
        }
    }

    #[test]
    fn submit_of_published_vector() {
        let pdu = hex::decode("0001000B919130079229F000000AE8329BFD4697D9EC37").unwrap();
        let read = submit(&pdu).unwrap();
        assert_eq!((read.to.as_str(), read.text.as_str()), ("+19037029920", "hellohello"));
        assert!(submit(&pdu[..pdu.len() - 1]).is_err());
        assert_eq!(tpdu_length(&pdu), Some(22));
    }

    #[test]
    fn deliver_of_published_vector() {
        let segment =
            split("hellohello", &Split { alphabet: None, reference: 0, width: 8 }).unwrap().remove(0);
        let scts = Stamp::parse("2011-01-01T12:34:56+00:00").unwrap();
        let pdu = deliver("+18005551212", &segment, &scts, None);
        assert!(hex::encode(&pdu).ends_with("040B918100551512F20000111010214365000AE8329BFD4697D9EC37"));
    }
}
