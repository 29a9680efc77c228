//! Random numbers without a system call: a seed of the shell, drawn on by hashing a counter. Who sees some of the
//! numbers can't tell the next: tags, branches and nonces are made of them.
use sha2::{Digest as _, Sha256};

/// The seed that the shell reads from the system.
pub type Seed = [u8; 32];

#[derive(Clone)]
pub struct Random {
    seed: Seed,
    counter: u64,
}

impl Random {
    #[must_use]
    pub const fn new(seed: Seed) -> Self {
        Self { seed, counter: 0 }
    }

    /// 32 fresh bytes.
    pub fn block(&mut self) -> [u8; 32] {
        self.counter = self.counter.wrapping_add(1);
        Sha256::new().chain_update(self.seed).chain_update(self.counter.to_le_bytes()).finalize().into()
    }

    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.block();
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }

    /// From 0 to `limit` - 1; 0 for a limit of 0.
    pub fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next_u64().checked_rem(u64::from(limit)).unwrap_or(0)).unwrap_or(0)
    }

    /// 16 lower-case hexadecimal characters, for tags, branches and Call-IDs.
    pub fn token(&mut self) -> String {
        format!("{:016x}", self.next_u64())
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_the_same_twice() {
        let mut random = Random::new([7; 32]);
        let mut seen: Vec<String> = (0..1_000).map(|_| random.token()).collect();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 1_000);
        assert_ne!(Random::new([7; 32]).token(), Random::new([8; 32]).token());
        assert!((0..1_000).all(|_| random.below(5) < 5));
    }
}
