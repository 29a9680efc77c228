//! Many things that come and go: found, added and removed in the same time however many there are, each with a deadline.
use super::time::Instant;
use super::timers::{Timers, number};

/// Things under keys that are never used twice (2^40 of them) and count up. At most 2^24 at once; the owner sets a much lower limit.
#[derive(Debug)]
pub struct Pool<T> {
    slots: Vec<(u64, Option<Box<T>>)>,
    /// Numbers of empty slots.
    free: Vec<u32>,
    count: usize,
    last: u64,
    timers: Timers,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), count: 0, last: 0, timers: Timers::default() }
    }
}

impl<T> Pool<T> {
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Its key.
    pub fn insert(&mut self, value: T) -> u64 {
        self.insert_with(|_| value)
    }

    /// One that knows its key.
    pub fn insert_with(&mut self, make: impl FnOnce(u64) -> T) -> u64 {
        self.last = self.last.wrapping_add(1);
        let number = self.free.pop().map_or(self.slots.len() as u64, u64::from);
        let key = self.last << 24 | number;
        let filled = (key, Some(Box::new(make(key))));
        match self.slots.get_mut(super::timers::number(key)) {
            Some(slot) => *slot = filled,
            None => self.slots.push(filled),
        }
        self.count = self.count.saturating_add(1);
        key
    }

    #[must_use]
    pub fn get(&self, key: u64) -> Option<&T> {
        self.slots.get(number(key)).filter(|(k, _)| *k == key)?.1.as_deref()
    }

    pub fn get_mut(&mut self, key: u64) -> Option<&mut T> {
        self.slots.get_mut(number(key)).filter(|(k, _)| *k == key)?.1.as_deref_mut()
    }

    /// The thing and its deadline are gone.
    pub fn remove(&mut self, key: u64) -> Option<Box<T>> {
        let value = self.slots.get_mut(number(key)).filter(|(k, _)| *k == key)?.1.take()?;
        self.timers.set(key, None);
        self.count = self.count.saturating_sub(1);
        if self.count == 0 {
            // After a flood the memory goes back.
            (self.slots, self.free) = (Vec::new(), Vec::new());
        } else {
            self.free.push(u32::try_from(number(key)).unwrap_or_default());
        }
        Some(value)
    }

    /// All of them, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.slots.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?)))
    }

    /// The deadline of this one.
    pub fn set_timer(&mut self, key: u64, at: Option<Instant>) {
        if self.get(key).is_some() {
            self.timers.set(key, at);
        }
    }

    #[must_use]
    pub fn next_timer(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// One whose deadline has come; it has none after that.
    pub fn pop_timer(&mut self, now: Instant) -> Option<u64> {
        self.timers.pop(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_never_used_again() {
        let mut pool = Pool::default();
        let (a, b) = (pool.insert('a'), pool.insert('b'));
        assert!(b > a);
        assert_eq!(pool.remove(a).as_deref(), Some(&'a'));
        assert!(pool.remove(a).is_none());
        let c = pool.insert('c');
        assert!(c > b);
        assert_eq!((pool.get(a), pool.get(b), pool.get(c), pool.len()), (None, Some(&'b'), Some(&'c'), 2));
        pool.set_timer(a, Some(Instant::ZERO));
        assert_eq!(pool.next_timer(), None, "of one that is gone");
        pool.set_timer(c, Some(Instant::ZERO));
        *pool.get_mut(c).unwrap() = 'd';
        assert_eq!(pool.iter().map(|(_, v)| *v).collect::<String>(), "db");
        pool.remove(c);
        assert_eq!(pool.pop_timer(Instant::ZERO), None);
        pool.remove(b);
        assert!(pool.is_empty() && pool.slots.capacity() == 0);
    }
}
