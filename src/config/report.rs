//! What is wrong with a file, and what to write instead.
use std::fmt;

use crate::util::limits;

/// What is wrong with one option or section, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1; 0 for "and 12 more".
    pub line: u32,
    /// The section's name, or `@kind[index]` for an anonymous one. Empty for the file as a whole.
    pub section: String,
    pub kind: String,
    /// `section 'home_sim' (dongle): option 'pin' is '12', want 4 to 8 digits`; secrets masked where the value
    /// itself is no hint.
    pub text: String,
}

impl fmt::Display for Problem {
    /// The whole sentence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A section as problems call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label {
    pub name: String,
    pub kind: String,
    /// Place among the sections of its kind, from 0.
    pub index: usize,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "section '{}' ({})", self.name, self.kind)
    }
}

impl Label {
    fn problem(&self, line: u32, what: &str) -> Problem {
        Problem { line, section: self.name.clone(), kind: self.kind.clone(), text: format!("{self}: {what}") }
    }
}

/// Collects sentences up to `limits::CONFIG_PROBLEMS` of each sort and counts the rest.
#[derive(Debug, Default)]
pub(super) struct Report {
    problems: Bounded,
    notices: Bounded,
}

#[derive(Debug, Default)]
struct Bounded {
    listed: Vec<Problem>,
    more: usize,
}

impl Report {
    /// `what` begins behind the section's name.
    pub(super) fn problem(&mut self, label: &Label, line: u32, what: &str) {
        self.problems.push(label.problem(line, what));
    }

    pub(super) fn notice(&mut self, label: &Label, line: u32, what: &str) {
        self.notices.push(label.problem(line, what));
    }

    /// A problem of the file and of no section.
    pub(super) fn file(&mut self, line: u32, text: String) {
        self.problems.push(Problem { line, section: String::new(), kind: String::new(), text });
    }

    /// Problems that somebody else has counted and not listed.
    pub(super) fn more(&mut self, count: usize) {
        self.problems.more = self.problems.more.saturating_add(count);
    }

    /// Problems and notices, each by line.
    pub(super) fn finish(self) -> (Vec<Problem>, Vec<Problem>) {
        (self.problems.finish(), self.notices.finish())
    }
}

impl Bounded {
    fn push(&mut self, problem: Problem) {
        if self.listed.len() < limits::CONFIG_PROBLEMS {
            self.listed.push(problem);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn finish(mut self) -> Vec<Problem> {
        self.listed.sort_by_key(|problem| problem.line);
        if self.more > 0 {
            let text = format!("and {} more", self.more);
            self.listed.push(Problem { line: 0, section: String::new(), kind: String::new(), text });
        }
        self.listed
    }
}
