//! Two real phones (baresip) that have more than G.711: what they agree on goes through the daemon as it is.
use house::home::Options;
use house::phone::{Phone, PhoneOptions, Source, Transport};
use house::sound::Wav;
use house::telephony::{LEVEL, Telephony, assert_hears};
use house::wait::poll;

const A_HZ: f64 = 1_020.0;
const B_HZ: f64 = 440.0;
/// Of sound that each has to say: longer than the test.
const SECONDS: f64 = 60.0;

/// Two phones with this codec, of this sample rate, and these further lines in their settings. They talk.
fn talking(name: &str, (codec, rate): (&str, u32), config: &str, account: &str) -> (Telephony, Phone, Phone) {
    let extensions = ["201", "202"].map(|n| format!("config extension '{n}'\n\toption secret 'secret'\n"));
    let mut home = Telephony::ready(name, Options::default(), &extensions.concat());
    let mut phone = |user: &str, hz: f64| {
        // Baresip's file source does not resample.
        let file = home.home.scratch.join(user).with_extension("wav");
        Wav::tone(rate, hz, LEVEL, SECONDS).write(&file).expect("what the phone says");
        let mut options = PhoneOptions::new(user).codecs(codec).source(Source::File(file));
        config.clone_into(&mut options.config);
        account.clone_into(&mut options.account);
        home.phone_with(options, Transport::Udp)
    };
    let (mut a, mut b) = (phone("201", A_HZ), phone("202", B_HZ));
    a.dial("202");
    b.wait_incoming(10.0);
    b.accept();
    a.wait_established(10.0);
    b.wait_established(10.0);
    (home, a, b)
}

#[test]
fn wideband_sound_is_heard_on_both_sides() {
    let (home, mut a, mut b) = talking("carried-sound", ("G722/16000/1", 16_000), "module g722.so\n", "");
    for phone in [&a, &b] {
        let line = phone.child().find_line(0, "Set audio decoder: G722", 5.0);
        assert!(line.is_some(), "no G.722\n{}", phone.tail(60));
    }
    assert_hears(&mut a, B_HZ);
    assert_hears(&mut b, A_HZ);
    a.dtmf("7");
    assert_eq!(b.wait_dtmf(1, 10.0), "7");
    a.hangup();
    b.wait_closed(10.0);
    home.end();
}

/// Packets of pictures that went out and came in, as the phone says at the end of a call.
fn pictures(phone: &Phone) -> (u32, u32) {
    let numbers = poll(10.0, || {
        let tail = phone.tail(400);
        let (_, video) = tail.split_once("\nvideo           Transmit:")?;
        let line = video.lines().find_map(|l| l.strip_prefix("packets:"))?;
        let mut numbers = line.split_whitespace().map_while(|n| n.parse().ok());
        numbers.next().zip(numbers.next())
    });
    numbers.unwrap_or_else(|| panic!("it says nothing of pictures\n{}", phone.tail(200)))
}

#[test]
fn pictures_are_seen_on_both_sides() {
    let config = "module vp8.so\nmodule fakevideo.so\nvideo_source fakevideo,nil\nvideo_display fakevideo,nil\n\
                  video_size 176x144\nvideo_fps 10\n";
    let phones = talking("carried-picture", ("PCMU/8000/1", 8_000), config, ";video_codecs=VP8");
    let (home, mut a, mut b) = phones;
    assert_hears(&mut a, B_HZ);
    a.hangup();
    b.wait_closed(10.0);
    for phone in [&a, &b] {
        let (sent, came) = pictures(phone);
        assert!(sent >= 10 && came >= 10, "{sent} {came}\n{}", phone.tail(60));
    }
    home.end();
}
