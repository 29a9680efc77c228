//! Sound is judged: speech through a call's gateway beside its original, and a mobile network by its trace. What `tests/sound`
//! asserts, as figures. On a virtual clock: the machine does not matter.
use crate::figure::{Aim, Figure, aimed, figure};
// Modules below look for it here.
use crate::slips::world;

#[path = "../../../../sound/espeak.rs"]
mod espeak;
#[path = "../../../../sound/judge.rs"]
mod judge;
#[path = "../../../../sound/quality.rs"]
mod quality;
#[path = "../../../../sound/shaped.rs"]
mod shaped;
#[path = "../../../../sound/trace.rs"]
#[allow(dead_code, unused_imports)]
mod trace;

pub fn measure() -> Vec<Figure> {
    let said = quality::speech();
    let back = judge::judge(&said, &quality::to_phone(&said));
    let mut figures = vec![
        figure(
            "quality_back_distance_db",
            "dB",
            Some(0.05),
            "spectra, dongle to phone",
            vec![back.distance_db],
        ),
        figure(
            "quality_back_level_db",
            "dB",
            Some(0.05),
            "level, dongle to phone",
            vec![back.level_db.abs()],
        ),
    ];
    for case in quality::cases(&said) {
        let (name, ours) = (case.name, case.ours);
        let what = format!(
            "spectra, phone to dongle; {:.2} with silence for what is lost",
            case.silence.distance_db
        );
        figures.push(figure(
            format!("quality_{name}_distance_db"),
            "dB",
            Some(1.5),
            what,
            vec![ours.distance_db],
        ));
        let what = format!("windows that are off by 10 dB; {:.2} with silence", case.silence.bad_percent);
        figures.push(figure(format!("quality_{name}_bad_pct"), "%", Some(5.0), what, vec![ours.bad_percent]));
        let what = "louder or quieter than it was said";
        figures.push(figure(
            format!("quality_{name}_level_db"),
            "dB",
            Some(0.3),
            what,
            vec![ours.level_db.abs()],
        ));
        let what = format!("in 40 s; {} with silence", case.silence.clicks);
        figures.push(figure(format!("quality_{name}_clicks"), "", Some(2.0), what, vec![ours.clicks as f64]));
        let what = "said to heard, the network's 5 to 9 included";
        figures.push(figure(format!("quality_{name}_delay_ms"), "ms", Some(50.0), what, vec![ours.delay_ms]));
    }
    figures.extend(shaping());
    figures.extend(mobile());
    figures
}

/// Automatic gain and the suppression of echoes.
fn shaping() -> Vec<Figure> {
    let off = |level: f64| shaped::with_gain(level).map(|heard| (judge::loudness(&heard) + 18.0).abs());
    let worst = [-32.0, -26.0, -14.0, -8.0].into_iter().flat_map(off).fold(0.0, f64::max);
    let echoes =
        [(12.0, 240), (18.0, 393), (8.0, 90)].map(|(loss, delay_ms)| shaped::less_echo_db(loss, delay_ms));
    let what = "of an echo that is 8 to 18 dB weaker after 90 to 393 ms, once it is known";
    vec![
        figure(
            "quality_agc_off_db",
            "dB",
            Some(2.0),
            "beside -18 dBFS, the worst of voices from -32 to -8",
            vec![worst],
        ),
        aimed("quality_echo_less_db", "dB", Some(Aim::Least(25.0)), what, echoes.to_vec()),
    ]
}

/// Five minutes of a mobile network.
fn mobile() -> Vec<Figure> {
    let trace = trace::mobile();
    let parts = trace::play(&trace, &trace::ENDS);
    let late: u64 = parts.iter().map(|part| part.late).sum();
    let wait = trace::mean_wait_ms(&parts);
    let fixed = trace::late_if_fixed(&trace, wait);
    vec![
        figure(
            "quality_trace_late_pct",
            "%",
            Some(0.5),
            "late in five minutes of LTE and 3G",
            vec![late as f64 / 150.0],
        ),
        figure(
            "quality_trace_wait_ms",
            "ms",
            None,
            "what a packet waits in the buffer there, the mean",
            vec![wait],
        ),
        aimed(
            "quality_trace_fixed_x",
            "x",
            Some(Aim::Least(5.0)),
            "times as many would be late in a buffer of that delay",
            vec![fixed as f64 / (late as f64).max(1.0)],
        ),
    ]
}
