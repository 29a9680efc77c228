//! L0: limits, time as a value, text, hex, `Pii`. Knows nothing of telephony.
pub mod hash;
pub mod hex;
pub mod index;
pub mod limits;
pub mod nearest;
pub mod pii;
pub mod pool;
pub mod random;
pub mod table;
pub mod text;
pub mod time;
pub mod timers;
pub mod zone;
