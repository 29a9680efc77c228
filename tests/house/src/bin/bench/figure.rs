//! A measured thing, its aim, its row in the table.
/// What is asked of a figure.
#[derive(Clone, Copy)]
pub enum Aim {
    Most(f64),
    Least(f64),
}

/// One measured thing.
pub struct Figure {
    pub key: String,
    /// Each run's value.
    runs: Vec<f64>,
    unit: &'static str,
    /// None: nothing is asked.
    aim: Option<Aim>,
    what: String,
}

impl Figure {
    pub fn median(&self) -> f64 {
        median(&self.runs)
    }

    pub fn row(&self) -> String {
        let mark = |is_met| if is_met { "ok" } else { "OFF" };
        let (aim, mark) = match self.aim {
            Some(Aim::Most(aim)) => (format!("≤ {aim}"), mark(self.median() <= aim)),
            Some(Aim::Least(aim)) => (format!("≥ {aim}"), mark(self.median() >= aim)),
            None => (String::new(), ""),
        };
        let least = self.runs.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.runs.iter().copied().fold(0.0, f64::max);
        format!(
            "{:<26} {:>10.2} {:<6} {:>8} {:<4} {:>9.2} … {:<9.2} {}",
            self.key,
            self.median(),
            self.unit,
            aim,
            mark,
            least,
            most,
            self.what
        )
    }
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

pub fn figure(
    key: impl Into<String>,
    unit: &'static str,
    aim: Option<f64>,
    what: impl Into<String>,
    runs: Vec<f64>,
) -> Figure {
    aimed(key, unit, aim.map(Aim::Most), what, runs)
}

pub fn aimed(
    key: impl Into<String>,
    unit: &'static str,
    aim: Option<Aim>,
    what: impl Into<String>,
    runs: Vec<f64>,
) -> Figure {
    let key = key.into();
    eprintln!("  {key}: {runs:.2?}");
    Figure { key, runs, unit, aim, what: what.into() }
}
