//! Calls at a rate: INVITE 401 ACK INVITE 100 180 200 ACK, a while of nothing, BYE 200.
use super::batch::{Inbox, Wire, wait};
use super::callee::{Callee, PCMU, body, media_of, sdp};
use super::text::{Account, after, header, number, status};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// RFC 3261: T1, T2.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(4);
/// A step of a call that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(8);
/// Later than this a call does not begin when it should.
const LATE: Duration = Duration::from_millis(20);

/// Who calls whom how often.
#[derive(Clone, Debug)]
pub struct CallPlan {
    pub rate: f64,
    /// How long calls begin.
    pub window: Duration,
    /// How long each is up.
    pub talk: Duration,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct CallReport {
    pub begun: u64,
    pub done: u64,
    pub failed: u64,
    /// Messages that had to be sent twice, by whichever of our sides; and that came twice.
    pub resent: u64,
    /// Calls that began late, and the most that one was late.
    pub late: u64,
    pub latest: Duration,
    /// The first failure.
    pub why: Option<String>,
}

impl CallReport {
    /// The tool kept its own time: else the run says nothing about the server.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.late * 100 <= self.begun && self.latest < Duration::from_millis(250)
    }

    /// No call failed, and hardly anything had to be said twice: beyond its limit a server loses datagrams first.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.failed == 0 && self.done == self.begun && self.resent * 1_000 <= self.begun
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// No call.
    Free,
    Calling,
    /// With the digest.
    Asking,
    Proceeding,
    Up,
    Leaving,
}

struct Call {
    step: Step,
    /// Counts the steps: a timer of an earlier one is stale.
    stamp: u32,
    /// Which of the run it is.
    number: u64,
    since: Instant,
    interval: Duration,
    /// The answer to the challenge, a whole line.
    credentials: Vec<u8>,
    /// To of the 200, and its Contact's URI.
    to: Vec<u8>,
    target: Vec<u8>,
}

/// The phone that calls, and the peer that is called through the server.
pub struct Caller {
    wire: Wire,
    callee: Callee,
    account: Account,
    uri: String,
    at: SocketAddr,
    /// What each call offers.
    sdp: String,
    /// Where the server wants the sound of each call that was answered since this was taken.
    media: Vec<SocketAddr>,
    calls: Vec<Call>,
    free: Vec<usize>,
    /// What is to be sent again: when, call, stamp.
    timers: BinaryHeap<Reverse<(Instant, usize, u32)>>,
    /// Calls to end: when, call, stamp.
    ends: VecDeque<(Instant, usize, u32)>,
    report: CallReport,
    /// Different in each run against the same server.
    run: u32,
    /// Calls of all runs.
    made: u64,
}

impl Caller {
    /// `wire` and `peer` are known to the server before it starts; `dialled` leads to the peer.
    #[must_use]
    pub fn new(wire: Wire, peer: Wire, server: SocketAddr, user: &str, secret: &str, dialled: &str) -> Self {
        wire.connect(server);
        peer.connect(server);
        Self {
            at: wire.address(),
            sdp: sdp(wire.address(), PCMU),
            media: Vec::new(),
            wire,
            callee: Callee::new(peer),
            account: Account::new(user, secret),
            uri: format!("sip:{dialled}@{server}"),
            calls: Vec::new(),
            free: Vec::new(),
            timers: BinaryHeap::new(),
            ends: VecDeque::new(),
            report: CallReport::default(),
            run: 0,
            made: 0,
        }
    }

    /// Makes the calls and waits for their end. `each_second` is called meanwhile with the seconds that have passed.
    pub fn run(&mut self, plan: &CallPlan, each_second: impl FnMut(u64)) -> CallReport {
        self.run += 1;
        let is_over = |this: &Self| this.free.len() == this.calls.len();
        self.go(plan, is_over, each_second)
    }

    /// What the two sides write of their sound from now on: address, formats and attributes of the callers, and of whom they call.
    pub fn describe(&mut self, addresses: [SocketAddr; 2], formats: [(&str, &str); 2]) {
        self.sdp = sdp(addresses[0], formats[0]);
        self.callee.sdp = sdp(addresses[1], formats[1]);
    }

    /// So many more calls, that stay up: where the server wants the sound of the callers, and of whom they call.
    ///
    /// # Errors
    /// Why one of them failed.
    pub fn dial(&mut self, calls: usize, rate: f64) -> Result<[Vec<SocketAddr>; 2], String> {
        (self.media, self.callee.media) = (Vec::new(), Vec::new());
        let window = Duration::from_secs_f64(calls as f64 / rate);
        let talk = Duration::from_secs(24 * 3_600);
        let is_over =
            |this: &Self| this.ends.len() + this.free.len() == this.calls.len() && this.callee.is_quiet();
        let report = self.go(&CallPlan { rate, window, talk }, is_over, |_| {});
        let media = [std::mem::take(&mut self.media), std::mem::take(&mut self.callee.media)];
        match report.why {
            Some(why) => Err(why),
            None if media.iter().any(|side| side.len() != calls) => {
                Err(format!("{calls} calls, sound of {} and {}", media[0].len(), media[1].len()))
            }
            None => Ok(media),
        }
    }

    /// Makes the calls; goes on until all have begun and it is over.
    fn go(
        &mut self,
        plan: &CallPlan,
        is_over: impl Fn(&Self) -> bool,
        mut each_second: impl FnMut(u64),
    ) -> CallReport {
        self.report = CallReport::default();
        (self.callee.resent, self.callee.repeated) = (0, 0);
        let begin = Instant::now();
        let count = (plan.rate * plan.window.as_secs_f64()).round() as u64;
        let mut told = 0;
        let mut inbox = Inbox::default();
        loop {
            let now = Instant::now();
            let passed = now.duration_since(begin);
            while passed.as_secs() > told {
                told += 1;
                each_second(told);
            }
            self.begin_due(plan.rate, count, begin, now);
            let busy = self.receive(&mut inbox, plan.talk);
            let now = Instant::now();
            let next =
                [self.on_time(now), self.callee.on_time(now), self.next_begin(plan.rate, count, begin)];
            self.wire.flush();
            self.callee.wire.flush();
            if self.report.begun == count && is_over(self) {
                break;
            }
            if !busy {
                let at = next.into_iter().flatten().min().unwrap_or(now + FIRST);
                let limit = at.min(begin + Duration::from_secs(told + 1)).saturating_duration_since(now);
                wait(&[&self.wire, &self.callee.wire], limit).expect("sockets to wait for");
            }
        }
        self.report.resent += self.callee.resent + self.callee.repeated;
        std::mem::take(&mut self.report)
    }

    fn next_begin(&self, rate: f64, count: u64, begin: Instant) -> Option<Instant> {
        let at = begin + Duration::from_secs_f64(self.report.begun as f64 / rate);
        (self.report.begun < count).then_some(at)
    }

    fn begin_due(&mut self, rate: f64, count: u64, begin: Instant, now: Instant) {
        // A few at a time: what came in meanwhile must not wait for all.
        for _ in 0..32 {
            let Some(at) = self.next_begin(rate, count, begin).filter(|at| *at <= now) else { return };
            let late = now.duration_since(at);
            self.report.latest = self.report.latest.max(late);
            self.report.late += u64::from(late > LATE);
            self.report.begun += 1;
            let call = self.free.pop().unwrap_or(self.calls.len());
            if call == self.calls.len() {
                self.calls.push(Call {
                    step: Step::Free,
                    stamp: 0,
                    number: 0,
                    since: now,
                    interval: FIRST,
                    credentials: Vec::new(),
                    to: Vec::new(),
                    target: Vec::new(),
                });
            }
            let fresh = &mut self.calls[call];
            self.made += 1;
            fresh.number = self.made;
            for text in [&mut fresh.credentials, &mut fresh.to, &mut fresh.target] {
                text.clear();
            }
            self.enter(call, Step::Calling, now);
            self.invite(call);
        }
    }

    /// The one setter of the step.
    fn enter(&mut self, at: usize, step: Step, now: Instant) {
        let call = &mut self.calls[at];
        (call.step, call.since, call.interval) = (step, now, FIRST);
        call.stamp = call.stamp.wrapping_add(1);
        match step {
            Step::Free => self.free.push(at),
            Step::Up => {}
            _ => self.timers.push(Reverse((now + FIRST, at, call.stamp))),
        }
    }

    fn receive(&mut self, inbox: &mut Inbox, talk: Duration) -> bool {
        let peers = self.callee.wire.receive(inbox);
        let now = Instant::now();
        inbox.messages().for_each(|message| self.callee.take(message, now));
        let ours = self.wire.receive(inbox);
        let now = Instant::now();
        inbox.messages().for_each(|message| self.take(message, talk, now));
        peers || ours
    }

    fn take(&mut self, message: &[u8], talk: Duration, now: Instant) {
        let Some(status) = status(message) else { return };
        let Some((run, at, count)) = call_of(message) else { return };
        if run != self.run || self.calls.get(at).is_none_or(|c| c.number != count) {
            return;
        }
        let of_invite = header(message, "CSeq").is_some_and(|c| c.ends_with(b"INVITE"));
        let cseq = header(message, "CSeq").and_then(number).unwrap_or(0);
        match (self.calls[at].step, status, of_invite) {
            (Step::Calling, 401, true) => self.on_challenge(at, message, now),
            (Step::Calling | Step::Asking, 100..=199, true) => self.enter(at, Step::Proceeding, now),
            (Step::Asking | Step::Proceeding, 200, true) => self.on_answer(at, message, talk, now),
            // The ACK got lost.
            (Step::Up | Step::Leaving, 200, true) => {
                self.report.resent += 1;
                self.ack(at);
            }
            (Step::Leaving, 200, false) => {
                self.report.done += 1;
                self.enter(at, Step::Free, now);
            }
            (Step::Proceeding, 100..=199, true) | (Step::Free, ..) => {}
            // The 401 once more.
            (_, 401, true) if cseq == 1 => self.report.resent += 1,
            (step, ..) => {
                let line = String::from_utf8_lossy(message.split(|b| *b == b'\r').next().unwrap_or(message));
                if of_invite && status >= 300 {
                    self.calls[at].to = header(message, "To").unwrap_or_default().to_vec();
                    self.head(at, "ACK", cseq as u32, "");
                    body("", self.wire.last());
                }
                self.fail(at, &format!("{line} when {step:?}"), now);
            }
        }
    }

    fn on_challenge(&mut self, at: usize, message: &[u8], now: Instant) {
        // The ACK has the tag of the 401; the next INVITE has none.
        self.calls[at].to = header(message, "To").unwrap_or_default().to_vec();
        self.head(at, "ACK", 1, "");
        body("", self.wire.last());
        self.calls[at].to.clear();
        let mut line = std::mem::take(&mut self.calls[at].credentials);
        let is_asked = self.account.answer(message, "INVITE", &self.uri, &mut line);
        self.calls[at].credentials = line;
        if !is_asked {
            return self.fail(at, "401 without a challenge", now);
        }
        self.enter(at, Step::Asking, now);
        self.invite(at);
    }

    fn on_answer(&mut self, at: usize, message: &[u8], talk: Duration, now: Instant) {
        let contact = header(message, "Contact").unwrap_or_default();
        let target = after(contact, b"<").or_else(|| after(contact, b"")).unwrap_or_default();
        let to = header(message, "To").unwrap_or_default();
        self.media.extend(media_of(message));
        let call = &mut self.calls[at];
        (call.to, call.target) = (to.to_vec(), target.to_vec());
        self.enter(at, Step::Up, now);
        self.ack(at);
        if talk.is_zero() {
            return self.leave(at, now);
        }
        self.ends.push_back((now + talk, at, self.calls[at].stamp));
    }

    fn leave(&mut self, at: usize, now: Instant) {
        self.enter(at, Step::Leaving, now);
        self.bye(at);
    }

    fn fail(&mut self, at: usize, why: &str, now: Instant) {
        self.report.failed += 1;
        if self.report.why.is_none() {
            self.report.why = Some(why.to_owned());
        }
        self.enter(at, Step::Free, now);
    }

    /// Ends calls and sends again what is due; when that is next.
    fn on_time(&mut self, now: Instant) -> Option<Instant> {
        while let Some(&(due, at, stamp)) = self.ends.front().filter(|(due, ..)| *due <= now) {
            self.ends.pop_front();
            if self.calls[at].stamp == stamp && due <= now {
                self.leave(at, now);
            }
        }
        while let Some(&Reverse((due, at, stamp))) = self.timers.peek().filter(|t| t.0.0 <= now) {
            self.timers.pop();
            let call = &mut self.calls[at];
            if call.stamp != stamp || due > now {
                continue;
            }
            if now.duration_since(call.since) >= PATIENCE {
                let why = format!("nothing came for {} s when {:?}", PATIENCE.as_secs(), call.step);
                self.fail(at, &why, now);
                continue;
            }
            call.interval = (call.interval * 2).min(LONGEST);
            self.timers.push(Reverse((now + call.interval, at, stamp)));
            match call.step {
                Step::Calling | Step::Asking => self.invite(at),
                Step::Leaving => self.bye(at),
                // Only waits.
                _ => continue,
            }
            self.report.resent += 1;
        }
        let end = self.ends.front().map(|(at, ..)| *at);
        end.into_iter().chain(self.timers.peek().map(|t| t.0.0)).min()
    }

    /// CSeq 1 first, 2 with the answer to the challenge.
    fn invite(&mut self, at: usize) {
        let cseq = if self.calls[at].credentials.is_empty() { 1 } else { 2 };
        self.head(at, "INVITE", cseq, "");
        let out = self.wire.last();
        let _ = write!(out, "Contact: <sip:{}@{}>\r\n", self.account.user, self.at);
        out.extend_from_slice(&self.calls[at].credentials);
        body(&self.sdp, out);
    }

    fn ack(&mut self, at: usize) {
        self.head(at, "ACK", 2, "a");
        body("", self.wire.last());
    }

    fn bye(&mut self, at: usize) {
        self.head(at, "BYE", 3, "b");
        body("", self.wire.last());
    }

    /// What all requests begin with, in a new buffer. `mark` makes the branch another one.
    fn head(&mut self, at: usize, method: &str, cseq: u32, mark: &str) {
        let (call, user, we, run) = (&self.calls[at], &self.account.user, self.at, self.run);
        let (begun, out) = (call.number, self.wire.fresh());
        let in_dialog = !call.target.is_empty();
        let uri = if in_dialog { &call.target[..] } else { self.uri.as_bytes() };
        let to_uri = &self.uri;
        let _ = write!(out, "{method} ");
        out.extend_from_slice(uri);
        let _ = write!(
            out,
            " SIP/2.0\r\nVia: SIP/2.0/UDP {we};rport;branch=z9hG4bK{run}-{begun}-{cseq}{mark}\r\nMax-Forwards: 70\r\n\
             From: <sip:{user}@{we}>;tag=t{begun}\r\nCall-ID: {run}-{at}-{begun}@load\r\nCSeq: {cseq} {method}\r\nTo: "
        );
        if call.to.is_empty() {
            let _ = write!(out, "<{to_uri}>");
        } else {
            out.extend_from_slice(&call.to);
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Run, call and count of a Call-ID.
fn call_of(message: &[u8]) -> Option<(u32, usize, u64)> {
    let id = std::str::from_utf8(header(message, "Call-ID")?).ok()?;
    let mut parts = id.split(['-', '@']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}
