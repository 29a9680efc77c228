//! SMS-STATUS-REPORT, TS 23.040 section 9.2.2.3.
use super::address::Address;
use super::decode::read_stamp;
use super::fault::PduError;
use super::reader::Reader;
use crate::util::time::Stamp;

/// What became of a text we sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusReport {
    /// The number that `+CMGS` answered.
    pub reference: u8,
    /// Its form can differ from the one we wrote.
    pub recipient: Address,
    /// When the service centre took the text.
    pub timestamp: Option<Stamp>,
    /// When it was delivered, or tried last.
    pub discharge: Option<Stamp>,
    /// TP-Status, section 9.2.3.15.
    pub status: u8,
    /// More reports wait at the service centre.
    pub more: bool,
}

/// What a status means for the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// On the recipient's phone.
    Delivered,
    /// Passed on to a network that does not tell, or replaced by a later text.
    Unconfirmed,
    /// The service centre keeps trying; another report follows.
    Trying,
    /// Not delivered, never will be.
    Failed,
}

impl StatusReport {
    /// What stands behind the status is optional and read by nobody: sticks cut it off or add to it.
    pub(super) fn parse(reader: &mut Reader<'_>, first: u8) -> Result<Self, PduError> {
        Ok(Self {
            reference: reader.octet("message reference")?,
            recipient: Address::parse(reader, "recipient")?,
            timestamp: read_stamp(reader, "time stamp")?,
            discharge: read_stamp(reader, "discharge time")?,
            status: reader.octet("status")?,
            more: first & 0x04 == 0,
        })
    }

    /// Reserved values read as "service rejected", section 9.2.3.15.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self.status {
            0x00 => Outcome::Delivered,
            0x01..=0x1F => Outcome::Unconfirmed,
            0x20..=0x3F => Outcome::Trying,
            _ => Outcome::Failed,
        }
    }
}
