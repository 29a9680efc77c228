//! Hand-written call flows (sipp) and rubbish, at the SIP ports of the real program.
use house::home::Options;
use house::phone::Transport;
use house::random::Random;
use house::sipp::{Sipp, SippOptions};
use house::telephony::{CALLER, Telephony};
use house::wait::{patience, poll};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};

const NUMBER: &str = "+919800000001";

fn home(name: &str) -> Telephony {
    Telephony::ready(name, Options::default(), "")
}

/// A scenario against the daemon, as the user 100 who calls `NUMBER`.
fn at(home: &Telephony, scenario: &str, transport: Transport) -> SippOptions {
    SippOptions::new(scenario).to(home.port, transport).target(NUMBER)
}

/// A scenario that waits for calls where 100 is registered.
fn registered(home: &Telephony, scenario: &str) -> Sipp {
    Sipp::start_registered(at(home, scenario, Transport::Udp))
}

#[test]
fn a_phone_registers_calls_out_and_hangs_up() {
    let mut home = home("flow-out");
    for transport in [Transport::Udp, Transport::Tcp] {
        Sipp::start(at(&home, "register", transport)).succeed();
        home.next_dial("answer");
        Sipp::start(at(&home, "call", transport).echo()).succeed();
        home.wait_idle(10.0);
    }
    assert_eq!(home.dialled(), [NUMBER, NUMBER]);
    home.end();
}

#[test]
fn the_far_side_hangs_up_first() {
    let mut home = home("flow-bye");
    home.next_dial("answer");
    let phone = Sipp::start(at(&home, "call-until-bye", Transport::Udp));
    home.wait_stick_call("active", 15.0);
    home.home.stick.tell("remote_hangup");
    phone.succeed();
    home.end();
}

#[test]
fn a_phone_cancels_once_it_rings() {
    let mut home = home("flow-cancel");
    home.next_dial("manual");
    Sipp::start(at(&home, "cancel", Transport::Udp)).succeed();
    home.end();
}

#[test]
fn the_wrong_password_calls_nobody() {
    let home = home("flow-password");
    for transport in [Transport::Udp, Transport::Tcp] {
        let _ = Sipp::start(at(&home, "register", transport).user("100", "wrong").seconds(3.0)).fail();
        let _ = Sipp::start(at(&home, "call", transport).user("100", "wrong").seconds(3.0)).fail();
        let _ = Sipp::start(at(&home, "call", transport).user("999", "secret").seconds(3.0)).fail();
    }
    assert_eq!(home.dialled(), [""; 0]);
    home.end();
}

#[test]
fn a_busy_phone_is_busy_for_the_caller() {
    let mut home = home("flow-busy");
    let phone = registered(&home, "busy");
    home.ring();
    phone.succeed();
    home.wait_idle(10.0);
    let call = home.last_call();
    assert_eq!(call["q850"], 17, "{call}");
    home.end();
}

#[test]
fn a_caller_who_gives_up_cancels_the_invite() {
    let mut home = home("flow-gives-up");
    let mut phone = registered(&home, "never-answers");
    home.ring();
    phone.wait_message("180 Ringing", 10.0);
    assert!(phone.messages().contains(CALLER), "{}", phone.tail());
    home.home.stick.tell("remote_hangup");
    phone.succeed();
    home.end();
}

#[test]
fn a_phone_answers_and_either_side_hangs_up() {
    let mut home = home("flow-in");
    let phone = registered(&home, "answer");
    home.ring();
    home.wait_stick_call("active", 15.0);
    home.home.stick.tell("remote_hangup");
    phone.succeed();
    home.wait_idle(10.0);
    let phone = registered(&home, "answer-then-bye");
    home.ring();
    phone.succeed();
    home.end();
}

#[test]
fn a_phone_without_an_offer_whose_ack_is_lost_is_held() {
    let mut home = home("flow-late");
    home.next_dial("answer");
    let mut phone = Sipp::start(at(&home, "late-offer", Transport::Udp).echo());
    assert!(phone.finish(), "{}\n{}", phone.tail(), home.tails());
    let twice = phone.count("SIP/2.0 200 OK", "2 INVITE");
    assert!((2..4).contains(&twice), "the 200 went out {twice} times\n{}", phone.tail());
    home.end();
}

#[test]
fn a_phone_wants_its_ringing_reliable() {
    let mut home = home("flow-prack");
    home.next_dial("manual");
    let mut phone = Sipp::start(at(&home, "prack", Transport::Udp).key("ringing", "183").echo());
    phone.wait_message("UPDATE sip:", 15.0);
    home.home.stick.tell("remote_answer");
    assert!(phone.finish(), "{}\n{}", phone.tail(), home.tails());
    let twice = phone.count("SIP/2.0 183", "2 INVITE");
    assert!((2..4).contains(&twice), "the 183 went out {twice} times\n{}", phone.tail());
    home.end();
}

#[test]
fn of_a_forked_call_one_dialog_stays() {
    let mut home = home("flow-forked");
    let mut phone = registered(&home, "forked");
    home.ring();
    phone.wait_message("BYE sip:", 15.0);
    home.home.stick.tell("remote_hangup");
    assert!(phone.finish(), "{}\n{}", phone.tail(), home.tails());
    home.end();
}

/// A request that would do something if it were whole and had a password.
fn request(method: &str, port: u16, number: u64) -> String {
    let body = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                m=audio 20000 RTP/AVP 0\r\n";
    format!(
        "{method} sip:{NUMBER}@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{number}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:100@127.0.0.1>;tag={number}\r\nTo: <sip:{NUMBER}@127.0.0.1>\r\n\
         Call-ID: {number}@rubbish\r\nCSeq: 1 {method}\r\nContact: <sip:100@127.0.0.1:9>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Messages that are cut off, too long, damaged, or none at all.
fn rubbish(random: &mut Random, port: u16) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (n, method) in ["INVITE", "REGISTER", "BYE", "CANCEL", "ACK", "OPTIONS"].iter().enumerate() {
        let whole = request(method, port, 1_000 + n as u64).into_bytes();
        for _ in 0..30 {
            let cut = random.below(whole.len() as u64) as usize;
            all.push(whole[..cut].to_vec());
            let mut damaged = whole.clone();
            for _ in 0..=random.below(4) {
                let place = random.below(damaged.len() as u64) as usize;
                damaged[place] = random.bytes(1)[0];
            }
            all.push(damaged);
        }
        let mut long = whole.clone();
        long.resize(60_000, b'x');
        all.push(long);
        let mut headers = format!("{method} sip:{NUMBER}@127.0.0.1 SIP/2.0\r\n");
        for n in 0..2_000 {
            let _ = write!(headers, "X-{n}: {n}\r\n");
        }
        all.push(headers.into_bytes());
    }
    for _ in 0..100 {
        let count = random.below(1_500) as usize;
        all.push(random.bytes(count));
    }
    for text in ["\r\n\r\n", "\0", "SIP/2.0 200 OK\r\n\r\n", "INVITE\r\n\r\n"] {
        all.push(text.as_bytes().to_vec());
    }
    all
}

/// Sends `bytes` over a connection of their own and waits until the other side has had enough, or for a moment.
fn pour(port: u16, bytes: &[u8]) {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return };
    let moment = patience(0.02);
    stream.set_read_timeout(Some(moment)).expect("a timeout");
    stream.set_write_timeout(Some(patience(2.0))).expect("a timeout");
    let _ = stream.write_all(bytes);
    let _ = stream.read(&mut [0; 2_000]);
}

/// Whether an OPTIONS over a new connection is answered.
fn takes_connections(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(patience(1.0))).expect("a timeout");
    let mut answer = [0; 12];
    let asked =
        stream.write_all(request("OPTIONS", port, 1).replace("SIP/2.0/UDP", "SIP/2.0/TCP").as_bytes());
    asked.is_ok() && stream.read_exact(&mut answer).is_ok() && answer == *b"SIP/2.0 200 "
}

#[test]
fn after_rubbish_at_the_sip_ports_calls_work_as_before() {
    let mut home = home("flow-rubbish");
    let mut random = Random::new("rubbish");
    let id = home.home.daemon.id();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for bytes in rubbish(&mut random, home.port) {
        // The kernel takes no more than 65507 octets.
        socket.send_to(&bytes, ("127.0.0.1", home.port)).unwrap();
        pour(home.port, &bytes);
    }
    // One message without an end, and one that announces more than memory holds; both stay open.
    let mut open = Vec::new();
    for head in
        ["OPTIONS sip:a SIP/2.0\r\nX: ", "OPTIONS sip:a SIP/2.0\r\nContent-Length: 4294967295\r\n\r\n"]
    {
        let mut stream = TcpStream::connect(("127.0.0.1", home.port)).unwrap();
        stream.set_write_timeout(Some(patience(2.0))).unwrap();
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&[b'x'; 200_000]);
        open.push(stream);
    }
    assert_eq!(home.dialled(), [""; 0]);
    home.wait_idle(40.0);
    // So many connections from one address are turned away until the daemon has let go of the closed ones.
    assert!(poll(20.0, || takes_connections(home.port).then_some(())).is_some(), "{}", home.tails());
    for transport in [Transport::Udp, Transport::Tcp] {
        home.next_dial("answer");
        Sipp::start(at(&home, "call", transport)).succeed();
        home.wait_idle(10.0);
    }
    assert_eq!(home.home.daemon.id(), id);
    home.end();
}

#[test]
fn noise_on_the_idle_voice_port_is_not_heard_later() {
    let mut home = home("flow-voice-noise");
    let mut phone = home.phone("100", Transport::Udp);
    let mut random = Random::new("voice noise");
    for _ in 0..50 {
        let mut hex = String::new();
        let count = 1 + random.below(700) as usize;
        for byte in random.bytes(count) {
            let _ = write!(hex, "{byte:02x}");
        }
        home.home.stick.ask(&json!({"do": "raw", "port": "voice", "hex": hex}));
    }
    home.home.daemon.wait_dongle("ready", 30.0);
    home.talk(&mut phone);
    home.far_speaks();
    home.assert_phone_hears(&mut phone);
    home.assert_far_hears(1_020.0);
    phone.hangup();
    phone.wait_closed(10.0);
    home.end();
}
