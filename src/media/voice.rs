//! The bytes of a voice port: frames of 160 samples, little-endian, in pieces of any size.
use super::{FRAME, FRAME_BYTES};

/// Collects bytes to frames and keeps the sample boundary.
pub struct VoiceBytes {
    bytes: [u8; FRAME_BYTES],
    filled: usize,
}

impl Default for VoiceBytes {
    fn default() -> Self {
        Self { bytes: [0; FRAME_BYTES], filled: 0 }
    }
}

impl VoiceBytes {
    /// Takes from `bytes` what the frame still lacks; the frame when that completes it.
    pub fn next_frame(&mut self, bytes: &mut &[u8]) -> Option<[i16; FRAME]> {
        let free = self.bytes.get_mut(self.filled..)?;
        let (taken, rest) = bytes.split_at_checked(free.len().min(bytes.len()))?;
        free.get_mut(..taken.len())?.copy_from_slice(taken);
        *bytes = rest;
        self.filled = self.filled.saturating_add(taken.len());
        if self.filled < FRAME_BYTES {
            return None;
        }
        self.filled = 0;
        let mut frame = [0; FRAME];
        for (sample, pair) in frame.iter_mut().zip(self.bytes.as_chunks::<2>().0) {
            *sample = i16::from_le_bytes(*pair);
        }
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
