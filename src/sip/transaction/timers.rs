//! The timers of RFC 3261 table 4 and RFC 6026 section 7.
use std::time::Duration;

/// Round trip estimate: the first retransmission.
pub const T1: Duration = Duration::from_millis(500);
/// The longest pause between retransmissions of requests other than INVITE, and of responses to INVITE.
pub const T2: Duration = Duration::from_secs(4);
/// How long a message may be under way.
pub const T4: Duration = Duration::from_secs(5);
/// 64*T1: Timers B, F, H, J, L and M; whoever heard nothing for so long gives up.
pub const GIVE_UP: Duration = Duration::from_secs(32);
/// Timer D: at least 32 s for unreliable transports.
pub const D: Duration = Duration::from_secs(32);

/// Twice as long, up to T2: Timers E and G and the retransmission of a 2xx.
#[must_use]
pub fn doubled_to_t2(interval: Duration) -> Duration {
    interval.saturating_mul(2).min(T2)
}

/// Zero for a reliable transport, where nothing is sent twice: Timers D, I, J and K.
#[must_use]
pub const fn unless_reliable(wait: Duration, reliable: bool) -> Duration {
    if reliable { Duration::ZERO } else { wait }
}
