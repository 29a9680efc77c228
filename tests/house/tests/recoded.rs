//! Two real phones (baresip) of which one has G.722 only and the other PCMU only: each hears what the other one says.
use house::home::Options;
use house::phone::{Phone, PhoneOptions, Source, Transport};
use house::sound::Wav;
use house::telephony::{LEVEL, Telephony, assert_hears};

const WIDE_HZ: f64 = 1_020.0;
const NARROW_HZ: f64 = 440.0;
/// Of sound that each has to say: longer than the test.
const SECONDS: f64 = 60.0;

fn phone(home: &mut Telephony, user: &str, (codec, rate): (&str, u32), hz: f64) -> Phone {
    // Baresip's file source does not resample.
    let file = home.home.scratch.join(user).with_extension("wav");
    Wav::tone(rate, hz, LEVEL, SECONDS).write(&file).expect("what the phone says");
    let mut options = PhoneOptions::new(user).codecs(codec).source(Source::File(file));
    "module g722.so\n".clone_into(&mut options.config);
    home.phone_with(options, Transport::Udp)
}

#[test]
fn wide_and_narrow_phones_hear_each_other() {
    let extension =
        |n: &str| format!("config extension '{n}'\n\toption secret 'secret'\n\toption codecs 'g722 pcmu'\n");
    let extensions = ["201", "202"].map(extension).concat();
    let mut home = Telephony::ready("recoded", Options::default(), &extensions);
    let mut wide = phone(&mut home, "201", ("G722/16000/1", 16_000), WIDE_HZ);
    let mut narrow = phone(&mut home, "202", ("PCMU/8000/1", 8_000), NARROW_HZ);
    for wide_calls in [true, false] {
        let (caller, called, number) =
            if wide_calls { (&mut wide, &mut narrow, "202") } else { (&mut narrow, &mut wide, "201") };
        caller.dial(number);
        called.wait_incoming(10.0);
        called.accept();
        caller.wait_established(10.0);
        called.wait_established(10.0);
        assert_hears(&mut wide, NARROW_HZ);
        assert_hears(&mut narrow, WIDE_HZ);
        wide.dtmf("7");
        assert_eq!(narrow.wait_dtmf(1, 10.0), "7");
        wide.hangup();
        narrow.wait_closed(10.0);
    }
    let line = wide.child().find_line(0, "Set audio decoder: G722", 5.0);
    assert!(line.is_some(), "no G.722\n{}", wide.tail(60));
    home.end();
}
