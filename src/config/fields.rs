//! One section, read option by option as the schema says.
use super::report::{Label, Report};
use super::schema::{Form, Item, Kind, Shown};
use super::{Secret, value};
use crate::util::{nearest::nearest, pii::Pii, text::one_line};
use crate::wire::uci::{Opt, Section, Value};

/// Characters of a wrong value that a problem repeats.
const VALUE_SHOWN: usize = 80;

/// Gives out the options of one section. A wrong one is reported and replaced by its default.
pub(super) struct Fields<'a> {
    section: &'a Section,
    kind: &'static Kind,
    label: &'a Label,
    report: &'a mut Report,
    sound: bool,
}

impl<'a> Fields<'a> {
    /// Reports options that the schema has not, too.
    pub(super) fn new(
        section: &'a Section,
        kind: &'static Kind,
        label: &'a Label,
        report: &'a mut Report,
    ) -> Self {
        let mut fields = Self { section, kind, label, report, sound: section.sound };
        for option in &section.options {
            fields.note_if_unread(option);
        }
        fields
    }

    /// Nothing was wrong with the section so far.
    pub(super) fn is_sound(&self) -> bool {
        self.sound
    }

    /// The option is there, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.section.option(key).is_some_and(|option| !items(option).is_empty())
    }

    fn note_if_unread(&mut self, option: &Opt) {
        let key = &option.key;
        let what = match self.kind.item(key).map(|item| item.form) {
            Some(Form::Later) => {
                format!("option '{key}' is not in this version, it does nothing yet")
            }
            Some(_) => return,
            None => {
                let known = || self.kind.options.iter().map(|item| item.key);
                let shown = one_line(key, VALUE_SHOWN);
                match nearest(key, known()) {
                    Some(near) => format!("option '{shown}' is not known, did you mean '{near}'?"),
                    None => {
                        let known: Vec<&str> = known().collect();
                        format!("option '{shown}' is not known, want one of {}", known.join(", "))
                    }
                }
            }
        };
        self.report.notice(self.label, option.line, &what);
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        let default = self.default(key).and_then(value::flag).unwrap_or_default();
        self.single(key, value::flag).unwrap_or(default)
    }

    /// The number, or its default; 0 without one.
    pub(super) fn number(&mut self, key: &str) -> u64 {
        let (least, most) = match self.form(key) {
            Some(Form::Number { least, most }) => (least, most),
            _ => (0, u64::MAX),
        };
        let default = self.default(key).and_then(|text| value::number(text, least, most));
        self.single(key, |text| value::number(text, least, most)).or(default).unwrap_or_default()
    }

    /// A text or choice, if it is there and right.
    pub(super) fn text(&mut self, key: &str) -> Option<String> {
        let form = self.form(key)?;
        self.single(key, |text| fits(form, text).then(|| text.to_owned()))
    }

    pub(super) fn secret(&mut self, key: &str) -> Option<Secret> {
        self.text(key).map(Secret::new)
    }

    /// A text that must be there; empty, and reported, where it is not.
    pub(super) fn required(&mut self, key: &str) -> String {
        self.report_if_missing(key);
        self.text(key).unwrap_or_default()
    }

    /// The right ones of the list, each once.
    pub(super) fn list(&mut self, key: &str) -> Vec<String> {
        self.report_if_missing(key);
        let (Some(form), Some(option)) = (self.form(key), self.section.option(key)) else {
            return Vec::new();
        };
        let mut right: Vec<String> = Vec::new();
        for text in list_items(option) {
            if !fits(form, text) {
                self.bad(key, text, &form.want());
            } else if !right.iter().any(|item| item == text) {
                right.push(text.to_owned());
            }
        }
        right
    }

    /// Items of the list that `read` takes, each once; its error says what to write instead.
    pub(super) fn list_of<T: PartialEq>(
        &mut self,
        key: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let mut right = Vec::new();
        for text in self.list(key) {
            match read(&text) {
                Ok(item) if right.contains(&item) => {}
                Ok(item) => right.push(item),
                Err(want) => self.bad(key, &text, &want),
            }
        }
        right
    }

    fn report_if_missing(&mut self, key: &str) {
        let Some(item) = self.kind.item(key) else { return };
        if item.required && !self.has(key) {
            self.missing(key, &item.form.want());
        }
    }

    fn form(&self, key: &str) -> Option<Form> {
        self.kind.item(key).map(|item| item.form)
    }

    fn default(&self, key: &str) -> Option<&'static str> {
        self.kind.item(key).and_then(|item: &'static Item| item.default)
    }

    /// The one value of `key` through `read`, which refuses with None.
    fn single<T>(&mut self, key: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let option = self.section.option(key)?;
        if let Value::List(_) = option.value {
            if self.has(key) {
                self.problem(key, "is a list, want one value: option, not list");
            }
            return None;
        }
        let text = items(option).first().copied()?;
        let value = read(text);
        if value.is_none() {
            let want = self.form(key).map(|form| form.want()).unwrap_or_default();
            self.bad(key, text, &want);
        }
        value
    }

    /// The option is there, with this value, and that is wrong.
    pub(super) fn bad(&mut self, key: &str, text: &str, want: &str) {
        let shown = match self.form(key) {
            Some(Form::Text { shown, .. } | Form::List { shown, .. }) => shown,
            _ => Shown::Plain,
        };
        self.problem(key, &format!("is {}, want {want}", repeated(text, shown)));
    }

    /// The option is not there and has to be.
    pub(super) fn missing(&mut self, key: &str, want: &str) {
        self.problem(key, &format!("is missing, want {want}"));
    }

    /// The section as a whole is wrong.
    pub(super) fn bad_section(&mut self, what: &str) {
        self.sound = false;
        self.report.problem(self.label, self.section.line, what);
    }

    pub(super) fn notice(&mut self, key: &str, what: &str) {
        self.report.notice(self.label, self.line(key), &format!("option '{key}' {what}"));
    }

    fn problem(&mut self, key: &str, what: &str) {
        self.sound = false;
        self.report.problem(self.label, self.line(key), &format!("option '{key}' {what}"));
    }

    fn line(&self, key: &str) -> u32 {
        self.section.option(key).map_or(self.section.line, |option| option.line)
    }
}

fn fits(form: Form, text: &str) -> bool {
    match form {
        Form::Text { check, .. } | Form::List { check, .. } => check(text),
        Form::Choice(words) => words.contains(&text),
        Form::Flag | Form::Number { .. } | Form::Later => false,
    }
}

/// Values that are not empty: an empty one is an absent one.
fn items(option: &Opt) -> Vec<&str> {
    let all: &[String] = match &option.value {
        Value::Single(text) => std::slice::from_ref(text),
        Value::List(items) => items,
    };
    all.iter().map(String::as_str).filter(|text| !text.is_empty()).collect()
}

/// As OpenWrt's shell functions do: a list that is written as one option has blanks between its items. A line break there is a
/// quote that was not closed.
fn list_items(option: &Opt) -> Vec<&str> {
    match &option.value {
        Value::Single(text) => text.split([' ', '\t']).filter(|item| !item.is_empty()).collect(),
        Value::List(_) => items(option),
    }
}

/// A wrong value in quotes, as far as it may be repeated. One with line breaks has swallowed other lines of the
/// file, perhaps one with a password.
fn repeated(text: &str, shown: Shown) -> String {
    let length = text.chars().count();
    let masked = format!("'***' ({length} characters)");
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    match shown {
        Shown::Never => "'***'".to_owned(),
        _ if text.chars().any(char::is_control) => masked,
        Shown::Pin if length >= 4 => masked,
        Shown::Private if digits >= 5 => format!("'{}' ({length} characters)", Pii(text)),
        _ if length > VALUE_SHOWN => format!("'{}…' ({length} characters)", one_line(text, VALUE_SHOWN)),
        _ => format!("'{}'", one_line(text, VALUE_SHOWN)),
    }
}
