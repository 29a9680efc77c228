//! Nonces without memory until they are used: time and serial number under a MAC; then the highest count of each.
use crate::util::hex;
use crate::util::limits::NONCES;
use crate::util::random::Seed;
use crate::util::time::Instant;
use sha2::{Digest as _, Sha256};
use std::collections::VecDeque;
use std::time::Duration;

/// How long a nonce is good. A phone that comes later is asked again with `stale=true`, and no user notices.
pub(super) const LIFE: Duration = Duration::from_secs(300);

/// When it was made, and which one of that moment it is. Sorts by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Mark {
    made_at: Instant,
    serial: u32,
}

/// Makes nonces and remembers the counts that came with them.
pub(super) struct Nonces {
    key: Seed,
    serial: u32,
    /// The highest count seen with each nonce in use, by age: new ones come at the end, old ones go in front.
    used: VecDeque<(Mark, u32)>,
    /// Nonces up to this one may have been used and forgotten.
    forgotten: Option<Mark>,
}

impl Nonces {
    pub fn new(seed: Seed) -> Self {
        let key = Sha256::new().chain_update(b"nonce").chain_update(seed).finalize().into();
        Self { key, serial: 0, used: VecDeque::new(), forgotten: None }
    }

    /// 56 characters: time, serial number and 128 bits of MAC in hexadecimal.
    pub fn mint(&mut self, now: Instant) -> String {
        self.serial = self.serial.wrapping_add(1);
        self.write(Mark { made_at: now, serial: self.serial })
    }

    /// Takes one use. `false`: not ours, too old, or this count was there already. `None` for a count is an answer
    /// without `qop`, good for the first use only.
    pub fn take(&mut self, nonce: &str, count: Option<u32>, now: Instant) -> bool {
        let Some(mark) = self.read(nonce) else { return false };
        if mark.made_at > now || now.since(mark.made_at) > LIFE {
            return false;
        }
        match self.used.binary_search_by_key(&mark, |(mark, _)| *mark) {
            Ok(at) => match (count, self.used.get_mut(at)) {
                // Gaps are lost packets; a count that was there, or a lower one, is a replay.
                (Some(count), Some((_, highest))) if count > *highest => *highest = count,
                _ => return false,
            },
            Err(at) => match count {
                None if self.is_new(mark) => self.used.insert(at, (mark, u32::MAX)),
                Some(count) if count > 0 && self.is_new(mark) => self.used.insert(at, (mark, count)),
                _ => return false,
            },
        }
        self.make_room(now);
        true
    }

    fn is_new(&self, mark: Mark) -> bool {
        self.forgotten.is_none_or(|f| mark > f)
    }

    /// What is too old needs no memory; at the limit the oldest goes, and its user is asked again.
    fn make_room(&mut self, now: Instant) {
        while let Some((mark, _)) = self.used.front().copied() {
            let is_old = now.since(mark.made_at) > LIFE;
            if !is_old && self.used.len() <= NONCES {
                return;
            }
            self.used.pop_front();
            self.forgotten = self.forgotten.max(Some(mark));
        }
    }

    fn write(&self, mark: Mark) -> String {
        let mut bytes = Vec::with_capacity(28);
        bytes.extend_from_slice(&mark.made_at.as_micros().to_be_bytes());
        bytes.extend_from_slice(&mark.serial.to_be_bytes());
        let mac: [u8; 32] = Sha256::new().chain_update(self.key).chain_update(&bytes).finalize().into();
        bytes.extend(mac.into_iter().take(16));
        hex::encode_lower(&bytes)
    }

    fn read(&self, nonce: &str) -> Option<Mark> {
        let bytes = hex::decode(nonce).ok()?;
        let (time, rest) = bytes.split_first_chunk::<8>()?;
        let (serial, _) = rest.split_first_chunk::<4>()?;
        let made_at = Instant::from_micros(u64::from_be_bytes(*time));
        let mark = Mark { made_at, serial: u32::from_be_bytes(*serial) };
        is_same(self.write(mark).as_bytes(), nonce.as_bytes()).then_some(mark)
    }
}

impl std::fmt::Debug for Nonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Nonces({} in use)", self.used.len())
    }
}

/// Compares in a time that depends on the lengths only.
pub(super) fn is_same(a: &[u8], b: &[u8]) -> bool {
    let differing = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    std::hint::black_box(differing) == 0 && a.len() == b.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn counts_rise_with_gaps_and_never_repeat() {
        let mut nonces = Nonces::new([1; 32]);
        let nonce = nonces.mint(at(10));
        assert!(nonce.len() <= 64 && nonce.is_ascii());
        for (count, want) in
            [(Some(0), false), (Some(1), true), (Some(1), false), (Some(5), true), (Some(4), false)]
        {
            assert_eq!(nonces.take(&nonce, count, at(11)), want, "{count:?}");
        }
        assert!(!nonces.take(&nonce, None, at(11)), "without a count only as the first use");
    }

    #[test]
    fn without_a_count_good_once() {
        let mut nonces = Nonces::new([1; 32]);
        let nonce = nonces.mint(at(10));
        assert!(nonces.take(&nonce, None, at(11)));
        assert!(!nonces.take(&nonce, None, at(12)));
        assert!(!nonces.take(&nonce, Some(9), at(12)));
        assert!(!nonces.take(&nonce, Some(u32::MAX), at(12)));
    }

    #[test]
    fn only_ours_and_only_five_minutes() {
        let mut nonces = Nonces::new([1; 32]);
        let nonce = nonces.mint(at(10));
        let foreign = Nonces::new([2; 32]).mint(at(10));
        assert!(!nonces.take(&foreign, Some(1), at(11)));
        for bad in ["", "00", &nonce.to_uppercase(), &nonce.replace('0', "1"), &format!("{nonce}00")] {
            assert!(!nonces.take(bad, Some(1), at(11)), "{bad:?}");
        }
        assert!(nonces.take(&nonce, Some(1), at(310)));
        assert!(!nonces.take(&nonce, Some(2), at(311)));
        assert!(!nonces.take(&nonce, Some(3), at(9)), "from the future");
    }

    #[test]
    fn what_was_forgotten_is_not_new_again() {
        let mut nonces = Nonces::new([1; 32]);
        let all: Vec<String> = (0..=NONCES).map(|_| nonces.mint(at(10))).collect();
        assert!(all.iter().all(|n| nonces.take(n, Some(1), at(11))));
        assert_eq!(nonces.used.len(), NONCES);
        let first = all.first().unwrap();
        assert!(!nonces.take(first, Some(1), at(12)), "a replay");
        assert!(!nonces.take(first, Some(2), at(12)), "its owner is asked again");
        assert!(nonces.take(all.last().unwrap(), Some(2), at(12)));
    }
}
