//! Keys of a telephone: in a sound (Q.23), as telephone events (RFC 4733), and made as a sound.
pub mod between;
pub mod detect;
pub mod doubles;
pub mod ear;
pub mod keys;
pub mod teller;
pub mod tones;
mod window;
