//! The bytes of a voice port: frames of 160 samples, little-endian, in pieces of any size.
use super::{FRAME, FRAME_BYTES};

/// Collects bytes to frames and keeps the sample boundary.
#[derive(Default)]
pub struct VoiceBytes {
    collected: heapless::Vec<u8, FRAME_BYTES>,
}

impl VoiceBytes {
    /// Takes from `bytes` what the frame still lacks; the frame when that completes it.
    pub fn next_frame(&mut self, bytes: &mut &[u8]) -> Option<[i16; FRAME]> {
        let lacking = FRAME_BYTES.saturating_sub(self.collected.len()).min(bytes.len());
        let (taken, rest) = bytes.split_at_checked(lacking)?;
        *bytes = rest;
        // No more than it lacks.
        drop(self.collected.extend_from_slice(taken));
        if self.collected.len() < FRAME_BYTES {
            return None;
        }
        let mut frame = [0; FRAME];
        for (sample, pair) in frame.iter_mut().zip(self.collected.as_chunks::<2>().0) {
            *sample = i16::from_le_bytes(*pair);
        }
        self.collected.clear();
        Some(frame)
    }
}

/// A frame as the stick wants it, on whatever machine.
#[must_use]
pub fn to_bytes(frame: &[i16; FRAME]) -> [u8; FRAME_BYTES] {
    let mut bytes = [0; FRAME_BYTES];
    for (pair, sample) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(frame) {
        *pair = sample.to_le_bytes();
    }
    bytes
}
