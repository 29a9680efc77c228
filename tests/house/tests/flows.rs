//! The scenarios for sipp, each played against its counterpart or against a phone.
use house::phone::{Phone, PhoneOptions, Source, Transport};
use house::sipp::{Sipp, SippOptions};
use house::{Scratch, ports};

/// A scenario that waits to be called or registered with, for the user 100.
fn waits(scenario: &str) -> Sipp {
    Sipp::start(SippOptions::new(scenario))
}

fn to(scenario: &str, other: &Sipp) -> SippOptions {
    SippOptions::new(scenario).to(other.port, Transport::Udp)
}

fn phone(scratch: &Scratch, options: PhoneOptions) -> Phone {
    Phone::start(&scratch.join("phone"), options)
}

/// Where the user 200 waits.
fn uri(sipp: &Sipp) -> String {
    format!("sip:200@127.0.0.1:{}", sipp.port)
}

#[test]
fn a_registration_needs_the_password() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let registrar = Sipp::start(SippOptions { transport, ..SippOptions::new("registrar") });
        Sipp::start(SippOptions::new("register").to(registrar.port, transport)).succeed();
        registrar.succeed();
    }
    let registrar = waits("registrar");
    let wrong = Sipp::start(to("register", &registrar).user("100", "wrong"));
    assert!(wrong.fail().contains("403 Forbidden"));
}

#[test]
fn a_phone_registers_and_is_told_when_it_may_not() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let scratch = Scratch::new("flows");
        let registrar = Sipp::start(SippOptions { transport, ..SippOptions::new("registrar") });
        let options = PhoneOptions::new("100").registrar(registrar.port, transport);
        let mut phone = phone(&scratch, options);
        assert_eq!(phone.wait_registered(5.0), "200 OK");
        registrar.succeed();
    }
    let scratch = Scratch::new("flows");
    let registrar = waits("registrar");
    let options = PhoneOptions::new("100").registrar(registrar.port, Transport::Udp).password("wrong");
    assert_eq!(phone(&scratch, options).wait_register_failed(5.0), "403 Forbidden");
}

#[test]
fn a_call_out_is_asked_for_the_password_held_and_ended() {
    for scenario in ["provider", "proxy"] {
        let provider = waits(scenario);
        Sipp::start(to("call", &provider)).succeed();
        assert!(provider.messages().contains(&format!("uri=\"{}\"", uri(&provider))), "{}", provider.tail());
        provider.succeed();
    }
    let provider = waits("provider");
    let wrong = Sipp::start(to("call", &provider).user("100", "wrong"));
    assert!(wrong.fail().contains("403 Forbidden"));
    let provider = waits("provider");
    Sipp::start(to("call-refused", &provider).user("100", "wrong").key("refusal", "403")).succeed();
    provider.succeed();
}

#[test]
fn a_phone_calls_through_a_provider_and_hears_the_echo() {
    let scratch = Scratch::new("flows");
    let provider = Sipp::start(SippOptions::new("provider").echo().pause_ms(400));
    let mut options = PhoneOptions::new("100").source(Source::Tone { hz: 440.0, dbfs: -10.0 });
    options.account = ";auth_user=100".to_owned();
    let mut phone = phone(&scratch, options);
    phone.dial(&uri(&provider));
    phone.wait_progress(5.0);
    phone.wait_established(5.0);
    let sound = phone.wait_heard(1.0, 10.0).trimmed();
    let tone = sound.measure(0.1, sound.seconds());
    assert!((tone.hz - 440.0).abs() < 4.4 && (tone.dbfs + 10.0).abs() < 1.0, "{tone:?}");
    assert!(tone.gaps.is_empty(), "{tone:?}");
    phone.hangup();
    phone.wait_closed(5.0);
    provider.succeed();
}

#[test]
fn calls_that_sipp_takes() {
    let scratch = Scratch::new("flows");
    let mut phone = phone(&scratch, PhoneOptions::new("100"));
    let answer = waits("answer");
    phone.dial(&uri(&answer));
    phone.wait_ringing(5.0);
    phone.wait_established(5.0);
    phone.hangup();
    answer.succeed();
    phone.wait_closed(5.0);

    let answer = waits("answer-then-bye");
    phone.dial(&uri(&answer));
    phone.wait_established(5.0);
    assert_eq!(phone.wait_closed(5.0), "Connection reset by peer");
    answer.succeed();

    let busy = Sipp::start(SippOptions::new("busy").times(2));
    for _ in 0..2 {
        phone.dial(&uri(&busy));
        assert_eq!(phone.wait_closed(5.0), "486 Busy Here");
    }
    busy.succeed();

    let silent = waits("never-answers");
    phone.dial(&uri(&silent));
    phone.wait_ringing(5.0);
    phone.hangup();
    silent.succeed();
}

#[test]
fn calls_that_sipp_gives_up_or_that_others_end() {
    let rings = waits("rings");
    Sipp::start(to("cancel", &rings)).succeed();
    rings.succeed();
    let ends = waits("provider-then-bye");
    Sipp::start(to("call-until-bye", &ends)).succeed();
    ends.succeed();
}

#[test]
fn a_call_comes_to_the_port_that_was_registered() {
    let registrar = waits("registrar");
    let options = to("answer", &registrar).user("100", "secret");
    let registered = Sipp::start_registered(options);
    assert!(registrar.messages().contains(&format!("Contact: <sip:100@127.0.0.1:{}", registered.port)));
    registrar.succeed();
    let scratch = Scratch::new("flows");
    let mut phone = phone(&scratch, PhoneOptions::new("200"));
    phone.dial(&uri(&registered));
    phone.wait_established(5.0);
    phone.hangup();
    registered.succeed();
}

#[test]
fn a_scenario_that_nobody_answers_fails_in_time() {
    let begun = std::time::Instant::now();
    let lonely = SippOptions::new("register").to(ports::free(), Transport::Udp).seconds(1.0);
    let _ = Sipp::start(lonely).fail();
    let _ = Sipp::start(SippOptions::new("answer").seconds(1.0)).fail();
    assert!(begun.elapsed() < house::wait::patience(8.0), "{:?}", begun.elapsed());
}
