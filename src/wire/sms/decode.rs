//! SMSC field and TPDU, TS 23.040 section 9.2.2 and TS 27.005 section 3.1 (`<pdu>`).
use super::address::Address;
use super::dcs::Dcs;
use super::fault::{Fault, PduError};
use super::reader::Reader;
use super::report::StatusReport;
use super::timestamp;
use super::user_data::UserData;
use super::validity::Validity;
use crate::util::limits::SMS_PDU_OCTETS;
use crate::util::time::Stamp;

/// A PDU as the stick prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Service centre; `None` when the SIM's own is meant.
    pub sca: Option<Address>,
    pub pdu: Pdu,
    /// Octets behind the SMSC field: the length that `+CMGR` and `AT+CMGS` name.
    pub tpdu_len: usize,
}

/// What stands behind the SMSC field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pdu {
    Deliver(Deliver),
    Submit(Submit),
    StatusReport(StatusReport),
}

/// Where the octets come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Routed to us as they arrived (`+CMT`, `+CDS`): a SUBMIT among them is an error.
    FromNetwork,
    /// Read from a storage (`+CMGR`, `+CMGL`), where texts of our own can lie too.
    Stored,
}

/// SMS-DELIVER: a text from the network, section 9.2.2.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deliver {
    pub originator: Address,
    /// Protocol identifier, section 9.2.3.9.
    pub pid: u8,
    pub dcs: Dcs,
    /// When the service centre took the text; `None` when that is no date.
    pub timestamp: Option<Stamp>,
    /// More texts wait at the service centre.
    pub more: bool,
    /// The sender wants a report, which the service centre makes.
    pub report: bool,
    pub user: UserData,
}

impl Deliver {
    /// Short message type 0: acknowledged, then thrown away without a trace.
    #[must_use]
    pub const fn silent(&self) -> bool {
        self.pid == 0x40
    }

    /// Type, 1 to 7, of a text that replaces the earlier one of this type and sender.
    #[must_use]
    pub const fn replaces(&self) -> Option<u8> {
        match self.pid {
            0x41..=0x47 => Some(self.pid & 0x07),
            _ => None,
        }
    }
}

/// SMS-SUBMIT: a text to the network, section 9.2.2.2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submit {
    pub reference: u8,
    pub destination: Address,
    pub pid: u8,
    pub dcs: Dcs,
    pub validity: Option<Validity>,
    pub report_requested: bool,
    pub user: UserData,
}

/// Message type indicator, bits 1 and 0 of the first octet; 11 is reserved and read as a DELIVER,
/// section 9.2.3.1.
const TYPE: u8 = 0x03;
const SUBMIT: u8 = 0x01;
const STATUS_REPORT: u8 = 0x02;
/// Status report requested or indicated, bit 5.
const REPORT: u8 = 0x20;
/// User data header indicator, bit 6.
const HEADER: u8 = 0x40;

impl Decoded {
    /// Read `octets`, SMSC field in front. What follows the last field is ignored.
    ///
    /// # Errors
    /// Which octet cannot be read, and why.
    pub fn parse(octets: &[u8], from: Direction) -> Result<Self, PduError> {
        if octets.len() > SMS_PDU_OCTETS {
            return Err(PduError { at: SMS_PDU_OCTETS, what: Fault::TooLong });
        }
        let mut reader = Reader::new(octets);
        let sca = Address::parse_smsc(&mut reader)?;
        let tpdu_len = reader.rest().len();
        let start = reader;
        let first = reader.octet("first octet")?;
        let pdu = match first & TYPE {
            SUBMIT if from == Direction::FromNetwork => return Err(start.error(Fault::Submit)),
            SUBMIT => Pdu::Submit(Submit::parse(&mut reader, first)?),
            STATUS_REPORT => Pdu::StatusReport(StatusReport::parse(&mut reader, first)?),
            _ => Pdu::Deliver(Deliver::parse(&mut reader, first)?),
        };
        Ok(Self { sca, pdu, tpdu_len })
    }
}

impl Deliver {
    fn parse(reader: &mut Reader<'_>, first: u8) -> Result<Self, PduError> {
        let originator = Address::parse(reader, "originator")?;
        let pid = reader.octet("protocol identifier")?;
        let dcs = Dcs(reader.octet("data coding scheme")?);
        let timestamp = read_stamp(reader, "time stamp")?;
        let user = UserData::parse(reader, first & HEADER != 0, dcs)?;
        // "More messages to send" is inverted: 0 says there are some.
        let (more, report) = (first & 0x04 == 0, first & REPORT != 0);
        Ok(Self { originator, pid, dcs, timestamp, more, report, user })
    }
}

impl Submit {
    fn parse(reader: &mut Reader<'_>, first: u8) -> Result<Self, PduError> {
        let reference = reader.octet("message reference")?;
        let destination = Address::parse(reader, "destination")?;
        let pid = reader.octet("protocol identifier")?;
        let dcs = Dcs(reader.octet("data coding scheme")?);
        let validity = Validity::parse(reader, first)?;
        let user = UserData::parse(reader, first & HEADER != 0, dcs)?;
        Ok(Self { reference, destination, pid, dcs, validity, report_requested: first & REPORT != 0, user })
    }
}

/// Seven octets of time; garbage is no error.
pub(super) fn read_stamp(reader: &mut Reader<'_>, field: &'static str) -> Result<Option<Stamp>, PduError> {
    let octets = reader.take(timestamp::OCTETS, Fault::Missing(field))?;
    Ok(octets.first_chunk().and_then(timestamp::parse))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::hex;

    fn parse(pdu: &str, from: Direction) -> Result<Decoded, PduError> {
        Decoded::parse(&hex::decode(pdu).unwrap(), from)
    }

    #[test]
    fn errors_say_where() {
        for (pdu, shown) in [
            ("", "octet 0: the PDU ends before its service centre address"),
            ("07", "octet 0: service centre address longer than the PDU"),
            ("00", "octet 1: the PDU ends before its first octet"),
            ("00040B91", "octet 2: address longer than the PDU"),
            ("0004028121", "octet 5: the PDU ends before its protocol identifier"),
            ("00040281210000", "octet 7: the PDU ends before its time stamp"),
            ("000402812100001111111111111105", "octet 14: user data longer than the PDU"),
            (
                "004402812100001111111111111100",
                "octet 14: user data header missing or longer than the user data",
            ),
            ("00110002812100", "octet 7: the PDU ends before its data coding scheme"),
            ("0011000281210000", "octet 8: the PDU ends before its validity period"),
        ] {
            assert_eq!(parse(pdu, Direction::Stored).unwrap_err().to_string(), shown, "{pdu}");
        }
        let submit = parse("0001000281210000", Direction::FromNetwork);
        assert_eq!(submit, Err(PduError { at: 1, what: Fault::Submit }));
        let long = Decoded::parse(&[0; SMS_PDU_OCTETS + 1], Direction::Stored);
        assert_eq!(long, Err(PduError { at: SMS_PDU_OCTETS, what: Fault::TooLong }));
    }

    #[test]
    fn a_bad_clock_does_not_lose_the_text() {
        let decoded = parse("00040281214000000000000000000161", Direction::FromNetwork).unwrap();
        let Pdu::Deliver(deliver) = decoded.pdu else { panic!("{decoded:?}") };
        assert_eq!((deliver.timestamp, deliver.user.text().as_deref()), (None, Some("a")));
        assert!(deliver.silent() && deliver.replaces().is_none());
    }
}
