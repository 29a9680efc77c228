//! User data header: information elements, TS 23.040 section 9.2.3.24.
use super::dcs::{MessageWaiting, Waiting};
use super::user_data::UserData;

/// One information element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    pub id: u8,
    pub bytes: Vec<u8>,
}

/// Information element identifiers that mean something here.
pub mod id {
    pub const CONCAT_8: u8 = 0x00;
    pub const WAITING: u8 = 0x01;
    pub const PORTS_8: u8 = 0x04;
    pub const PORTS_16: u8 = 0x05;
    pub const CONCAT_16: u8 = 0x08;
    pub const SINGLE_SHIFT: u8 = 0x24;
    pub const LOCKING_SHIFT: u8 = 0x25;
}

/// Which part of which text this is, TS 23.040 sections 9.2.3.24.1 and 9.2.3.24.8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Concat {
    pub reference: u16,
    /// The reference has 16 bits: not the same text as one with that number in 8 bits.
    pub wide: bool,
    /// From 1.
    pub total: u8,
    /// From 1 to `total`.
    pub part: u8,
}

/// Special SMS message indication, TS 23.040 section 9.2.3.24.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WaitingCount {
    pub waiting: MessageWaiting,
    /// Messages that wait, 255 for more than 254.
    pub count: u8,
}

impl Concat {
    /// `None` for another element and for one whose numbers make no sense, which is ignored as the section says.
    #[must_use]
    pub fn of(element: &Element) -> Option<Self> {
        let (reference, wide, total, part) = match (element.id, element.bytes.as_slice()) {
            (id::CONCAT_8, &[reference, total, part]) => (u16::from(reference), false, total, part),
            (id::CONCAT_16, &[high, low, total, part]) => {
                (u16::from_be_bytes([high, low]), true, total, part)
            }
            _ => return None,
        };
        (part != 0 && part <= total).then_some(Self { reference, wide, total, part })
    }

    /// The element, in 16 bits when `wide`.
    #[must_use]
    pub fn element(self) -> Element {
        let [high, low] = self.reference.to_be_bytes();
        if self.wide {
            Element { id: id::CONCAT_16, bytes: vec![high, low, self.total, self.part] }
        } else {
            Element { id: id::CONCAT_8, bytes: vec![low, self.total, self.part] }
        }
    }
}

/// Of elements that exclude each other or should not be repeated the last one counts, section 9.2.3.24.
impl UserData {
    /// The part this is; `None` for a text of its own.
    #[must_use]
    pub fn concat(&self) -> Option<Concat> {
        self.elements.iter().rev().find_map(Concat::of)
    }

    /// Application ports, destination and source; sections 9.2.3.24.3 and 9.2.3.24.4.
    #[must_use]
    pub fn ports(&self) -> Option<(u16, u16)> {
        self.elements.iter().rev().find_map(|element| match (element.id, element.bytes.as_slice()) {
            (id::PORTS_8, &[to, from]) => Some((u16::from(to), u16::from(from))),
            (id::PORTS_16, &[a, b, c, d]) => Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))),
            _ => None,
        })
    }

    /// Lamps to switch; several kinds can be in one text.
    pub fn waiting(&self) -> impl Iterator<Item = WaitingCount> + '_ {
        self.elements.iter().filter_map(|element| match (element.id, element.bytes.as_slice()) {
            (id::WAITING, &[kind, count]) => {
                let waiting = MessageWaiting {
                    waiting: Waiting::of(kind),
                    active: count != 0,
                    store: kind & 0x80 != 0,
                };
                Some(WaitingCount { waiting, count })
            }
            _ => None,
        })
    }
}

/// Elements of a header without its length octet. One that runs over the end makes the whole header void: it is
/// ignored and the text behind it stays, section 9.2.3.24.
#[must_use]
pub(super) fn parse(header: &[u8]) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut rest = header;
    while let [id, length, tail @ ..] = rest {
        let Some((bytes, next)) = tail.split_at_checked(usize::from(*length)) else { return Vec::new() };
        elements.push(Element { id: *id, bytes: bytes.to_vec() });
        rest = next;
    }
    if rest.is_empty() { elements } else { Vec::new() }
}

/// The header with its length octet; nothing when there are no elements.
#[must_use]
pub(super) fn emit(elements: &[Element]) -> Vec<u8> {
    let mut header = Vec::new();
    for element in elements {
        header.extend([element.id, u8::try_from(element.bytes.len()).unwrap_or(u8::MAX)]);
        header.extend(&element.bytes);
    }
    if !header.is_empty() {
        header.insert(0, u8::try_from(header.len()).unwrap_or(u8::MAX));
    }
    header
}

/// Language of a national table, locking or single shift; 0 when none is named.
pub(super) fn language(elements: &[Element], wanted: u8) -> u8 {
    let named = elements.iter().rev().find_map(|element| match element.bytes.as_slice() {
        &[language] if element.id == wanted => Some(language),
        _ => None,
    });
    named.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::sms::Content;

    fn user(header: &[u8]) -> UserData {
        UserData { elements: parse(header), content: Content::Text(String::new()), truncated: false }
    }

    #[test]
    fn parts_that_make_no_sense_are_single_texts() {
        for header in
            [&[0, 3, 1, 0, 0][..], &[0, 3, 1, 2, 0], &[0, 3, 1, 2, 3], &[0, 2, 1, 2], &[8, 3, 1, 2, 1]]
        {
            assert_eq!(user(header).concat(), None, "{header:02X?}");
        }
        let wide = Concat { reference: 0x0180, wide: true, total: 4, part: 2 };
        assert_eq!(user(&[0, 3, 1, 2, 1, 8, 4, 1, 0x80, 4, 2]).concat(), Some(wide));
        // An invalid one does not hide a valid one.
        assert_eq!(user(&[8, 4, 1, 0x80, 4, 2, 0, 3, 1, 0, 1]).concat(), Some(wide));
    }

    #[test]
    fn a_header_that_runs_over_is_void() {
        assert_eq!(parse(&[5, 4, 1, 2, 3, 4, 0, 3, 1]), []);
        assert_eq!(parse(&[5, 4, 1, 2, 3, 4, 0]), []);
        assert_eq!(user(&[5, 4, 0x0B, 0x84, 0x23, 0xF0]).ports(), Some((2_948, 9_200)));
        assert_eq!(user(&[4, 2, 1, 2]).ports(), Some((1, 2)));
    }

    #[test]
    fn waiting_messages() {
        let user = user(&[1, 2, 0x80, 3, 1, 2, 0x01, 0]);
        let shown: Vec<_> = user.waiting().map(|w| (w.waiting.waiting, w.waiting.active, w.count)).collect();
        assert_eq!(shown, [(Waiting::Voicemail, true, 3), (Waiting::Fax, false, 0)]);
    }
}
