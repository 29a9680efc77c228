//! From UCI sections to a `Config`, and everything that is wrong on the way.
mod calls;

use std::collections::HashMap;
use std::fmt;

use super::destination::Parties;
use super::fields::Fields;
use super::forward::{Known, Server, ServerState, listed};
use super::report::{Label, Report};
use super::schema::{self, Kind};
use super::{Config, Dongle, Forward, Main, Problem, Smtp};
use crate::util::{nearest::nearest, text::one_line};
use crate::wire::uci::{self, Parsed, Section, What};

/// Characters of a kind or name that a problem repeats.
const NAME_SHOWN: usize = 64;

/// A file as read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    pub config: Config,
    /// Each disables its section; `tandem` alone keeps its right options. By line, at most
    /// `limits::CONFIG_PROBLEMS` and "and 12 more".
    pub problems: Vec<Problem>,
    /// Worth saying, harmful to nothing: options that nobody reads, sections that wait for a later version.
    pub notices: Vec<Problem>,
}

impl Loaded {
    /// Reads a whole file. An empty one gives the defaults and no problem.
    ///
    /// Anonymous sections work, all but extensions, and are called `dongle0`, `smtp0`, `route0` by their place
    /// among their kind, or by the next free number. Other sections cannot refer to that name, for it changes when
    /// a section above is removed.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let parsed = uci::parse(text);
        let mut load = Load::new(&parsed);
        load.faults(&parsed);
        load.parties();
        load.sections();
        load.forwards();
        load.config.extensions.sort_by(|a, b| a.name.cmp(&b.name));
        load.look_around();
        let (problems, notices) = load.report.finish();
        Self { config: load.config, problems, notices }
    }

    /// Nothing to correct; there may be notices.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.problems.is_empty()
    }

    /// One sentence each.
    pub fn problem_lines(&self) -> impl Iterator<Item = &str> {
        self.problems.iter().map(|problem| problem.text.as_str())
    }

    /// One sentence each.
    pub fn notice_lines(&self) -> impl Iterator<Item = &str> {
        self.notices.iter().map(|notice| notice.text.as_str())
    }
}

impl fmt::Display for Loaded {
    /// What `tandem check` prints: problems as they are, then notices behind `note: `, one a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem_lines().try_for_each(|line| writeln!(f, "{line}"))?;
        self.notice_lines().try_for_each(|line| writeln!(f, "note: {line}"))
    }
}

struct Load<'a> {
    sections: &'a [Section],
    /// One for each section.
    labels: Vec<Label>,
    config: Config,
    known: Known,
    /// Who takes part in calls.
    parties: Parties,
    /// The first `tandem` section.
    main: Option<Label>,
    /// The first `sip` section.
    sip: Option<Label>,
    report: Report,
}

impl<'a> Load<'a> {
    fn new(parsed: &'a Parsed) -> Self {
        Self {
            sections: &parsed.sections,
            labels: labels(&parsed.sections),
            config: Config::default(),
            known: Known::default(),
            parties: Parties::default(),
            main: None,
            sip: None,
            report: Report::default(),
        }
    }

    fn faults(&mut self, parsed: &Parsed) {
        for fault in &parsed.faults {
            let (line, what) = (fault.line, &fault.what);
            match fault.section.and_then(|index| self.labels.get(index)) {
                _ if matches!(what, What::FileTooLong(_)) => self.report.file(line, what.to_string()),
                Some(label) => self.report.problem(label, line, &format!("line {line}: {what}")),
                None => self.report.file(line, format!("line {line}: {what}")),
            }
        }
        self.report.more(parsed.more_faults);
    }

    /// All but forwards, which refer to the others.
    fn sections(&mut self) {
        for (index, section) in self.sections.iter().enumerate() {
            let Some(label) = self.labels.get(index).cloned() else { continue };
            match kind_of(section).map(|kind| (kind, kind.name)) {
                Some((kind, "tandem")) => self.main(section, kind, label),
                Some((kind, "dongle")) => self.dongle(section, kind, &label),
                Some((kind, "smtp")) => self.smtp(section, kind, &label),
                Some((kind, "sip")) => self.sip(section, kind, label),
                Some((kind, "extension")) => self.extension(section, kind, &label),
                Some((kind, "trunk")) => self.trunk(section, kind, &label),
                Some((kind, "route")) => self.route(section, kind, &label),
                Some((kind, "group")) => self.group(section, kind, &label),
                Some(_) => {}
                None => self.not_read(section, &label),
            }
        }
    }

    fn main(&mut self, section: &Section, kind: &'static Kind, label: Label) {
        if let Some(first) = &self.main {
            self.report.problem(&label, section.line, &format!("there is {first} already, want one"));
            return;
        }
        if section.name.as_deref() != Some("main") {
            self.report.problem(&label, section.line, "want the name 'main': config tandem 'main'");
        }
        self.config.main = Main::from_uci(&mut Fields::new(section, kind, &label, &mut self.report));
        self.main = Some(label);
    }

    fn dongle(&mut self, section: &Section, kind: &'static Kind, label: &Label) {
        let name = self.name(section, label);
        let mut fields = Fields::new(section, kind, label, &mut self.report);
        let dongle = Dongle::from_uci(name, &mut fields, &self.parties);
        refuse_second(&dongle, &self.config.dongles, &mut fields);
        if fields.is_sound() {
            self.config.dongles.push(dongle);
        }
        self.known.dongles.extend(section.name.clone());
    }

    fn smtp(&mut self, section: &Section, kind: &'static Kind, label: &Label) {
        let name = self.name(section, label);
        let mut fields = Fields::new(section, kind, label, &mut self.report);
        let smtp = Smtp::from_uci(name.clone(), &mut fields);
        let state = match (fields.is_sound(), smtp.enabled) {
            (false, _) => ServerState::LeftOut,
            (true, false) => ServerState::Disabled,
            (true, true) => ServerState::Works,
        };
        if state != ServerState::LeftOut {
            self.config.smtps.push(smtp);
        }
        let is_anonymous = section.name.is_none();
        self.known.servers.push(Server { name, label: label.to_string(), is_anonymous, state });
    }

    fn forwards(&mut self) {
        for (index, section) in self.sections.iter().enumerate() {
            let (Some(kind), Some(label)) = (kind_of(section), self.labels.get(index)) else { continue };
            if kind.name != "forward" {
                continue;
            }
            let name = self.name(section, label);
            let mut fields = Fields::new(section, kind, label, &mut self.report);
            let forward = Forward::from_uci(name, &mut fields, &self.known);
            if fields.is_sound() {
                self.config.forwards.push(forward);
            }
        }
    }

    fn not_read(&mut self, section: &Section, label: &Label) {
        let (line, report) = (section.line, &mut self.report);
        if schema::is_later(&section.kind) {
            return report.problem(label, line, "not in this version, remove it");
        }
        let kinds: Vec<&str> = schema::kinds().collect();
        let hint = nearest(&section.kind, schema::kinds());
        let hint = hint.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
        report.problem(label, line, &format!("no such type, want {}{hint}", listed(&kinds)));
    }

    /// The section's name, or one made of its kind and the first free number from its index on.
    fn name(&self, section: &Section, label: &Label) -> String {
        if let Some(name) = &section.name {
            return name.clone();
        }
        let taken = |name: &str| {
            self.sections.iter().any(|s| s.name.as_deref() == Some(name))
                || self.config.dongles.iter().any(|d| d.name == name)
                || self.known.servers.iter().any(|s| s.name == name)
                || self.config.forwards.iter().any(|f| f.name == name)
                || self.config.trunks.iter().any(|t| t.name == name)
                || self.config.routes.iter().any(|r| r.name == name)
                || self.config.groups.iter().any(|g| g.name == name)
        };
        let mut number = label.index;
        loop {
            let name = format!("{}{number}", section.kind);
            if !taken(&name) {
                return name;
            }
            number = number.saturating_add(1);
        }
    }
}

fn kind_of(section: &Section) -> Option<&'static Kind> {
    schema::schema().iter().find(|kind| kind.name == section.kind)
}

/// Two enabled dongles must not claim the same stick.
fn refuse_second(dongle: &Dongle, others: &[Dongle], fields: &mut Fields<'_>) {
    if !dongle.enabled || !fields.is_sound() {
        return;
    }
    for other in others.iter().filter(|other| other.enabled) {
        for (key, value) in dongle.marks() {
            if other.marks().any(|mark| mark == (key, value)) {
                fields.bad(key, value, &format!("another: section '{}' (dongle) has it", other.name));
            }
        }
        if dongle.marks().next().is_none() && other.marks().next().is_none() {
            let want =
                format!("imei, imsi or usb: section '{}' (dongle) takes the first stick found", other.name);
            fields.missing("imei", &want);
        }
    }
}

/// The section's name, or `@kind[index]` as `uci` counts: among all of its kind.
fn labels(sections: &[Section]) -> Vec<Label> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut labels = Vec::with_capacity(sections.len());
    for section in sections {
        let count = counts.entry(&section.kind).or_default();
        let kind = one_line(&section.kind, NAME_SHOWN);
        let name = section.name.as_deref().map(|name| one_line(name, NAME_SHOWN));
        let name = name.unwrap_or_else(|| format!("@{kind}[{count}]"));
        labels.push(Label { name, kind, index: *count });
        *count = count.saturating_add(1);
    }
    labels
}
