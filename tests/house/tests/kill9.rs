//! 200 times kill -9 at a random moment while texts arrive: none lost, mailed twice only with the same Message-ID.
use house::home::{Home, Options};
use house::random::Random;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const KILLS: u32 = 200;
const SENDER: &str = "+4915112345678";

/// What the network sent, in the order of its going out.
struct Sent {
    texts: BTreeSet<String>,
    random: Random,
}

impl Sent {
    /// One to three texts, short, long, Cyrillic; parts in either order.
    fn some(&mut self, home: &mut Home) {
        for _ in 0..=self.random.below(3) {
            let number = self.texts.len();
            let (text, how) = match self.random.below(4) {
                0 => (format!("код {number} 😀 {}", "длинный текст ".repeat(8)), json!({ "order": [2, 1] })),
                1 => (format!("long text {number} {}", "word ".repeat(40)), json!({})),
                _ => (format!("text {number}"), json!({})),
            };
            home.stick.sms_with(SENDER, &text, &how);
            self.texts.insert(text);
        }
    }
}

fn text_of(mail: &Value) -> String {
    mail["body"].as_str().unwrap_or_default().split("\n\n-- \n").next().unwrap_or_default().to_owned()
}

#[test]
fn two_hundred_kills() {
    let kills = std::env::var("HOUSE_KILLS").ok().and_then(|k| k.parse().ok()).unwrap_or(KILLS);
    let mut home = Home::prepare("kill9", Options::default());
    let mut sent = Sent { texts: BTreeSet::new(), random: Random::new("kill9") };
    // How long a start until a delivered text takes here: kills fall anywhere within it.
    let begin = Instant::now();
    home.daemon.restart();
    home.daemon.wait_dongle("ready", 30.0);
    sent.some(&mut home);
    home.wait_mails(sent.texts.len(), 30.0);
    let span = u64::try_from(begin.elapsed().as_micros()).unwrap_or(1_000_000).clamp(20_000, 2_000_000);
    for kill in 1..=kills {
        // Now and then also while it starts, and before it has begun.
        let wait = Duration::from_micros(sent.random.below(span * 5 / 4));
        if kill % 2 == 0 && home.stick.texts_left() < 15 {
            sent.some(&mut home);
        }
        std::thread::sleep(wait);
        home.daemon.kill9();
        home.daemon.launch();
    }
    home.daemon.wait_answer();
    let last = home.daemon.wait_dongle("ready", 60.0);
    assert!(home.stick.emptied(120.0), "{last:#} left: {:#?}\n{}", home.stick.slots(), home.daemon.tail(80));
    home.daemon.wait_status("all delivered", 180.0, |s| {
        s["messages"]["waiting"] == 0 && s["messages"]["incomplete"] == 0
    });
    check(&home, &sent.texts, kills);
}

fn check(home: &Home, texts: &BTreeSet<String>, kills: u32) {
    let mails = home.mail.mails();
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for mail in &mails {
        let id = mail["message_id"].to_string();
        ids.entry(text_of(mail)).or_default().insert(id.clone());
        let owner = owners.entry(id).or_insert_with(|| text_of(mail));
        assert_eq!(*owner, text_of(mail), "one Message-ID for two texts");
    }
    let got: BTreeSet<String> = ids.keys().cloned().collect();
    let lost: Vec<&String> = texts.difference(&got).collect();
    let strange: Vec<&String> = got.difference(texts).collect();
    assert!(
        lost.is_empty() && strange.is_empty(),
        "lost {lost:?}, strange {strange:?}\n{}",
        home.daemon.tail(80)
    );
    for (text, ids) in &ids {
        assert_eq!(ids.len(), 1, "{text:?} under {ids:?}\n{}", home.daemon.tail(80));
    }
    println!(
        "{kills} kills, {} texts, {} mails: {} twice",
        texts.len(),
        mails.len(),
        mails.len() - texts.len()
    );
}
