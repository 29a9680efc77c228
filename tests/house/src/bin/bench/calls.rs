//! What a call costs and how long sound is on its way: the real program between the stick and `peer`.
use crate::bare;
use crate::figure::{Figure, figure};
use crate::peer::Peer;
use crate::process::{cpu_ms, resident};
use crate::starts::{ready, ready_sip};
use house::home::Options;
use house::sound::Wav;
use house::telephony::Telephony;
use house::wait::poll;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// The packet or frame in which a burst is said has to be gathered first.
const GATHERED_MS: f64 = 20.0;
/// No burst is longer under way.
const LATEST_MS: f64 = 300.0;
/// Seconds of a call, and of doing nothing, whose processor time is compared.
const WINDOW: u64 = 12;

fn home(peer: &Peer) -> Telephony {
    let trunk = format!(
        "config trunk 'bench'\n\toption host '127.0.0.1'\n\toption port '{}'\n\toption codecs 'pcmu'\n",
        peer.port
    );
    let options = Options::default().dongle("option inbound 'bench/1'");
    Telephony::ready("bench-calls", options, &trunk)
}

fn begin_call(home: &mut Telephony, peer: &Peer) {
    home.home.stick.ask(&json!({"do": "ring", "from": "+4915112345678"}));
    let before = peer.received();
    let up = poll(15.0, || (peer.is_in_call() && peer.received() > before + 5).then_some(()));
    assert!(up.is_some(), "no call with sound\n{}\n{}", home.home.daemon.tail(60), home.home.stick.tail(20));
}

fn end_call(home: &mut Telephony, peer: &Peer) {
    home.home.stick.ask(&json!({"do": "remote_hangup", "cause": 16}));
    assert!(
        poll(10.0, || (!peer.is_in_call()).then_some(())).is_some(),
        "no BYE\n{}",
        home.home.daemon.tail(40)
    );
    home.wait_idle(10.0);
}

/// Milliseconds that bursts took, both ways, and the memory while the call was up.
struct Run {
    to_stick: Vec<f64>,
    to_phone: Vec<f64>,
    kb: f64,
}

fn call(home: &mut Telephony, peer: &Peer, burst: &Path, n: u64) -> Run {
    ready(&mut home.home);
    home.home.daemon.wait_dongle("ready", 30.0);
    // Where the two clocks stand to each other differs from call to call.
    peer.set_phase(n * 4);
    peer.bursts();
    let known = home.home.stick.events().len();
    begin_call(home, peer);
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(430));
        home.home.stick.ask(&json!({"do": "play", "wav": burst}));
    }
    std::thread::sleep(Duration::from_millis(430));
    let kb = resident(&home.home);
    let (said, heard) = peer.bursts();
    let events = home.home.stick.events().split_off(known);
    end_call(home, peer);
    let arrived = moments(&events, "sound_in");
    Run { to_stick: delays(&said, &arrived), to_phone: delays(&moments(&events, "sound_out"), &heard), kb }
}

/// Milliseconds of these events in the stick's log.
fn moments(events: &[Value], name: &str) -> Vec<f64> {
    let found = events.iter().filter(|e| e["event"] == name);
    // A sample within a frame is played so much later than the frame's first.
    let at = |e: &Value| Some(e["t"].as_f64()? * 1e3 + e["sample"].as_f64().unwrap_or(0.0) / 8.0);
    found.filter_map(at).collect()
}

/// From each burst's first sample to its arrival.
fn delays(said: &[f64], heard: &[f64]) -> Vec<f64> {
    let of = |said: &f64| {
        let came = heard.iter().find(|heard| *heard >= said && **heard < said + LATEST_MS)?;
        Some(came - said + GATHERED_MS)
    };
    said.iter().filter_map(of).collect()
}

fn cpu_pct(home: &Telephony) -> f64 {
    let before = cpu_ms(&home.home);
    std::thread::sleep(Duration::from_secs(WINDOW));
    (cpu_ms(&home.home) - before) * 100.0 / (WINDOW as f64 * 1e3)
}

/// Percent of a core for a call, and for the loop that only reads and writes.
fn processor(home: &mut Telephony, peer: &Peer) -> (f64, f64) {
    let idle = cpu_pct(home);
    begin_call(home, peer);
    let before = peer.received();
    let busy = cpu_pct(home);
    let packets = peer.received() - before;
    assert!(packets >= WINDOW * 45, "only {packets} packets came");
    end_call(home, peer);
    (busy - idle, bare::measure(WINDOW))
}

pub fn measure() -> Vec<Figure> {
    let peer = Peer::start();
    let mut home = home(&peer);
    let mut figures = Vec::new();
    let runs = (0..15).map(|_| ready_sip(&mut home)).collect();
    figures.push(figure("ready_ms", "ms", Some(20.0), "start to the first 200 for OPTIONS", runs));

    let burst = home.home.scratch.join("burst.wav");
    Wav::tone(8_000, 1_020.0, -10.0, 0.02).write(&burst).expect("the burst");
    let runs: Vec<Run> = (0..5).map(|n| call(&mut home, &peer, &burst, n)).collect();
    let all = |of: fn(&Run) -> &[f64]| -> Vec<f64> { runs.iter().flat_map(of).copied().collect() };
    for (key, what, times) in [
        (
            "delay_ms.phone_to_dongle",
            "first sample said to played, the packet's 20 ms included",
            all(|r| &r.to_stick),
        ),
        (
            "delay_ms.dongle_to_phone",
            "first sample said to arrived, the frame's 20 ms included",
            all(|r| &r.to_phone),
        ),
    ] {
        assert!(times.len() >= 10, "{key}: only {} bursts came", times.len());
        figures.push(figure(key, "ms", Some(60.0), what, times));
    }
    let memory = runs.iter().map(|r| r.kb).collect();
    figures.push(figure(
        "rss_call_kb",
        "kB",
        Some(4_200.0),
        "resident, one call up for four seconds",
        memory,
    ));

    let (calls, bare): (Vec<f64>, Vec<f64>) = (0..5).map(|_| processor(&mut home, &peer)).unzip();
    let what = "of one core, a call with sound both ways, less what is used without";
    figures.push(figure("cpu_pct_per_dongle_call", "%", Some(1.0), what, calls));
    figures.push(figure("bare_call_cpu_pct", "%", None, "the same reads and writes alone, in a loop", bare));
    figures
}
