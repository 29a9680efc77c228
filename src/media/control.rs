//! RTCP with one peer (RFC 3550 section 6): where it is, what it says of what we send, what we tell it of what it sends.
//!
//! It is taken from the host of the peer's sound only, whatever the port, and goes where the SDP says, or where it comes from.
use super::Direction;
use super::reception::Heard;
use crate::util::time::Instant;
use crate::wire::rtcp::{Block, Datagram, Packet, Report, SenderInfo};
use core::net::SocketAddr;
use core::time::Duration;

/// From its SDP: on the host of its sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlWay {
    /// This port.
    Port(u16),
    /// The port of the sound itself (RFC 5761).
    Muxed,
}

/// What a report of ours has of the whole call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wording<'a> {
    /// The time of day as NTP has it, or the time since the start.
    pub ntp: u64,
    /// Names the call's streams, and nobody.
    pub cname: &'a str,
    /// Who speaks where nothing was sent to the peer.
    pub ssrc: u32,
    /// The stream ends.
    pub goodbye: bool,
}

/// RTCP for a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    pub to: SocketAddr,
    /// From the port of the sound.
    pub muxed: bool,
    pub bytes: Vec<u8>,
}

/// What the peer's last report says of what it gets from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Since the report before, in 256ths.
    pub fraction: u8,
    /// Since the begin.
    pub lost: i32,
    /// Units of the clock.
    pub jitter: u32,
}

/// Reports that the peer got, of which its next ones may speak.
const REMEMBERED: usize = 2;

/// One sender report that the peer got.
#[derive(Clone, Copy, Debug)]
struct Sent {
    middle: u32,
    at: Instant,
    /// Ours, not one of the other peer's.
    ours: bool,
}

/// RTCP with one peer.
#[derive(Debug)]
pub struct Session {
    way: ControlWay,
    learnt: Option<SocketAddr>,
    /// When a datagram of it came last.
    heard_at: Option<Instant>,
    /// Its last sender report: the middle of its time, and when it came.
    sender: Option<(u32, Instant)>,
    sent: heapless::Vec<Sent, REMEMBERED>,
    told: Option<Told>,
    told_at: Option<Instant>,
    round_trip: Option<Duration>,
    /// As of our last report: the source, expected and received packets.
    before: Option<(u32, u64, u64)>,
    sent_packets_before: u32,
    /// Since when it may send what it may send now, and what had come until then.
    since: Instant,
    received_before: u64,
    direction: Direction,
    /// Who sent sound to our port that was not taken.
    stranger: Option<SocketAddr>,
}

/// Of what a peer gets from us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    pub ssrc: u32,
    /// This moment in units of its clock.
    pub timestamp: u32,
    pub packets: u32,
    pub bytes: u32,
}

/// Why nothing is heard of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// It need not send.
    Held,
    /// Not one packet.
    Nothing,
    /// Packets of another host or port.
    Elsewhere(SocketAddr),
    /// It reports on what it gets from us, and sends nothing.
    Mute,
    /// Packets of a type that was not agreed on.
    OtherType,
    /// Nothing any more, since so many seconds.
    Stopped(u64),
}

/// So long after the last offer and answer nothing is missed; and so long after a packet.
const PATIENCE: Duration = Duration::from_secs(4);
const PAUSE: Duration = Duration::from_secs(10);

impl Session {
    #[must_use]
    pub const fn new(rtp: SocketAddr, now: Instant) -> Self {
        Self {
            way: ControlWay::Port(rtp.port().saturating_add(1)),
            learnt: None,
            heard_at: None,
            sender: None,
            sent: heapless::Vec::new(),
            told: None,
            told_at: None,
            round_trip: None,
            before: None,
            sent_packets_before: 0,
            since: now,
            received_before: 0,
            direction: Direction::SendRecv,
            stranger: None,
        }
    }

    /// After each offer and answer. `moved`: its sound is elsewhere now; `received`: packets that came until now.
    pub fn renew(&mut self, direction: Direction, moved: bool, received: u64, now: Instant) {
        if moved {
            self.learnt = None;
        }
        if moved || direction != self.direction {
            (self.since, self.received_before, self.stranger) = (now, received, None);
        }
        self.direction = direction;
    }

    /// The call was answered: what was missing before need not have come.
    pub fn begin(&mut self, received: u64, now: Instant) {
        (self.since, self.received_before) = (now, received);
    }

    pub fn set_way(&mut self, way: ControlWay) {
        if self.way != way {
            self.way = way;
            self.learnt = None;
        }
    }

    #[must_use]
    pub const fn is_muxed(&self) -> bool {
        matches!(self.way, ControlWay::Muxed)
    }

    /// Where its RTCP goes. `rtp`: where its sound goes, `signalled`: where its SDP says.
    #[must_use]
    pub fn target(&self, rtp: SocketAddr, signalled: SocketAddr) -> SocketAddr {
        match (self.way, self.learnt) {
            (ControlWay::Muxed, _) => rtp,
            (ControlWay::Port(_), Some(learnt)) if learnt.ip() == rtp.ip() => learnt,
            (ControlWay::Port(port), _) if rtp == signalled => SocketAddr::new(rtp.ip(), port),
            // Behind a router that gave it another port: the next one is a guess, until it speaks.
            (ControlWay::Port(_), _) => SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1)),
        }
    }

    /// Sound came from who is not the peer.
    pub const fn note_stranger(&mut self, from: SocketAddr) {
        self.stranger = Some(from);
    }

    /// Whether the peer has sent RTCP in this time.
    #[must_use]
    pub fn speaks(&self, within: Duration, now: Instant) -> bool {
        self.heard_at.is_some_and(|at| now.since(at) < within)
    }

    /// Since when it could have spoken.
    #[must_use]
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// A datagram of the host of its sound. `heard`: the stream that it sends, `gets`: the one that it gets from us.
    pub fn on_datagram(
        &mut self,
        (from, datagram): (SocketAddr, Datagram<'_>),
        (heard, gets): (Option<u32>, Option<u32>),
        now: Instant,
    ) {
        self.heard_at = Some(now);
        for packet in datagram.packets() {
            let (ssrc, blocks) = match packet {
                Packet::SenderReport { ssrc, sender, blocks } => {
                    self.sender = Some((sender.middle(), now));
                    (ssrc, blocks)
                }
                Packet::ReceiverReport { ssrc, blocks } => (ssrc, blocks),
                _ => continue,
            };
            if self.learnt.is_none() && heard == Some(ssrc) {
                self.learnt = Some(from);
            }
            if let Some(block) = gets.and_then(|gets| blocks.about(gets)) {
                self.on_block(&block, now);
            }
        }
    }

    fn on_block(&mut self, block: &Block, now: Instant) {
        self.told = Some(Told { fraction: block.fraction, lost: block.lost, jitter: block.jitter });
        self.told_at = Some(now);
        let about = self.sent.iter().find(|sent| block.last_report != 0 && sent.middle == block.last_report);
        if let Some(sent) = about {
            // RFC 3550 section 6.4.1: what has passed since, less the time that it lay there.
            let lay = u64::from(block.delay).saturating_mul(1_000_000) >> 16;
            self.round_trip = Some(now.since(sent.at).saturating_sub(Duration::from_micros(lay)));
        }
    }

    /// A sender report went to the peer.
    pub fn note_sent(&mut self, middle: u32, ours: bool, now: Instant) {
        if self.sent.is_full() {
            self.sent.remove(0);
        }
        let _ = self.sent.push(Sent { middle, at: now, ours });
    }

    /// This block is about a report of ours, which the other peer never made.
    #[must_use]
    pub fn is_about_ours(&self, block: &Block) -> bool {
        self.sent.iter().any(|sent| sent.ours && sent.middle == block.last_report)
    }

    /// Of what it gets.
    #[must_use]
    pub const fn told(&self) -> Option<Told> {
        self.told
    }

    #[must_use]
    pub const fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// What we say of what the peer gets (`stream`) and of what we hear of it.
    pub fn report(
        &mut self,
        stream: Option<Stream>,
        heard: Option<Heard>,
        wording: Wording<'_>,
        now: Instant,
    ) -> Vec<u8> {
        let packets = stream.map_or(0, |s| s.packets);
        let spoke = stream.filter(|s| s.packets != self.sent_packets_before);
        self.sent_packets_before = packets;
        let sender = spoke.map(|s| SenderInfo {
            ntp: wording.ntp,
            timestamp: s.timestamp,
            packets: s.packets,
            bytes: s.bytes,
        });
        if let Some(sender) = sender {
            self.note_sent(sender.middle(), true, now);
        }
        let ssrc = stream.map_or(wording.ssrc, |s| s.ssrc);
        let block = heard.map(|heard| self.block(&heard, now));
        Report { ssrc, sender, block, cname: wording.cname, goodbye: wording.goodbye }.to_bytes()
    }

    /// RFC 3550 appendix A.3.
    fn block(&mut self, heard: &Heard, now: Instant) -> Block {
        let (_, expected, received) =
            self.before.filter(|(ssrc, ..)| *ssrc == heard.ssrc).unwrap_or((heard.ssrc, 0, 0));
        self.before = Some((heard.ssrc, heard.expected, heard.received));
        let due = heard.expected.saturating_sub(expected);
        let missing = due.saturating_sub(heard.received.saturating_sub(received));
        let fraction = missing.saturating_mul(256).checked_div(due).unwrap_or(0);
        let (last_report, delay) = self.sender.map_or((0, 0), |(middle, at)| (middle, units(now.since(at))));
        Block {
            ssrc: heard.ssrc,
            fraction: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: i32::try_from(heard.expected.saturating_sub(heard.received)).unwrap_or(i32::MAX),
            highest: heard.highest,
            jitter: heard.jitter,
            last_report,
            delay,
        }
    }

    /// Why nothing is heard of it, if that is so. `received`: packets that came; `last`: when the last one did.
    #[must_use]
    pub fn silence(
        &self,
        received: u64,
        last: Option<Instant>,
        other_types: bool,
        now: Instant,
    ) -> Option<Silence> {
        if !self.direction.receives() {
            return Some(Silence::Held);
        }
        if received > self.received_before {
            let pause = now.since(last?);
            return (pause >= PAUSE).then_some(Silence::Stopped(pause.as_secs()));
        }
        if now.since(self.since) < PATIENCE {
            return None;
        }
        Some(match self.stranger {
            Some(from) => Silence::Elsewhere(from),
            None if other_types => Silence::OtherType,
            None if self.told_at.is_some_and(|at| at > self.since) => Silence::Mute,
            None => Silence::Nothing,
        })
    }
}

/// Units of 1/65,536 s.
fn units(time: Duration) -> u32 {
    u32::try_from((time.as_micros() << 16) / 1_000_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RTP: &str = "192.0.2.1:4000";

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1_000)
    }

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn session() -> Session {
        Session::new(addr(RTP), at(0))
    }

    const WORDS: Wording<'_> = Wording { ntp: 0x1111_2222_3333_4444, cname: "x", ssrc: 9, goodbye: false };

    fn read(bytes: &[u8]) -> (u32, Option<SenderInfo>, Option<Block>) {
        match Datagram::parse(bytes).unwrap().packets().next() {
            Some(Packet::SenderReport { ssrc, sender, blocks }) => (ssrc, Some(sender), blocks.iter().next()),
            Some(Packet::ReceiverReport { ssrc, blocks }) => (ssrc, None, blocks.iter().next()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn where_it_goes() {
        let muxed = ControlWay::Muxed;
        for (way, rtp, learnt, want) in [
            (ControlWay::Port(4_001), RTP, None, "192.0.2.1:4001"),
            (ControlWay::Port(5_555), RTP, None, "192.0.2.1:5555"),
            (ControlWay::Port(5_555), "203.0.113.9:7000", None, "203.0.113.9:7001"),
            (ControlWay::Port(5_555), "203.0.113.9:7000", Some("203.0.113.9:8123"), "203.0.113.9:8123"),
            // Learnt where it no longer is.
            (ControlWay::Port(5_555), "203.0.113.9:7000", Some("192.0.2.1:4001"), "203.0.113.9:7001"),
            (muxed, "203.0.113.9:7000", None, "203.0.113.9:7000"),
        ] {
            let mut session = session();
            session.set_way(way);
            session.learnt = learnt.map(addr);
            assert_eq!(session.target(addr(rtp), addr(RTP)), addr(want), "{way:?} {rtp} {learnt:?}");
        }
    }

    #[test]
    fn what_we_say() {
        let mut session = session();
        let stream = Stream { ssrc: 1, timestamp: 800, packets: 50, bytes: 8_000 };
        let heard = Heard { ssrc: 2, highest: 70_000, expected: 100, received: 75, jitter: 13 };
        let (ssrc, sender, block) = read(&session.report(Some(stream), Some(heard), WORDS, at(5_000)));
        assert_eq!((ssrc, sender.map(|s| (s.timestamp, s.packets, s.bytes))), (1, Some((800, 50, 8_000))));
        let first =
            Block { ssrc: 2, fraction: 64, lost: 25, highest: 70_000, jitter: 13, ..Block::default() };
        assert_eq!(block, Some(first));
        // Nothing was sent since, and all came that was due.
        let heard = Heard { expected: 200, received: 175, ..heard };
        let (ssrc, sender, block) = read(&session.report(Some(stream), Some(heard), WORDS, at(10_000)));
        assert_eq!((ssrc, sender), (1, None));
        assert_eq!(block.map(|b| (b.fraction, b.lost)), Some((0, 25)));
        // Another source begins anew; nothing heard, nothing sent.
        let heard = Heard { ssrc: 3, expected: 2, received: 1, ..heard };
        assert_eq!(read(&session.report(None, Some(heard), WORDS, at(15_000))).2.unwrap().fraction, 128);
        assert_eq!(read(&session.report(None, None, WORDS, at(20_000))), (9, None, None));
    }

    /// Both ways: what lay at the peer's is not counted, and it hears how long its report lay here.
    #[test]
    fn round_trips() {
        let mut session = session();
        let stream = Stream { ssrc: 1, timestamp: 800, packets: 50, bytes: 8_000 };
        session.report(Some(stream), None, WORDS, at(1_000));
        let block = Block { ssrc: 1, lost: 3, last_report: 0x2222_3333, delay: 2 << 16, ..Block::default() };
        let sender = Some(SenderInfo { ntp: 0x5_8000_0000, ..SenderInfo::default() });
        let report = Report { ssrc: 2, sender, block: Some(block), cname: "y", goodbye: false }.to_bytes();
        let came = (addr("192.0.2.1:4001"), Datagram::parse(&report).unwrap());
        session.on_datagram(came, (Some(2), Some(1)), at(3_140));
        assert_eq!(session.round_trip(), Some(Duration::from_millis(140)));
        assert_eq!(session.told().map(|t| t.lost), Some(3));
        assert!(session.is_about_ours(&block));
        let heard = Heard { ssrc: 2, highest: 7, expected: 1, received: 1, jitter: 0 };
        let (_, _, block) = read(&session.report(Some(stream), Some(heard), WORDS, at(3_640)));
        assert_eq!(block.map(|b| (b.last_report, b.delay)), Some((0x5_8000, 0x8000)));
    }

    #[test]
    fn why_nothing_is_heard() {
        let none: fn(&mut Session) = |_| ();
        type Case = (fn(&mut Session), u64, Option<u64>, bool, u64, Option<Silence>);
        let stranger = |s: &mut Session| s.note_stranger(addr("203.0.113.9:7000"));
        let cases: [Case; 9] = [
            (none, 0, None, false, 3_000, None),
            (none, 0, None, false, 4_000, Some(Silence::Nothing)),
            (none, 0, None, true, 4_000, Some(Silence::OtherType)),
            (none, 5, Some(3_900), false, 4_000, None),
            (none, 5, Some(3_900), false, 14_900, Some(Silence::Stopped(11))),
            (stranger, 0, None, false, 4_000, Some(Silence::Elsewhere(addr("203.0.113.9:7000")))),
            (|s| s.told_at = Some(at(2_500)), 0, None, false, 4_000, Some(Silence::Mute)),
            (|s| s.renew(Direction::SendOnly, false, 0, at(1)), 0, None, false, 9_000, Some(Silence::Held)),
            // It was held until now.
            (
                |s| {
                    s.renew(Direction::Inactive, false, 0, at(1));
                    s.renew(Direction::SendRecv, false, 5, at(20_000));
                },
                5,
                Some(10),
                false,
                23_000,
                None,
            ),
        ];
        for (n, (prepare, received, last, other_types, now, want)) in cases.into_iter().enumerate() {
            let mut session = session();
            prepare(&mut session);
            assert_eq!(session.silence(received, last.map(at), other_types, at(now)), want, "case {n}");
        }
    }
}
