//! REGISTER 401 REGISTER 200, for many users, so many at once: the next begins when one has ended.
use super::batch::{Inbox, Wire, wait};
use super::callee::body;
use super::text::{Account, header, number, status};
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What is not answered is sent again after this.
const AGAIN: Duration = Duration::from_millis(500);

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct RegisterReport {
    pub done: u64,
    pub failed: u64,
    pub resent: u64,
    /// From the first to the last.
    pub took: Duration,
    pub why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Idle,
    Asking,
    /// With the digest.
    Proving,
}

struct User {
    account: Account,
    step: Step,
    cseq: u32,
    since: Instant,
    credentials: Vec<u8>,
}

/// Phones that register, each with a contact of its own at one socket.
pub struct Registers {
    wire: Wire,
    at: SocketAddr,
    uri: String,
    users: Vec<User>,
    report: RegisterReport,
    inbox: Inbox,
}

impl Registers {
    /// `users`: names and secrets.
    #[must_use]
    pub fn new(server: SocketAddr, users: &[(String, String)]) -> Self {
        let wire = Wire::bind("127.0.0.1");
        wire.connect(server);
        let user = |(name, secret): &(String, String)| User {
            account: Account::new(name, secret),
            step: Step::Idle,
            cseq: 0,
            since: Instant::now(),
            credentials: Vec::new(),
        };
        Self {
            at: wire.address(),
            wire,
            uri: format!("sip:{server}"),
            users: users.iter().map(user).collect(),
            report: RegisterReport::default(),
            inbox: Inbox::default(),
        }
    }

    /// Each user once.
    pub fn all(&mut self) -> RegisterReport {
        let count = self.users.len() as u64;
        self.go(32, |begun, _| begun < count)
    }

    /// One after the other, round and round; `most` at once.
    pub fn run(&mut self, window: Duration, most: usize) -> RegisterReport {
        self.go(most, |_, passed| passed < window)
    }

    fn go(&mut self, most: usize, goes_on: impl Fn(u64, Duration) -> bool) -> RegisterReport {
        self.report = RegisterReport::default();
        let begin = Instant::now();
        let (mut begun, mut ended, mut looked) = (0_u64, 0_u64, begin);
        let most = most.min(self.users.len()) as u64;
        loop {
            let now = Instant::now();
            while begun - ended < most && goes_on(begun, now.duration_since(begin)) {
                let user = (begun % self.users.len() as u64) as usize;
                if self.users[user].step != Step::Idle {
                    break;
                }
                self.begin(user, now);
                begun += 1;
            }
            self.wire.flush();
            if begun == ended {
                break;
            }
            if !self.wire.receive(&mut self.inbox) {
                wait(&[&self.wire], Duration::from_millis(20)).expect("a socket to wait for");
            }
            let inbox = std::mem::take(&mut self.inbox);
            let now = Instant::now();
            inbox.messages().for_each(|message| self.take(message, now));
            self.inbox = inbox;
            if now.duration_since(looked) > AGAIN / 10 {
                looked = now;
                self.again(now);
            }
            ended = self.report.done + self.report.failed;
        }
        self.report.took = begin.elapsed();
        std::mem::take(&mut self.report)
    }

    fn begin(&mut self, user: usize, now: Instant) {
        self.users[user].credentials.clear();
        self.users[user].step = Step::Asking;
        self.send(user, now);
    }

    fn send(&mut self, at: usize, now: Instant) {
        let user = &mut self.users[at];
        user.cseq += 1;
        user.since = now;
        self.write(at);
    }

    fn write(&mut self, at: usize) {
        let (we, uri, user) = (self.at, &self.uri, &self.users[at]);
        let (name, cseq, out) = (&user.account.user, user.cseq, self.wire.fresh());
        let _ = write!(
            out,
            "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {we};rport;branch=z9hG4bKr{at}-{cseq}\r\nMax-Forwards: 70\r\n\
             From: <sip:{name}@{we}>;tag=r{at}\r\nTo: <sip:{name}@{we}>\r\nCall-ID: {at}@registers\r\n\
             CSeq: {cseq} REGISTER\r\nContact: <sip:{name}@{we}>\r\nExpires: 3600\r\n"
        );
        out.extend_from_slice(&user.credentials);
        body("", out);
    }

    fn take(&mut self, message: &[u8], now: Instant) {
        let Some(at) = header(message, "Call-ID").and_then(number) else { return };
        let cseq = header(message, "CSeq").and_then(number).unwrap_or(0);
        let Some(user) = self.users.get_mut(at).filter(|u| u.cseq as usize == cseq) else { return };
        match (user.step, status(message)) {
            (Step::Asking, Some(401)) => {
                if user.account.answer(message, "REGISTER", &self.uri, &mut user.credentials) {
                    user.step = Step::Proving;
                    self.send(at, now);
                } else {
                    self.fail(at, "401 without a challenge");
                }
            }
            (Step::Proving, Some(200)) => {
                user.step = Step::Idle;
                self.report.done += 1;
            }
            (_, Some(100)) | (Step::Idle, _) => {}
            (step, _) => {
                let line = String::from_utf8_lossy(message.split(|b| *b == b'\r').next().unwrap_or(message));
                self.fail(at, &format!("{line} when {step:?}"));
            }
        }
    }

    fn fail(&mut self, at: usize, why: &str) {
        self.users[at].step = Step::Idle;
        self.report.failed += 1;
        if self.report.why.is_none() {
            self.report.why = Some(why.to_owned());
        }
    }

    fn again(&mut self, now: Instant) {
        for at in 0..self.users.len() {
            let user = &mut self.users[at];
            if user.step != Step::Idle && now.duration_since(user.since) >= AGAIN {
                user.since = now;
                self.report.resent += 1;
                self.write(at);
            }
        }
    }
}
