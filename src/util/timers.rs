//! One deadline for each of many things: the next one at once, a change in O(log n). A binary heap that knows the place of each entry, so
//! that nothing stale is left in it.
use super::time::Instant;

/// Not in the heap.
const NOWHERE: u32 = u32::MAX;

/// Deadlines by key. The low 24 bits of a key are small numbers of which each is used by one key at a time (`Pool`).
#[derive(Debug, Default)]
pub struct Timers {
    heap: Vec<(Instant, u64)>,
    /// Where in the heap the key with this number is.
    places: Vec<u32>,
}

/// The small number of a key.
#[must_use]
pub fn number(key: u64) -> usize {
    usize::try_from(key & 0xff_ffff).unwrap_or_default()
}

impl Timers {
    /// The one deadline of this key from now on; of equal ones the lower key comes first.
    pub fn set(&mut self, key: u64, at: Option<Instant>) {
        let place = self.place(key);
        match (place, at) {
            (None, None) => {}
            (None, Some(at)) => {
                self.heap.push((at, key));
                self.rise(self.heap.len().saturating_sub(1));
            }
            (Some(place), Some(at)) => {
                if let Some(entry) = self.heap.get_mut(place) {
                    *entry = (at, key);
                }
                let place = self.rise(place);
                self.sink(place);
            }
            (Some(place), None) => self.remove(place),
        }
    }

    /// The next deadline.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.heap.first().map(|(at, _)| *at)
    }

    /// The key whose deadline has come; it has none after that.
    pub fn pop(&mut self, now: Instant) -> Option<u64> {
        let (_, key) = self.heap.first().copied().filter(|(at, _)| now >= *at)?;
        self.remove(0);
        Some(key)
    }

    fn place(&self, key: u64) -> Option<usize> {
        let place = *self.places.get(number(key)).filter(|p| **p != NOWHERE)?;
        usize::try_from(place).ok()
    }

    fn remove(&mut self, place: usize) {
        if place >= self.heap.len() {
            return;
        }
        let (_, key) = self.heap.swap_remove(place);
        if let Some(place) = self.places.get_mut(number(key)) {
            *place = NOWHERE;
        }
        if self.heap.is_empty() {
            *self = Self::default();
        } else if place < self.heap.len() {
            let place = self.rise(place);
            self.sink(place);
        }
    }

    /// Notes where an entry is.
    fn note(&mut self, place: usize) {
        let Some((_, key)) = self.heap.get(place) else { return };
        let number = number(*key);
        if number >= self.places.len() {
            self.places.resize(number.saturating_add(1), NOWHERE);
        }
        if let Some(noted) = self.places.get_mut(number) {
            *noted = u32::try_from(place).unwrap_or(NOWHERE);
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.note(a);
        self.note(b);
    }

    /// Upwards until its parent is earlier; where it ends.
    fn rise(&mut self, mut place: usize) -> usize {
        while place > 0 {
            let parent = place.saturating_sub(1) / 2;
            if self.heap.get(parent) <= self.heap.get(place) {
                break;
            }
            self.swap(parent, place);
            place = parent;
        }
        self.note(place);
        place
    }

    /// Downwards until both children are later.
    fn sink(&mut self, mut place: usize) {
        loop {
            let left = place.saturating_mul(2).saturating_add(1);
            let Some(mut least) = self.heap.get(left).map(|_| left) else { break };
            let right = left.saturating_add(1);
            if self.heap.get(right).is_some_and(|r| Some(r) < self.heap.get(left)) {
                least = right;
            }
            if self.heap.get(place) <= self.heap.get(least) {
                break;
            }
            self.swap(place, least);
            place = least;
        }
        self.note(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::random::Random;
    use std::collections::BTreeMap;

    #[test]
    fn as_a_list_would_do_it() {
        let mut random = Random::new([9; 32]);
        let (mut timers, mut want) = (Timers::default(), BTreeMap::new());
        let mut now = 0;
        for round in 0..20_000_u32 {
            let key = u64::from(random.below(200)) | 7 << 24;
            match random.below(if round < 15_000 { 5 } else { 8 }) {
                0..3 => {
                    let at = Instant::from_micros(now + u64::from(random.below(50)));
                    timers.set(key, Some(at));
                    want.insert(key, at);
                }
                3 => {
                    timers.set(key, None);
                    want.remove(&key);
                }
                _ => {
                    now += 3;
                    while let Some(key) = timers.pop(Instant::from_micros(now)) {
                        let first = want.iter().map(|(k, at)| (*at, *k)).min().unwrap();
                        assert_eq!(first.1, key);
                        want.remove(&key);
                    }
                }
            }
            assert_eq!(timers.next(), want.values().min().copied(), "{round}");
            assert_eq!(timers.heap.len(), want.len());
        }
    }
}
