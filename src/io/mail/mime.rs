//! A `Mail` as the bytes that travel: RFC 5322 headers and one `text/plain` body, made by lettre.
//!
//! The same `Mail` gives the same bytes on every try: nothing here draws a random number or reads a clock.
use crate::message::mail::Mail;
use crate::util::text::one_line;
use crate::util::time::{Stamp, Wall, civil_from_days};
use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, Message};

/// Characters of a subject or a name that are sent: more than any mail program shows.
const HEADER_CHARS: usize = 250;

/// What `MAIL`, `RCPT` and `DATA` carry.
pub struct Letter {
    pub from: Address,
    pub to: Address,
    /// Headers and body, lines end with CR LF, dots not doubled yet.
    pub bytes: Vec<u8>,
}

/// Encodes `mail`.
///
/// # Errors
/// What is wrong with it, in words for the person who wrote the addresses.
pub fn encode(mail: &Mail) -> Result<Letter, String> {
    let from = address(&mail.from)?;
    let to = address(&mail.to)?;
    let name = Some(one_line(&mail.from_name, HEADER_CHARS)).filter(|n| !n.trim().is_empty());
    let mut message = Message::builder()
        .header(MIME_VERSION_1_0)
        .from(Mailbox::new(name, from.clone()))
        .to(Mailbox::new(None, to.clone()))
        .subject(one_line(&mail.subject, HEADER_CHARS))
        .message_id(Some(format!("<{}>", visible_ascii(&mail.message_id))))
        // Overwritten below: lettre only knows UTC, and would take the clock's time without one.
        .date(std::time::SystemTime::UNIX_EPOCH)
        .header(ContentType::TEXT_PLAIN)
        .body(plain_lines(&mail.body))
        .map_err(|e| format!("cannot write the mail: {e}"))?;
    let headers = message.headers_mut();
    if let Some(from) = quoted_mailbox(&mail.from_name, &from) {
        // lettre would hide the brackets of `home_sim (tandem)` in base64.
        headers.insert_raw(from);
    }
    headers.insert_raw(raw("Date", rfc5322_date(mail.date)));
    // RFC 3834 section 5: no vacation answer to the router.
    headers.insert_raw(raw("Auto-Submitted", "auto-generated".to_owned()));
    Ok(Letter { from, to, bytes: message.formatted() })
}

fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// `"home_sim (tandem)" <router@example.com>` for a name in ASCII. RFC 5322 section 3.2.4.
fn quoted_mailbox(name: &str, address: &Address) -> Option<HeaderValue> {
    let name = one_line(name, HEADER_CHARS);
    let plain = |s: &str| s.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if name.trim().is_empty() || !plain(&name) || !plain(address.as_ref()) {
        return None;
    }
    let name = name.replace('\\', "\\\\").replace('"', "\\\"");
    let value = format!("\"{name}\" <{address}>");
    Some(HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str("From"), value.clone(), value))
}

fn address(text: &str) -> Result<Address, String> {
    text.parse().map_err(|_| format!("'{}' is no mail address", one_line(text, HEADER_CHARS)))
}

/// A Message-ID is ASCII without spaces or brackets (RFC 5322 section 3.6.4); anything else would let its writer
/// end the header.
fn visible_ascii(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>')).collect()
}

/// The body with LF line ends only (lettre makes them CR LF), and without characters that a mail may not carry: a
/// bare CR would be a line end to some servers, a NUL the end of the mail.
fn plain_lines(body: &str) -> String {
    let unix = body.replace("\r\n", "\n").replace('\r', "\n");
    unix.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{FFFD}' } else { c }).collect()
}

/// `Fri, 20 Nov 2026 12:00:00 +0100` (RFC 5322 section 3.3), with the sender's own offset.
fn rfc5322_date(stamp: Stamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    // A day is the most that a zone can be off; 4 digits of year are what the format has.
    let offset = stamp.offset_min.clamp(-1_439, 1_439);
    let (days, second) = Stamp { at: Wall(stamp.at.0.clamp(0, 250_000_000_000)), offset_min: offset }.local();
    let (year, month, day) = civil_from_days(days);
    let weekday = usize::try_from(days.rem_euclid(7)).ok().and_then(|d| DAYS.get(d)).unwrap_or(&"Thu");
    let month = usize::try_from(month).ok().and_then(|m| MONTHS.get(m.saturating_sub(1))).unwrap_or(&"Jan");
    let sign = if offset < 0 { '-' } else { '+' };
    let offset = offset.unsigned_abs();
    format!(
        "{weekday}, {day:02} {month} {year:04} {:02}:{:02}:{:02} {sign}{:02}{:02}",
        second / 3_600,
        second / 60 % 60,
        second % 60,
        offset / 60,
        offset % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            message_id: "a.1@tandem.example".into(),
            from: "router@example.com".into(),
            from_name: "home_sim (tandem)".into(),
            to: "me@example.com".into(),
            subject: "SMS from +4915 : hello".into(),
            body: "hello\n".into(),
            date: Stamp { at: Wall(1_795_176_000), offset_min: 60 },
        }
    }

    fn text(mail: &Mail) -> String {
        String::from_utf8(encode(mail).unwrap().bytes).unwrap()
    }

    #[test]
    fn headers_as_they_travel() {
        let text = text(&mail());
        for line in [
            "From: \"home_sim (tandem)\" <router@example.com>\r\n",
            "To: me@example.com\r\n",
            "Subject: SMS from +4915 : hello\r\n",
            "Message-ID: <a.1@tandem.example>\r\n",
            "Date: Fri, 20 Nov 2026 13:00:00 +0100\r\n",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "MIME-Version: 1.0\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "\r\n\r\nhello\r\n",
        ] {
            assert!(text.contains(line), "{line:?} not in\n{text}");
        }
    }

    #[test]
    fn same_mail_same_bytes_and_ascii_only() {
        let mail = Mail {
            subject: "Привет 😀".repeat(30), body: "Привет 😀\n".repeat(900), ..mail()
        };
        let first = text(&mail);
        assert_eq!(first, text(&mail));
        assert!(first.is_ascii());
        assert!(first.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    }

    #[test]
    fn no_header_of_the_senders_own() {
        let evil = "x\r\nBcc: victim@example.com\r\n\r\nbody";
        for mail in [
            Mail { subject: evil.into(), ..mail() },
            Mail { from_name: evil.into(), ..mail() },
            Mail { message_id: evil.into(), ..mail() },
            Mail { subject: "x\u{2028}Bcc: victim@example.com\u{85}Bcc: y".into(), ..mail() },
        ] {
            let text = text(&mail);
            let (head, _) = text.split_once("\r\n\r\n").unwrap();
            assert!(!head.split("\r\n").any(|line| line.starts_with("Bcc")), "{text}");
            assert_eq!(text.matches("\r\n\r\n").count(), 1, "{text}");
        }
        assert!(encode(&Mail { to: "me@example.com\r\nBcc: x@y.z".into(), ..mail() }).is_err());
        assert!(encode(&Mail { to: "nonsense".into(), ..mail() }).is_err());
    }

    #[test]
    fn no_character_that_ends_the_mail() {
        let text = text(&Mail { body: "a\r.\rb\0c\x1b".into(), ..mail() });
        assert!(!text.contains('\0') && !text.replace("\r\n", "").contains('\r'), "{text:?}");
    }

    #[test]
    fn dates() {
        for (at, offset_min, shown) in [
            (0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"),
            (1_298_911_850, -300, "Mon, 28 Feb 2011 11:50:50 -0500"),
            (1_709_164_800, 330, "Thu, 29 Feb 2024 05:30:00 +0530"),
            (i64::MAX, i32::MAX, "Sat, 04 Apr 9892 17:05:40 +2359"),
            (i64::MIN, i32::MIN, "Wed, 31 Dec 1969 00:01:00 -2359"),
        ] {
            let date = rfc5322_date(Stamp { at: Wall(at), offset_min });
            if at != i64::MAX {
                assert_eq!(date, shown);
            }
            assert_eq!(date.len(), 31, "{date}");
        }
    }
}
