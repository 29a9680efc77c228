//! The jitter buffer's operations in any order and at any time; and behind them an orderly sender, who must be heard.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem::media::jitter::JitterBuffer;
use tandem::media::{Codec, Stats};
use tandem::util::limits::JITTER_SAMPLES;
use tandem::util::time::Instant;

/// A buffer, its clock, and the timestamp that its sender has come to.
struct Call {
    buffer: JitterBuffer,
    stats: Stats,
    now_us: u64,
    timestamp: u32,
}

impl Call {
    fn now(&self) -> Instant {
        Instant::from_micros(self.now_us)
    }

    fn put(&mut self, marker: bool, payload: &[u8]) {
        let (header, now) = ((self.timestamp, marker), self.now());
        self.buffer.put(header, (Codec::Pcma, payload), now, &mut self.stats);
    }

    fn pull(&mut self) -> [i16; 160] {
        let now = self.now();
        let frame = self.buffer.pull(now, &mut self.stats);
        let longest = u32::try_from(JITTER_SAMPLES / 8).expect("some hundred milliseconds");
        assert!(self.stats.delay_ms <= longest, "{}", self.stats.delay_ms);
        frame
    }

    /// 20 ms of a call as it should be.
    fn orderly(&mut self, code: u8) -> [i16; 160] {
        self.now_us += 20_000;
        self.put(false, &[code; 160]);
        self.timestamp = self.timestamp.wrapping_add(160);
        self.pull()
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut call = Call { buffer: JitterBuffer::default(), stats: Stats::default(), now_us: 0, timestamp: 0 };
    let mut rest = bytes;
    while let [operation, argument, tail @ ..] = rest {
        rest = tail;
        let (kind, more, by) = (operation & 7, operation >> 3, u64::from(*argument));
        match kind {
            // Up to 25 ms, up to 10 s; a sender's step of any size.
            0 => call.now_us += by * 100,
            1 => call.now_us += by * 40_000,
            2 => call.timestamp = call.timestamp.wrapping_add(u32::from(*argument) << more),
            3 => call.buffer.put_silence(call.timestamp),
            4 if more == 0 => call.buffer.restart(),
            4 => drop((0..=more).map(|_| call.orderly(*argument)).last()),
            5 | 6 => {
                let samples = usize::from(*argument) * 3;
                call.put(more & 1 == 1, tail.get(..samples).unwrap_or(&[0x2a; 480]));
                if kind == 5 {
                    call.timestamp = call.timestamp.wrapping_add(160);
                }
            }
            _ => drop((0..=more).map(|_| call.pull()).last()),
        }
    }
    // Whatever was: four seconds later who sends as he should is heard as he says it.
    let last = (0..200).map(|_| call.orderly(0x2a)).last();
    assert_eq!(last, Some([Codec::Pcma.decode(0x2a); 160]));
});
