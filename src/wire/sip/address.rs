//! `"Name" <sip:user@host>;tag=x`: From, To, Contact, Route. RFC 3261 section 20.10.
use super::{Params, Uri};

/// A name, a URI and the header's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Without quotes and escapes.
    pub display: Option<String>,
    pub uri: Uri,
    pub params: Params,
}

impl Address {
    #[must_use]
    pub fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::default() }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (display, rest) = display(text)?;
        if let Some(rest) = rest.trim_start().strip_prefix('<') {
            let (uri, params) = rest.split_once('>')?;
            return Some(Self { display, uri: Uri::parse(uri)?, params: Params::parse(params) });
        }
        if display.is_some() {
            return None;
        }
        // Without brackets everything behind `;` belongs to the header, and a URI with `?` or `,` needs them (section 20).
        let (uri, params) = rest.split_once(';').unwrap_or((rest, ""));
        if uri.contains(['?', ',']) {
            return None;
        }
        Some(Self { display: None, uri: Uri::parse(uri)?, params: Params::parse(params) })
    }

    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag").filter(|t| !t.is_empty())
    }

    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    #[must_use]
    pub fn named(mut self, display: Option<&str>) -> Self {
        self.display = display.filter(|d| !d.is_empty()).map(str::to_owned);
        self
    }
}

/// The display name, and what follows it.
fn display(text: &str) -> Option<(Option<String>, &str)> {
    let Some(rest) = text.strip_prefix('"') else {
        // Words before `<`.
        return Some(match text.find('<') {
            Some(at) => {
                let (name, rest) = text.split_at_checked(at)?;
                let name = name.trim();
                ((!name.is_empty()).then(|| name.to_owned()), rest)
            }
            None => (None, text),
        });
    };
    let mut name = String::new();
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => name.extend(chars.next().map(|(_, c)| c)),
            '"' => return Some((Some(name), rest.get(at.saturating_add(1)..)?)),
            c => name.push(c),
        }
    }
    None
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(name) = &self.display {
            let quoted: String = name
                .chars()
                .filter(|c| !c.is_control())
                .flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c]))
                .collect();
            write!(f, "\"{quoted}\" ")?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}
