//! The bytes of a voice port: frames of 160 samples, little-endian, in pieces of any size.
use super::boundary::Boundary;
use super::{FRAME, FRAME_BYTES};

/// Collects bytes to frames and keeps the sample boundary.
pub struct VoiceBytes {
    bytes: [u8; FRAME_BYTES],
    filled: usize,
    boundary: Boundary,
    realigned: u64,
}

impl Default for VoiceBytes {
    fn default() -> Self {
        Self { bytes: [0; FRAME_BYTES], filled: 0, boundary: Boundary::default(), realigned: 0 }
    }
}

impl VoiceBytes {
    /// `half_sample`: the first byte that comes is the second half of a sample whose first half was dropped.
    #[must_use]
    pub fn beginning(half_sample: bool) -> Self {
        Self { filled: usize::from(half_sample), ..Self::default() }
    }

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
        let frame = self.samples();
        if self.boundary.is_lost(&self.bytes) {
            // The last byte is the first half of the next sample.
            let [first, .., last] = &mut self.bytes;
            *first = *last;
            self.filled = 1;
            self.realigned = self.realigned.saturating_add(1);
        }
        Some(frame)
    }

    /// How often the sample boundary was lost and found.
    #[must_use]
    pub const fn realigned(&self) -> u64 {
        self.realigned
    }

    fn samples(&self) -> [i16; FRAME] {
        let mut frame = [0; FRAME];
        for (sample, pair) in frame.iter_mut().zip(self.bytes.as_chunks::<2>().0) {
            *sample = i16::from_le_bytes(*pair);
        }
        frame
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
