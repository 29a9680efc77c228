//! SMS PDUs, 3GPP TS 23.040 and 23.038: octets to values and texts to octets.
//!
//! [`Decoded::parse`] takes what `+CMGR`, `+CMGL`, `+CMT` and `+CDS` print; [`encode_submit`] makes what `+CMGS`
//! takes. Everything that arrives is untrusted: no octets make the decoder panic or allocate more than a small
//! multiple of [`SMS_PDU_OCTETS`](crate::util::limits::SMS_PDU_OCTETS).
pub mod address;
pub mod dcs;
pub mod decode;
pub mod encode;
pub mod fault;
pub mod gsm7;
pub mod reader;
pub mod report;
pub mod tables;
pub mod timestamp;
pub mod udh;
pub mod user_data;
pub mod ussd;
pub mod validity;

pub use address::{Address, AddressKind};
pub use dcs::{Alphabet, Dcs, MessageWaiting, Waiting};
pub use decode::{Decoded, Deliver, Direction, Pdu, Submit};
pub use encode::{EncodeError, Segment, Text, encode_submit, segment_count};
pub use fault::{Fault, PduError};
pub use report::{Outcome, StatusReport};
pub use udh::{Concat, Element, WaitingCount};
pub use user_data::{Content, UserData, join, text_of_units};
pub use validity::Validity;
