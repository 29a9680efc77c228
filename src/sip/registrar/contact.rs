//! One Contact of a REGISTER. RFC 3261 section 20.10.
use super::Binding;
use crate::wire::sip::{Address, Params, Scheme, Uri};

/// Without a word about it, or with one that can't be read (RFC 3261 section 10.3 item 6 and 20.19).
const DEFAULT_EXPIRES: u32 = 3_600;

pub(super) struct Contact {
    pub uri: Uri,
    /// All but `expires`.
    pub params: Params,
    /// Granted; 0: to be removed.
    pub seconds: u32,
    pub instance: Option<String>,
    pub reg_id: Option<u32>,
    pub q: u16,
    /// Cisco's sign of life: `expires=0` that removes nothing.
    pub is_keep_alive: bool,
}

impl Contact {
    /// `default`: the Expires header; `bounds`: the shortest and longest registration, seconds. `None`: no SIP URI to call.
    pub fn read(text: &str, default: Option<&str>, bounds: (u32, u32)) -> Option<Self> {
        let Address { uri, mut params, .. } = Address::parse(text)?;
        if uri.scheme == Scheme::Tel || uri.headers.is_some() {
            return None;
        }
        let seconds = granted(params.get("expires").or(default), bounds);
        params.remove("expires");
        let instance = params.get("+sip.instance").map(|i| i.trim_matches('"').to_owned());
        Some(Self {
            seconds,
            instance: instance.filter(|i| !i.is_empty()),
            reg_id: params.get("reg-id").and_then(|r| r.parse().ok()),
            q: params.get("q").map_or(1_000, thousandths),
            is_keep_alive: params.has("cisco-keep-alive") || uri.params.has("cisco-keep-alive"),
            uri,
            params,
        })
    }

    pub fn is_of(&self, binding: &Binding) -> bool {
        binding.is_of(&self.uri, self.instance.as_deref(), self.reg_id)
    }
}

/// What a phone gets for what it asks.
fn granted(asked: Option<&str>, (least, most): (u32, u32)) -> u32 {
    let usual = DEFAULT_EXPIRES.max(least).min(most);
    let Some(text) = asked.map(str::trim).filter(|t| !t.is_empty()) else { return usual };
    match text.parse::<u32>() {
        Ok(0) => 0,
        Ok(seconds) => seconds.max(least).min(most),
        // Digits that don't fit are a long time; anything else is nothing.
        Err(_) if text.bytes().all(|b| b.is_ascii_digit()) => most,
        Err(_) => usual,
    }
}

/// `0.7` is 700. No floating point: some routers have none.
fn thousandths(q: &str) -> u16 {
    let (whole, fraction) = q.trim().split_once('.').unwrap_or((q.trim(), ""));
    let digits = fraction.bytes().chain(*b"000").take(3).try_fold(0_u16, |sum, b| {
        let digit = char::from(b).to_digit(10)?;
        sum.saturating_mul(10).checked_add(u16::try_from(digit).ok()?)
    });
    match (whole, digits) {
        ("0" | "", Some(sum)) => sum,
        _ => 1_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameter_wins_over_the_header() {
        for (text, header, want) in [
            ("<sip:a@b>", None, 3_600),
            ("<sip:a@b>", Some("600"), 600),
            ("<sip:a@b>;expires=300", Some("600"), 300),
            ("<sip:a@b>;expires=\"x\"", Some("600"), 3_600),
            ("<sip:a@b>;Expires=0", Some("600"), 0),
            ("<sip:a@b>;expires=5", None, 60),
            ("<sip:a@b>;expires=86400", None, 7_200),
            ("<sip:a@b>;expires=99999999999999", None, 7_200),
            ("<sip:a@b>", Some("-1"), 3_600),
            ("<sip:a@b>", Some(" 0 "), 0),
            // Without brackets the parameters are the header's.
            ("sip:a@b;expires=120", None, 120),
        ] {
            assert_eq!(Contact::read(text, header, (60, 7_200)).unwrap().seconds, want, "{text} {header:?}");
        }
        for bad in ["", "<sip:>", "<tel:+4930>", "<http://a>", "<sip:a@b?Route=x>", "\"open <sip:a@b>"] {
            assert!(Contact::read(bad, None, (60, 7_200)).is_none(), "{bad}");
        }
    }

    #[test]
    fn q_in_thousandths() {
        for (text, want) in
            [("1", 1_000), ("1.0", 1_000), ("0.7", 700), ("0.125", 125), (".5", 500), ("0", 0), ("x", 1_000)]
        {
            assert_eq!(thousandths(text), want, "{text}");
        }
    }
}
