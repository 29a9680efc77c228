//! The sound is judged: speech against its original, at losses, for an hour of drift, behind gain and echo suppression.
use super::espeak::say;
use super::judge::{Steps, at_level, judge, loudness};
use super::quality::{cases, coded, speech, to_phone};
use super::shaped::{echoing, less_echo_db, with_gain};
use super::world::{Dice, Heard, World, remote};

#[test]
fn the_ears_hear_what_is_wrong() {
    let said = speech();
    let delayed = |by: usize| [vec![0; by], said.clone(), vec![0; 8_000]].concat();
    let same = judge(&said, &delayed(1_003));
    assert!((same.delay_ms - 125.4).abs() < 0.1 && same.clicks == 0, "{same:?}");
    assert!(same.distance_db < 0.01 && same.level_db.abs() < 0.01, "{same:?}");
    // 6 dB less.
    let half: Vec<i16> = delayed(80).iter().map(|s| s / 2).collect();
    let quiet = judge(&said, &half);
    assert!((quiet.level_db + 6.0).abs() < 0.2 && (quiet.distance_db - 6.0).abs() < 0.7, "{quiet:?}");
    // Nothing but noise, as loud as it was said.
    let mut dice = Dice(8);
    let noise: Vec<i16> = delayed(0).iter().map(|_| dice.noise(4_000.0) as i16).collect();
    assert!(judge(&said, &noise).distance_db > 12.0);
    // A sample in each half second that is off by a fifth of full scale, wherever it falls: most of them are heard.
    let mut ticking = delayed(80);
    let places: Vec<usize> = (1..said.len() / 4_000 - 2).map(|half| half * 4_000 + 1_111).collect();
    places.iter().for_each(|at| ticking[*at] = ticking[*at].saturating_add(6_500));
    let clicks = judge(&said, &ticking).clicks;
    println!("ears: {clicks} clicks heard of {}", places.len());
    assert!(clicks * 10 >= places.len() * 6 && clicks <= places.len(), "{clicks} of {}", places.len());
}

#[test]
fn speech_through_a_call_sounds_as_it_was_said() {
    let said = speech();
    let back = judge(&said, &to_phone(&said));
    println!("quality, stick to phone: {back:.2?}");
    assert!(back.distance_db < 0.05 && back.level_db.abs() < 0.05 && back.clicks == 0, "{back:?}");
    // The most that the spectra may differ in the mean: 1 dB is what a trained ear hears at all.
    for (case, most) in cases(&said).iter().zip([0.02, 0.15, 0.8, 1.3, 0.9]) {
        println!("quality, {}: {:.2?}\n    with silence instead: {:.2?}", case.name, case.ours, case.silence);
        let (name, ours) = (case.name, case.ours);
        assert!(ours.distance_db < most && ours.level_db.abs() < 0.3, "{name}: {ours:?}");
        assert!(ours.clicks <= 2 && (30.0..50.0).contains(&ours.delay_ms), "{name}: {ours:?}");
        // Concealment is worth its work.
        let lost = name != "loss_0";
        assert!(!lost || ours.distance_db < case.silence.distance_db * 0.8, "{name}");
        assert!(!lost || ours.bad_percent < case.silence.bad_percent, "{name}");
    }
}

/// An hour of speech at clocks that disagree: nothing is heard that the speech has not itself.
#[test]
fn an_hour_of_speech_at_200_ppm_has_no_click() {
    let said = speech();
    let steps = Steps::of(&said);
    for ppm in [200.0, -200.0] {
        let mut world = World::new(remote());
        world.phone_ppm = ppm;
        let sound = said.clone();
        world.phone_says = Box::new(move |n| sound[n as usize % sound.len()]);
        let (mut clicks, mut second, mut samples) = (0, Vec::new(), 0_u64);
        world.run(3_600_000_000, &mut |at, output| {
            let Heard::Voice(frame) = output else { return };
            second.extend_from_slice(frame);
            samples += 160;
            if second.len() >= 8_000 && at > 3_000_000 {
                // The phone's sample that is played now was said at most some 60 ms ago.
                let said_at = at as f64 / 125.0 * (1.0 + ppm / 1e6) - 8_000.0 - 300.0;
                clicks += steps.clicks(&second, said_at as i64, 5);
                second.clear();
            } else if at <= 3_000_000 {
                second.clear();
            }
        });
        let stats = world.stats();
        println!(
            "an hour at {ppm} ppm: {clicks} clicks in {samples} samples; inserted {}, skipped {}, late {}, concealed {}",
            stats.inserted_samples, stats.skipped_samples, stats.late, stats.concealed_samples
        );
        assert_eq!((clicks, stats.late, stats.lost, stats.concealed_samples), (0, 0, 0, 0), "{ppm}");
        assert!(world.slips() == 0.0 && stats.delay_ms < 45, "{}", stats.delay_ms);
        assert!(samples > 28_700_000);
    }
}

#[test]
fn voices_of_any_level_come_to_minus_18_and_nothing_is_cut_off() {
    for level in [-32.0, -26.0, -14.0, -8.0] {
        let [phone, stick] = with_gain(level);
        let (phone_db, stick_db) = (loudness(&phone), loudness(&stick));
        println!("a voice at {level} dBFS: {phone_db:.1} at the phone, {stick_db:.1} at the stick");
        for (heard, loud) in [(&phone, phone_db), (&stick, stick_db)] {
            assert!((loud + 18.0).abs() < 2.0, "{level}: {loud}");
            let peak = heard.iter().map(|s| s.unsigned_abs()).max().unwrap();
            // -1 dBFS, and what A-law makes of it.
            assert!(peak <= 30_208, "{level}: {peak}");
        }
    }
}

#[test]
fn the_far_ends_echo_goes_and_its_voice_stays() {
    let text = "No, the other one, the one with the red door. We painted it last summer, and now the neighbours want \
                the same. I told them that it takes three days and a lot of patience, but they would not listen.";
    let near = coded(&at_level(&say("en-us+f2", "55", "160", text), -20.0));
    let clean = echoing(90.0, 240, false, Some(near.clone()));
    for (loss, delay_ms) in [(12.0, 240), (18.0, 393), (8.0, 90)] {
        let less = less_echo_db(loss, delay_ms);
        let (plain, both) = (
            echoing(loss, delay_ms, false, Some(near.clone())),
            echoing(loss, delay_ms, true, Some(near.clone())),
        );
        // Beside the voice as it would be without any echo.
        let ears = |heard: &[i16]| judge(&clean[120_000..], &[&heard[120_000..], &vec![0; 8_000]].concat());
        let (plain, both) = (ears(&plain), ears(&both));
        println!("an echo {loss} dB weaker after {delay_ms} ms: {less:.1} dB less of it");
        println!("    both speak, with it: {plain:.2?}\n    suppressed: {both:.2?}");
        assert!(less > 25.0, "{loss} {delay_ms}: {less}");
        assert!(both.level_db.abs() < 1.0 && both.distance_db < plain.distance_db + 1.5, "{both:?}");
    }
    // Where there is none, each sample goes as it came.
    assert!(echoing(90.0, 240, true, Some(near)) == clean);
}
