//! One command line into its commands (ITU-T V.250 5.3): `ATE0Q0;+CMEE=1`, `AT+CREG?`, `ATD*100#;`.

use super::Form;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// `AT` alone.
    Ping,
    /// `E0`, `I`, `&F`, `Z`, `A`, `H`: letter (with `&`) and its number.
    Basic {
        name: String,
        value: Option<u32>,
    },
    /// `D` and what is dialled.
    Dial(String),
    Extended {
        name: String,
        form: Form,
        arguments: String,
    },
}

impl Command {
    /// The name as scripts and lists write it: `+CSQ`, `^ICCID`, `I`, `D`, empty for `AT`.
    pub fn name(&self) -> &str {
        match self {
            Command::Ping => "",
            Command::Basic { name, .. } | Command::Extended { name, .. } => name,
            Command::Dial(_) => "D",
        }
    }
}

/// `None` when the line is no AT command at all, `Some(Err)` when it starts as one and makes no sense.
pub fn line(text: &str) -> Option<Result<Vec<Command>, String>> {
    let rest = text.get(..2).filter(|p| p.eq_ignore_ascii_case("AT")).and_then(|_| text.get(2..))?;
    Some(body(rest))
}

fn body(text: &str) -> Result<Vec<Command>, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Ok(vec![Command::Ping]);
    }
    let mut out = Vec::new();
    while let Some(first) = rest.chars().next() {
        let (command, tail) = match first {
            '+' | '^' => extended(rest)?,
            ';' | ' ' => {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            'D' | 'd' => dial(rest),
            _ => basic(rest)?,
        };
        out.push(command);
        rest = tail;
    }
    Ok(out)
}

/// Up to the next `;` outside quotes.
fn extended(text: &str) -> Result<(Command, &str), String> {
    let mut quoted = false;
    let end = text
        .find(|c| {
            quoted ^= c == '"';
            c == ';' && !quoted
        })
        .unwrap_or(text.len());
    let (own, tail) = text.split_at(end);
    let name_end = own.find(['=', '?']).unwrap_or(own.len());
    let (name, operand) = own.split_at(name_end);
    let well_formed =
        name.len() > 1 && name.get(1..).is_some_and(|n| n.chars().all(|c| c.is_ascii_alphanumeric()));
    if !well_formed {
        return Err(format!("bad name {name}"));
    }
    let (form, arguments) = match operand {
        "" => (Form::Bare, ""),
        "?" => (Form::Query, ""),
        "=?" => (Form::Test, ""),
        _ => (Form::Set, operand.strip_prefix('=').ok_or("junk behind ?")?),
    };
    Ok((Command::Extended { name: name.to_ascii_uppercase(), form, arguments: arguments.into() }, tail))
}

fn dial(text: &str) -> (Command, &str) {
    let end = text.find(';').map_or(text.len(), |at| at + 1);
    let (own, tail) = text.split_at(end);
    (Command::Dial(own.get(1..).unwrap_or_default().to_string()), tail)
}

fn basic(text: &str) -> Result<(Command, &str), String> {
    let letters = if text.starts_with('&') { 2 } else { 1 };
    let name = text.get(..letters).filter(|n| n.ends_with(|c: char| c.is_ascii_alphabetic()));
    let name = name.ok_or_else(|| format!("junk {text}"))?.to_ascii_uppercase();
    let rest = text.get(letters..).unwrap_or_default();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (number, mut tail) = rest.split_at(digits);
    if name == "S" {
        // S0=0, S0?: swallowed whole.
        let end = tail.find(|c: char| !(c.is_ascii_digit() || c == '=' || c == '?')).unwrap_or(tail.len());
        tail = tail.get(end..).unwrap_or_default();
    }
    Ok((Command::Basic { name, value: number.parse().ok() }, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, arguments: &str) -> Command {
        Command::Extended { name: name.into(), form: Form::Set, arguments: arguments.into() }
    }

    #[test]
    fn lines_are_split() {
        let b = |n: &str, v| Command::Basic { name: n.into(), value: v };
        let q = |n: &str, form| Command::Extended { name: n.into(), form, arguments: String::new() };
        assert_eq!(line("AT"), Some(Ok(vec![Command::Ping])));
        assert_eq!(line("hello"), None);
        assert_eq!(line("ATE0Q0&D2"), Some(Ok(vec![b("E", Some(0)), b("Q", Some(0)), b("&D", Some(2))])));
        assert_eq!(line("ATI; +CIMI"), Some(Ok(vec![b("I", None), q("+CIMI", Form::Bare)])));
        assert_eq!(line("AT+CREG?"), Some(Ok(vec![q("+CREG", Form::Query)])));
        assert_eq!(line("AT^CVOICE=?"), Some(Ok(vec![q("^CVOICE", Form::Test)])));
        let two = vec![set("+CMEE", "1"), set("+CUSD", "1,\"a;b\",15")];
        assert_eq!(line("at+cmee=1;+cusd=1,\"a;b\",15"), Some(Ok(two)));
        assert_eq!(line("ATD*100#;"), Some(Ok(vec![Command::Dial("*100#;".into())])));
        assert!(line("AT+=1").is_some_and(|r| r.is_err()));
        assert!(line("AT!").is_some_and(|r| r.is_err()));
    }
}
