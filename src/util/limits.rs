//! Every capacity and its reason. "Full" is an ordinary answer; what it is stands beside each bound.

/// UCI file: 64 kB hold hundreds of phones; a longer one is refused whole.
pub const CONFIG_BYTES: usize = 65_536;
/// Sections in a configuration; further ones are reported and ignored.
pub const CONFIG_SECTIONS: usize = 512;
/// Problems that one check reports; the rest is counted.
pub const CONFIG_PROBLEMS: usize = 100;

/// One line from a stick: the longest is a PDU of 176 octets in hexadecimal; a USSD answer stays under 800. The rest of a
/// longer line is dropped and counted.
pub const AT_LINE: usize = 2_048;
/// Bytes of a stick that wait to become lines. Beyond it the oldest incomplete line is dropped.
pub const AT_BUFFER: usize = 8_192;
/// Lines of one answer: `AT+CMGL=4` gives two for each slot, 50 slots are the largest SIM seen. Further lines are dropped; the next list finds what is left.
pub const AT_ANSWER_LINES: usize = 520;
/// Slots waiting to be read or deleted. When more come in, the whole list is read again instead.
pub const SLOT_JOBS: usize = 64;
/// USB devices in one snapshot of the bus; a router with hubs has a dozen. Further ones are not looked at.
pub const USB_DEVICES: usize = 128;
/// Interfaces of one device; a stick has up to seven.
pub const USB_INTERFACES: usize = 32;
/// Ports of one stick that are held open.
pub const PORTS: usize = 8;

/// Texts that are not delivered yet. At the limit new ones stay on the SIM, and behind it in the network, until some are delivered.
pub const TEXTS_WAITING: usize = 2_000;
/// Texts to send that are not sent yet; a further one is refused with words.
pub const OUTBOX_WAITING: usize = 100;
/// Characters of what a stick printed for a PDU that are kept when it can't be read.
pub const RAW_PDU: usize = 800;
/// Bytes of one record on disk; ours stay under 4 kB. A longer file is not ours.
pub const RECORD_BYTES: usize = 65_536;
/// Files read from the state directory at start: texts of `keep` and `TEXTS_WAITING` in parts, with room. Further ones are left alone and reported.
pub const STATE_FILES: usize = 20_000;
/// Octets of one SMS PDU: 12 of service centre address and 232 of TPDU (3GPP TS 23.040 section 9.2.3.16) with some
/// to spare for sticks that append; a longer one is refused and kept as it came.
pub const SMS_PDU_OCTETS: usize = 256;
/// Parts of one text to send: each is billed, and a page of writing fits; a longer text is refused. The protocol
/// allows 255.
pub const SMS_PARTS_OUT: usize = 10;
/// Options in one section; a longer one has no meaning here.
pub const CONFIG_OPTIONS: usize = 64;
/// Items in one list: as many destinations as one text may have.
pub const CONFIG_ITEMS: usize = 64;
/// Bytes in one value or name: a path, an address or a password fits four times over.
pub const CONFIG_VALUE: usize = 1_024;
/// Failed writes that are repeated; beyond it the newest is dropped and counted. Each is a text delivered while the disk was full.
pub const STORE_RETRIES: usize = 4_000;
/// One request on the control socket: the longest is a text of ten parts. A longer line ends the connection.
pub const REQUEST_BYTES: usize = 16_384;
/// Connections to the control socket at once; a further one is closed at once.
pub const CLIENTS: usize = 16;
/// Texts in one answer to `sms_list`; the client asks for the next page.
pub const LIST_PAGE: usize = 200;
/// One SIP message: an INVITE with a page of SDP and a dozen Vias stays under 8 kB, a datagram can't be longer than 64 kB. A longer one gets 513.
pub const SIP_MESSAGE: usize = 65_535;
/// Header lines of one SIP message; a longer one gets 513.
pub const SIP_HEADERS: usize = 200;
/// Digest nonces in use, with their highest count: each is 16 bytes and needs a right password. Beyond it the oldest is forgotten
/// and its phone is asked again.
pub const NONCES: usize = 256;
/// Bytes of realm, nonce and opaque in a provider's challenge: they come back in our request, which has to fit a datagram. A
/// longer one is not answered.
pub const CHALLENGE_TEXT: usize = 1_024;
/// Contacts of one extension, and of one REGISTER; `max_contacts` can't be more. A longer REGISTER gets 400.
pub const REGISTRAR_CONTACTS: usize = 10;
/// Extensions with a contact: as many as a configuration can have. A further one gets 503.
pub const REGISTRAR_AORS: usize = CONFIG_SECTIONS;
/// Bytes of one Contact with its parameters, and of all Path lines: push parameters of softphones take 500. A longer one gets 400.
pub const REGISTRAR_TEXT: usize = 1_024;
/// Changes that wait to be logged; the oldest is dropped.
pub const REGISTRAR_EVENTS: usize = 256;
