//! The SMTP dialogue, RFC 5321: one function a step, and for each step what a bad answer means.
//!
//! lettre writes the commands, logins and the mail; the reading is ours (`link`), because an answer decides whether
//! this mail, or every mail, or nothing can go, and because no answer may cost more than a bounded line of memory.
use super::link::{Link, Reply};
use super::mime::{self, Letter};
use crate::config::{Security, Smtp};
#[cfg(feature = "tls")]
use crate::io::tls;
use crate::message::mail::{Mail, Outcome};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::{Auth, Data, Ehlo, Mail as MailFrom, Quit, Rcpt, Rset, Starttls};
use lettre::transport::smtp::extension::{ClientId, MailParameter};
use lettre::transport::smtp::response::{Category, Code, Detail, Response, Severity};
use std::fmt::Display;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

/// Addresses of one name that are tried.
const ADDRESSES: usize = 8;
/// Challenges in one login: LOGIN has two.
const CHALLENGES: usize = 4;
/// The least time that one attempt may take in all; else three times the option `timeout`.
const ATTEMPT_MIN: Duration = Duration::from_mins(1);
/// The server's goodbye is waited for, but not long: the mail has been accepted.
const QUIT_WAIT: Duration = Duration::from_secs(2);

/// Why a step failed.
enum Fault {
    /// The server answered, and it wasn't yes.
    Said(Reply),
    /// No usable answer; in words.
    Lost(String),
}

impl Fault {
    /// Before `MAIL`: what the server says concerns every mail alike.
    fn of_session(self) -> Outcome {
        match self {
            Fault::Said(r) if (500..600).contains(&r.code) => Outcome::Refused { reply: r.text() },
            Fault::Said(r) => Outcome::Unreachable { reason: format!("the server says {}", r.text()) },
            Fault::Lost(reason) => Outcome::Unreachable { reason },
        }
    }

    /// The server declined one thing and listens on.
    fn leaves_it_open(&self) -> bool {
        matches!(self, Fault::Said(r) if r.code != 421)
    }

    /// From `MAIL` on: it concerns this mail, except for 421, "closing transmission channel" (section 3.8).
    fn of_mail(self) -> Outcome {
        match self {
            Fault::Said(r) if (400..500).contains(&r.code) && r.code != 421 => {
                Outcome::Deferred { reply: r.text() }
            }
            other => other.of_session(),
        }
    }
}

/// An error of a socket, without the operating system's numbers.
pub fn io_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer in time".to_owned(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            "the server cut the connection".to_owned()
        }
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "no way to the server".to_owned()
        }
        _ => error.to_string(),
    }
}

/// What the server's EHLO answer lists, as far as it matters here. Keywords are read in either case, as RFC 5321
/// section 2.4 wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Offers {
    starttls: bool,
    utf8_addresses: bool,
    plain: bool,
    login: bool,
}

impl Offers {
    fn read(ehlo: &Reply) -> Self {
        let mut offers = Self::default();
        // The first line is the greeting; old servers write `AUTH=LOGIN`.
        for line in ehlo.lines.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            let mut words = line.split([' ', '\t', '=']).filter(|w| !w.is_empty());
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("SMTPUTF8") => offers.utf8_addresses = true,
                Some("AUTH") => words.for_each(|mechanism| match mechanism {
                    "PLAIN" => offers.plain = true,
                    "LOGIN" => offers.login = true,
                    _ => {}
                }),
                _ => {}
            }
        }
        offers
    }
}

/// A greeted, encrypted and logged-in connection: mails can go.
pub struct Connection {
    link: Link,
    server: Arc<Smtp>,
    offers: Offers,
}

fn attempt_limit(server: &Smtp) -> Duration {
    server.timeout.saturating_mul(3).max(ATTEMPT_MIN)
}

/// Sends `mail` by `conn`, or by a new connection when there is none, a broken one, or one to another server.
/// Afterwards `conn` is open exactly if further mails can go through it.
pub fn deliver(conn: &mut Option<Connection>, server: &Arc<Smtp>, mail: &Mail) -> Outcome {
    let letter = match mime::encode(mail) {
        Ok(letter) => letter,
        Err(reply) => return Outcome::Refused { reply },
    };
    if let Some(mut kept) = conn.take_if(|c| c.server == *server) {
        kept.link.begin_attempt(attempt_limit(server));
        match kept.mail_from(&letter) {
            Ok(()) => return finish(conn, kept, &letter),
            Err(fault) if fault.leaves_it_open() => return kept.give_up(conn, fault),
            // The server had closed an idle connection: no failure, nothing of this mail went out.
            Err(_) => {}
        }
    }
    if let Some(other) = conn.take() {
        other.quit();
    }
    let mut fresh = match Connection::open(server) {
        Ok(fresh) => fresh,
        Err(outcome) => return outcome,
    };
    match fresh.mail_from(&letter) {
        Ok(()) => finish(conn, fresh, &letter),
        Err(fault) => fresh.give_up(conn, fault),
    }
}

fn finish(conn: &mut Option<Connection>, mut session: Connection, letter: &Letter) -> Outcome {
    match session.rest(letter) {
        Ok(reply) => {
            *conn = Some(session);
            Outcome::Accepted { reply: reply.text() }
        }
        Err(fault) => session.give_up(conn, fault),
    }
}

impl Connection {
    fn open(server: &Arc<Smtp>) -> Result<Self, Outcome> {
        let link = connect(server).map_err(|reason| Outcome::Unreachable { reason })?;
        let session = Self { link, server: Arc::clone(server), offers: Offers::default() };
        match session.prepare() {
            Ok(session) => Ok(session),
            Err(fault) => Err(fault.of_session()),
        }
        .inspect_err(|outcome| log::debug!("server '{}': {outcome:?}", server.name))
    }

    /// Greeting, EHLO, TLS and login in the order that `security` wants.
    fn prepare(mut self) -> Result<Self, Fault> {
        if self.server.security == Security::Tls {
            self = self.encrypt()?;
        }
        self.greeting()?;
        self.ehlo()?;
        if self.server.security == Security::Starttls {
            self.starttls()?;
            self = self.encrypt()?;
            // What was said in clear counts no longer: RFC 3207 section 4.2.
            self.ehlo()?;
        }
        self.login()?;
        Ok(self)
    }

    fn greeting(&mut self) -> Result<(), Fault> {
        self.link.begin_step(self.server.timeout);
        self.answer(220..=220, "greeting").map(drop)
    }

    fn ehlo(&mut self) -> Result<(), Fault> {
        let reply = self.command(Ehlo::new(self.hello_name()), 250, "EHLO")?;
        self.offers = Offers::read(&reply);
        Ok(())
    }

    /// Our address as a literal: a router rarely has a name that the server could look up (RFC 5321 section 4.1.4).
    fn hello_name(&self) -> ClientId {
        match self.link.local_addr().map(|a| a.ip()) {
            Ok(IpAddr::V4(ip)) => ClientId::Ipv4(ip),
            Ok(IpAddr::V6(ip)) => ClientId::Ipv6(ip),
            Err(_) => ClientId::Domain("localhost".to_owned()),
        }
    }

    fn starttls(&mut self) -> Result<(), Fault> {
        if !self.offers.starttls {
            let words = "the server offers no STARTTLS; use security 'none' or 'tls'";
            return Err(Fault::Lost(words.to_owned()));
        }
        self.command(Starttls, 220, "STARTTLS").map(drop)
    }

    #[cfg(feature = "tls")]
    fn encrypt(mut self) -> Result<Self, Fault> {
        let client = tls::client(&self.server.host, self.server.verify, self.server.ca_file.as_deref())
            .map_err(Fault::Lost)?;
        self.link.begin_step(self.server.timeout);
        let link = self.link.into_tls(client).map_err(|e| Fault::Lost(tls_words(&e)))?;
        Ok(Self { link, ..self })
    }

    #[cfg(not(feature = "tls"))]
    fn encrypt(self) -> Result<Self, Fault> {
        Err(Fault::Lost(
            "this build has no TLS; use security 'none' for a server in your own house".to_owned(),
        ))
    }

    /// AUTH, RFC 4954, with what the server offers of PLAIN and LOGIN.
    fn login(&mut self) -> Result<(), Fault> {
        let Some(login) = self.server.login.clone() else { return Ok(()) };
        let mechanism = match self.offers {
            Offers { plain: true, .. } => Mechanism::Plain,
            Offers { login: true, .. } => Mechanism::Login,
            _ => return Err(Fault::Lost(self.no_login_words())),
        };
        self.warn_of_clear_password();
        let credentials = Credentials::new(login.username, login.secret.expose().to_owned());
        let unable = |_| Fault::Lost("the server's login asks for something unknown".to_owned());
        let mut command = Auth::new(mechanism, credentials.clone(), None).map_err(unable)?;
        for _ in 0..CHALLENGES {
            self.send(&command.to_string(), "AUTH")?;
            let reply = self.answer(200..=399, "AUTH")?;
            if reply.code != 334 {
                return Ok(());
            }
            let code = Code::new(Severity::PositiveIntermediate, Category::Unspecified3, Detail::Four);
            let challenge = Response::new(code, reply.lines);
            command = Auth::new_from_response(mechanism, credentials.clone(), &challenge).map_err(unable)?;
        }
        Err(Fault::Lost("the server's login doesn't end".to_owned()))
    }

    fn no_login_words(&self) -> String {
        let more = match self.server.security {
            Security::None => "; it may want security 'starttls' first, or no 'username' at all",
            Security::Starttls | Security::Tls => "; it may want no 'username' at all",
        };
        format!("the server offers no login that tandem knows (PLAIN, LOGIN){more}")
    }

    /// In a LAN of one's own this is a decision; on the way to elsewhere everybody on the way reads along.
    fn warn_of_clear_password(&self) {
        let here = self.link.peer_addr().is_ok_and(|a| a.ip().is_loopback());
        if self.server.security == Security::None && !here {
            log::warn!("server '{}': security is 'none', the password travels in clear", self.server.name);
        }
    }

    fn mail_from(&mut self, letter: &Letter) -> Result<(), Fault> {
        let mut parameters = Vec::new();
        if !(letter.from.to_string().is_ascii() && letter.to.to_string().is_ascii()) {
            if !self.offers.utf8_addresses {
                let words = "the server takes no addresses beyond ASCII (SMTPUTF8)";
                return Err(Fault::Said(Reply { code: 553, lines: vec![words.to_owned()] }));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        self.command(MailFrom::new(Some(letter.from.clone()), parameters), 250, "MAIL").map(drop)
    }

    /// RCPT, DATA, the letter, and what the server says to it.
    fn rest(&mut self, letter: &Letter) -> Result<Reply, Fault> {
        self.send(&Rcpt::new(letter.to.clone(), vec![]).to_string(), "RCPT")?;
        self.answer(250..=252, "RCPT")?;
        self.command(Data, 354, "DATA")?;
        self.link.begin_step(self.server.timeout);
        self.link.write(&with_dots_doubled(&letter.bytes)).map_err(|e| lost(&e, "the mail"))?;
        // The dot that ends it belongs to the step that waits for the answer.
        self.answer(250..=250, "the mail")
    }

    /// Sorts out `fault`; the connection lives on if the server only declined this mail.
    fn give_up(mut self, conn: &mut Option<Self>, fault: Fault) -> Outcome {
        if fault.leaves_it_open() && self.command(Rset, 250, "RSET").is_ok() {
            *conn = Some(self);
        }
        fault.of_mail()
    }

    /// Says goodbye. Nothing depends on the answer.
    pub fn quit(mut self) {
        self.link.begin_step(QUIT_WAIT);
        if self.link.write(Quit.to_string().as_bytes()).is_ok() {
            let _ = self.link.reply();
        }
    }

    fn command(&mut self, command: impl Display, want: u16, step: &str) -> Result<Reply, Fault> {
        self.send(&command.to_string(), step)?;
        self.answer(want..=want, step)
    }

    fn send(&mut self, line: &str, step: &str) -> Result<(), Fault> {
        self.link.begin_step(self.server.timeout);
        self.link.write(line.as_bytes()).map_err(|e| lost(&e, step))
    }

    /// One reply within the step; any other code than `want` is a fault, and the server's own words say why.
    fn answer(&mut self, want: std::ops::RangeInclusive<u16>, step: &str) -> Result<Reply, Fault> {
        let reply = self.link.reply().map_err(|e| lost(&e, step))?;
        if want.contains(&reply.code) { Ok(reply) } else { Err(Fault::Said(reply)) }
    }
}

fn lost(error: &io::Error, step: &str) -> Fault {
    Fault::Lost(format!("at {step}: {}", io_words(error)))
}

/// Looks the host up and connects to one of its addresses.
fn connect(server: &Smtp) -> Result<Link, String> {
    let place = format!("{} port {}", server.host, server.port);
    let addresses: Vec<SocketAddr> = (server.host.as_str(), server.port)
        .to_socket_addrs()
        .map_err(|e| format!("{}: no address found ({e})", server.host))?
        .take(ADDRESSES)
        .collect();
    Link::connect(&addresses, server.timeout, attempt_limit(server))
        .map_err(|e| format!("{place}: {}", io_words(&e)))
}

#[cfg(feature = "tls")]
fn tls_words(error: &io::Error) -> String {
    if tls::speaks_none(error) {
        return "the server speaks no TLS here: for this port try security 'starttls' (587, 25) or 'tls' (465)"
            .to_owned();
    }
    tls::failure(error, "verify").unwrap_or_else(|| format!("TLS: {}", io_words(error)))
}

/// The letter as DATA sends it, with the final dot. RFC 5321 section 4.5.2.
fn with_dots_doubled(letter: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(letter.len().saturating_add(letter.len() / 64).saturating_add(16));
    let mut line_begins = true;
    for byte in letter {
        if line_begins && *byte == b'.' {
            out.push(b'.');
        }
        line_begins = *byte == b'\n';
        out.push(*byte);
    }
    if !line_begins {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, lines: &[&str]) -> Reply {
        Reply { code, lines: lines.iter().map(|l| (*l).to_owned()).collect() }
    }

    #[test]
    fn dots() {
        for (letter, sent) in [
            ("", ".\r\n"),
            ("a", "a\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("a\r\n.b\r\n..\r\n", "a\r\n..b\r\n...\r\n.\r\n"),
        ] {
            assert_eq!(String::from_utf8(with_dots_doubled(letter.as_bytes())).unwrap(), sent);
        }
    }

    #[test]
    fn offers_in_either_case_and_of_odd_servers() {
        let ehlo = reply(
            250,
            &["mail.example STARTTLS", "  ", "", "starttls", "Auth=Login", "AUTH  PLAIN CRAM-MD5"],
        );
        let want = Offers { starttls: true, plain: true, login: true, utf8_addresses: false };
        assert_eq!(Offers::read(&ehlo), want);
        assert_eq!(Offers::read(&reply(250, &["STARTTLS AUTH PLAIN"])), Offers::default());
    }

    #[test]
    fn what_an_answer_means() {
        let session = |code| Fault::Said(reply(code, &["x"])).of_session();
        let mail = |code| Fault::Said(reply(code, &["x"])).of_mail();
        let unreachable = |o| matches!(o, Outcome::Unreachable { .. });
        for code in [421, 454, 451, 250] {
            assert!(unreachable(session(code)), "{code}");
        }
        assert!(unreachable(mail(421)) && unreachable(mail(250)));
        assert_eq!(session(535), Outcome::Refused { reply: "535 x".into() });
        assert_eq!(mail(550), Outcome::Refused { reply: "550 x".into() });
        assert_eq!(mail(451), Outcome::Deferred { reply: "451 x".into() });
    }
}
