//! From a text to the mail that carries it.
use super::delivery::What;
use super::mail::Mail;
use super::text::Text;
use crate::config::{Smtp, Target};
use crate::util::text::one_line;
use crate::util::time::Stamp;

/// Characters of a text in the subject: a bank code is seen without opening the mail.
const SUBJECT: usize = 60;

/// What a mail says about its dongle.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    pub dongle: &'a str,
    pub number: Option<&'a str>,
}

/// The mail for one delivery. The same text, parts and server give the same bytes.
#[must_use]
pub fn mail(text: &Text, server: &Smtp, target: &Target, what: &What, line: Line<'_>) -> Mail {
    let (suffix, subject, body) = match what {
        What::Text => (edition(text), subject(text), body(text, line)),
        What::Notice { about, reply } => notice(text, about, reply),
    };
    let domain = server.sender.rsplit('@').next().unwrap_or("localhost");
    Mail {
        message_id: format!("{}{suffix}@tandem.{domain}", text.id),
        from: server.sender.clone(),
        from_name: format!("{} (tandem)", line.dongle),
        to: target.address().to_owned(),
        subject: one_line(&subject, 120),
        body,
        date: date(text),
    }
}

/// An incomplete text and the whole one that follows it are two mails.
fn edition(text: &Text) -> String {
    if text.is_complete() { String::new() } else { format!(".{}of{}", text.count(), text.total) }
}

/// When it came here; before the clock was set, when it was sent.
fn date(text: &Text) -> Stamp {
    let received = text.received();
    let stamp = text.stamp();
    if received.is_set() { Stamp { at: received, offset_min: stamp.offset_min } } else { stamp }
}

fn subject(text: &Text) -> String {
    if text.unreadable().is_some() {
        return "SMS that could not be read".to_owned();
    }
    let content = text.content();
    let mut start = one_line(content.trim(), SUBJECT);
    if content.trim().chars().count() > SUBJECT {
        start.push('…');
    }
    format!("SMS from {}: {start}", one_line(&text.sender, 32))
}

fn body(text: &Text, line: Line<'_>) -> String {
    let mut body = match text.unreadable() {
        Some((why, pdu)) => format!("A text arrived that could not be read ({why}).\nAs it came:\n\n{pdu}"),
        None => text.content(),
    };
    body.push_str("\n\n-- \n");
    if !text.sender.is_empty() {
        body.push_str(&format!("From: {}\n", one_line(&text.sender, 32)));
        if text.nameless {
            body.push_str("This sender can't be answered.\n");
        }
    }
    body.push_str(&format!("Sent: {}\n", readable(text.stamp())));
    if text.received().is_set() {
        let offset_min = text.stamp().offset_min;
        body.push_str(&format!("Received: {}\n", readable(Stamp { at: text.received(), offset_min })));
    }
    match line.number {
        Some(number) => body.push_str(&format!("Dongle: {} ({number})\n", line.dongle)),
        None => body.push_str(&format!("Dongle: {}\n", line.dongle)),
    }
    let missing = text.missing();
    if !missing.is_empty() {
        let listed: Vec<String> = missing.iter().take(20).map(ToString::to_string).collect();
        let dots = if missing.len() > 20 { " …" } else { "" };
        body.push_str(&format!(
            "Missing: part {}{dots} of {}. When it comes, the whole text is sent again.\n",
            listed.join(", "),
            text.total
        ));
    }
    body
}

/// `2026-11-20 12:00:00 +01:00`
fn readable(stamp: Stamp) -> String {
    let text = stamp.to_string();
    let (day, rest) = text.split_at(10);
    let (time, offset) = rest.get(1..).unwrap_or("").split_at(8);
    format!("{day} {time} {offset}")
}

fn notice(text: &Text, about: &str, reply: &str) -> (String, String, String) {
    let reply = one_line(reply, 200);
    let body = format!(
        "The text {} from {} could not be delivered to {}.\n\nThe server said: {reply}\n\nIt is kept. See it with\n\n    \
         tandem sms show {}\n\nand, when the cause is mended, send it on with\n\n    tandem sms retry {}\n",
        text.id,
        one_line(&text.sender, 32),
        one_line(about, 120),
        text.id,
        text.id
    );
    let about_hash = crate::util::hash::of(&[about.as_bytes()]);
    (format!(".notice{about_hash:016x}"), format!("A text could not be delivered: {reply}"), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable_time() {
        let stamp = Stamp { at: crate::util::time::Wall(1_298_911_850), offset_min: -300 };
        assert_eq!(readable(stamp), "2011-02-28 11:50:50 -05:00");
    }
}
