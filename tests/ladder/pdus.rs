//! PDUs as the network would bring them, made here so that each test says what is in them.

/// A received text. UCS2, so that any unit can be in it.
#[derive(Clone)]
pub struct Deliver<'a> {
    /// `+4915…`, `12345` or, with a leading `!`, GSM 7-bit octets of a name: `!Bank`.
    pub from: &'a str,
    /// Reference, total, number.
    pub part: Option<(u8, u8, u8)>,
    pub units: Vec<u16>,
    /// Data coding scheme, UCS2 unless a test says otherwise.
    pub dcs: u8,
    /// Minutes of the stamp's hour.
    pub minute: u8,
}

impl<'a> Deliver<'a> {
    pub fn new(from: &'a str, text: &str) -> Self {
        Self { from, part: None, units: text.encode_utf16().collect(), dcs: 0x08, minute: 10 }
    }

    pub fn part(mut self, reference: u8, total: u8, number: u8) -> Self {
        self.part = Some((reference, total, number));
        self
    }

    pub fn units(mut self, units: &[u16]) -> Self {
        self.units = units.to_vec();
        self
    }

    pub fn hex(&self) -> String {
        let header: Vec<u8> = match self.part {
            Some((reference, total, number)) => vec![5, 0, 3, reference, total, number],
            None => Vec::new(),
        };
        let mut user = header.clone();
        user.extend(self.units.iter().flat_map(|u| u.to_be_bytes()));
        let mut pdu = vec![0, if header.is_empty() { 0x04 } else { 0x44 }];
        pdu.extend(address(self.from));
        // PID, DCS, 2026-11-18 12:minute +01:00.
        pdu.extend([0, self.dcs, 0x62, 0x11, 0x81, 0x21, swapped(self.minute), 0, 0x40]);
        pdu.push(u8::try_from(user.len()).unwrap());
        pdu.extend(user);
        hex(&pdu)
    }
}

/// A status report: delivered to `to`, by reference.
pub fn report(to: &str, reference: u8, status: u8) -> String {
    let mut pdu = vec![0, 0x06, reference];
    pdu.extend(address(to));
    for _ in 0..2 {
        pdu.extend([0x62, 0x11, 0x81, 0x21, 0x01, 0, 0x40]);
    }
    pdu.push(status);
    hex(&pdu)
}

fn swapped(number: u8) -> u8 {
    ((number % 10) << 4) | (number / 10)
}

fn address(text: &str) -> Vec<u8> {
    if let Some(name) = text.strip_prefix('!') {
        let packed = packed(name.as_bytes());
        let mut address = vec![u8::try_from((name.len() * 7).div_ceil(4)).unwrap(), 0xd0];
        address.extend(packed);
        return address;
    }
    let (digits, kind) = text.strip_prefix('+').map_or((text, 0x81), |d| (d, 0x91));
    let mut address = vec![u8::try_from(digits.len()).unwrap(), kind];
    for pair in digits.as_bytes().chunks(2) {
        let low = pair[0] - b'0';
        let high = pair.get(1).map_or(0xf, |d| d - b'0');
        address.push((high << 4) | low);
    }
    address
}

/// Septets packed as in TS 23.038 6.1.2.1.
fn packed(septets: &[u8]) -> Vec<u8> {
    let mut out = vec![0; (septets.len() * 7).div_ceil(8)];
    for (at, septet) in septets.iter().enumerate() {
        for bit in 0..7 {
            if (septet >> bit) & 1 == 1 {
                let place = at * 7 + bit;
                out[place / 8] |= 1 << (place % 8);
            }
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02X}")).collect()
}
