//! `make demo`: home 1 at work, step by step, with a real mail server and an emulated stick. Then it stays up for the
//! user to try, until Ctrl-C; `DEMO_EXIT=1` ends it instead. `DEMO_STICK=slow` has a real stick's delays.
//!
//! In another terminal, while it is up: `demo text FROM TEXT`, `demo ring [FROM]`, `demo stick JSON`, `demo mails`.
use house::demo::{Screen, Server};
use house::demo_calls::{self, Calls, Step};
use house::home::{self, Options};
use house::socket::JsonLines;
use house::telephony::{FAR_HZ, LEVEL};
use house::{Daemon, Scratch, Stick, paths};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const SENDER: &str = "+4915112345678";
const RUSSIAN: &str =
    "Ваш код 481516. Никому его не сообщайте, даже сотрудникам банка 😀. Код действует пять минут.";

struct Demo {
    daemon: Daemon,
    stick: Stick,
    server: Server,
    calls: Calls,
    scratch: Scratch,
    /// Mails that have come.
    mails: usize,
    /// When the mail server came back.
    back: Option<Instant>,
}

fn seconds(since: Instant) -> String {
    let time = since.elapsed();
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

fn ensure(good: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if good { Ok(()) } else { Err(otherwise()) }
}

impl Demo {
    /// Mail server, stick and configuration; the daemon doesn't run yet.
    fn set_up() -> Self {
        let scratch = Scratch::new("demo");
        let server = Server::start();
        let calls = Calls::new();
        let (smtp, sections) = (server.options(), calls.sections());
        let main = vec!["option country 'IN'".to_owned()];
        let options = Options { smtp, sections, main, ..Options::default() };
        let profile = std::env::var("DEMO_STICK").unwrap_or_else(|_| "fast".to_owned());
        let options = options.profile(&profile);
        let options = options.stick(&["--pin", "0000"]).dongle("option pin '0000'");
        let words: Vec<&str> = options.stick.iter().map(String::as_str).collect();
        let stick = Stick::start(&scratch.join("stick"), &words);
        let config = options.config(&scratch.join("state").to_string_lossy(), server.port());
        let daemon = Daemon::prepare(&scratch.join("run"), &config, &stick.sysfs(), &stick.dev());
        Self { daemon, stick, server, calls, scratch, mails: 0, back: None }
    }

    /// Waits for `count` further mails; all of them.
    fn wait_mails(&mut self, count: usize, seconds: f64) -> Result<Vec<Value>, String> {
        self.mails += count;
        let want = self.mails;
        let tail = |demo: &Self| format!("{}\n{}", demo.daemon.tail(30), demo.stick.tail(10));
        self.server.find_mails(want, seconds).ok_or_else(|| format!("no mail in {seconds} s\n{}", tail(self)))
    }

    /// Waits until the SIM is empty.
    fn emptied(&mut self) -> Result<(), String> {
        let empty = self.stick.emptied(30.0);
        ensure(empty, || format!("the SIM still holds texts\n{}", self.daemon.tail(30)))
    }

    fn mail_server(&mut self) -> Step {
        Ok(self.server.describe())
    }

    fn found(&mut self) -> Step {
        let begin = Instant::now();
        self.daemon.launch();
        self.daemon.wait_answer();
        let answered = seconds(begin);
        let dongle = self.daemon.wait_dongle("ready", 60.0);
        let text = |key: &str| dongle[key].as_str().unwrap_or("?").to_owned();
        Ok(format!(
            "{} on {}, operator {}, {} dBm, PIN {}: ready after {}; the daemon itself answered after {answered}",
            text("model"),
            text("usb"),
            text("operator"),
            dongle["signal_dbm"],
            text("pin"),
            seconds(begin)
        ))
    }

    fn two_parts(&mut self) -> Step {
        let begin = Instant::now();
        let parts = self.stick.sms_with(SENDER, RUSSIAN, &json!({ "order": [2, 1] }));
        let mails = self.wait_mails(1, 30.0)?;
        let took = seconds(begin);
        let mail = mails.last().ok_or("no mail")?;
        let body = mail["body"].as_str().unwrap_or_default();
        ensure(parts == 2, || format!("{parts} parts"))?;
        ensure(body.starts_with(RUSSIAN), || format!("the mail says {body:?}"))?;
        self.emptied()?;
        Ok(format!("{parts} parts, the second first: one mail \"{}\" after {took}, SIM empty", subject(mail)))
    }

    fn backlog(&mut self) -> Step {
        self.daemon.stop();
        for n in 1..=25 {
            self.stick.sms(SENDER, &format!("backlog {n} of 25"));
        }
        self.stick.wait_slots(20, 90.0);
        let held = self.stick.slots().len();
        let begin = Instant::now();
        self.daemon.restart();
        let mails = self.wait_mails(25, 120.0)?;
        let took = seconds(begin);
        self.emptied()?;
        for n in 1..=25 {
            let text = format!("backlog {n} of 25\n");
            let count =
                mails.iter().filter(|m| m["body"].as_str().is_some_and(|b| b.starts_with(&text))).count();
            ensure(count == 1, || format!("text {n} came {count} times"))?;
        }
        Ok(format!(
            "{held} on the SIM, 5 more waiting in the network: 25 mails {took} after the start, SIM empty"
        ))
    }

    fn server_down(&mut self) -> Step {
        self.server.down();
        self.stick.sms(SENDER, "sent while the mail server is down");
        self.emptied()?;
        let down = |s: &Value| s["mail"][0]["state"] == "down" && s["mail"][0]["waiting"] == 1;
        let status = self.daemon.wait_status("the mail server is seen to be down", 30.0, down);
        let reason = status["mail"][0]["reason"].as_str().unwrap_or_default().to_owned();
        self.server.up();
        self.back = Some(Instant::now());
        Ok(format!("kept: \"{reason}\"; it is back now, and the next try comes by itself within a minute"))
    }

    /// The calls come in between: they need no mail server.
    fn server_back(&mut self) -> Step {
        let back = self.back.ok_or("the mail server was not down")?;
        self.wait_mails(1, 150.0)?;
        Ok(format!("delivered by itself {} after the server came back, calls in between", seconds(back)))
    }

    fn killed(&mut self) -> Step {
        let state = self.scratch.join("state");
        for attempt in 1..=20 {
            let text = format!("the daemon was killed over this, {attempt}");
            let hit = home::kill_after_store(&mut self.stick, &mut self.daemon, &state, SENDER, &text);
            self.daemon.restart();
            let mails = self.wait_mails(1, 60.0)?;
            self.emptied()?;
            let mine = |m: &&Value| m["body"].as_str().is_some_and(|b| b.starts_with(&text));
            let ids: BTreeSet<String> =
                mails.iter().filter(mine).map(|m| m["message_id"].to_string()).collect();
            ensure(ids.len() == 1, || format!("the text came as {} mails", ids.len()))?;
            // Twice under one Message-ID is allowed where the kill fell between the 250 and our note of it.
            self.mails = self.server.count();
            if hit {
                return Ok(format!(
                    "kill -9 with the text on disk and on the SIM (try {attempt}): one mail, SIM empty"
                ));
            }
        }
        Err("20 kills, none between store and delete".to_owned())
    }

    fn sent(&mut self) -> Step {
        let text = "Буду дома к восьми вечера. Купи, пожалуйста, хлеб, молоко и что-нибудь к чаю 🍰. Целую!";
        let before = self.stick.sent().len();
        let begin = Instant::now();
        let out = self.daemon.cli(&["sms", "send", SENDER, text]);
        ensure(out.status.success(), || String::from_utf8_lossy(&out.stderr).into_owned())?;
        let done = |t: &Value| t["text"] == text && (t["state"] == "sent" || t["state"] == "delivered");
        let message = self.daemon.wait_text("the text is sent", 60.0, done);
        let took = seconds(begin);
        let parts = self.stick.sent().split_off(before);
        let joined: String = parts.iter().filter_map(|p| p["text"].as_str()).collect();
        ensure(joined == text, || format!("the network got {joined:?}"))?;
        Ok(format!(
            "{} parts taken by the network after {took}, references {}",
            parts.len(),
            message["references"]
        ))
    }

    fn pulled(&mut self) -> Step {
        let before = self.daemon.dongle()["at_port"].as_str().unwrap_or("?").to_owned();
        self.stick.unplug();
        let begin = Instant::now();
        self.daemon.wait_dongle("absent", 20.0);
        let noticed = seconds(begin);
        self.stick.plug(5);
        let begin = Instant::now();
        let after = self.daemon.wait_dongle("ready", 90.0);
        let back = seconds(begin);
        self.stick.sms(SENDER, "after the stick was put back");
        self.wait_mails(1, 30.0)?;
        self.emptied()?;
        let port =
            |path: &str| Path::new(path).file_name().map_or_else(String::new, |f| f.to_string_lossy().into());
        let (before, after) = (port(&before), port(after["at_port"].as_str().unwrap_or("?")));
        Ok(format!(
            "missed after {noticed}; back as {after} (was {before}) and ready after {back}; a text came through"
        ))
    }

    /// A step of the calls.
    fn call(&mut self, action: impl FnOnce(&mut Calls, &mut demo_calls::House<'_>) -> Step) -> Step {
        let Self { daemon, stick, calls, scratch, .. } = self;
        action(calls, &mut demo_calls::House { daemon, stick, scratch })
    }

    fn manners(&mut self) -> Step {
        let offences = self.stick.offences();
        ensure(offences.is_empty(), || format!("{offences:#?}"))?;
        let commands = self.stick.events().iter().filter(|e| e["event"] == "command").count();
        ensure(commands > 0, || "nobody spoke to it".to_owned())?;
        Ok(format!("{commands} AT commands, none on top of another, no slot read twice, no PIN tried twice"))
    }

    /// Where the running demo's things are, for the other terminal.
    fn places(&self) -> Value {
        json!({
            "socket": self.daemon.socket_path(),
            "stick": self.stick.control_path(),
            "mailbox": self.server.mailbox(),
        })
    }
}

fn subject(mail: &Value) -> String {
    mail["subject"].as_str().unwrap_or_default().chars().take(50).collect()
}

type Action = fn(&mut Demo) -> Step;

const STEPS: [(&str, Action); 15] = [
    ("a mail server", Demo::mail_server),
    ("dongle found and registered", Demo::found),
    ("a two-part Cyrillic text with an emoji", Demo::two_parts),
    ("a backlog of a full SIM", Demo::backlog),
    ("the daemon killed between store and delete", Demo::killed),
    ("a text sent", Demo::sent),
    ("a text while the mail server is down", Demo::server_down),
    ("a phone registers", |demo| demo.call(Calls::registers)),
    ("a call to the SIM, answered by the phone", |demo| demo.call(Calls::call_in)),
    ("the phone calls out and presses keys", |demo| demo.call(Calls::call_out)),
    ("a busy number", |demo| demo.call(Calls::busy)),
    ("the stick pulled during a call, and put back", |demo| demo.call(Calls::pulled)),
    ("the text from when the mail server was down", Demo::server_back),
    ("the stick pulled and put back while idle", Demo::pulled),
    ("the stick has nothing to complain about", Demo::manners),
];

fn show() -> ExitCode {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGINT);
    mask.add(Signal::SIGTERM);
    // Before any thread: the log readers would take the signal otherwise. Children start with a clean mask.
    let blocked = mask.thread_block().is_ok();
    let signals =
        SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).ok().filter(|_| blocked);
    let ended = || signals.as_ref().is_some_and(|s| s.read_signal().is_ok_and(|signal| signal.is_some()));
    let mut screen = Screen::new();
    screen
        .line("tandem: the SIM stays at home in the router, its texts come by mail, its calls to the phones");
    let Some(mut demo) = screen.guard("set up", Demo::set_up) else {
        return screen.finish();
    };
    for (title, action) in STEPS {
        let good = screen.step(title, || action(&mut demo));
        // Without a dongle the other steps would only wait.
        if ended() || (!good && title == STEPS[1].0) {
            return screen.finish();
        }
    }
    if std::env::var_os("DEMO_EXIT").is_some_and(|v| !v.is_empty() && v != "0") {
        drop(demo);
        return screen.finish();
    }
    let code = screen.finish();
    stay(&mut demo, ended);
    code
}

/// Prints what can be tried, then each mail that comes, until a signal.
fn stay(demo: &mut Demo, ended: impl Fn() -> bool) {
    demo.calls.phone_off();
    let note = note_path();
    if let Err(e) = std::fs::write(&note, demo.places().to_string()) {
        eprintln!("{}: {e}", note.display());
    }
    let tandem = paths::tandem();
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("demo"));
    let (tandem, program) = (tandem.display(), program.display());
    let socket = demo.daemon.socket_path();
    let socket = socket.display();
    println!(
        "
It stays up until Ctrl-C. In another terminal:

  {tandem} status -s {socket}
  {tandem} sms list -s {socket}
  {tandem} sms send -s {socket} {SENDER} 'Hello from the router'

  {program} text {SENDER} 'Hello 😀'        a text arrives at the SIM
  {program} stick '{{\"do\":\"unplug\"}}'         pull the stick; '{{\"do\":\"plug\"}}' puts it back
  {program} mails                            what lies in the mailbox:
  {}

{}

New mails:",
        demo.server.mailbox().display(),
        demo.calls.invitation(&program.to_string())
    );
    let mut shown = demo.server.count();
    let mut speaks = false;
    while !ended() {
        let active = demo.stick.tell("state")["call"]["current"]["state"] == "active";
        if active && !speaks {
            demo.stick.ask(&json!({ "do": "play", "hz": FAR_HZ, "level_db": LEVEL }));
        }
        speaks = active;
        let count = demo.server.count();
        for mail in demo.server.mails().iter().skip(shown).take(count.saturating_sub(shown)) {
            println!("  {}  {}", mail["date"].as_str().unwrap_or_default(), subject(mail));
        }
        shown = count.max(shown);
        // Only a person waits here.
        std::thread::sleep(Duration::from_millis(300));
    }
    let _ = std::fs::remove_file(note);
}

fn note_path() -> PathBuf {
    paths::root().join("target/demo.json")
}

/// The other terminal's commands.
fn ask(arguments: &[String]) -> Result<(), String> {
    let note =
        std::fs::read_to_string(note_path()).map_err(|_| "no demo is up: `make demo` first".to_owned())?;
    let places: Value = serde_json::from_str(&note).map_err(|e| e.to_string())?;
    let place = |key: &str| PathBuf::from(places[key].as_str().unwrap_or_default());
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let request = match words.as_slice() {
        ["text", from, text] => json!({ "do": "sms", "from": from, "text": text }),
        ["ring"] => json!({ "do": "ring", "from": SENDER }),
        ["ring", from] => json!({ "do": "ring", "from": from }),
        ["stick", json] => serde_json::from_str(json).map_err(|e| e.to_string())?,
        ["mails"] => {
            for mail in house::postfix::read_maildir(&place("mailbox")) {
                println!("{}\n{}\n", subject(&mail), mail["body"].as_str().unwrap_or_default());
            }
            return Ok(());
        }
        _ => return Err("demo [text FROM TEXT | ring [FROM] | stick JSON | mails]".to_owned()),
    };
    let mut stick =
        JsonLines::connect(&place("stick")).map_err(|e| format!("the stick doesn't answer: {e}"))?;
    println!("{}", stick.ask(&request).map_err(|e| e.to_string())?);
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        return show();
    }
    match ask(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("{words}");
            ExitCode::FAILURE
        }
    }
}
