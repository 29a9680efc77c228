//! The sound of a call: what the far side says, what the daemon said, and when bytes flow (DONGLE.md 3.7).

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub const FRAME: usize = 320;
const RATE: f64 = 8000.0;
const RECORD_LIMIT: usize = 16_000 * 3600;

/// How the stream is cut on its way to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pieces {
    Frames,
    /// Odd byte counts.
    Odd,
    /// Two frames at once, each 40 ms.
    Double,
}

impl Pieces {
    pub fn parse(name: &str) -> Result<Pieces, String> {
        match name {
            "frames" => Ok(Pieces::Frames),
            "odd" => Ok(Pieces::Odd),
            "double" => Ok(Pieces::Double),
            _ => Err(format!("unknown pieces {name}")),
        }
    }
}

#[derive(Debug)]
pub struct Audio {
    pub streaming: bool,
    /// Distinguishes the streams of different calls.
    pub run: u32,
    pub stall_until: Option<Instant>,
    /// Deviation of the stick's clock.
    pub ppm: i64,
    pub pieces: Pieces,
    /// When the next frame is due.
    pub next: Option<Instant>,
    play: VecDeque<i16>,
    tone: Option<(f64, f64)>,
    pub ringback: bool,
    position: u64,
    ready: VecDeque<u8>,
    ticks: u64,
    recording: Vec<u8>,
    /// Bytes from the daemon that the radio has not taken yet.
    queued: usize,
    max_queued: usize,
    received: u64,
    sent: u64,
    underruns: u64,
    /// Loud samples came in, or went out, with the last bytes.
    is_heard: bool,
    is_said: bool,
}

impl Audio {
    pub fn new() -> Audio {
        Audio {
            streaming: false,
            run: 0,
            stall_until: None,
            ppm: 0,
            pieces: Pieces::Frames,
            next: None,
            play: VecDeque::new(),
            tone: None,
            ringback: false,
            position: 0,
            ready: VecDeque::new(),
            ticks: 0,
            recording: Vec::new(),
            queued: 0,
            max_queued: 0,
            received: 0,
            sent: 0,
            underruns: 0,
            is_heard: false,
            is_said: false,
        }
    }

    /// Starts the stream of a call.
    pub fn start(&mut self, now: Instant) {
        self.streaming = true;
        self.run += 1;
        self.next = Some(now + Duration::from_millis(20));
        self.ready.clear();
        self.queued = 0;
    }

    /// Forgets the last call's sound.
    pub fn new_call(&mut self) {
        self.recording.clear();
        self.play.clear();
        self.tone = None;
        self.queued = 0;
        self.max_queued = 0;
        self.received = 0;
        self.sent = 0;
        self.underruns = 0;
    }

    pub fn stop(&mut self) {
        self.streaming = false;
        self.next = None;
        self.ringback = false;
    }

    pub fn play_tone(&mut self, hz: f64, level_db: f64) {
        self.tone = (hz > 0.0).then(|| (hz, amplitude(level_db)));
    }

    pub fn play_samples(&mut self, samples: Vec<i16>) {
        self.play.extend(samples);
    }

    /// 100 ms of each digit's two tones, 100 ms of silence behind it.
    pub fn play_dtmf(&mut self, digits: &str, level_db: f64) {
        let size = amplitude(level_db);
        for (low, high) in digits.chars().filter_map(dtmf_tones) {
            for n in 0..800u32 {
                let at = f64::from(n) / RATE;
                let value = size * ((TAU * low * at).sin() + (TAU * high * at).sin());
                self.play.push_back(value as i16);
            }
            self.play.extend(std::iter::repeat_n(0, 800));
        }
    }

    fn sample(&mut self) -> i16 {
        self.position += 1;
        if let Some(sample) = self.play.pop_front() {
            return sample;
        }
        let at = self.position as f64 / RATE;
        match self.tone {
            Some((hz, size)) => (size * (TAU * hz * at).sin()) as i16,
            None if self.ringback && at % 5.0 < 1.0 => (amplitude(-10.0) * (TAU * 425.0 * at).sin()) as i16,
            None => 0,
        }
    }

    /// One frame's time passed: takes a frame of the daemon's voice, gives the bytes for the host.
    pub fn tick(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let period = 20_000_000i64 - 20 * self.ppm;
        self.next = self.next.map(|n| n + Duration::from_nanos(u64::try_from(period).unwrap_or(20_000_000)));
        self.ticks += 1;
        if self.queued >= FRAME {
            self.queued -= FRAME;
        } else if self.received > 0 {
            self.underruns += 1;
        }
        if self.stall_until.is_some_and(|end| now < end) {
            return Vec::new();
        }
        for _ in 0..FRAME / 2 {
            let sample = self.sample();
            self.ready.extend(sample.to_le_bytes());
        }
        let out = self.cut();
        self.sent += out.iter().map(|p| p.len() as u64).sum::<u64>();
        out
    }

    fn cut(&mut self) -> Vec<Vec<u8>> {
        let have = self.ready.len();
        let sizes = match self.pieces {
            Pieces::Frames => vec![have],
            Pieces::Double if self.ticks.is_multiple_of(2) => vec![have],
            Pieces::Double => vec![],
            // 137 and an odd rest, one byte kept back every other time.
            Pieces::Odd => vec![137.min(have), have.saturating_sub(137 + usize::from(self.ticks % 2 == 1))],
        };
        sizes.into_iter().map(|n| self.ready.drain(..n.min(self.ready.len())).collect()).collect()
    }

    /// PCM from the daemon.
    pub fn hear(&mut self, bytes: &[u8]) {
        self.received += bytes.len() as u64;
        self.queued += bytes.len();
        self.max_queued = self.max_queued.max(self.queued);
        let room = RECORD_LIMIT.saturating_sub(self.recording.len());
        self.recording.extend(bytes.iter().take(room));
    }

    /// Sound begins in these bytes for the host, after silence: the number of its first sample.
    pub fn begins_out(&mut self, bytes: &[u8]) -> Option<usize> {
        begins(bytes, &mut self.is_said)
    }

    /// As `begins_out`, in bytes from the host.
    pub fn begins_in(&mut self, bytes: &[u8]) -> Option<usize> {
        begins(bytes, &mut self.is_heard)
    }

    pub fn recording(&self) -> &[u8] {
        &self.recording
    }

    pub fn state(&self) -> Value {
        json!({"streaming": self.streaming, "received": self.received, "sent": self.sent, "queued": self.queued,
            "max_queued": self.max_queued, "underruns": self.underruns})
    }
}

impl Default for Audio {
    fn default() -> Self {
        Audio::new()
    }
}

/// Louder than -24 dBFS. Bytes that begin within a sample are not understood: such pieces are not what is measured with.
fn begins(bytes: &[u8], was_loud: &mut bool) -> Option<usize> {
    let loud = bytes.chunks_exact(2).position(|s| i16::from_le_bytes([s[0], s[1]]).unsigned_abs() > 2_000);
    let begin = if *was_loud { None } else { loud };
    *was_loud = loud.is_some();
    begin
}

fn amplitude(level_db: f64) -> f64 {
    32_767.0 * 10f64.powf(level_db.clamp(-90.0, -6.1) / 20.0)
}

fn dtmf_tones(digit: char) -> Option<(f64, f64)> {
    let at = "123A456B789C*0#D".find(digit.to_ascii_uppercase())?;
    let low = [697.0, 770.0, 852.0, 941.0];
    let high = [1209.0, 1336.0, 1477.0, 1633.0];
    Some((*low.get(at / 4)?, *high.get(at % 4)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_lose_no_byte() {
        for pieces in [Pieces::Frames, Pieces::Odd, Pieces::Double] {
            let mut audio = Audio::new();
            audio.pieces = pieces;
            let now = Instant::now();
            audio.start(now);
            let sizes: Vec<usize> = (0..10).flat_map(|_| audio.tick(now)).map(|p| p.len()).collect();
            let sum: usize = sizes.iter().sum();
            assert!((3199..=3200).contains(&sum), "{pieces:?} {sizes:?}");
            assert_eq!(pieces == Pieces::Odd, sizes.iter().any(|s| s % 2 == 1));
        }
    }
}
