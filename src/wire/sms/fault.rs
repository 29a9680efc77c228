//! Why octets are no PDU.
use std::fmt;

/// Where a PDU stops making sense and why. Whoever sees it keeps the octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PduError {
    /// Offset in octets from the beginning, the SMSC length being octet 0: of the field that is at fault, or the
    /// PDU's length where one is missing.
    pub at: usize,
    pub what: Fault,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The PDU ends where the named field should begin.
    Missing(&'static str),
    /// The service centre address is longer than the PDU.
    SmscLength,
    /// An originator, destination or recipient address is longer than the PDU.
    AddressLength,
    /// The user data length says more than the PDU holds.
    UserDataLength,
    /// A user data header is announced and there is none, or it is longer than the user data.
    HeaderLength,
    /// A SUBMIT (message type 01) among what the network delivers.
    Submit,
    /// More octets than any PDU has.
    TooLong,
}

impl fmt::Display for PduError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "octet {}: {}", self.at, self.what)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Missing(field) => return write!(f, "the PDU ends before its {field}"),
            Self::SmscLength => "service centre address longer than the PDU",
            Self::AddressLength => "address longer than the PDU",
            Self::UserDataLength => "user data longer than the PDU",
            Self::HeaderLength => "user data header missing or longer than the user data",
            Self::Submit => "a SUBMIT does not come from the network",
            Self::TooLong => "more octets than any PDU has",
        };
        f.write_str(what)
    }
}

impl std::error::Error for PduError {}
