//! True random bytes, once, from the system.
use crate::util::random::Seed;
use std::fs::File;
use std::io::{self, Read as _};

/// The seed of all numbers that a stranger must not guess.
///
/// # Errors
/// What the system says. Without it no nonce is safe: the daemon should not start.
pub fn seed() -> io::Result<Seed> {
    let mut seed = [0; 32];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut seed))
        .map_err(|why| io::Error::new(why.kind(), format!("/dev/urandom: {why}")))?;
    Ok(seed)
}

#[cfg(test)]
mod tests {
    #[test]
    fn two_seeds_differ() {
        assert_ne!(super::seed().unwrap(), super::seed().unwrap());
    }
}
