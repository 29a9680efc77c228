//! `tandem doctor`: one dongle from its socket to the mailbox, step by step, in words a person can act on. DONGLE 6.1.
//!
//! It asks the stick nothing: everything is known from how the start, the calls and the rounds went, so it may be asked at any time,
//! in a call too.
mod service;
mod stick;

use super::Switch;
use super::line::Line;
use crate::util::time::Instant;
use serde_json::{Value, json};

/// What was found at one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub step: Step,
    pub verdict: Verdict,
    /// What is so, and how that is known.
    pub says: String,
    /// What to do about it.
    pub cure: Option<String>,
}

/// From the socket to the mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Usb,
    Power,
    Mode,
    Driver,
    Ports,
    Commands,
    Sim,
    Pin,
    Network,
    Voice,
    Sound,
    Texts,
    Mail,
}

impl Step {
    const ALL: [Self; 13] = [
        Self::Usb,
        Self::Power,
        Self::Mode,
        Self::Driver,
        Self::Ports,
        Self::Commands,
        Self::Sim,
        Self::Pin,
        Self::Network,
        Self::Voice,
        Self::Sound,
        Self::Texts,
        Self::Mail,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usb => "usb",
            Self::Power => "power",
            Self::Mode => "mode",
            Self::Driver => "driver",
            Self::Ports => "ports",
            Self::Commands => "commands",
            Self::Sim => "sim",
            Self::Pin => "pin",
            Self::Network => "network",
            Self::Voice => "voice",
            Self::Sound => "sound",
            Self::Texts => "texts",
            Self::Mail => "mail",
        }
    }

    /// Means nothing while an earlier one of these is wrong.
    const fn needs_the_stick(self) -> bool {
        !matches!(self, Self::Mail)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Fine,
    Wrong,
    /// It works, and this may hurt later; or it is under way.
    Mind,
    /// An earlier step is wrong, or there is nothing to look at.
    Skipped,
}

impl Verdict {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Wrong => "wrong",
            Self::Mind => "mind",
            Self::Skipped => "skipped",
        }
    }
}

/// One step's words, before it is known which step.
struct Seen(Verdict, String, Option<String>);

fn fine(says: impl Into<String>) -> Seen {
    Seen(Verdict::Fine, says.into(), None)
}

fn wrong(says: impl Into<String>, cure: impl Into<String>) -> Seen {
    Seen(Verdict::Wrong, says.into(), Some(cure.into()))
}

fn mind(says: impl Into<String>, cure: impl Into<String>) -> Seen {
    Seen(Verdict::Mind, says.into(), Some(cure.into()))
}

fn skipped(says: impl Into<String>) -> Seen {
    Seen(Verdict::Skipped, says.into(), None)
}

impl Switch {
    /// Every step of one dongle, in order.
    #[must_use]
    pub fn examine(&self, dongle: &str, now: Instant) -> Vec<Finding> {
        let Some(line) = self.lines.iter().find(|line| line.section.name == dongle) else {
            return Vec::new();
        };
        let mut broken = None;
        let mut findings = Vec::with_capacity(Step::ALL.len());
        for step in Step::ALL {
            let Seen(verdict, says, cure) = match broken {
                Some(step_before) if step.needs_the_stick() => {
                    let before: Step = step_before;
                    skipped(format!("not looked at: '{}' is first", before.name()))
                }
                _ => self.look_at(step, line, now),
            };
            if verdict == Verdict::Wrong && blocks(step) {
                broken = broken.or(Some(step));
            }
            findings.push(Finding { step, verdict, says, cure });
        }
        findings
    }

    fn look_at(&self, step: Step, line: &Line, now: Instant) -> Seen {
        match step {
            Step::Usb => self.look_at_usb(line),
            Step::Power => stick::power(line, now),
            Step::Mode => self.look_at_mode(line),
            Step::Driver => self.look_at_driver(line),
            Step::Ports => stick::ports(line),
            Step::Commands => stick::commands(line),
            Step::Sim => service::sim(line),
            Step::Pin => service::pin(line),
            Step::Network => service::network(line),
            Step::Voice => service::voice(line),
            Step::Sound => service::sound(line),
            Step::Texts => self.look_at_texts(line),
            Step::Mail => self.look_at_mail(line, now),
        }
    }

    pub(super) fn doctor_view(&self, dongle: &str, now: Instant) -> Value {
        let findings = self.examine(dongle, now);
        let wrong = findings.iter().filter(|f| f.verdict == Verdict::Wrong).count();
        let steps: Vec<Value> = findings
            .into_iter()
            .map(|f| json!({"step": f.step.name(), "verdict": f.verdict.name(), "says": f.says, "cure": f.cure}))
            .collect();
        json!({"dongle": dongle, "wrong": wrong, "steps": steps})
    }
}

/// What is wrong there makes what comes after it unknowable.
const fn blocks(step: Step) -> bool {
    !matches!(step, Step::Power | Step::Network | Step::Voice | Step::Sound | Step::Texts | Step::Mail)
}

#[cfg(test)]
#[cfg(feature = "manager")]
mod tests;
