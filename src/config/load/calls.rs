//! Sections of calls.
use super::super::destination::{Party, PartyKind};
use super::super::fields::Fields;
use super::super::numbering::{emergency, is_known_country};
use super::super::report::Label;
use super::super::schema::Kind;
use super::super::sip::Transport;
use super::super::{Extension, Group, Route, Sip, Trunk, value};
use super::Load;
use crate::util::OFFICE;
use crate::wire::uci::{Section, Value};

impl Load<'_> {
    /// Who is there, before anybody is named.
    pub(super) fn parties(&mut self) {
        for (section, label) in self.sections.iter().zip(&self.labels) {
            let (Some(kind), Some(name)) = (PartyKind::of(&section.kind), &section.name) else { continue };
            let (name, label, enabled) = (name.clone(), label.to_string(), is_enabled(section));
            self.parties.0.push(Party { name, kind, label, enabled });
        }
    }

    pub(super) fn sip(&mut self, section: &Section, kind: &'static Kind, label: Label) {
        if let Some(first) = &self.sip {
            self.report.problem(&label, section.line, &format!("there is {first} already, want one"));
            return;
        }
        if section.name.as_deref() != Some("sip") {
            self.report.problem(&label, section.line, "want the name 'sip': config sip 'sip'");
        }
        self.config.sip = Sip::from_uci(&mut Fields::new(section, kind, &label, &mut self.report));
        self.sip = Some(label);
    }

    pub(super) fn extension(&mut self, section: &Section, kind: &'static Kind, label: &Label) {
        let name = section.name.clone().unwrap_or_default();
        let mut fields = Fields::new(section, kind, label, &mut self.report);
        let extension = Extension::from_uci(name, &mut fields);
        if fields.is_sound() {
            self.config.extensions.push(extension);
        } else {
            self.config.left_out.push(extension.name);
        }
    }

    pub(super) fn trunk(&mut self, section: &Section, kind: &'static Kind, label: &Label) {
        let name = self.name(section, label);
        let mut fields = Fields::new(section, kind, label, &mut self.report);
        let trunk = Trunk::from_uci(name, &mut fields, &self.parties);
        if fields.is_sound() {
            self.config.trunks.push(trunk);
        }
    }

    pub(super) fn group(&mut self, section: &Section, kind: &'static Kind, label: &Label) {
        let name = self.name(section, label);
        let mut fields = Fields::new(section, kind, label, &mut self.report);
        if !OFFICE {
            return self.report.problem(label, section.line, "not in this build, the full package has it");
        }
        let group = Group::from_uci(name, &mut fields, &self.parties);
        if fields.is_sound() {
            self.config.groups.push(group);
        }
    }

    pub(super) fn route(&mut self, section: &Section, kind: &'static Kind, label: &Label) {
        let name = self.name(section, label);
        let mut fields = Fields::new(section, kind, label, &mut self.report);
        let route = Route::from_uci(name, &mut fields, &self.parties);
        if fields.is_sound() {
            self.config.routes.push(route);
        }
    }

    /// What each section alone cannot see: emergency numbers and the country.
    pub(super) fn look_around(&mut self) {
        let country = self.config.main.country.clone();
        let calls = !self.config.extensions.is_empty();
        let main = self.main.clone().unwrap_or_else(|| Label {
            name: "main".to_owned(),
            kind: "tandem".to_owned(),
            index: 0,
        });
        let line = self.sections.iter().find(|section| section.kind == "tandem").map_or(0, |s| s.line);
        match &country {
            None if calls => self.report.notice(
                &main,
                line,
                "option 'country' is missing: 112 and 911 are the only emergency numbers",
            ),
            Some(code) if !is_known_country(code) => {
                let what = format!(
                    "option 'country' is '{code}', which is not known: 112 and 911 are the only emergency numbers"
                );
                self.report.notice(&main, line, &what);
            }
            _ => {}
        }
        self.note_emergency_names(country.as_deref());
        self.note_unknown_routes();
        self.note_bare_keys();
    }

    /// The keys of SRTP stand in the SDP: who reads that can listen.
    fn note_bare_keys(&mut self) {
        let by_tls = self.config.sip.listen.iter().any(|listen| listen.transport == Transport::Tls);
        let phones = self.config.extensions.iter().filter(|e| !by_tls && e.srtp.offers());
        let trunks = self.config.trunks.iter().filter(|t| t.srtp.offers());
        let trunks = trunks.filter(|t| t.transport.is_some_and(|transport| transport != Transport::Tls));
        let phones = phones.map(|e| ("extension", e.name.clone(), "no place of 'listen' is for tls"));
        let trunks = trunks.map(|t| ("trunk", t.name.clone(), "option 'transport' is not tls"));
        for (kind, name, why) in phones.chain(trunks).collect::<Vec<_>>() {
            let label = self.labels.iter().find(|l| l.kind == kind && l.name == name);
            let section = self.sections.iter().find(|s| s.name.as_ref() == Some(&name));
            if let (Some(label), Some(section)) = (label, section) {
                let what = format!("option 'srtp' is set, but {why}: its keys can be read on the way");
                self.report.notice(label, section.line, &what);
            }
        }
    }

    /// A word of `allow` or `deny` that means no route: left out for a problem, or mistyped.
    fn note_unknown_routes(&mut self) {
        for extension in &self.config.extensions {
            for (key, words) in [("allow", &extension.allow), ("deny", &extension.deny)] {
                let unknown = |word: &&String| !self.config.routes.iter().any(|route| route.is_called(word));
                let label = self.labels.iter().find(|l| l.kind == "extension" && l.name == extension.name);
                let section = self.sections.iter().find(|s| s.name.as_ref() == Some(&extension.name));
                let (Some(label), Some(section)) = (label, section) else { continue };
                for word in words.iter().filter(unknown) {
                    let what = format!(
                        "option '{key}' names {word}, which is neither the name nor the class of a route"
                    );
                    self.report.notice(label, section.line, &what);
                }
            }
        }
    }

    /// An only extension has nobody who could dial it.
    fn note_emergency_names(&mut self, country: Option<&str>) {
        if self.config.extensions.len() < 2 {
            return;
        }
        for extension in &self.config.extensions {
            if emergency(country, &extension.name).is_none() {
                continue;
            }
            let label = self.labels.iter().find(|l| l.kind == "extension" && l.name == extension.name);
            let section = self.sections.iter().find(|s| s.name.as_ref() == Some(&extension.name));
            if let (Some(label), Some(section)) = (label, section) {
                let what =
                    "its number is an emergency number of the country: who dials it gets that, want another";
                self.report.notice(label, section.line, what);
            }
        }
    }
}

/// A wrong value is enabled, and reported by the section itself.
fn is_enabled(section: &Section) -> bool {
    match section.option("enabled").map(|option| &option.value) {
        Some(Value::Single(text)) => value::flag(text).unwrap_or(true),
        _ => true,
    }
}
