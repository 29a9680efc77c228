//! Calls and registrations a second, and what they cost: tandem, and Asterisk in the same run. The server has one core, the load
//! another.
//!
//! `BENCH_SECONDS` is how long the highest rate must be held (30).
use crate::figure::{Aim, Figure, aimed};
use crate::servers::{Server, Start};
use house::load::{CallPlan, CallReport, cores, pin_self};
use house::provider::Provider;
use std::time::Duration;

/// The rate at which a call's processor time is measured: all servers hold it.
const CALM: f64 = 150.0;
/// Calls that are up at once for the memory that each takes.
const HELD: u32 = 200;
/// REGISTERs that are under way at once.
const TOGETHER: usize = 32;
/// What the rate goes up by as long as it is held, and down by when it is not.
const STEP: f64 = 1.12;

/// Seconds that a rate must be held.
fn seconds() -> u64 {
    std::env::var("BENCH_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(30)
}

fn say(text: &str) {
    eprintln!("  {text}");
}

/// Calls at this rate; once more where the load itself was late. Also the server's milliseconds for each.
fn run(server: &mut Server, rate: f64, window: Duration, talk: Duration) -> (CallReport, f64) {
    let mut tries = 0;
    loop {
        let process = server.process();
        let (cpu, starved) = (process.cpu_ms(), process.starved_ms());
        let report = server.caller.run(&CallPlan { rate, window, talk }, |_| {});
        let each = (process.cpu_ms() - cpu) / report.begun.max(1) as f64;
        let starved = process.starved_ms() - starved;
        say(&format!(
            "{}: {rate:.0} calls a second for {window:?}: {} of {} done, {} failed, {} messages twice, {each:.3} ms each, \
             the load {:.1} ms late at most, the core taken away for {starved:.0} ms{}",
            server.name,
            report.done,
            report.begun,
            report.failed,
            report.resent,
            report.latest.as_secs_f64() * 1e3,
            report.why.as_deref().map(|w| format!(" ({w})")).unwrap_or_default()
        ));
        if report.done == 0 {
            say(&server.tail());
        }
        tries += 1;
        if report.counts() || tries == 3 {
            return (report, each);
        }
        say("the load was late: that does not count, once more");
    }
}

/// The highest rate that was held for the whole time.
fn highest(start: Start, server: &mut Server, each_ms: f64) -> f64 {
    let (window, probe) = (Duration::from_secs(seconds()), Duration::from_secs((seconds() / 6).max(2)));
    let holds = |server: &mut Server, rate: f64, window| {
        let (report, _) = run(server, rate, window, Duration::ZERO);
        report.is_held() && report.counts()
    };
    let mut rate = 700.0 / each_ms;
    if holds(server, rate, probe) {
        while holds(server, rate * STEP, probe) {
            rate *= STEP;
        }
    } else {
        for _ in 0..10 {
            rate /= STEP;
            if holds(server, rate, probe) {
                break;
            }
        }
    }
    // What a short look found may not last, and a server that fell behind once stays ill: each try has a new one.
    for _ in 0..10 {
        if holds(&mut start(1), rate, window) {
            return rate;
        }
        rate /= STEP.sqrt();
    }
    f64::NAN
}

/// kB that each call takes which is up.
fn kb_per_call(start: Start) -> f64 {
    let mut server = start(1);
    let process = server.process();
    // What is allocated once and for all is not the calls'.
    let second = Duration::from_secs(1);
    run(&mut server, 20.0, second, Duration::ZERO);
    let before = process.resident_kb();
    let plan = CallPlan { rate: 100.0, window: Duration::from_secs(u64::from(HELD) / 100), talk: 4 * second };
    let mut most = before;
    // All are up from the third second to the fourth.
    let report = server.caller.run(&plan, |second| {
        if second == 3 {
            most = process.resident_kb();
        }
    });
    assert_eq!(report.failed, 0, "{report:?}\n{}", server.tail());
    (most - before) / f64::from(HELD)
}

/// REGISTERs a second, and the server's milliseconds for each, with so many phones registered.
fn registers(start: Start, phones: usize) -> (f64, f64) {
    let server = start(phones);
    let mut load = server.registers();
    let all = load.all();
    assert_eq!(all.failed, 0, "{all:?}\n{}", server.tail());
    let process = server.process();
    let window = Duration::from_secs((seconds() / 4).clamp(2, 8));
    let cpu = process.cpu_ms();
    let report = load.run(window, TOGETHER);
    let each = (process.cpu_ms() - cpu) / report.done.max(1) as f64;
    let rate = report.done as f64 / report.took.as_secs_f64();
    say(&format!(
        "{}: {phones} phones: {rate:.0} REGISTERs a second, {each:.4} ms each, {} failed, {} sent twice{}",
        server.name,
        report.failed,
        report.resent,
        report.why.map(|w| format!(" ({w})")).unwrap_or_default()
    ));
    (if report.failed == 0 { rate } else { f64::NAN }, each)
}

/// Wake-ups a second with eight phones registered and nothing to do.
fn idle_wakeups(start: Start) -> f64 {
    let server = start(8);
    let all = server.registers().all();
    assert_eq!(all.done, 8, "{all:?}\n{}", server.tail());
    std::thread::sleep(Duration::from_secs(3));
    server.process().wakeups(Duration::from_secs(8))
}

/// kB that the memory grows in the second of two minutes of 300 calls a second: by then as many transactions end as begin.
fn growth_kb(start: Start) -> f64 {
    let mut server = start(1);
    let process = server.process();
    let (mut settled, mut last) = (0.0, 0.0);
    let plan = CallPlan { rate: 300.0, window: Duration::from_secs(120), talk: Duration::ZERO };
    let name = server.name;
    let report = server.caller.run(&plan, |second| match second {
        10 | 20 | 30 | 40 | 50 | 90 => {
            say(&format!("{name}: {:.0} kB after {second} s", process.resident_kb()))
        }
        // Each call lingers for 32 s; the allocator's pieces fit after as long again.
        60 => settled = process.resident_kb(),
        119 => last = process.resident_kb(),
        _ => {}
    });
    say(&format!(
        "{}: 300 calls a second: {settled:.0} kB after a minute, {last:.0} kB after two",
        server.name
    ));
    if report.failed > 0 {
        say(&format!("{} failed, {} messages twice: {:?}", report.failed, report.resent, report.why));
        return f64::NAN;
    }
    last - settled
}

/// What one server was found to do.
struct Findings {
    cps: f64,
    cpu_ms: f64,
    regs: f64,
    reg_growth: f64,
    kb: f64,
    wakeups: f64,
}

fn find(start: Start) -> Findings {
    let mut server = start(1);
    let calm = Duration::from_secs((seconds() / 3).max(3));
    let (_, cpu_ms) = run(&mut server, CALM, calm, Duration::ZERO);
    let cps = highest(start, &mut server, cpu_ms);
    drop(server);
    let (few, many) = (registers(start, 10), registers(start, 1_000));
    Findings {
        cps,
        cpu_ms,
        regs: few.0,
        reg_growth: many.1 / few.1,
        kb: kb_per_call(start),
        wakeups: idle_wakeups(start),
    }
}

/// The load on its own thread, which has a core to itself.
pub fn measure() -> Vec<Figure> {
    on_its_core(measure_here)
}

/// A short look at the cost of calls and registrations, for whoever changes something: no figure.
pub fn look() -> Vec<Figure> {
    on_its_core(|| {
        let starts: [Start; 2] = [Server::tandem, Server::asterisk];
        for start in starts.into_iter().take(if Provider::missing().is_none() { 2 } else { 1 }) {
            let mut server = start(1);
            for rate in [CALM, 2.0 * CALM] {
                run(&mut server, rate, Duration::from_secs(4), Duration::ZERO);
            }
            drop(server);
            registers(start, 10);
            registers(start, 1_000);
            say(&format!("{:.1} kB for each call", kb_per_call(start)));
        }
        Vec::new()
    })
}

/// The memory alone: two minutes of 300 calls a second.
pub fn growth() -> Vec<Figure> {
    on_its_core(|| vec![growth_figure(growth_kb(Server::tandem))])
}

fn growth_figure(growth: f64) -> Figure {
    let what = "in the second of two minutes of 300 calls a second";
    aimed("growth_kb", "kB", Some(Aim::Most(64.0)), what, vec![growth])
}

fn on_its_core(work: fn() -> Vec<Figure>) -> Vec<Figure> {
    let worker = std::thread::spawn(move || {
        pin_self(cores().1);
        work()
    });
    worker.join().expect("the load ends")
}

fn measure_here() -> Vec<Figure> {
    say(&format!("calls and registrations: tandem, then Asterisk; a rate must be held for {} s", seconds()));
    let ours = find(Server::tandem);
    let growth = growth_kb(Server::tandem);
    let theirs = match Provider::missing() {
        None => Some(find(Server::asterisk)),
        Some(why) => {
            say(&format!("no Asterisk to compare with: {why}"));
            None
        }
    };
    let mut figures = Vec::new();
    let mut both =
        |keys: [&'static str; 2], unit, aim, aim_x, of: fn(&Findings) -> f64, is_rate: bool, what| {
            figures.push(aimed(keys[0], unit, aim, what, vec![of(&ours)]));
            if let Some(theirs) = &theirs {
                let (a, b) = (of(&ours), of(theirs));
                let ratio = if is_rate { a / b } else { b / a };
                say(&format!("Asterisk's {}: {b:.3} {unit}", keys[0]));
                figures.push(aimed(keys[1], "x", aim_x, "times better than Asterisk", vec![ratio]));
            }
        };
    let (least, most) = (|x| Some(Aim::Least(x)), |x| Some(Aim::Most(x)));
    both(
        ["cps", "cps_x"],
        "1/s",
        None,
        least(8.0),
        |f| f.cps,
        true,
        "calls a second held, digest, through the B2BUA",
    );
    both(
        ["cpu_ms_per_call", "cpu_ms_per_call_x"],
        "ms",
        None,
        None,
        |f| f.cpu_ms,
        false,
        "processor time of a call, at a calm rate",
    );
    both(
        ["regs_per_s", "regs_per_s_x"],
        "1/s",
        None,
        least(5.0),
        |f| f.regs,
        true,
        "REGISTER 401 REGISTER 200",
    );
    both(
        ["kb_per_call", "kb_per_call_x"],
        "kB",
        most(15.0),
        None,
        |f| f.kb,
        false,
        "resident, for each of 200 calls up",
    );
    figures.push(aimed(
        "reg_growth",
        "x",
        most(1.1),
        "cost of a REGISTER with 1,000 phones against 10",
        vec![ours.reg_growth],
    ));
    figures.push(aimed(
        "idle_wakeups_per_s",
        "1/s",
        most(5.0),
        "all threads, 8 phones registered",
        vec![ours.wakeups],
    ));
    figures.push(growth_figure(growth));
    if let Some(theirs) = theirs {
        say(&format!(
            "Asterisk: reg_growth {:.2}, {:.0} wake-ups a second",
            theirs.reg_growth, theirs.wakeups
        ));
    }
    figures
}
