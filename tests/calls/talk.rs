//! One call as a phone or a provider sees it: its dialog, what was offered, the sound.
use super::sound::{PHONE_SAYS, Rtp, from_alaw, from_ulaw, keys_in, to_law, tone};
use super::srtp::Srtp;
use super::text::{Msg, uri_of};
use std::net::SocketAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Our INVITE is under way.
    Calling,
    /// It rings here.
    Ringing,
    Up,
    Over,
}

#[derive(Clone, Debug)]
pub struct Talk {
    pub call_id: String,
    /// From and To of our requests.
    pub local: String,
    pub remote: String,
    pub target: String,
    pub cseq: u32,
    /// The INVITE is ours.
    pub ours: bool,
    pub state: State,
    /// The newest INVITE, ours or theirs.
    pub invite: Msg,
    /// Final answer to our INVITE.
    pub status: u16,
    /// Provisional answers to our INVITE.
    pub progress: Vec<u16>,
    /// A body came with one of them.
    pub early: bool,
    /// Why it ended: `BYE`, `CANCEL`, `486`; and the Reason header of that message.
    pub ended_by: String,
    pub reason: String,
    pub want_cancel: bool,
    pub cancelled: bool,
    pub acked: bool,
    /// Their last session description.
    pub theirs: String,
    /// Status of our last re-INVITE, of our last other request in the dialog.
    pub last_status: u16,
    // --- sound ---
    pub rtp_at: SocketAddr,
    pub rtp_to: Option<SocketAddr>,
    pub payload_type: u8,
    pub event_type: Option<u8>,
    pub next_rtp: Option<u64>,
    /// Packets still to be sent; None: no end of them.
    pub packets: Option<u32>,
    pub muted: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    /// Events still to be sent: code, packets sent of it, timestamp.
    pressing: Vec<(u8, u16, u32)>,
    /// Tones that are still to be heard.
    tones: std::collections::VecDeque<i16>,
    pub heard: Vec<(u64, Rtp)>,
    sdp_version: u32,
    pub direction: &'static str,
    /// The number that it gives to telephone events.
    pub event_number: u8,
    pub video: Option<Video>,
    /// It takes RTCP where RTP comes, if the other side does.
    pub muxes: bool,
    /// It encrypts, where the other side does.
    pub srtp: Option<Srtp>,
    /// RTCP that came: when, where, what.
    pub reports: Vec<(u64, SocketAddr, Vec<u8>)>,
}

/// A picture beside the sound: H.264 under a number of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Video {
    pub payload_type: u8,
    /// It is described, and not wanted.
    pub off: bool,
    /// Where its packets go, and the other side's number.
    pub to: Option<(SocketAddr, u8)>,
    pub heard: u32,
    sequence: u16,
}

impl Video {
    pub fn new(payload_type: u8) -> Self {
        Self { payload_type, ..Self::default() }
    }
}

impl Talk {
    pub fn new(call_id: &str, ours: bool, invite: &Msg, rtp_at: SocketAddr) -> Self {
        let host = if let std::net::IpAddr::V4(ip) = rtp_at.ip() { ip.octets()[3] } else { 0 };
        let ssrc = u32::from(rtp_at.port()) * 77 + (u32::from(host) << 24);
        let (from, to) = (invite.get("From").to_owned(), invite.get("To").to_owned());
        let (local, remote) = if ours { (from, to) } else { (to, from) };
        Self {
            call_id: call_id.to_owned(),
            local,
            remote,
            target: if ours { invite.uri() } else { uri_of(invite.get("Contact")) }.to_owned(),
            cseq: if ours { invite.cseq().0 } else { 100 },
            ours,
            state: if ours { State::Calling } else { State::Ringing },
            invite: invite.clone(),
            status: 0,
            progress: Vec::new(),
            early: false,
            ended_by: String::new(),
            reason: String::new(),
            want_cancel: false,
            cancelled: false,
            acked: false,
            theirs: String::new(),
            last_status: 0,
            rtp_at,
            rtp_to: None,
            payload_type: 0,
            event_type: None,
            next_rtp: None,
            packets: None,
            muted: false,
            sequence: 7,
            timestamp: 1_000,
            ssrc,
            pressing: Vec::new(),
            tones: std::collections::VecDeque::new(),
            heard: Vec::new(),
            sdp_version: 0,
            direction: "sendrecv",
            event_number: 101,
            video: None,
            muxes: false,
            srtp: None,
            reports: Vec::new(),
        }
    }

    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    pub const fn sent(&self) -> (u16, u32) {
        (self.sequence, self.timestamp)
    }

    /// The packets that it sends now are lost on their way.
    pub fn lose(&mut self, packets: u16) {
        self.sequence = self.sequence.wrapping_add(packets);
    }

    /// Where its picture is sent to.
    pub fn picture_at(&self) -> SocketAddr {
        SocketAddr::new(self.rtp_at.ip(), self.rtp_at.port() - 20_000)
    }

    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    pub fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// Our offer or answer.
    pub fn sdp(&mut self, codecs: &[u8], events: bool) -> String {
        self.sdp_version += 1;
        let (ip, port) = (self.rtp_at.ip(), self.rtp_at.port());
        let mut formats: Vec<String> = codecs.iter().map(u8::to_string).collect();
        let mut lines = String::new();
        for codec in codecs {
            let name = match codec {
                0 => "PCMU/8000",
                8 => "PCMA/8000",
                9 => "G722/8000",
                96..=99 => "opus/48000/2",
                _ => "G729/8000",
            };
            lines.push_str(&format!("a=rtpmap:{codec} {name}\r\n"));
        }
        if events {
            let n = self.event_number;
            formats.push(n.to_string());
            lines.push_str(&format!("a=rtpmap:{n} telephone-event/8000\r\na=fmtp:{n} 0-16\r\n"));
        }
        let video = self.video.filter(|v| !v.off || self.theirs.contains("m=video")).map(|v| {
            let (port, n) = (if v.off { 0 } else { port - 20_000 }, v.payload_type);
            format!("m=video {port} RTP/AVP {n}\r\na=rtpmap:{n} H264/90000\r\na=fmtp:{n} profile-level-id=42e01f\r\n")
        });
        let video = video.unwrap_or_default();
        if self.muxes {
            lines.push_str("a=rtcp-mux\r\n");
        }
        let mut profile = "RTP/AVP";
        match &self.srtp {
            Some(srtp) if self.theirs.is_empty() => {
                profile = srtp.profile;
                lines.push_str(&srtp.line("1"));
            }
            Some(Srtp { agreed: Some((theirs, tag)), .. }) => {
                profile = theirs;
                lines.push_str(&self.srtp.as_ref().unwrap().line(tag));
            }
            _ => {}
        }
        format!(
            "v=0\r\no=- 42 {} IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} {profile} {}\r\n{lines}a=ptime:20\r\na={}\r\n{video}",
            self.sdp_version,
            formats.join(" "),
            self.direction
        )
    }

    /// A packet of sound came.
    pub fn hear(&mut self, now: u64, bytes: &[u8]) {
        let plain = self.srtp.as_mut().map_or_else(|| Some(bytes.to_vec()), |srtp| srtp.open(bytes));
        self.heard.extend(plain.map(|bytes| (now, Rtp::parse(&bytes))));
    }

    /// Their offer or answer: where their sound goes to, and as what.
    pub fn take_sdp(&mut self, sdp: &str, codecs: &[u8]) {
        if sdp.is_empty() {
            return;
        }
        self.theirs = sdp.to_owned();
        if let Some(srtp) = &mut self.srtp {
            srtp.take(sdp);
        }
        let line = |start: &str| sdp.split("\r\n").find_map(|l| l.strip_prefix(start));
        let ip = line("c=IN IP4 ").unwrap_or_else(|| panic!("no address in {sdp}"));
        let media: Vec<&str> = line("m=audio ").unwrap().split(' ').collect();
        let formats: Vec<u8> = media[2..].iter().map(|f| f.parse().unwrap()).collect();
        self.rtp_to = Some(SocketAddr::new(ip.parse().unwrap(), media[0].parse().unwrap()));
        if let Some(video) = &mut self.video {
            let media: Vec<&str> =
                line("m=video ").map(|l| l.split(' ').collect()).unwrap_or(vec!["0", "", "0"]);
            let (port, number): (u16, u8) = (media[0].parse().unwrap(), media[2].parse().unwrap());
            video.to = (port != 0).then(|| (SocketAddr::new(ip.parse().unwrap(), port), number));
        }
        self.payload_type = *formats.iter().find(|f| codecs.contains(f)).unwrap();
        self.event_type = sdp.contains("telephone-event").then(|| {
            let mut maps = sdp.split("\r\n").filter_map(|l| l.strip_prefix("a=rtpmap:"));
            let map = maps.find(|m| m.contains("telephone-event")).unwrap();
            map.split(' ').next().unwrap().parse().unwrap()
        });
    }

    /// `sendrecv` and so on, of their last description.
    pub fn their_direction(&self) -> &str {
        let mut lines = self.theirs.split("\r\n").filter_map(|l| l.strip_prefix("a="));
        let known = ["sendrecv", "sendonly", "recvonly", "inactive"];
        lines.find(|l| known.contains(l)).unwrap_or("sendrecv")
    }

    pub fn start_rtp(&mut self, now: u64) {
        if self.next_rtp.is_none() && self.rtp_to.is_some() {
            self.next_rtp = Some(now + 20_000);
        }
    }

    pub fn over(&mut self, by: &str, reason: &str) {
        if self.state == State::Over {
            return;
        }
        self.state = State::Over;
        self.next_rtp = None;
        self.ended_by = by.to_owned();
        self.reason = reason.to_owned();
    }

    pub fn press(&mut self, code: u8) {
        self.pressing.push((code, 0, 0));
    }

    /// A key that it tells in its sound.
    pub fn press_tone(&mut self, digit: char) {
        self.tones.extend(tone(digit));
    }

    const fn decode(&self) -> fn(u8) -> i16 {
        if self.payload_type == 8 { from_alaw } else { from_ulaw }
    }

    /// Keys in the sound that came.
    pub fn tones_heard(&self) -> String {
        let sound = self.heard.iter().filter(|(_, rtp)| matches!(rtp.payload_type, 0 | 8));
        let decode = |(_, rtp): &(u64, Rtp)| -> Vec<i16> {
            let law = if rtp.payload_type == 8 { from_alaw } else { from_ulaw };
            rtp.payload.iter().map(|octet| law(*octet)).collect()
        };
        keys_in(&sound.flat_map(decode).collect::<Vec<i16>>())
    }

    /// Keys that came as events: one for each timestamp, with its end three times and a length that grows.
    pub fn events_heard(&self) -> String {
        let mut keys: Vec<(u32, u8, u16, usize)> = Vec::new();
        for (_, rtp) in self.heard.iter().filter(|(_, rtp)| rtp.payload_type == self.event_number) {
            let [code, flags, high, low] = rtp.payload[..] else { panic!("{rtp:?}") };
            let (ends, length) = (usize::from(flags >> 7), u16::from_be_bytes([high, low]));
            match keys.last_mut().filter(|(timestamp, ..)| *timestamp == rtp.timestamp) {
                Some((_, known, last, all)) => {
                    assert!(*known == code && *last <= length, "{:?}", self.heard);
                    (*last, *all) = (length, *all + ends);
                }
                None => keys.push((rtp.timestamp, code, length, ends)),
            }
        }
        for (_, _, length, ends) in &keys {
            assert!(*ends >= 3 && *length >= 480, "{ends} ends after {length}");
        }
        keys.iter().map(|(_, code, ..)| "0123456789*#ABCD".chars().nth(usize::from(*code)).unwrap()).collect()
    }

    /// A packet came where its video waits.
    pub fn see(&mut self, bytes: &[u8]) {
        let video = self.video.as_mut().expect("a picture for a phone without video");
        if bytes != [0; 4] {
            let packet = Rtp::parse(bytes);
            assert_eq!((packet.payload_type, &packet.payload[..]), (video.payload_type, &[0x65; 900][..]));
            video.heard += 1;
        }
    }

    /// A packet of the picture, if there is one: from, to, bytes.
    pub fn picture(&mut self) -> Option<(SocketAddr, SocketAddr, Vec<u8>)> {
        let from = self.picture_at();
        let video = self.video.as_mut().filter(|v| !v.off)?;
        let (to, payload_type) = video.to?;
        video.sequence = video.sequence.wrapping_add(1);
        let packet = Rtp {
            payload_type,
            sequence: video.sequence,
            timestamp: self.timestamp * 11,
            payload: vec![0x65; 900],
        };
        Some((from, to, packet.to_bytes(true, self.ssrc + 1)))
    }

    /// The packets of this tick.
    pub fn tick(&mut self, now: u64) -> Vec<Vec<u8>> {
        self.packets = self.packets.map(|left| left.saturating_sub(1));
        self.next_rtp = (self.packets != Some(0)).then_some(now + 20_000);
        let mut packets = Vec::new();
        self.timestamp += 160;
        let (ssrc, decode) = (self.ssrc, self.decode());
        let mut packet = |payload_type, timestamp, payload: Vec<u8>, marker| {
            self.sequence = self.sequence.wrapping_add(1);
            let packet = Rtp { payload_type, sequence: self.sequence, timestamp, payload };
            let bytes = packet.to_bytes(marker, ssrc);
            packets.push(match &mut self.srtp {
                Some(srtp) => srtp.close(bytes),
                None => bytes,
            });
        };
        if let (Some((code, sent, began)), Some(event_type)) = (self.pressing.first_mut(), self.event_type) {
            if *sent == 0 {
                *began = self.timestamp;
            }
            *sent += 1;
            let end = *sent > 4;
            for _ in 0..if end { 3 } else { 1 } {
                let [high, low] = (160 * (*sent).min(5)).to_be_bytes();
                packet(event_type, *began, vec![*code, u8::from(end) << 7 | 10, high, low], *sent == 1);
            }
            if end {
                self.pressing.remove(0);
            }
        } else if !self.tones.is_empty() {
            let count = self.tones.len().min(160);
            let sound: Vec<i16> = self.tones.drain(..count).collect();
            let payload = sound.into_iter().map(|sample| to_law(sample, decode)).collect();
            packet(self.payload_type, self.timestamp, payload, false);
        } else if !self.muted {
            packet(self.payload_type, self.timestamp, vec![PHONE_SAYS; 160], false);
        }
        packets
    }
}
