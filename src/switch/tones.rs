//! The tones of our country.
use super::Switch;
use crate::config::tones::{Kind, tone};
use crate::media::tones::Tone;

impl Switch {
    /// What callers are used to in the configured country.
    #[must_use]
    pub fn tone(&self, kind: Kind) -> Option<Tone> {
        let country = self.loaded.config.main.country.as_deref().unwrap_or_default();
        Tone::parse(tone(country, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tone_of_every_country_can_be_played() {
        let lines: Vec<&str> = crate::config::tones::all().collect();
        assert!(lines.len() > 100);
        for line in lines {
            for (kind, text) in line.split(' ').filter_map(|word| word.split_once('=')) {
                assert!("drbcwi".contains(kind) && Tone::parse(text).is_some(), "{line}: {text}");
            }
        }
    }
}
