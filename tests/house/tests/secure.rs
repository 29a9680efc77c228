//! Real phones that encrypt their sound (SRTP with keys in the SDP): baresip with libsrtp, linphone with its own.
use house::home::Options;
use house::linphone::{Linphone, Way};
use house::may_skip;
use house::phone::{Phone, PhoneOptions, Source, Transport};
use house::telephony::{LEVEL, Telephony, assert_hears};
use house::wait::poll;
use serde_json::json;

const PLAIN_HZ: f64 = 1_020.0;
const SECURE_HZ: f64 = 440.0;

/// Extension 201 with this `srtp`, 202 as it comes.
fn home(name: &str, srtp: &str) -> Telephony {
    let more = format!(
        "config extension '201'\n\toption secret 'secret'\n\toption srtp '{srtp}'\nconfig extension '202'\n\toption secret 'secret'\n"
    );
    Telephony::ready(name, Options::default(), &more)
}

fn plain(home: &mut Telephony, user: &str) -> Phone {
    home.phone(user, Transport::Udp)
}

/// Baresip as 201. `encryption`: as its account says it.
fn secure(home: &mut Telephony, encryption: &str) -> Phone {
    let mut options = PhoneOptions::new("201").source(Source::Tone { hz: SECURE_HZ, dbfs: LEVEL });
    "module srtp.so\n".clone_into(&mut options.config);
    options.account = format!(";mediaenc={encryption}");
    home.phone_with(options, Transport::Udp)
}

/// Who is encrypted in the only call, and how.
#[track_caller]
fn encrypted(home: &mut Telephony) -> Vec<(String, String)> {
    let legs = poll(5.0, || {
        let calls = home.home.daemon.get("calls", &json!({}));
        calls["calls"][0]["encrypted"].as_array().filter(|legs| !legs.is_empty()).cloned()
    });
    let legs = legs.unwrap_or_else(|| panic!("nothing is encrypted\n{}", home.tails()));
    for leg in &legs {
        // Baresip sends one RTCP packet in the clear (an APP named PING) before it begins to encrypt.
        let (forged, replayed) = (leg["forged"].as_u64(), leg["replayed"].as_u64());
        assert!(forged <= Some(1) && replayed == Some(0), "{leg}\n{}", home.tails());
    }
    let text = |leg: &serde_json::Value, key: &str| leg[key].as_str().unwrap_or_default().to_owned();
    legs.iter().map(|leg| (text(leg, "party"), text(leg, "suite"))).collect()
}

#[track_caller]
fn both_hear(home: &mut Telephony, secure: &mut Phone, plain: &mut Phone) {
    secure.wait_established(10.0);
    plain.wait_established(10.0);
    assert_hears(plain, SECURE_HZ);
    assert_hears(secure, PLAIN_HZ);
    let legs = encrypted(home);
    assert_eq!(legs.len(), 1, "{legs:?}");
    assert!(legs[0].0.contains("201") && legs[0].1.starts_with("AES_CM_128"), "{legs:?}");
}

#[test]
fn a_phone_that_insists_and_a_plain_one() {
    let mut home = home("srtp-insists", "accept");
    let (mut a, mut b) = (secure(&mut home, "srtp-mand"), plain(&mut home, "202"));
    a.dial("202");
    b.wait_incoming(10.0);
    b.accept();
    both_hear(&mut home, &mut a, &mut b);
    // Keys are told to the plain one as events, as without encryption.
    a.dtmf("4");
    assert_eq!(b.wait_dtmf(1, 10.0), "4");
    a.hangup();
    b.wait_closed(10.0);
    home.wait_idle(10.0);
    home.end();
}

#[test]
fn a_phone_that_is_called_under_keys_of_ours() {
    let mut home = home("srtp-required", "required");
    let (mut a, mut b) = (secure(&mut home, "srtp-mand"), plain(&mut home, "202"));
    b.dial("201");
    a.wait_incoming(10.0);
    a.accept();
    both_hear(&mut home, &mut a, &mut b);
    b.hangup();
    a.wait_closed(10.0);
    home.wait_idle(10.0);
    home.end();
}

#[test]
fn what_is_required_is_not_had_plain() {
    let mut home = home("srtp-refused", "required");
    let (mut a, mut b) = (plain(&mut home, "201"), plain(&mut home, "202"));
    a.dial("202");
    let why = a.wait_closed(10.0);
    assert!(why.contains("488"), "{why}\n{}", home.tails());
    b.dial("201");
    let why = b.wait_closed(10.0);
    assert!(why.contains("488"), "{why}\n{}", home.tails());
    home.wait_idle(10.0);
    home.end();
}

#[test]
fn the_sim_and_an_encrypted_phone() {
    let sections = "config extension '201'\n\toption secret 'secret'\n\toption srtp 'optional'\n";
    let mut options = Options::default();
    options.dongle.push("option inbound '201'".to_owned());
    let mut home = Telephony::ready("srtp-sim", options, sections);
    let mut phone = secure(&mut home, "srtp");
    home.talk(&mut phone);
    home.far_speaks();
    home.assert_phone_hears(&mut phone);
    home.assert_far_hears(SECURE_HZ);
    let legs = encrypted(&mut home);
    assert!(legs[0].0.contains("201"), "{legs:?}");
    phone.hangup();
    home.wait_idle(10.0);
    home.end();
}

#[test]
fn linphone_encrypts() {
    if may_skip(Linphone::missing()) {
        return;
    }
    let mut home = home("srtp-linphone", "required");
    let dir = home.home.scratch.join("linphone");
    let way = Way::Encrypted(Transport::Udp);
    let mut linphone = Linphone::start(&dir, "201", "secret", home.port, &way, SECURE_HZ, LEVEL);
    home.home.daemon.wait_status("linphone is registered", 20.0, |s| {
        let all = s["extensions"].as_array();
        all.is_some_and(|all| {
            all.iter().any(|e| e["name"] == "201" && e["contacts"].as_array().is_some_and(|c| c.len() == 1))
        })
    });
    let mut phone = plain(&mut home, "202");
    phone.dial("201");
    linphone.wait_incoming(10.0);
    linphone.answer();
    linphone.wait_streams(10.0);
    phone.wait_established(10.0);
    assert_hears(&mut phone, SECURE_HZ);
    let tone = linphone.hears(1.0, 15.0);
    assert!((tone.hz - PLAIN_HZ).abs() <= PLAIN_HZ * 0.02, "{tone}\n{}", linphone.tail(40));
    let legs = encrypted(&mut home);
    assert!(legs.iter().any(|(party, _)| party.contains("201")), "{legs:?}");
    phone.hangup();
    linphone.wait_ended(10.0);
    home.wait_idle(10.0);
    home.end();
}
