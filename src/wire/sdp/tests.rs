//! Real descriptions against the rules of RFC 3264.
use super::*;
use std::net::IpAddr;

const LINPHONE: &str = "v=0\r\no=alice 3724 2106 IN IP4 192.168.1.20\r\ns=Talk\r\nc=IN IP4 192.168.1.20\r\nt=0 0\r\n\
    a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics\r\na=record:off\r\n\
    m=audio 7078 RTP/AVPF 96 97 98 0 8 18 101 99 100\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n\
    a=rtpmap:97 speex/16000\r\na=fmtp:97 vbr=on\r\na=rtpmap:98 speex/8000\r\na=fmtp:18 annexb=yes\r\n\
    a=rtpmap:101 telephone-event/48000\r\na=rtpmap:99 telephone-event/16000\r\na=rtpmap:100 telephone-event/8000\r\n\
    a=rtcp:7079\r\na=rtcp-fb:* trr-int 5000\r\n\
    m=video 9078 RTP/AVPF 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 H264/90000\r\n";

const GRANDSTREAM: &str = "v=0\r\no=101 8000 8001 IN IP4 192.168.1.31\r\ns=SIP Call\r\nc=IN IP4 192.168.1.31\r\nt=0 0\r\n\
    m=audio 5004 RTP/AVP 8 0 18 101\r\na=sendrecv\r\na=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=rtpmap:0 PCMU/8000\r\n\
    a=rtpmap:18 G729/8000\r\na=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n";

fn ours() -> Ours {
    Ours {
        local: IpAddr::from([192, 168, 1, 1]),
        rtp_port: 16_000,
        codecs: Codec::ALL.to_vec(),
        session_id: 7,
        version: 1,
        ptime: 20,
        direction: Direction::SendRecv,
    }
}

fn read(text: &str) -> Session {
    Session::parse(text.as_bytes()).unwrap()
}

/// One audio line with these further lines, from 192.0.2.9.
fn audio(line: &str, more: &str) -> Session {
    read(&format!("v=0\no=- 1 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\nm={line}\n{more}"))
}

fn answered(session: &Session) -> Result<(Session, Agreed), Unacceptable> {
    answer(session, &ours())
}

#[test]
fn our_offer_reads_as_the_rfcs_write_it() {
    let text = offer(&ours()).to_string();
    assert_eq!(
        text,
        "v=0\r\no=- 7 1 IN IP4 192.168.1.1\r\ns=-\r\nc=IN IP4 192.168.1.1\r\nt=0 0\r\n\
        m=audio 16000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
        a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
    assert_eq!(read(&text), offer(&ours()));
}

#[test]
fn linphone_gets_its_profile_its_event_number_and_a_refused_video() {
    let (answer, agreed) = answered(&read(LINPHONE)).unwrap();
    assert_eq!(
        answer.to_string(),
        "v=0\r\no=- 7 1 IN IP4 192.168.1.1\r\ns=-\r\nc=IN IP4 192.168.1.1\r\nt=0 0\r\n\
        m=audio 16000 RTP/AVPF 0 100\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:100 telephone-event/8000\r\na=fmtp:100 0-15\r\n\
        a=ptime:20\r\na=sendrecv\r\nm=video 0 RTP/AVPF 96 97\r\n"
    );
    assert_eq!(agreed.remote, "192.168.1.20:7078".parse().unwrap());
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Pcmu, 0));
    assert_eq!((agreed.event_send, agreed.event_receive), (Some(100), Some(100)));
    assert_eq!(agreed.receive_types, [(0, Codec::Pcmu), (8, Codec::Pcma)]);
}

#[test]
fn the_first_codec_of_the_offer_wins() {
    let (answer, agreed) = answered(&read(GRANDSTREAM)).unwrap();
    assert_eq!((agreed.codec, agreed.payload_type, agreed.ptime_ms), (Codec::Pcma, 8, 20));
    assert_eq!(answer.media[0].formats, ["8", "101"]);
    let ours = Ours { codecs: vec![Codec::Pcmu], ..ours() };
    assert_eq!(super::answer(&read(GRANDSTREAM), &ours).unwrap().1.codec, Codec::Pcmu);
}

#[test]
fn each_side_numbers_what_it_receives() {
    let theirs =
        audio("audio 4000 RTP/AVP 97 98", "a=rtpmap:97 pcma/8000/1\na=rtpmap:98 telephone-event/8000\n");
    let agreed = agreed(&offer(&ours()), &theirs).unwrap();
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Pcma, 97));
    assert_eq!(agreed.receive_types, [(0, Codec::Pcmu), (8, Codec::Pcma)]);
    assert_eq!((agreed.event_send, agreed.event_receive), (Some(98), Some(101)));
    // A static number that was given to something else is not G.711.
    let other = audio("audio 4000 RTP/AVP 0", "a=rtpmap:0 L16/8000\n");
    assert_eq!(answered(&other), Err(Unacceptable::Codec));
}

#[test]
fn an_answer_follows_the_other_sides_order() {
    let theirs = audio("audio 4000 RTP/AVP 8 0", "");
    let agreed = agreed(&offer(&ours()), &theirs).unwrap();
    assert_eq!((agreed.codec, agreed.event_send, agreed.event_receive), (Codec::Pcma, None, None));
}

#[test]
fn what_cannot_be_taken_says_why() {
    for (line, more, why) in [
        ("audio 0 RTP/AVP 0", "", Unacceptable::NoAudio),
        ("video 9000 RTP/AVP 31", "", Unacceptable::NoAudio),
        ("image 9000 udptl t38", "", Unacceptable::NoAudio),
        (
            "audio 4000 RTP/SAVP 0 8",
            "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\n",
            Unacceptable::Protocol,
        ),
        ("audio 4000 UDP/TLS/RTP/SAVPF 0", "", Unacceptable::Protocol),
        ("audio 4000 RTP/AVP 9 18", "", Unacceptable::Codec),
        ("audio 4000 RTP/AVP 97", "", Unacceptable::Codec),
        ("audio 4000 RTP/AVP 97", "a=rtpmap:97 PCMA/16000\n", Unacceptable::Codec),
        ("audio 4000 RTP/AVP 97", "a=rtpmap:97 PCMA/8000/2\n", Unacceptable::Codec),
        ("audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000\n", Unacceptable::Codec),
        ("audio 4000 RTP/AVP 0", "c=IN IP4 phone.example.org\n", Unacceptable::Address),
        ("audio 4000 RTP/AVP 0", "c=IN IP4 239.1.2.3/127\n", Unacceptable::Address),
        ("audio 4000 RTP/AVP 0", "c=IN IP6 ff02::1\n", Unacceptable::Address),
        ("audio 4000 RTP/AVP 0", "c=IN IP4 255.255.255.255\n", Unacceptable::Address),
    ] {
        assert_eq!(answered(&audio(line, more)), Err(why), "{line} {more}");
    }
    let nowhere = read("v=0\no=- 1 1 IN IP4 1.2.3.4\nm=audio 4000 RTP/AVP 0\n");
    assert_eq!(answered(&nowhere), Err(Unacceptable::Address));
    assert_eq!(answered(&read("v=0\no=- 1 1 IN IP4 1.2.3.4\n")), Err(Unacceptable::NoAudio));
    assert_eq!(Unacceptable::Codec.status(), 488);
}

#[test]
fn a_plain_line_beside_an_encrypted_one_is_taken() {
    let two = audio("audio 4000 RTP/SAVP 0", "m=audio 4002 RTP/AVP 0\nm=audio 4004 RTP/AVP 0\n");
    let (answer, agreed) = answered(&two).unwrap();
    assert_eq!(agreed.remote.port(), 4002);
    let lines: Vec<_> = answer.media.iter().map(|m| (m.port, m.protocol.as_str())).collect();
    assert_eq!(lines, [(0, "RTP/SAVP"), (16_000, "RTP/AVP"), (0, "RTP/AVP")]);
}

#[test]
fn keys_on_a_plain_line_are_left_out_of_the_answer() {
    let snom = audio(
        "audio 4000 RTP/AVP 0",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:abc\na=rtcp-mux\na=ice-ufrag:x\n",
    );
    assert!(snom.media[0].has_crypto() && snom.media[0].has_rtcp_mux());
    let (answer, _) = answered(&snom).unwrap();
    let mux = vec!["rtcp-mux".to_owned(); usize::from(crate::util::MEDIA)];
    assert_eq!(answer.media[0].attributes, mux, "we take RTCP where RTP comes, and nothing else of it");
}

#[test]
fn hold_and_resume() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    for (more, theirs) in [
        ("a=sendrecv\n", SendRecv),
        ("", SendRecv),
        ("a=sendonly\n", RecvOnly),
        ("a=recvonly\n", SendOnly),
        ("a=inactive\n", Inactive),
        ("c=IN IP4 0.0.0.0\n", RecvOnly),
        ("c=IN IP6 ::\n", RecvOnly),
        ("c=IN IP4 0.0.0.0\na=sendonly\n", RecvOnly),
        ("c=IN IP4 0.0.0.0\na=recvonly\n", Inactive),
    ] {
        let (answer, agreed) = answered(&audio("audio 4000 RTP/AVP 0", more)).unwrap();
        assert_eq!(agreed.direction, theirs, "{more}");
        assert_eq!(answer.media[0].direction, Some(theirs), "{more}");
    }
    // The direction of the session counts where the line has none.
    let held =
        read("v=0\no=- 1 1 IN IP4 192.0.2.9\nc=IN IP4 192.0.2.9\na=sendonly\nm=audio 4000 RTP/AVP 0\n");
    assert_eq!(answered(&held).unwrap().1.direction, RecvOnly);
    // We hold: the most that can be answered is recvonly.
    let holding = offer(&Ours { direction: SendOnly, ..ours() });
    for (more, all) in [("a=recvonly\n", SendOnly), ("", SendOnly), ("a=inactive\n", Inactive)] {
        assert_eq!(agreed(&holding, &audio("audio 4000 RTP/AVP 0", more)).unwrap().direction, all, "{more}");
    }
}

#[test]
fn packets_have_the_length_that_the_other_side_asks_for() {
    for (more, ms) in [
        ("", 20),
        ("a=ptime:10\n", 10),
        ("a=ptime:30\n", 30),
        ("a=ptime:60\n", 60),
        ("a=ptime:0\n", 20),
        ("a=ptime:5\n", 20),
        ("a=ptime:25\n", 20),
        ("a=ptime:70\n", 20),
        ("a=ptime:4000000000\n", 20),
        ("a=ptime:many\n", 20),
        ("a=maxptime:10\n", 10),
        ("a=maxptime:150\n", 20),
        ("a=ptime:40\na=maxptime:35\n", 30),
        ("a=maxptime:0\n", 20),
    ] {
        let (answer, agreed) = answered(&audio("audio 4000 RTP/AVP 0", more)).unwrap();
        assert_eq!((agreed.ptime_ms, answer.media[0].ptime), (ms, Some(ms)), "{more}");
    }
}

#[test]
fn ipv6_goes_through() {
    let six = audio("audio 4000 RTP/AVP 0", "c=IN IP6 2001:db8::9\n");
    let local: IpAddr = "2001:db8::1".parse().unwrap();
    let (session, agreed) = answer(&six, &Ours { local, ..ours() }).unwrap();
    assert_eq!(agreed.remote, "[2001:db8::9]:4000".parse().unwrap());
    assert!(session.to_string().contains("\r\nc=IN IP6 2001:db8::1\r\n"));
}

#[test]
fn broken_descriptions_are_refused() {
    for (text, fault) in [
        ("", Fault::Version),
        ("v=1\r\n", Fault::Version),
        ("o=- 1 1 IN IP4 1.2.3.4\r\n", Fault::Version),
        ("v=0\r\n", Fault::Origin),
        ("v=0\r\no=- 1 1 IN IP4\r\n", Fault::Origin),
        ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nhello\r\n", Fault::Line),
        ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nc=IN IP4\r\n", Fault::Connection),
        ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nc=ATM NSAP 47.0091\r\n", Fault::Connection),
        ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nm=audio\r\n", Fault::Media),
        ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nm=audio 70000 RTP/AVP 0\r\n", Fault::Media),
        ("v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\nm=audio 4000 RTP/AVP\r\n", Fault::Media),
    ] {
        assert_eq!(Session::parse(text.as_bytes()), Err(fault), "{text:?}");
    }
}

#[test]
fn sloppy_descriptions_are_read() {
    let text = "v=0 \no=mhandley 29739 99999999999999999999999 IN IP4 192.0.2.9\n\nb=CT:1000\nk=clear:x\n\
        c=IN IP4 192.0.2.9/127\nm=audio 49170/2 rtp/avp 0 200 x\na=rtpmap:broken\na=rtpmap:0  PCMU/8000\na=fmtp:0\n";
    let session = read(text);
    assert_eq!((session.origin.session_id, session.origin.version), (29_739, u64::MAX));
    assert_eq!(session.media[0].attributes, ["rtpmap:broken", "fmtp:0"]);
    assert_eq!(answered(&session).unwrap().1.remote, "192.0.2.9:49170".parse().unwrap());
    assert_eq!(read(&session.to_string()).to_string(), session.to_string());
    // Only the blank of ASCII parts words.
    let odd = read("v=0\no=- 1 1 IN IP4 h\u{a0}\n").to_string();
    assert_eq!(read(&odd).to_string(), odd);
}

#[test]
fn floods_are_bounded() {
    let head = "v=0\no=- 1 1 IN IP4 1.2.3.4\nc=IN IP4 1.2.3.4\n";
    let many = format!("{head}{}", "m=audio 4 RTP/AVP 0\n".repeat(33));
    assert_eq!(Session::parse(many.as_bytes()), Err(Fault::TooLarge));
    let wide = read(&format!("{head}m=audio 4 RTP/AVP {}\n{}", "0 ".repeat(9_000), "a=x\n".repeat(9_000)));
    assert_eq!((wide.media[0].formats.len(), wide.media[0].attributes.len()), (64, 128));
}

#[test]
fn no_value_begins_a_line_of_its_own() {
    let mut session = offer(&ours());
    session.name = "x\r\na=inactive".to_owned();
    session.media[0].attributes.push("y\nm=video 4 RTP/AVP 31".to_owned());
    let text = session.to_string();
    assert_eq!(text.lines().count(), offer(&ours()).to_string().lines().count() + 1);
    assert_eq!(read(&text).media.len(), 1);
}

#[test]
fn no_prefix_and_no_changed_byte_panics_or_reads_unstably() {
    for text in [LINPHONE, GRANDSTREAM] {
        let check = |bytes: &[u8]| {
            if let Ok(session) = Session::parse(bytes) {
                let written = session.to_string();
                assert_eq!(read(&written).to_string(), written);
                if let Ok((answer, agreed)) = answered(&session) {
                    assert_eq!(answer.media.len(), session.media.len());
                    assert!((10..=60).contains(&agreed.ptime_ms));
                }
            }
        };
        for at in 0..text.len() {
            check(&text.as_bytes()[..at]);
            for byte in [0, b'\n', b'\r', b' ', b'/', b':', b'=', b'0', b'9', b'z', 0x80, 0xff] {
                let mut bytes = text.as_bytes().to_vec();
                bytes[at] = byte;
                check(&bytes);
            }
        }
    }
}

mod carried {
    use super::super::carry::{Peer, pass_answer, pass_offer, plain_offer, types};
    use super::*;

    /// What the second phone is offered of the first one's words.
    fn passed(said: &Session, ports: &[u16]) -> Session {
        pass_offer(&Peer::offering(said, None, &[9_000, 9_002, 9_004]), None, ports, &ours()).unwrap()
    }

    #[test]
    fn the_other_phone_reads_all_but_how_the_packets_travel() {
        let offer = passed(&read(LINPHONE), &[16_000, 16_002]);
        assert_eq!(
            offer.to_string(),
            "v=0\r\no=- 7 1 IN IP4 192.168.1.1\r\ns=-\r\nc=IN IP4 192.168.1.1\r\nt=0 0\r\n\
            m=audio 16000 RTP/AVPF 96 97 98 0 8 18 101 99 100\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:97 speex/16000\r\n\
            a=rtpmap:98 speex/8000\r\na=rtpmap:101 telephone-event/48000\r\na=rtpmap:99 telephone-event/16000\r\n\
            a=rtpmap:100 telephone-event/8000\r\na=fmtp:96 useinbandfec=1\r\na=fmtp:97 vbr=on\r\na=fmtp:18 annexb=yes\r\n\
            a=rtcp-fb:* trr-int 5000\r\na=sendrecv\r\n\
            m=video 16002 RTP/AVPF 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 H264/90000\r\na=sendrecv\r\n"
        );
        let few = passed(&read(LINPHONE), &[16_000]);
        assert_eq!((few.media[0].port, few.media[1].port, few.media.len()), (16_000, 0, 2));
        let ours = Ours { codecs: vec![Codec::Pcma], ..ours() };
        let said = read(LINPHONE);
        let only = pass_offer(&Peer::offering(&said, None, &[9_000]), None, &[16_000], &ours).unwrap();
        assert_eq!(only.media[0].formats, ["96", "97", "98", "8", "18", "101", "99", "100"]);
    }

    #[test]
    fn what_is_between_us_and_a_phone_stays_there() {
        let secret = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc\na=ice-ufrag:x\na=candidate:1 1 UDP 1 192.0.2.9 4000 typ host\n\
            a=rtcp:4001\na=rtcp-mux\na=SSRC:7 cname:x\na=label:1\n";
        let offer = passed(&audio("audio 4000 RTP/AVP 9", secret), &[16_000]);
        assert_eq!(offer.media[0].attributes, ["label:1"]);
    }

    #[test]
    fn an_answer_comes_back_under_the_numbers_of_the_offer() {
        let (theirs, ports) = (read(LINPHONE), [16_000, 16_002]);
        let offer = passed(&theirs, &ports);
        // It gives other numbers to the same things, and has its own wishes.
        let answer = read(
            "v=0\no=b 1 1 IN IP4 192.0.2.8\ns=-\nc=IN IP4 192.0.2.8\nt=0 0\nm=audio 6000 RTP/AVP 111 0 126\n\
             a=rtpmap:111 OPUS/48000/2\na=fmtp:111 maxplaybackrate=16000\na=rtpmap:126 telephone-event/48000\na=maxptime:60\n\
             m=video 6002 RTP/AVP 97\na=rtpmap:97 H264/90000\na=fmtp:97 packetization-mode=1\na=rtcp-fb:97 nack pli\na=recvonly\n",
        );
        let from = Peer::settled(&answer, &offer, &ports);
        assert!(from.has_sound());
        let own = [9_000, 9_002];
        let to = Peer::offering(&theirs, None, &own);
        let ours = Ours { rtp_port: 9_000, ..ours() };
        let back = pass_answer(&to, &from, &ours).unwrap();
        assert_eq!(
            back.to_string(),
            "v=0\r\no=- 7 1 IN IP4 192.168.1.1\r\ns=-\r\nc=IN IP4 192.168.1.1\r\nt=0 0\r\n\
            m=audio 9000 RTP/AVPF 96 101\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/48000\r\n\
            a=fmtp:96 maxplaybackrate=16000\r\na=maxptime:60\r\na=sendrecv\r\n\
            m=video 9002 RTP/AVPF 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 packetization-mode=1\r\na=rtcp-fb:97 nack pli\r\na=recvonly\r\n"
        );
        assert_eq!(types(&back, 9_000, &from, 0), (vec![(96, 111), (101, 126)], 48));
        assert_eq!(types(&back, 9_002, &from, 1), (vec![(97, 97)], 90));
        let settled = Peer::settled(&theirs, &back, &own);
        assert_eq!(types(&offer, 16_000, &settled, 0).0[0], (96, 96));
        assert_eq!(settled.way(1).unwrap().remote, "192.168.1.20:9078".parse().unwrap());
        assert!(settled.fits(&from));
        // Nothing of it that they have in common.
        let other = audio("audio 6000 RTP/AVP 18", "");
        let from = Peer::settled(&other, &offer, &ports);
        let to = audio("audio 4000 RTP/AVP 9", "");
        assert_eq!(pass_answer(&Peer::offering(&to, None, &own), &from, &ours), Err(Unacceptable::Codec));
    }

    #[test]
    fn a_new_offer_keeps_its_lines() {
        let first = read(LINPHONE);
        let told = passed(&first, &[16_000, 16_002]);
        // Without the picture, and with it again: in the same line.
        let none = Session {
            media: vec![first.media[0].clone(), MediaLine { port: 0, ..first.media[1].clone() }],
            ..first.clone()
        };
        let own = [9_000, 9_002];
        let ours_to_first = passed(&first, &own);
        let from = Peer::offering(&none, Some(&ours_to_first), &own);
        let second = pass_offer(&from, Some(&told), &[16_000, 16_002], &ours()).unwrap();
        assert_eq!(second.media.iter().map(|m| m.port).collect::<Vec<_>>(), [16_000, 0]);
        let from = Peer::offering(&first, Some(&ours_to_first), &own);
        let third = pass_offer(&from, Some(&second), &[16_000, 16_002], &ours()).unwrap();
        assert_eq!(third.media.iter().map(|m| m.port).collect::<Vec<_>>(), [16_000, 16_002]);
        let plain = plain_offer(&ours(), &third);
        assert_eq!(plain.media[0].formats, ["0", "8", "101"]);
        assert_eq!((plain.media[1].port, &plain.media[1].formats), (0, &third.media[1].formats));
    }

    #[test]
    fn many_lines_and_formats_have_an_end() {
        let formats: Vec<String> = (96..128).map(|n| n.to_string()).collect();
        let maps: String = (96..128).map(|n| format!("a=rtpmap:{n} x{n}/8000\n")).collect();
        let lines = "m=video 4002 RTP/AVP 34\n".repeat(30);
        let said = audio(&format!("audio 4000 RTP/AVP {}", formats.join(" ")), &format!("{maps}{lines}"));
        assert_eq!(Peer::further(&said), 2);
        let offer = passed(&said, &[16_000, 16_002, 16_004]);
        assert_eq!((offer.media[0].formats.len(), offer.media.len()), (16, 31));
        assert_eq!(offer.media.iter().filter(|m| m.port != 0).count(), 3);
    }
}
