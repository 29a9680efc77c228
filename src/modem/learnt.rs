//! What a stick's manners were the last time it was here, by IMEI. In memory: a restart learns it again.
use super::ussd::Dialect;
use crate::util::limits::STICKS_LEARNT;

#[derive(Debug, Default)]
struct Manners {
    imei: String,
    /// The place of the port that brought sound.
    voice: Option<usize>,
    dialect: Option<Dialect>,
}

#[derive(Debug, Default)]
pub struct Learnt {
    sticks: Vec<Manners>,
}

impl Learnt {
    fn of(&self, imei: &str) -> Option<&Manners> {
        self.sticks.iter().find(|s| s.imei == imei)
    }

    fn of_mut(&mut self, imei: &str) -> Option<&mut Manners> {
        if self.of(imei).is_none() {
            if self.sticks.len() >= STICKS_LEARNT {
                self.sticks.remove(0);
            }
            self.sticks.push(Manners { imei: imei.to_owned(), ..Manners::default() });
        }
        self.sticks.iter_mut().find(|s| s.imei == imei)
    }

    #[must_use]
    pub fn voice(&self, imei: &str) -> Option<usize> {
        self.of(imei)?.voice
    }

    #[must_use]
    pub fn dialect(&self, imei: &str) -> Option<Dialect> {
        self.of(imei)?.dialect
    }

    pub fn note_voice(&mut self, imei: &str, port: usize) {
        if let Some(manners) = self.of_mut(imei) {
            manners.voice = Some(port);
        }
    }

    pub fn note_dialect(&mut self, imei: &str, dialect: Dialect) {
        if let Some(manners) = self.of_mut(imei) {
            manners.dialect = Some(dialect);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut learnt = Learnt::default();
        for n in 0..=STICKS_LEARNT {
            learnt.note_voice(&n.to_string(), n);
        }
        assert_eq!((learnt.voice("0"), learnt.voice("1")), (None, Some(1)));
        learnt.note_dialect("1", Dialect::Plain);
        assert_eq!((learnt.voice("1"), learnt.dialect("1")), (Some(1), Some(Dialect::Plain)));
    }
}
