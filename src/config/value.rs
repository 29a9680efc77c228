//! What a value may look like. Each check takes the text as the file has it.
use core::net::IpAddr;

fn is_digits(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// TS 23.003 clause 6.2.1: 15 digits, the last one a check digit that some sticks get wrong. The 16 digits of an
/// IMEISV are not what a stick answers to AT+CGSN.
pub(super) fn is_imei(text: &str) -> bool {
    is_digits(text, 15, 15)
}

/// TS 23.003 clause 2.2: at most 15 digits; 14 exist.
pub(super) fn is_imsi(text: &str) -> bool {
    is_digits(text, 14, 15)
}

/// TS 31.101 clause 9.5.1.
pub(super) fn is_pin(text: &str) -> bool {
    is_digits(text, 4, 8)
}

/// ITU-T E.164 clause 6.2.1: 15 digits at most.
pub(super) fn is_number(text: &str) -> bool {
    is_digits(text.strip_prefix('+').unwrap_or(text), 3, 15)
}

/// ISO 3166-1 alpha-2; whether the country exists is not checked.
pub(super) fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic())
}

/// A folder in `/sys/bus/usb/devices` that is a port: bus, `-`, port, then the ports of hubs between: `1-1.2`.
pub(super) fn is_usb_port(text: &str) -> bool {
    text.split_once('-').is_some_and(|(bus, ports)| {
        is_digits(bus, 1, 3) && ports.len() <= 24 && ports.split('.').all(|port| is_digits(port, 1, 3))
    })
}

/// A name of a section, as other sections refer to it.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A network device (Linux: 15 bytes) or an interface of /etc/config/network.
pub(super) fn is_device(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'@');
    (1..=15).contains(&text.len()) && text.bytes().all(fits)
}

/// An extension's name is its number.
pub(super) fn is_extension(text: &str) -> bool {
    is_digits(text, 2, 15)
}

/// What a route puts in front of a number: digits, `*`, `#`, and `+` as the first.
pub(super) fn is_prefix(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    !text.is_empty()
        && text.len() <= 20
        && rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'*' | b'#'))
}

/// A number to call in need: short, as dialled.
pub(super) fn is_short_number(text: &str) -> bool {
    is_digits(text, 2, 6)
}

pub(super) fn is_times(text: &str) -> bool {
    super::Times::parse(text).is_some()
}

pub(super) fn is_zone(text: &str) -> bool {
    crate::util::zone::Zone::parse(text).is_some()
}

/// A number to dial through a trunk or dongle.
pub(super) fn is_dialable(text: &str) -> bool {
    let rest = text.strip_prefix('+').unwrap_or(text);
    (1..=32).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'*' | b'#'))
}

/// What may stand in a quoted string of a challenge without being escaped.
pub(super) fn is_realm(text: &str) -> bool {
    let fits = |b: u8| (b.is_ascii_graphic() || b == b' ') && !matches!(b, b'"' | b'\\');
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// The user part of a SIP address, without what would have to be escaped there (RFC 3261 section 25.1 user).
pub(super) fn is_user(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,;?/".contains(&b);
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(super) fn host_port(text: &str) -> Option<(&str, Option<u16>)> {
    let port = |text| number(text, 1, 65_535).and_then(|port| u16::try_from(port).ok());
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        let port = match rest.strip_prefix(':') {
            Some(text) => Some(port(text)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        return host.parse::<core::net::Ipv6Addr>().is_ok().then_some((host, port));
    }
    match text.split_once(':') {
        Some((host, text)) if !text.contains(':') => is_host(host).then_some((host, Some(port(text)?))),
        _ => is_host(text).then_some((text, None)),
    }
}

pub(super) fn is_host_port(text: &str) -> bool {
    host_port(text).is_some()
}

pub(super) fn is_dscp(text: &str) -> bool {
    super::Dscp::parse(text).is_some()
}

pub(super) fn is_port_range(text: &str) -> bool {
    super::PortRange::parse(text).is_some()
}

pub(super) fn is_external(text: &str) -> bool {
    super::External::parse(text).is_some()
}

pub(super) fn is_pattern(text: &str) -> bool {
    super::Pattern::parse(text).is_some()
}

pub(super) fn is_one_line(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

pub(super) fn is_absolute_path(text: &str) -> bool {
    text.starts_with('/')
        && text.len() <= 255
        && text != "/"
        && is_one_line(text)
        && !text.split('/').any(|p| p == "..")
}

/// What the daemon writes must not be taken for configuration.
pub(super) fn is_state_dir(text: &str) -> bool {
    let mut parts = text.split('/').filter(|part| !part.is_empty() && *part != ".");
    let (first, second) = (parts.next(), parts.next());
    is_absolute_path(text) && first.is_some() && (first, second) != (Some("etc"), Some("config"))
}

/// A host name (RFC 1123 section 2.1, with the underscore that routers allow) or an IP address without brackets.
pub(super) fn is_host(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || is_domain(text.strip_suffix('.').unwrap_or(text), true)
}

/// Is the server on this router?
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_domain(text: &str, underscore: bool) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || (underscore && b == b'_');
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(fits)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    // A last label of digits would be an address with a slip in it.
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.split('.').all(is_label) && !last.bytes().all(|b| b.is_ascii_digit())
}

/// `local@domain`: RFC 5321 section 4.5.3.1 lengths, RFC 5322 section 3.2.3 dot-atom. No quoted local parts, no
/// address literals, ASCII alone.
pub(super) fn is_address(text: &str) -> bool {
    let is_atom = |atom: &str| {
        !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || ATEXT.contains(&b))
    };
    text.len() <= 254
        && text.rsplit_once('@').is_some_and(|(local, domain)| {
            local.len() <= 64 && local.split('.').all(is_atom) && is_domain(domain, false)
        })
}

/// RFC 5322 section 3.2.3, besides letters and digits.
const ATEXT: &[u8] = b"!#$%&'*+-/=?^_`{|}~";

/// UCI's booleans, as OpenWrt's shell functions read them.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text {
        "1" | "on" | "true" | "yes" | "enabled" => Some(true),
        "0" | "off" | "false" | "no" | "disabled" => Some(false),
        _ => None,
    }
}

/// Decimal digits alone: no sign, no blanks.
pub(super) fn number(text: &str, least: u64, most: u64) -> Option<u64> {
    let number = if is_digits(text, 1, 19) { text.parse().ok()? } else { return None };
    (least..=most).contains(&number).then_some(number)
}

/// Decibels of a fixed gain: less is silence, more is noise.
pub(super) fn gain(text: &str) -> Option<i8> {
    let decibels: i8 = text.parse().ok()?;
    (-20..=20).contains(&decibels).then_some(decibels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}example.com", "abcdefghi.".repeat(25));
        for (text, want) in [
            ("me@example.com", true),
            ("first.last+sms@sub.example.co.uk", true),
            ("root@localhost", true),
            ("o'brien@example.com", true),
            ("", false),
            ("me", false),
            ("@example.com", false),
            ("me@", false),
            ("me@example..com", false),
            ("me@-example.com", false),
            (".me@example.com", false),
            ("me.@example.com", false),
            ("a b@example.com", false),
            ("me@exam ple.com", false),
            ("me@example.com\r\nBcc: you@example.com", false),
            ("<me@example.com>", false),
            ("me@example.com,you@example.com", false),
            ("me@you@example.com", false),
            ("\"a b\"@example.com", false),
            ("mé@example.com", false),
            ("me@[127.0.0.1]", false),
            ("me@127.0.0.1", false),
            (&long, false),
            (&longer, false),
        ] {
            assert_eq!(is_address(text), want, "{text:?}");
            #[cfg(feature = "mail")]
            assert!(!want || text.parse::<lettre::Address>().is_ok(), "{text:?}");
        }
    }

    #[test]
    fn hosts() {
        for text in
            ["smtp.example.com", "smtp.example.com.", "localhost", "my_box", "127.0.0.1", "::1", "fe80::1"]
        {
            assert!(is_host(text), "{text:?}");
        }
        for text in [
            "",
            ".",
            "a..b",
            "1.2.3.4.5",
            "300.1.1.1",
            "a b",
            "a:25",
            "[::1]",
            "-a.b",
            "http://a",
            "ä.example",
        ] {
            assert!(!is_host(text), "{text:?}");
        }
        assert!(is_loopback("127.0.0.9") && is_loopback("::1") && is_loopback("localhost"));
        assert!(!is_loopback("10.0.0.1") && !is_loopback("localhost.example.com"));
    }

    #[test]
    fn paths_and_ports() {
        for (text, any, state) in [
            ("/etc/tandem/state", true, true),
            ("/etc/tandem/state/", true, true),
            ("/etc/config", true, false),
            ("/etc/config/tandem", true, false),
            ("//etc/./config/x", true, false),
            ("/etc/configs", true, true),
            ("/", false, false),
            ("//", true, false),
            ("state", false, false),
            ("/a/../etc/config", false, false),
            ("/a\n", false, false),
        ] {
            assert_eq!((is_absolute_path(text), is_state_dir(text)), (any, state), "{text:?}");
        }
        for text in ["1-1", "1-1.2", "12-3.4.5.6"] {
            assert!(is_usb_port(text), "{text:?}");
        }
        for text in ["", "1", "1-", "-1", "1-1.", "1-1..2", "1-1:1.0", "usb1", "1.1", "1-1-1", "1234-1"] {
            assert!(!is_usb_port(text), "{text:?}");
        }
    }

    #[test]
    fn flags_and_numbers() {
        for (text, want) in [
            ("1", Some(true)),
            ("enabled", Some(true)),
            ("off", Some(false)),
            ("disabled", Some(false)),
            ("TRUE", None),
            ("2", None),
        ] {
            assert_eq!(flag(text), want, "{text}");
        }
        for (text, want) in [
            ("5", Some(5)),
            ("010", Some(10)),
            ("4", None),
            ("301", None),
            ("+5", None),
            ("-5", None),
            (" 5", None),
            ("0x10", None),
            ("99999999999999999999999", None),
            ("", None),
        ] {
            assert_eq!(number(text, 5, 300), want, "{text:?}");
        }
    }
}
