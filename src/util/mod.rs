//! L0: limits, time as a value, text, hex, `Pii`. Knows nothing of telephony.
pub mod base64;
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

/// Whether this build has what only a house with several phones wants (feature `office`). The entrances ask; what lies behind
/// a closed one is not in the program.
pub const OFFICE: bool = cfg!(feature = "office");
/// Whether this build has sound beyond plain G.711 (feature `media`).
pub const MEDIA: bool = cfg!(feature = "media");
/// Whether this build looks after sticks beyond what one needs that is a modem already (feature `manager`).
pub const MANAGER: bool = cfg!(feature = "manager");
/// What a build without it says to who wants a trace.
pub const NO_TRACE: &str = "this build has no trace; the full package has it";
