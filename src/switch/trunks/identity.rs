//! Who calls, as a provider wants to be told: From, P-Asserted-Identity, P-Preferred-Identity (RFC 3325), Remote-Party-ID, Privacy
//! (RFC 3323).
use crate::config::{Identity as Style, Trunk, formatted};
use crate::wire::sip::{Address, Uri, header};

/// From, and what the provider wants beside it.
#[derive(Debug)]
pub struct Identity {
    pub from: Address,
    pub headers: Vec<(String, String)>,
}

/// Who calls, as this provider wants to be told. `caller`: the number or extension behind the call.
#[must_use]
pub fn identity(
    section: &Trunk,
    country: Option<&str>,
    caller: Option<&str>,
    caller_id: Option<&str>,
    hide: bool,
) -> Identity {
    let account = section.from_user.as_deref().or(section.username.as_deref());
    // A short extension number means nothing outside.
    let number = caller_id.or(section.caller_id.as_deref()).or(caller.filter(|c| c.starts_with('+')));
    let number = number.map(|number| formatted(country, number, section.format));
    let number = number.as_deref();
    let uri = |user: Option<&str>| Uri::sip(user, section.domain(), None);
    let mut headers = Vec::new();
    let shown = match section.identity {
        Style::From => number.or(account),
        Style::Asserted | Style::Preferred | Style::RemoteParty => account.or(number),
    };
    let mut value = format!("<{}>", uri(number.or(account)));
    match section.identity {
        Style::From => {}
        Style::Asserted => headers.push((header::P_ASSERTED_IDENTITY.to_owned(), value)),
        Style::Preferred => headers.push(("P-Preferred-Identity".to_owned(), value)),
        Style::RemoteParty => {
            value.push_str(";party=calling;privacy=");
            value.push_str(if hide { "full" } else { "off" });
            headers.push((header::REMOTE_PARTY_ID.to_owned(), value));
        }
    }
    if hide {
        headers.push((header::PRIVACY.to_owned(), "id".to_owned()));
        let from =
            Address::new(Uri::sip(Some("anonymous"), "anonymous.invalid", None)).named(Some("Anonymous"));
        return Identity { from, headers };
    }
    Identity { from: Address::new(uri(shown)), headers }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Loaded;

    fn told(options: &str, caller: Option<&str>, caller_id: Option<&str>, hide: bool) -> String {
        let text = format!(
            "config tandem 'main'\noption country 'DE'\nconfig trunk 't'\noption host 'h.example'\n\
             option username 'me'\noption secret 'x'\n{options}"
        );
        let loaded = Loaded::parse(text.as_bytes());
        assert!(loaded.is_right(), "{loaded}");
        let identity = identity(&loaded.config.trunks[0], Some("DE"), caller, caller_id, hide);
        let headers = identity.headers.iter().map(|(name, value)| format!(" | {name}: {value}"));
        format!("{}{}", identity.from, headers.collect::<String>())
    }

    #[test]
    fn as_each_provider_wants_it() {
        let own = Some("030123456");
        for (options, caller, caller_id, hide, want) in [
            ("", Some("20"), None, false, "<sip:me@h.example>"),
            ("", Some("20"), own, false, "<sip:030123456@h.example>"),
            ("option format '+e164'\n", Some("20"), own, false, "<sip:+4930123456@h.example>"),
            ("option format '00e164'\n", Some("+43123456"), None, false, "<sip:0043123456@h.example>"),
            (
                "option identity 'pai'\noption format 'e164'\n",
                None,
                own,
                false,
                "<sip:me@h.example> | P-Asserted-Identity: <sip:4930123456@h.example>",
            ),
            (
                "option identity 'pai'\n",
                None,
                own,
                true,
                "\"Anonymous\" <sip:anonymous@anonymous.invalid> | P-Asserted-Identity: <sip:030123456@h.example> | Privacy: id",
            ),
            (
                "option identity 'ppi'\n",
                None,
                own,
                false,
                "<sip:me@h.example> | P-Preferred-Identity: <sip:030123456@h.example>",
            ),
            (
                "option identity 'rpid'\n",
                None,
                own,
                true,
                "\"Anonymous\" <sip:anonymous@anonymous.invalid> | Remote-Party-ID: <sip:030123456@h.example>;party=calling;privacy=full | Privacy: id",
            ),
        ] {
            assert_eq!(told(options, caller, caller_id, hide), want, "{options}");
        }
    }
}
