//! Every capacity and its reason. "Full" is an ordinary answer; what it is stands beside each bound.

/// UCI file: 256 kB hold two thousand phones; a longer one is refused whole.
pub const CONFIG_BYTES: usize = 262_144;
/// Sections in a configuration; further ones are reported and ignored.
pub const CONFIG_SECTIONS: usize = 2_048;
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
/// Digits of a number that is dialled or calls: fifteen of E.164, prefixes and a service's own behind them. A longer one is
/// refused; of a caller's the rest is dropped.
pub const DIAL_DIGITS: usize = 40;
/// Tones waiting to be sent, 200 ms apart: more than six seconds of them nobody types. A further one is refused.
pub const DTMF_WAITING: usize = 32;
/// Characters of a USSD code or answer: what 160 octets hold (TS 23.038 section 6.1.2.3). A longer one is refused.
pub const USSD_CODE: usize = 182;
/// Sticks of which one section remembers where the voice is and which USSD dialect they speak. The oldest is forgotten.
pub const STICKS_LEARNT: usize = 8;
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
/// Places in a pattern of numbers: three times the longest number, and they fit the bits of a u64 with one behind. A longer pattern is no pattern.
pub const PATTERN_STEPS: usize = 48;
/// Characters of a number as dialled or shown, without separators: 15 digits (E.164) behind prefixes, or a star code. A longer one is refused.
pub const NUMBER_DIALLED: usize = 40;
/// RTP ports that are open before a call needs them: two for each leg that one message can begin, with as many to spare.
pub const RTP_SPARE: usize = 4;
/// Calls at once where nobody told the machine's size: a small office with every phone busy. A further one gets 503.
pub const CALLS: usize = 64;
/// Calls at once that memory alone allows; `max_calls` may say more.
const CALLS_BY_MEMORY: u64 = 4_000;
/// Phones that one call rings at once: all contacts of the extensions of a group. Further ones do not ring.
pub const FORKS: usize = 16;
/// How often a call is sent on by groups and forwarding extensions; a further one is not followed.
pub const CALL_HOPS: u8 = 8;
/// Ended calls that `tandem calls` still shows.
pub const CALLS_RECENT: usize = 50;
/// `m=` lines of one session description: a call has one or two, a video conference a handful. With more it is refused, for each wants an answer.
pub const SDP_MEDIA: usize = 32;
/// Formats of one `m=` line: payload types go up to 127, phones list a dozen. The rest is not looked at.
pub const SDP_FORMATS: usize = 64;
/// Attributes of the session and of one `m=` line: browsers write some forty. The rest is not looked at.
pub const SDP_ATTRIBUTES: usize = 128;
/// Streams beside the sound that are carried between two phones: video, and a second picture. A further one is refused.
pub const CARRIED_STREAMS: usize = 2;
/// Formats of one carried stream: phones list up to a dozen. The rest is not offered to the other phone.
pub const CARRIED_FORMATS: usize = 16;
/// TCP connections of phones and providers that the switch follows; a further one is closed.
pub const STREAMS: usize = 256;
/// Sessions by trunks whose challenges are remembered, ended ones too: each has at most two. The oldest is forgotten; its next challenge ends it.
pub const LEAVING: usize = 128;
/// Samples of the jitter buffer, 512 ms: the longest delay of 200 ms, a packet and a burst. When full the oldest are dropped and counted. A power of two.
pub const JITTER_SAMPLES: usize = 4_096;
/// Payload types taken from one peer; the offer names two.
pub const RECEIVE_TYPES: usize = 8;
/// Keys that wait to sound towards a stick: the longest number in a menu. A further one is dropped and counted.
pub const TONES_WAITING: usize = 32;
/// Bytes in the body of an INFO that tells a key; real ones have 25. A longer one is not understood (415).
pub const INFO_BODY: usize = 256;
/// Presses of a peer that it may tell a second time in another way. The oldest is forgotten: what comes for it then is a press of its own.
pub const PRESSES_KNOWN: usize = 8;
/// Parties of one conference: more than a small office has phones. A further one is told that the room is full.
pub const MIXER_PARTIES: usize = 32;
/// Frames of one party that wait to be mixed, 20 ms each: what jitter is left is less. Beyond it the oldest goes.
pub const MIXER_WAITING: usize = 3;
/// Steps of a tone's cadence: the longest of a country has 30. A longer one is no tone.
pub const TONE_STEPS: usize = 32;
/// Bytes of a WAV file before its sound: a title and a small picture. A file with more is not played.
pub const WAV_PREAMBLE: u32 = 262_144;
/// Samples of a WAV file: ten minutes at 16,000 a second. What is longer ends there.
pub const WAV_SAMPLES: u32 = 9_600_000;
/// Samples of a file that wait to be heard: a quarter of a second at 16,000, longer than flash takes. No more is read until there is room.
pub const PROMPT_WAITING: usize = 4_096;
/// Outputs of a call's sound that nobody fetched: 4 kB of a voice port in one piece make 26. A further one is dropped and counted.
pub const MEDIA_OUTPUTS: usize = 256;
/// Digest nonces in use, with their highest count: each is 24 bytes and needs a right password. Beyond it the oldest is forgotten
/// and its phone is asked again. At 2,000 calls a second these are the last four seconds, in which a lost answer is sent again.
pub const NONCES: usize = 8_192;
/// Bytes of realm, nonce and opaque in a provider's challenge: they come back in our request, which has to fit a datagram. A
/// longer one is not answered.
pub const CHALLENGE_TEXT: usize = 1_024;
/// Contacts of one extension, and of one REGISTER; `max_contacts` can't be more. A longer REGISTER gets 400.
pub const REGISTRAR_CONTACTS: usize = 10;
/// Extensions with a contact: as many as a configuration can have. A further one gets 503.
pub const REGISTRAR_AORS: usize = CONFIG_SECTIONS;
/// Bytes of one Contact with its parameters, and of all Path lines: push parameters of softphones take 500. A longer one gets 400.
pub const REGISTRAR_TEXT: usize = 1_024;
/// Phones that are still known after a restart: 400 bytes each, in one record. Further ones ring when they have registered again.
pub const REGISTRATIONS_KEPT: usize = 150;
/// Settings of extensions whose writers wait for the disk; a further one is refused.
pub const SETTINGS_WAITING: usize = 64;
/// Changes that wait to be logged; the oldest is dropped.
pub const REGISTRAR_EVENTS: usize = 256;
/// SIP events that wait for the loop; a datagram's or connection's reader waits, and the kernel's buffer after it.
pub const NET_EVENTS: usize = 64;
/// Bytes of SIP datagrams that wait for the loop. Beyond it the newest is dropped and counted; its sender repeats it.
pub const SIP_WAITING_BYTES: usize = 262_144;
/// Bytes that the kernel holds for one RTP port, as `SO_RCVBUF` counts: half a second of one voice, a picture of a video. What comes
/// beyond it is dropped there; a longer queue would only make it late.
pub const RTP_BACKLOG: usize = 32_768;
/// One RTP datagram: no codec of ours fills an Ethernet frame. A longer one is dropped.
pub const RTP_DATAGRAM: usize = 1_500;
/// Reads of all ttys that wait for the loop: 160 ms of eight calls. Beyond it the kernel keeps them: a lost byte would shift the samples.
pub const TTY_EVENTS: usize = 64;
/// Frames of 20 ms that wait for one voice port. Beyond it the oldest is dropped: what is heard next should be what was said last.
pub const VOICE_FRAMES: usize = 3;
/// TCP connections of others; some dozen phones and a few strangers. A further one is closed at once.
pub const TCP_ACCEPTED: usize = 64;
/// TCP connections from one address (one /64 with IPv6): the phones behind one NAT. A further one is closed at once.
pub const TCP_PER_SOURCE: usize = 16;
/// Peers to which long requests go by TCP, and those that have none, remembered for ten minutes. To a further one they go as datagrams.
pub const LARGE_PEERS: usize = 16;
/// Long requests that wait for one connection: a phone's calls at once. A further one goes as a datagram.
pub const LARGE_WAITING: usize = 8;
/// TCP connections that we made: one for each trunk, with room. A further one is refused with words.
pub const TCP_OURS: usize = 32;
/// Bytes that wait for one connection, two of the longest messages. Beyond it the peer is taken for dead: the connection ends.
pub const TCP_QUEUE_BYTES: usize = 131_072;
/// Messages that wait for one connection; beyond it the connection ends.
pub const TCP_QUEUE_MESSAGES: usize = 64;
/// Names that wait to be looked up; a further one is refused with words.
pub const LOOKUPS: usize = 16;
/// Records of one answer from a name server: a provider has some dozen servers. The rest is not looked at.
pub const DNS_RECORDS: usize = 64;
/// Aliases that lead to a name, in one answer, and again in what is asked after it. Behind them nothing is found.
pub const DNS_ALIASES: usize = 8;
/// Bytes of one answer of a name server by TCP: sixty servers with long names. Of a longer one nothing is read.
pub const DNS_ANSWER: usize = 8_192;
/// Servers of one provider that are looked at, in the order of their records. Further ones are left out.
pub const HOST_SERVERS: usize = 6;
/// Name servers that are asked; the C library asks three, too. Further ones are left out.
pub const NAME_SERVERS: usize = 3;
/// Bytes read of `/etc/hosts` and `/etc/resolv.conf`. What is behind them is not looked at.
pub const HOSTS_BYTES: usize = 65_536;
/// Addresses of one host that are looked at; further ones are left out.
pub const HOST_ADDRESSES: usize = 8;
/// Remote addresses for which we remember our own; the oldest is forgotten.
pub const LOCAL_ADDRESSES: usize = 64;
/// Dialogs of one INVITE of ours before its answer: one for each phone behind a forking proxy. Further ones are not followed until they answer.
pub const SIP_EARLY_DIALOGS: usize = 8;
/// Answers of different phones to one INVITE of ours that are turned away politely (ACK, BYE). Further ones are ignored: they give up by
/// themselves after 32 s.
pub const SIP_FORKS: usize = 16;
/// Challenges (401, 407) for one request: a proxy and the server behind it, each with a stale nonce. The next one is its refusal.
pub const SIP_CHALLENGES: usize = 5;
/// Vias of one message: `Max-Forwards` starts at 70, and each hop adds one. A longer one gets 513.
pub const SIP_VIAS: usize = 70;
/// Contacts of one message; a phone writes one, a registrar with many phones a dozen. A longer one gets 513.
pub const SIP_CONTACTS: usize = 64;
/// Parameters of one header value or URI: the longest of phones have fifteen. The rest is not looked at.
pub const SIP_PARAMS: usize = 64;
/// Items of one list such as `Supported` or `Route`. The rest is not looked at.
pub const SIP_ITEMS: usize = 128;
/// Messages between phones that wait for their addressee; a further one gets 480.
pub const PAGES: usize = 200;
/// Those for one extension.
pub const PAGES_PER_EXTENSION: usize = 50;
/// Bytes of one message: what phones type, and an IMDN or CPIM around it. A longer one gets 413.
pub const PAGE_BYTES: usize = 4_096;
/// Bytes of all that wait: half of the least flash that a router has to spare. A further one gets 480.
pub const PAGES_BYTES: usize = 262_144;
/// Clients that trace at once; a further one is refused.
pub const TRACES: usize = 4;
/// Dialogs of which a trace remembers the call; of more the oldest is forgotten, its late messages then belong to no call.
pub const TRACED_DIALOGS: usize = 256;
/// Traced messages that wait for a client, a quarter of a megabyte. Further ones are left out and counted.
pub const TRACE_EVENTS: usize = 128;
/// Subscriptions of all phones: a house of twelve with a full field of lamps each. A further SUBSCRIBE gets 503 with Retry-After.
pub const SUBSCRIPTIONS: usize = 512;
/// Subscriptions of one extension: a phone with two sidecars of lamps, and its mailbox. A further SUBSCRIBE gets 503 with Retry-After.
pub const SUBSCRIPTIONS_PER_EXTENSION: usize = 128;
/// Calls of one extension that a lamp tells of: more make the NOTIFY longer than a datagram carries. Further ones are not shown.
pub const DIALOGS_SHOWN: usize = 3;
/// Sources of encrypted packets under one key: a phone begins a new one after a hold or for its own tones. In the place of one more goes the
/// one that was silent longest; to a peer we never send as more than a few, and one more is not sent.
pub const SRTP_SOURCES: usize = 16;

/// What follows the machine: how many calls at once, and what they need of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// A further one gets 503. Each holds two RTP ports: where `rtp_ports` has fewer, that is the limit.
    pub calls: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { calls: CALLS }
    }
}

impl Capacity {
    /// One call for each MB of memory: a call takes 15 kB, its transactions less than 64 kB. And as many as have ports within `files`,
    /// the descriptors that the process may have, but for those of sockets and sticks: one for RTP at each side, and one for RTCP.
    #[must_use]
    pub fn of_machine(memory_kb: u64, files: u64) -> Self {
        let ports = if super::MEDIA { 4 } else { 2 };
        let calls = (memory_kb / 1_024).min(files.saturating_sub(128) / ports).clamp(16, CALLS_BY_MEMORY);
        Self { calls: usize::try_from(calls).unwrap_or(CALLS) }
    }

    /// SIP sessions: two for each call, emergency calls that have their place beyond the limit, and those whose BYE is not answered
    /// yet. A further INVITE gets 503 with Retry-After, a call of ours is refused. Counted.
    #[must_use]
    pub const fn sessions(self) -> usize {
        self.calls.saturating_mul(2).saturating_add(16)
    }

    /// SIP requests from outside that are being answered or were in the last 32 s, at less than 1 kB each: those of as many calls a
    /// second as there may be calls at once. A further INVITE gets 503 with Retry-After, other requests silence: their sender tries
    /// again. Counted. As many requests of our own; a further call or request is refused, what ends a call always goes out.
    #[must_use]
    pub const fn transactions(self) -> usize {
        self.calls.saturating_mul(64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_follow_the_machine() {
        for (memory_mb, files, calls) in [
            (32, 1_024, 32),
            (64, 4_096, 64),
            (8, 1_024, 16),
            (512, 1_024, if crate::util::MEDIA { 224 } else { 448 }),
            (16_000, 65_536, 4_000),
            (0, 0, 16),
        ] {
            assert_eq!(Capacity::of_machine(memory_mb * 1_024, files).calls, calls, "{memory_mb} MB");
        }
    }
}
