//! From a hash to numbers: what a `Pool` holds, found by something else than its key. One table for all types, since it knows none.
use std::hash::{DefaultHasher, Hash, Hasher};

/// Hashes that a stranger can't foresee: nobody fills one place of the table on purpose, and two things with one hash don't happen.
#[derive(Clone)]
pub struct Secret([u64; 2]);

impl Secret {
    #[must_use]
    pub const fn new(random: [u64; 2]) -> Self {
        Self(random)
    }

    #[must_use]
    pub fn hash(&self, value: &(impl Hash + ?Sized)) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        value.hash(&mut hasher);
        hasher.finish()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Numbers by hash, any number of them under one. Open addressing, at most three quarters full. 0 is no number.
#[derive(Debug, Default)]
pub struct Index {
    cells: Vec<(u64, u64)>,
    count: usize,
}

impl Index {
    fn home(&self, hash: u64) -> usize {
        usize::try_from(hash & (self.cells.len() as u64).wrapping_sub(1)).unwrap_or_default()
    }

    fn after(&self, at: usize) -> usize {
        at.wrapping_add(1) & self.cells.len().wrapping_sub(1)
    }

    fn cell(&self, at: usize) -> (u64, u64) {
        self.cells.get(at).copied().unwrap_or_default()
    }

    /// The numbers under this hash.
    pub fn get(&self, hash: u64) -> impl Iterator<Item = u64> {
        let mut at = self.home(hash);
        std::iter::from_fn(move || {
            let cell = self.cell(at);
            at = self.after(at);
            (cell.1 != 0).then_some(cell)
        })
        .filter(move |cell| cell.0 == hash)
        .map(|cell| cell.1)
    }

    pub fn insert(&mut self, hash: u64, number: u64) {
        if self.count.saturating_add(1).saturating_mul(4) > self.cells.len().saturating_mul(3) {
            self.resize(self.cells.len().saturating_mul(2).max(16));
        }
        self.put(hash, number);
        self.count = self.count.saturating_add(1);
    }

    fn put(&mut self, hash: u64, number: u64) {
        let mut at = self.home(hash);
        while self.cell(at).1 != 0 {
            at = self.after(at);
        }
        if let Some(cell) = self.cells.get_mut(at) {
            *cell = (hash, number);
        }
    }

    pub fn remove(&mut self, hash: u64, number: u64) {
        let mut at = self.home(hash);
        while self.cell(at) != (hash, number) {
            if self.cell(at).1 == 0 {
                return;
            }
            at = self.after(at);
        }
        self.count = self.count.saturating_sub(1);
        self.close_gap(at);
        if self.cells.len() > 64 && self.count.saturating_mul(8) < self.cells.len() {
            self.resize(self.cells.len() / 2);
        }
    }

    /// What was put behind because this place was taken moves up.
    fn close_gap(&mut self, mut gap: usize) {
        let mask = self.cells.len().wrapping_sub(1);
        let mut at = gap;
        loop {
            at = self.after(at);
            let cell = self.cell(at);
            let free = cell.1 == 0;
            // Its home lies behind the gap: it stays.
            let way = |from: usize| at.wrapping_sub(from) & mask;
            if !free && way(self.home(cell.0)) < way(gap) {
                continue;
            }
            if let Some(place) = self.cells.get_mut(gap) {
                *place = if free { (0, 0) } else { cell };
            }
            if free {
                return;
            }
            gap = at;
        }
    }

    fn resize(&mut self, len: usize) {
        for (hash, number) in std::mem::replace(&mut self.cells, vec![(0, 0); len]) {
            if number != 0 {
                self.put(hash, number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::random::Random;

    #[test]
    fn as_a_list_would_do_it() {
        let mut random = Random::new([3; 32]);
        let (mut index, mut want): (Index, Vec<(u64, u64)>) = (Index::default(), Vec::new());
        for round in 1..20_000_u64 {
            // Few hashes, so that they meet and wrap round at the end of the table.
            let hash = u64::MAX - u64::from(random.below(60));
            let limit = if round < 10_000 { 200 } else { 3 };
            if want.len() < limit && random.below(5) > 1 {
                index.insert(hash, round);
                want.push((hash, round));
            } else if !want.is_empty() {
                let at = usize::try_from(random.below(u32::try_from(want.len()).unwrap())).unwrap();
                let (hash, number) = want.remove(at);
                index.remove(hash, number);
                index.remove(hash, number);
            }
            let mut found: Vec<u64> = index.get(hash).collect();
            found.sort_unstable();
            let numbers: Vec<u64> = want.iter().filter(|w| w.0 == hash).map(|w| w.1).collect();
            let mut numbers = numbers;
            numbers.sort_unstable();
            assert_eq!(found, numbers, "{round}");
            assert_eq!(index.count, want.len());
        }
        assert!(index.cells.len() <= 64, "the memory goes back");
    }

    #[test]
    fn hashes_depend_on_the_secret() {
        let (a, b) = (Secret::new([1, 2]), Secret::new([1, 3]));
        assert_eq!(a.hash("x"), a.hash("x"));
        assert_ne!(a.hash("x"), b.hash("x"));
        assert_ne!(a.hash("x"), a.hash("y"));
    }
}
