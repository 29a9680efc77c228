//! What is counted of one call's sound.
use crate::util::time::Instant;
use core::net::SocketAddr;

/// Counters since the gateway was made. Samples are of 8,000 a second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// RTP packets and payload bytes from the peer, those that were taken.
    pub received_packets: u64,
    pub received_bytes: u64,
    /// RTP packets and payload bytes to the peer.
    pub sent_packets: u64,
    pub sent_bytes: u64,
    /// Packets that never came, by the sequence numbers (RFC 3550 appendix A.3). Never below zero.
    pub lost: u64,
    pub duplicates: u64,
    pub reordered: u64,
    /// Packets whose samples had been played, or replaced, when they came.
    pub late: u64,
    /// Datagrams that were not taken, by reason.
    pub malformed: u64,
    pub stranger: u64,
    pub unknown_type: u64,
    /// Packets dropped because the buffer was full or the voice port closed.
    pub discarded: u64,
    /// Streams begun anew: another SSRC or a jump of the timestamps.
    pub restarts: u64,
    /// Samples made up where none had come, silence of the sender not counted.
    pub concealed_samples: u64,
    /// Samples taken out or put in to hold the delay.
    pub skipped_samples: u64,
    pub inserted_samples: u64,
    /// Interarrival jitter in samples, RFC 3550 section 6.4.1.
    pub jitter_samples: u32,
    /// From a packet's arrival to its first sample's way to the stick, smoothed.
    pub delay_ms: u32,
    /// Frames of the voice port.
    pub voice_frames: u64,
    /// Times when the stick delivered nothing for `STALL`.
    pub stalls: u64,
    /// Frames of the stick that were not sent, because they came in a heap after a stall.
    pub voice_dropped: u64,
    /// Bytes thrown away to find the sample boundary again.
    pub realigned_bytes: u64,
    /// Keys pressed at the phone, given out.
    pub digits_from_phone: u64,
    /// Events that are no digit: A to D, flash.
    pub events_ignored: u64,
    /// Keys heard in the stick's sound and sent as events.
    pub digits_from_stick: u64,
    /// Digits to synthesise that found the queue full.
    pub digits_dropped: u64,
    /// Outputs nobody fetched in time.
    pub outputs_dropped: u64,
    /// Where RTP goes since the peer's address was learnt.
    pub latched: Option<SocketAddr>,
    pub last_received_at: Option<Instant>,
    pub last_sent_at: Option<Instant>,
}
