//! The story that every crash test tells, and how it must end.
use super::world::{Happening, World};
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::OnceLock;
use std::time::Duration;
use tandem::message::mail::Outcome;

/// Read once: the story is told some thousand times.
fn vectors() -> &'static [Value] {
    static VECTORS: OnceLock<Value> = OnceLock::new();
    let text = include_str!("../data/pdu_vectors.json");
    VECTORS.get_or_init(|| serde_json::from_str(text).unwrap())["vectors"].as_array().unwrap()
}

/// The parts of a Russian text, from oFono's tests.
pub fn parts() -> Vec<String> {
    let all = vectors();
    let mut parts: Vec<(u64, String)> = all
        .iter()
        .filter(|v| v["group"] == "ofono-assembly")
        .map(|v| (v["concat"]["seq"].as_u64().unwrap(), v["pdu"].as_str().unwrap().to_owned()))
        .collect();
    parts.sort();
    parts.into_iter().map(|(_, pdu)| pdu).collect()
}

/// The first part as the network sent it a second time, with another stamp.
pub fn restamped() -> String {
    parts()[0].replace("90604100122204", "90604100123204")
}

/// PDUs that say what another one says already.
pub fn copies() -> Vec<String> {
    vec![restamped()]
}

fn by_sender(number: &str) -> String {
    let all = vectors();
    let found =
        all.iter().find(|v| v["direction"] == "deliver" && v["number"] == number && v["text"].is_string());
    found.unwrap()["pdu"].as_str().unwrap().to_owned()
}

/// Not readable: its address is longer than itself.
pub const BROKEN: &str = "000ABF00";

pub fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Parts in disorder and doubled, texts of all kinds, one to send, a mail server that fails once. The SIM has five slots.
pub fn story() -> Vec<(Duration, Happening)> {
    let [first, second, third] = <[String; 3]>::try_from(parts()).unwrap();
    vec![
        (at(0), Happening::Arrives(by_sender("+16175927198"))),
        (at(20), Happening::Arrives(third)),
        (at(20), Happening::Arrives(first.clone())),
        (at(20), Happening::Arrives(first)),
        (at(21), Happening::Arrives(restamped())),
        (at(40), Happening::Arrives(BROKEN.to_owned())),
        (
            at(50),
            Happening::Request(
                r#"{"id":1,"method":"sms_send","params":{"to":"+491511234567","text":"Hello"}}"#.into(),
            ),
        ),
        (at(60), Happening::Arrives(by_sender("InternetSMS"))),
        (at(300), Happening::Arrives(second)),
        // Nothing is told in the end, but a periodic look at the store must not hurt.
        (at(7_000), Happening::Clock(1_795_007_000)),
    ]
}

pub fn world() -> World {
    let mut world = World::new(story());
    world.replies = VecDeque::from([Outcome::Unreachable { reason: "connection reset".to_owned() }]);
    world
}

/// The end of the story.
pub const END: u64 = 10_000;

/// What the mailbox must hold, by words of each text.
const TEXTS: [&str; 4] = ["longer message", "не в силах далее терпеть", BROKEN, "тест"];

/// Every text is with its mail server, the SIM is empty, and nothing came twice without excuse.
pub fn ended_well(world: &World, context: &str) {
    assert!(world.stick.slots.is_empty(), "{context}: the SIM holds {:?}", world.stick.slots);
    assert!(world.stick.waiting.is_empty(), "{context}: the network still waits");
    for words in TEXTS {
        let mails: Vec<_> = world.mailbox.iter().filter(|m| m.body.contains(words)).collect();
        assert!(
            !mails.is_empty(),
            "{context}: {words:?} was lost; the mailbox has {} mails",
            world.mailbox.len()
        );
        assert!(mails.windows(2).all(|w| w[0] == w[1]), "{context}: {words:?} came in two forms: {mails:#?}");
    }
    assert_eq!(world.accepted().len(), TEXTS.len(), "{context}: a text too many: {:?}", world.accepted());
    for (id, times) in world.accepted() {
        let excuses = world.excused.iter().filter(|e| **e == id).count();
        assert!(times <= 1 + excuses, "{context}: {id} was mailed {times} times with {excuses} excuses");
    }
    let accepted = world.answers.iter().any(|a| a.contains("\"result\""));
    assert!(world.stick.sent.len() <= 1, "{context}: a text was sent {} times", world.stick.sent.len());
    assert!(
        !accepted || world.excused_send() || world.stick.sent.len() == 1,
        "{context}: a text to send was lost"
    );
}

impl World {
    /// The crash came between "it is being sent" and the stick: nobody knows, so it is not sent again.
    fn excused_send(&self) -> bool {
        self.disk.durable_files().iter().any(|(name, bytes)| {
            let text = String::from_utf8_lossy(bytes);
            name.ends_with(".out") && (text.contains("\"sending\"") || text.contains("\"unknown\""))
        })
    }
}
