//! The jitter buffer: samples by timestamp, read by the stick's frames, whose pace is the only clock.
//!
//! Its delay follows what `delays` wants. It is changed where nobody hears it: in silence, or by taking out or putting in
//! whole periods of the sound under a cross-fade. So drifting clocks cost neither frames nor delay.
use super::FRAME;
use super::codec::{Codec, Decoder};
use super::conceal::Conceal;
use super::delays::{Delays, START};
use super::pitch::{self, Fit, blend};
use super::ring::{HOLE, Ring};
use super::stats::Stats;
use crate::util::limits::JITTER_SAMPLES;
use crate::util::time::Instant;
use core::time::Duration;

/// Without frames this long the stick has stalled.
pub const STALL: Duration = Duration::from_millis(100);
/// A timestamp this far (a second) from where it should be belongs to another stream or a set clock.
const JUMP: i64 = 8_000;
/// So far ahead of its turn a packet is as wrong as a late one: 300 ms. Ages never fall so much from packet to packet.
const AHEAD: i64 = 2_400;
/// Packets in a row and their time that prove a shift of the sender's timestamps.
const SHIFTED_PACKETS: u32 = 5;
const SHIFTED_FOR: Duration = Duration::from_millis(200);
/// Shortest and longest piece that is taken out or put in: 3 and 20 ms.
const SHORTEST: usize = 24;
const LONGEST: i64 = 160;
/// Where little is needed no more than 14 ms are put in: a period of a deep voice, and less than `TOO_MUCH`, so that what
/// was put in is not taken out again.
const SMALL: i64 = 112;
/// The delay is shortened when it is 15 ms too long, and stays this much above what is needed.
const TOO_MUCH: i64 = 120;
const KEEP: i64 = 24;
/// Frames between two looks for a good place, and looks after which the best one must do.
const LOOK_EACH: u32 = 5;
const LOOK_URGENT: u32 = 2;
const LOOKS: u32 = 20;

/// The sender's timestamps without wrap.
#[derive(Clone, Copy)]
struct Clock {
    timestamp: u32,
    extended: i64,
    /// Arrival minus extended timestamp of the last packet that was not late, see `delays`.
    age: i64,
}

/// Packets that are at the wrong time, in a row.
#[derive(Clone, Copy)]
struct Shifted {
    count: u32,
    since: Instant,
    timestamp: u32,
}

/// What belongs to one run of timestamps.
#[derive(Default)]
struct Stream {
    clock: Option<Clock>,
    /// The next sample to play, and one past the newest that came.
    head: i64,
    end: i64,
    playing: bool,
    /// The sender is silent in this range: no loss.
    silent: (i64, i64),
    shifted: Option<Shifted>,
    delays: Delays,
    frames_since_look: u32,
    looks: u32,
    /// A packet's wait, smoothed, sixteenths of a sample.
    wait: i64,
}

#[derive(Default)]
pub struct JitterBuffer {
    /// By extended timestamp; holes before the head.
    ring: Ring,
    stream: Stream,
    /// Follows the packets as they come.
    decoder: Decoder,
    conceal: Conceal,
    /// Moment of the last frame, and the lag that the next one would have.
    last: Option<(Instant, i64)>,
}

/// Samples since the shell started.
fn samples_at(now: Instant) -> i64 {
    i64::try_from(now.as_micros() / 125).unwrap_or(i64::MAX)
}

fn length(samples: usize) -> i64 {
    i64::try_from(samples).unwrap_or(i64::MAX)
}

/// The distance of two RTP timestamps, negative when `to` is the earlier one.
fn distance(from: u32, to: u32) -> i64 {
    i64::from(to.wrapping_sub(from).cast_signed())
}

impl JitterBuffer {
    /// Another stream begins: what is played fades out, nothing else is kept.
    pub fn restart(&mut self) {
        self.ring = Ring::default();
        self.stream = Stream::default();
        self.decoder = Decoder::default();
        self.last = None;
    }

    /// One packet of sound.
    pub fn put(&mut self, packet: (u32, bool), sound: (Codec, &[u8]), now: Instant, stats: &mut Stats) {
        let (timestamp, marker) = packet;
        let (codec, payload) = sound;
        let Some(begin) = self.place(timestamp, marker, length(payload.len()), now, stats) else {
            stats.discarded = stats.discarded.saturating_add(1);
            return;
        };
        let end = begin.saturating_add(length(payload.len()));
        self.stream.delays.on_packet(samples_at(now).saturating_sub(begin), now);
        self.note_wait(samples_at(now).saturating_sub(begin), stats);
        if self.stream.playing && end <= self.stream.head {
            stats.late = stats.late.saturating_add(1);
            return;
        }
        let floor = end.saturating_sub(length(JITTER_SAMPLES));
        if self.stream.head < floor {
            stats.discarded = stats.discarded.saturating_add(1);
            self.advance(floor);
        }
        // Of a packet that is late in part the rest is in time.
        let played = usize::try_from(self.stream.head.saturating_sub(begin)).unwrap_or(0);
        // One that was overtaken leaves the decoder where the newest has brought it.
        let mut aside;
        let decoder = if end > self.stream.end {
            &mut self.decoder
        } else {
            aside = self.decoder.clone();
            &mut aside
        };
        decoder.turn_to(codec);
        let mut samples = payload.iter().map(|octet| decoder.decode(*octet));
        samples.by_ref().take(played).for_each(drop);
        self.ring.write(begin.max(self.stream.head), payload.len().saturating_sub(played), samples);
        self.stream.end = self.stream.end.max(end);
        let (from, until) = self.stream.silent;
        if begin > from {
            self.stream.silent = (from, until.min(begin));
        }
    }

    /// From this timestamp on the sender is silent or sends events, until sound comes again.
    pub fn put_silence(&mut self, timestamp: u32) {
        let Some(clock) = self.stream.clock else { return };
        let from = clock.extended.saturating_add(distance(clock.timestamp, timestamp));
        if (from - clock.extended).abs() < JUMP && from != self.stream.silent.0 {
            self.stream.silent = (from, i64::MAX);
        }
    }

    /// The frame for the stick.
    pub fn pull(&mut self, now: Instant, stats: &mut Stats) -> [i16; FRAME] {
        let mut frame = [0; FRAME];
        if self.stream.clock.is_none() || !self.begin_playing(now) {
            frame.fill_with(|| self.conceal.missing(false));
            return frame;
        }
        self.catch_up(now);
        let lag = samples_at(now).saturating_sub(self.stream.head);
        self.stream.delays.on_frame(lag);
        let excess = self.stream.delays.excess().unwrap_or(0);
        let whole = self.conceal.is_idle() && self.ring.filled(self.stream.head, FRAME) == FRAME;
        let next = if whole { self.whole(&mut frame, excess) } else { self.holey(&mut frame, excess, stats) };
        let held = length(FRAME).saturating_sub(next.saturating_sub(self.stream.head));
        self.advance(next);
        self.stream.delays.shift(held);
        self.last = Some((now, lag.saturating_add(held)));
        let counter = if held > 0 { &mut stats.inserted_samples } else { &mut stats.skipped_samples };
        *counter = counter.saturating_add(held.unsigned_abs());
        frame
    }

    /// The extended timestamp of a packet; `None` when it makes no sense, yet.
    fn place(
        &mut self,
        timestamp: u32,
        marker: bool,
        len: i64,
        now: Instant,
        stats: &mut Stats,
    ) -> Option<i64> {
        let Some(clock) = self.stream.clock else { return Some(self.begin(timestamp, now)) };
        let extended = clock.extended.saturating_add(distance(clock.timestamp, timestamp));
        let age = samples_at(now).saturating_sub(extended);
        let jumped = !(-AHEAD..=JUMP).contains(&age.saturating_sub(clock.age));
        if self.is_another_stream(timestamp, marker, jumped, (extended, age), now) {
            stats.restarts = stats.restarts.saturating_add(1);
            self.restart();
            return Some(self.begin(timestamp, now));
        }
        if jumped {
            return None;
        }
        let newest =
            if extended > clock.extended { (timestamp, extended) } else { (clock.timestamp, clock.extended) };
        let late = self.stream.playing && extended.saturating_add(len) <= self.stream.head;
        let age = if late { clock.age } else { age };
        self.stream.clock = Some(Clock { timestamp: newest.0, extended: newest.1, age });
        Some(extended)
    }

    fn is_another_stream(
        &mut self,
        timestamp: u32,
        marker: bool,
        jumped: bool,
        (extended, age): (i64, i64),
        now: Instant,
    ) -> bool {
        // Late in part is enough: where the longest delay is reached, that would be so for each packet until the windows have turned.
        let late = self.stream.playing && extended < self.stream.head;
        let ahead = self.last.is_some_and(|(_, lag)| self.stream.playing && lag.saturating_sub(age) > AHEAD);
        if !jumped && !late && !ahead {
            self.stream.shifted = None;
            return false;
        }
        let new = Shifted { count: 0, since: now, timestamp };
        let near = |shifted: &Shifted| distance(shifted.timestamp, timestamp).abs() < JUMP;
        let before = self.stream.shifted.filter(near).unwrap_or(new);
        let count = before.count.saturating_add(1);
        self.stream.shifted = Some(Shifted { count, timestamp, since: before.since });
        if jumped {
            marker || count >= 2
        } else {
            count >= SHIFTED_PACKETS && now.since(before.since) >= SHIFTED_FOR
        }
    }

    fn begin(&mut self, timestamp: u32, now: Instant) -> i64 {
        self.stream.clock = Some(Clock { timestamp, extended: 0, age: samples_at(now) });
        // Before it there is nothing that could have been lost.
        self.stream.silent = (i64::MIN, 0);
        // Room for older packets that were overtaken.
        self.stream.head = -length(JITTER_SAMPLES / 2);
        0
    }

    fn begin_playing(&mut self, now: Instant) -> bool {
        if self.stream.playing {
            return true;
        }
        let Some(age) = self.stream.delays.oldest() else { return false };
        let head = samples_at(now).saturating_sub(age.saturating_add(START));
        self.advance(head.max(self.stream.head));
        self.stream.playing = true;
        true
    }

    /// After a stall the sound goes on where it would have been: what came meanwhile is old.
    fn catch_up(&mut self, now: Instant) {
        let Some((at, lag)) = self.last.filter(|(at, _)| now.since(*at) > STALL) else { return };
        log::debug!("voice port silent for {} ms", now.since(at).as_millis());
        self.advance(samples_at(now).saturating_sub(lag).max(self.stream.head));
    }

    /// A frame without holes, perhaps with a period more or less; the new head.
    fn whole(&mut self, frame: &mut [i16; FRAME], excess: i64) -> i64 {
        self.ring.read(self.stream.head, frame);
        let mut change = 0;
        if self.wants_look(excess)
            && let Some((fit, longer)) = self.look(frame, excess)
        {
            change = if longer { -length(fit.lag) } else { length(fit.lag) };
        }
        self.conceal.remember(frame);
        self.stream.head.saturating_add(length(FRAME)).saturating_add(change)
    }

    /// Whether the delay asks for a change, and the last look for a place is long enough ago.
    fn wants_look(&mut self, excess: i64) -> bool {
        self.stream.frames_since_look = self.stream.frames_since_look.saturating_add(1);
        if (0..=TOO_MUCH).contains(&excess) {
            self.stream.looks = 0;
            return false;
        }
        let each = if excess.abs() > TOO_MUCH * 2 { LOOK_URGENT } else { LOOK_EACH };
        self.stream.frames_since_look >= each
    }

    /// Puts a period in (`true`) or takes one out, where the sound fits itself.
    fn look(&mut self, frame: &mut [i16; FRAME], excess: i64) -> Option<(Fit, bool)> {
        let longer = excess < 0;
        self.stream.frames_since_look = 0;
        self.stream.looks = self.stream.looks.saturating_add(1);
        let mut sound = [0; FRAME * 3];
        let (past, coming) = sound.split_at_mut(FRAME);
        self.conceal.past(past);
        self.ring.read(self.stream.head, coming);
        let there = length(self.ring.filled(self.stream.head, coming.len()).saturating_sub(FRAME));
        let most =
            if longer { excess.saturating_neg().max(SMALL) } else { excess.saturating_sub(KEEP).min(there) };
        let most = usize::try_from(most.min(LONGEST)).unwrap_or(0);
        let start = |lag: usize| if longer { FRAME.saturating_sub(lag) } else { FRAME.saturating_add(lag) };
        let fit = pitch::best(frame, SHORTEST..=most, |lag| {
            sound.get(start(lag)..start(lag).saturating_add(FRAME))
        })?;
        let tired = self.stream.looks >= if excess < -TOO_MUCH { 2 } else { LOOKS };
        if !fit.good && !tired {
            return None;
        }
        self.stream.looks = 0;
        for (step, (slot, sample)) in frame.iter_mut().zip(sound.iter().skip(start(fit.lag))).enumerate() {
            *slot = blend(*slot, *sample, step.saturating_add(1), FRAME);
        }
        Some((fit, longer))
    }

    /// A frame with holes; the new head. Where nothing is known of what comes, waiting costs nothing: the delay grows.
    fn holey(&mut self, frame: &mut [i16; FRAME], excess: i64, stats: &mut Stats) -> i64 {
        let mut at = self.stream.head;
        let mut missing = excess.saturating_neg().max(0);
        let mut surplus = if excess > TOO_MUCH { excess.saturating_sub(KEEP) } else { 0 };
        for slot in frame {
            while surplus > 0 && self.conceal.is_silent() && self.sample(at) == HOLE {
                surplus -= 1;
                at = at.saturating_add(1);
            }
            let sample = self.sample(at);
            if sample != HOLE {
                *slot = self.conceal.real(sample);
                at = at.saturating_add(1);
                continue;
            }
            let quiet = (self.stream.silent.0..self.stream.silent.1).contains(&at);
            *slot = self.conceal.missing(quiet);
            if !quiet && !self.conceal.is_silent() {
                stats.concealed_samples = stats.concealed_samples.saturating_add(1);
            }
            if missing > 0 && at >= self.stream.end {
                missing -= 1;
            } else {
                at = at.saturating_add(1);
            }
        }
        at
    }

    /// Moves the head and empties what is behind it for the samples to come.
    fn advance(&mut self, head: i64) {
        let passed = usize::try_from(head.saturating_sub(self.stream.head)).unwrap_or(0);
        self.ring.clear(self.stream.head, passed.min(JITTER_SAMPLES));
        self.stream.head = head;
    }

    fn sample(&self, at: i64) -> i16 {
        // The circle begins anew behind the newest sample.
        if at < self.stream.end { self.ring.get(at) } else { HOLE }
    }

    fn note_wait(&mut self, age: i64, stats: &mut Stats) {
        let Some((_, lag)) = self.last else { return };
        let wait = lag.saturating_sub(age).clamp(0, length(JITTER_SAMPLES));
        self.stream.wait += wait - self.stream.wait / 16;
        stats.delay_ms = u32::try_from(self.stream.wait / 16 / 8).unwrap_or(0);
    }
}
