//! The mail worker against real servers, and against what only pretends to be one.
use house::cutter::Cut;
use house::mail::SmtpdOptions;
use house::may_skip;
use house::postfix::{self, Postfix};
use house::rogue::{Act, Rogue};
use house::{Authority, Cutter, Security, Smtpd};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tandem::config::{Login, Secret, Security as Option_, Smtp};
use tandem::io::mail::{Connection, Job, Worker, deliver};
use tandem::message::mail::{Mail, Outcome};
use tandem::util::time::{Stamp, Wall};

fn server(port: u16) -> Smtp {
    Smtp {
        name: "mail".into(),
        enabled: true,
        host: "localhost".into(),
        port,
        security: Option_::None,
        login: None,
        sender: "router@example.com".into(),
        verify: true,
        ca_file: None,
        timeout: Duration::from_secs(5),
        give_up: Duration::from_hours(1),
    }
}

fn secured(port: u16, security: Security, ca: &std::path::Path) -> Smtp {
    let security = match security {
        Security::None => Option_::None,
        Security::Starttls => Option_::Starttls,
        Security::Tls => Option_::Tls,
    };
    Smtp { security, ca_file: Some(ca.to_string_lossy().into_owned()), ..server(port) }
}

fn mail(id: u32) -> Mail {
    Mail {
        message_id: format!("{id}.abc@tandem.example"),
        from: "router@example.com".into(),
        from_name: "home_sim (tandem)".into(),
        to: "me@example.com".into(),
        subject:
            "SMS from +4915112345678 : Привет, как дела? 😀 и ещё немного слов, чтобы строка стала длинной"
                .into(),
        body: ".\n..\n. начало 😀\nFrom here\n\n-- \nFrom: +4915112345678\nDongle: home_sim (+91…)\n".into(),
        date: Stamp { at: Wall(1_795_176_000), offset_min: 330 },
    }
}

fn job(id: u32, server: &Smtp) -> Job {
    Job { id: id.into(), server: Arc::new(server.clone()), mail: mail(id), more: false }
}

/// One try by a connection of its own.
fn once(id: u32, server: &Smtp) -> Outcome {
    let mut conn = None;
    let outcome = deliver(&mut conn, &job(id, server));
    conn.into_iter().for_each(Connection::quit);
    outcome
}

fn accepted(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted { .. })
}

#[track_caller]
fn unreachable(outcome: Outcome, words: &str) {
    match outcome {
        Outcome::Unreachable { reason } if reason.contains(words) => {}
        other => panic!("want Unreachable with {words:?}, have {other:?}"),
    }
}

#[test]
fn a_mail_arrives_as_it_was_written() {
    let smtpd = Smtpd::plain();
    let server = server(smtpd.port);
    let long = "длинная строка без конца 😀 ".repeat(2_000);
    let bodies =
        [mail(0).body, long.clone() + "\n", "x".repeat(5_000) + "\n", format!("{long}\n.\n{long}\n")];
    for (id, body) in (1..).zip(bodies) {
        let sent = Job { mail: Mail { body, ..mail(id) }, ..job(id, &server) };
        let outcome = deliver(&mut None, &sent);
        assert!(accepted(&outcome), "{outcome:?}");
        let got = smtpd.mails().pop().unwrap();
        assert_eq!(got["body"], sent.mail.body.as_str());
        assert_eq!(got["subject"], sent.mail.subject.as_str());
        assert_eq!(got["from_name"], "home_sim (tandem)");
        assert_eq!(got["envelope_from"], "router@example.com");
        assert_eq!(got["envelope_to"][0], "me@example.com");
        assert_eq!(got["message_id"], format!("<{id}.abc@tandem.example>"));
        assert_eq!(got["date"], "2026-11-20T17:30:00+05:30");
        assert_eq!(got["defects"].as_array().unwrap().len(), 0, "{got:#}");
    }
}

#[test]
fn a_sender_with_line_ends_makes_no_header() {
    let smtpd = Smtpd::plain();
    let evil = "Bank\r\nBcc: victim@example.com\r\n\r\nYour code";
    let mail = Mail { subject: evil.into(), from_name: evil.into(), ..mail(1) };
    assert!(accepted(&deliver(&mut None, &Job { mail, ..job(1, &server(smtpd.port)) })));
    let got = smtpd.mails().pop().unwrap();
    let names: Vec<&str> =
        got["headers"].as_array().unwrap().iter().map(|h| h[0].as_str().unwrap()).collect();
    assert!(!names.contains(&"Bcc"), "{names:?}");
    assert_eq!(got["envelope_to"].as_array().unwrap().len(), 1);
    assert_eq!(got["subject"], "Bank  Bcc: victim@example.com    Your code");
}

#[test]
fn encrypted_and_logged_in() {
    let authority = Authority::new();
    for security in [Security::Starttls, Security::Tls] {
        for only in [Some("PLAIN"), Some("LOGIN"), None] {
            let options = SmtpdOptions::new(security).certificate(authority.good()).login("me", "s3 cret🔑");
            let smtpd = Smtpd::start(&SmtpdOptions { only, ..options });
            let login = |secret: &str| Some(Login { username: "me".into(), secret: Secret::new(secret) });
            let good = Smtp { login: login("s3 cret🔑"), ..secured(smtpd.port, security, &authority.ca) };
            let outcome = once(1, &good);
            assert!(accepted(&outcome), "{security:?} {only:?}: {outcome:?}");
            let got = smtpd.mails().pop().unwrap();
            assert!(got["tls"] == true && got["auth"] == true, "{got:#}");

            let bad = Smtp { login: login("wrong"), ..good.clone() };
            assert!(matches!(once(2, &bad), Outcome::Refused { reply } if reply.starts_with("535")));
            let none = Smtp { login: None, ..good };
            assert!(matches!(once(3, &none), Outcome::Refused { reply } if reply.starts_with("530")));
            assert_eq!(smtpd.count(), 1);
        }
    }
}

#[test]
fn a_password_only_where_a_login_is_offered() {
    let smtpd = Smtpd::plain();
    let login = Some(Login { username: "me".into(), secret: Secret::new("x") });
    unreachable(once(1, &Smtp { login, ..server(smtpd.port) }), "offers no login");
    unreachable(once(2, &Smtp { security: Option_::Starttls, ..server(smtpd.port) }), "offers no STARTTLS");
    // In a LAN without TLS, LOGIN and PLAIN work in clear: the user's decision.
    let open = Smtpd::start(&SmtpdOptions::new(Security::None).login("me", "x"));
    let login = Some(Login { username: "me".into(), secret: Secret::new("x") });
    assert!(accepted(&once(3, &Smtp { login, ..server(open.port) })));
}

#[test]
fn certificates() {
    let authority = Authority::new();
    let other = Authority::new();
    for security in [Security::Starttls, Security::Tls] {
        let good = Smtpd::start(&SmtpdOptions::new(security).certificate(authority.good()));
        let wrong = Smtpd::start(&SmtpdOptions::new(security).certificate(authority.wrong_name()));
        let own = Smtpd::start(&SmtpdOptions::new(security).certificate(authority.self_signed()));
        let trusting = |port| secured(port, security, &authority.ca);
        assert!(accepted(&once(1, &trusting(good.port))));
        assert!(accepted(&once(1, &Smtp { host: "127.0.0.1".into(), ..trusting(good.port) })));
        unreachable(once(2, &secured(good.port, security, &other.ca)), "set option 'ca_file'");
        unreachable(once(3, &trusting(wrong.port)), "certificate is for another name");
        unreachable(once(4, &trusting(own.port)), "certificate not trusted");
        for server in [wrong.port, own.port].map(trusting) {
            assert!(accepted(&once(5, &Smtp { verify: false, ca_file: None, ..server })));
        }
        let missing = Smtp { ca_file: Some("/nowhere.pem".into()), ..trusting(good.port) };
        unreachable(once(6, &missing), "option 'ca_file' is '/nowhere.pem'");
        let no_pem = Smtp { ca_file: Some("/etc/passwd".into()), ..trusting(good.port) };
        unreachable(once(7, &no_pem), "no certificate in it");
    }
}

#[test]
fn plain_where_tls_is_spoken_and_the_reverse() {
    let authority = Authority::new();
    let plain = Smtpd::plain();
    unreachable(once(1, &secured(plain.port, Security::Tls, &authority.ca)), "the server speaks no TLS here");
    let tls = Smtpd::start(&SmtpdOptions::new(Security::Tls).certificate(authority.good()));
    unreachable(once(2, &Smtp { timeout: Duration::from_secs(1), ..server(tls.port) }), "at greeting");
}

#[test]
fn what_each_stage_may_answer() {
    let smtpd = Smtpd::plain();
    let server = server(smtpd.port);
    for stage in ["greeting", "ehlo", "mail", "rcpt", "data", "body"] {
        let of_one_mail = !matches!(stage, "greeting" | "ehlo");
        smtpd.script(stage, "451 4.7.1 later", 1);
        match once(1, &server) {
            Outcome::Deferred { reply } if of_one_mail => assert_eq!(reply, "451 4.7.1 later"),
            Outcome::Unreachable { reason } if !of_one_mail => assert!(reason.contains("451 4.7.1 later")),
            other => panic!("{stage}: {other:?}"),
        }
        smtpd.script(stage, "550-5.1.1 no\r\n550 5.1.1 never", 1);
        assert_eq!(
            once(2, &server),
            Outcome::Refused { reply: "550 5.1.1 no 5.1.1 never".into() },
            "{stage}"
        );
        smtpd.script(stage, "421 4.3.2 shutting down", 1);
        unreachable(once(3, &server), "421 4.3.2 shutting down");
        smtpd.script(stage, "hello?", 1);
        unreachable(once(4, &server), "no SMTP reply: 'hello?'");
    }
    assert_eq!(smtpd.count(), 0);
    assert!(accepted(&once(5, &server)));
}

#[test]
fn one_refused_mail_does_not_end_the_connection() {
    let smtpd = Smtpd::plain();
    let server = server(smtpd.port);
    let mut conn = None;
    smtpd.script("rcpt", "550 no such user", 1);
    assert!(matches!(deliver(&mut conn, &job(1, &server)), Outcome::Refused { .. }));
    for id in 2..5 {
        assert!(accepted(&deliver(&mut conn, &job(id, &server))));
    }
    assert_eq!(smtpd.stats()["connections"], 1);
    // An idle connection that the server has closed is no failure, and neither is one that it wants to close.
    smtpd.down();
    smtpd.up();
    assert!(accepted(&deliver(&mut conn, &job(5, &server))));
    smtpd.script("mail", "421 enough for one connection", 1);
    assert!(accepted(&deliver(&mut conn, &job(6, &server))));
    assert_eq!(smtpd.stats()["connections"], 3);
    // Another server's mail doesn't go to this one.
    let second = Smtpd::plain();
    assert!(accepted(&deliver(&mut conn, &job(7, &self::server(second.port)))));
    assert_eq!((smtpd.count(), second.mails().len()), (5, 1));
}

/// Cuts everywhere; tries again after each; every mail arrives, twice only when the cut came after the final dot.
fn cut_everywhere(smtpd: &Smtpd, server: &Smtp, cutter: &Cutter, cuts: &[Cut]) {
    let mut doubled = 0;
    for (id, cut) in (1..).zip(cuts) {
        let before = smtpd.count();
        let cuts_before = cutter.cuts();
        cutter.cut_next(*cut);
        let first = once(id, server);
        let after_first = smtpd.count() - before;
        match &first {
            Outcome::Accepted { .. } => {}
            Outcome::Unreachable { .. } => assert!(accepted(&once(id, server)), "{cut:?}: again"),
            other => panic!("{cut:?}: {other:?}"),
        }
        let copies = smtpd.mails().split_off(before);
        assert!(!copies.is_empty() && copies.len() <= 2, "{cut:?}: {} copies", copies.len());
        // Twice: the server had it (the dot went through), and we couldn't know.
        assert!(
            copies.len() == 1 || (after_first == 1 && !accepted(&first)),
            "{cut:?}: doubled without need"
        );
        doubled += copies.len() - 1;
        let want = format!("<{id}.abc@tandem.example>");
        assert!(copies.iter().all(|c| c["message_id"] == want.as_str()), "{cut:?}");
        assert!(copies.iter().all(|c| c["raw"] == copies[0]["raw"]), "{cut:?}: not the same bytes");
        let counted = house::wait::poll(5.0, || (cutter.cuts() > cuts_before).then_some(()));
        assert!(counted.is_some(), "{cut:?} wasn't made");
    }
    println!("{} cuts, {doubled} mailed twice", cuts.len());
}

#[test]
fn cut_at_every_line() {
    let smtpd = Smtpd::plain();
    let cutter = Cutter::start(smtpd.port);
    let server = server(cutter.port);
    assert!(accepted(&once(0, &server)));
    let lines = house::wait::poll(5.0, || Some(cutter.longest().0).filter(|l| *l > 20)).expect("a dialogue");
    let mut cuts: Vec<Cut> = (1..=lines).flat_map(|n| [Cut::BeforeLine(n), Cut::AfterLine(n)]).collect();
    cuts.extend([Cut::BeforeDot, Cut::AfterDot]);
    // What the server says after our QUIT concerns nobody; the rest must be cut for real.
    cuts.retain(|c| !matches!(c, Cut::AfterLine(n) if *n == lines));
    cut_everywhere(&smtpd, &server, &cutter, &cuts);
    println!("{lines} lines");
}

#[test]
fn cut_all_over_an_encrypted_dialogue() {
    let authority = Authority::new();
    for security in [Security::Starttls, Security::Tls] {
        let smtpd = Smtpd::start(&SmtpdOptions::new(security).certificate(authority.good()));
        let cutter = Cutter::start(smtpd.port);
        let server = secured(cutter.port, security, &authority.ca);
        assert!(accepted(&once(0, &server)));
        let bytes =
            house::wait::poll(5.0, || Some(cutter.longest().1).filter(|b| *b > 1_000)).expect("a dialogue");
        // Handshakes differ by some bytes: the last ones may never come.
        let cuts: Vec<Cut> = (1..bytes - 120).step_by(61).map(Cut::AfterBytes).collect();
        cut_everywhere(&smtpd, &server, &cutter, &cuts);
    }
}

fn timed(server: &Smtp) -> (Outcome, Duration) {
    let begin = Instant::now();
    let outcome = once(1, server);
    (outcome, begin.elapsed())
}

/// What only pretends: ends within the time for one step, here one second.
#[test]
fn nobody_holds_the_worker() {
    let quick = |port| Smtp { timeout: Duration::from_secs(1), ..server(port) };
    let say = |text: &str| Act::Say(text.as_bytes().to_vec());
    let dribble = |text: &str, times| Act::Dribble {
        bytes: text.as_bytes().to_vec(),
        times,
        pause: Duration::from_millis(100),
    };
    for (name, acts, words) in [
        ("silence", vec![Act::Hold], "no answer in time"),
        ("silence after EHLO", vec![say("220 x\r\n"), Act::Hear, Act::Hold], "no answer in time"),
        ("a byte now and then", vec![dribble("2", 600)], "no answer in time"),
        ("a line now and then", vec![dribble("220-x\r\n", 600)], "no answer in time"),
        ("1 MB without an end", vec![Act::Say(vec![b'2'; 1 << 20]), Act::Hold], "a line without end"),
        (
            "lines without an end",
            vec![Act::Say(b"220-x\r\n".repeat(150_000)), Act::Hold],
            "a reply without end",
        ),
        ("noise", vec![Act::Say((0..=255).cycle().take(5_000).collect()), Act::Hold], "no SMTP reply"),
        ("a web server", vec![say("HTTP/1.1 400 Bad Request\r\n")], "no SMTP reply"),
        ("nothing", vec![], "cut the connection"),
        ("cut within a line", vec![say("220 x\r\n"), Act::Hear, say("250-x")], "cut the connection"),
    ] {
        let rogue = Rogue::start(acts);
        let (outcome, took) = timed(&quick(rogue.port));
        println!("{name}: {took:?} {outcome:?}");
        unreachable(outcome, words);
        assert!(took < house::wait::patience(3.0), "{name}: {took:?}");
    }
    // Nobody listens.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    unreachable(once(1, &quick(free)), "connection refused");
    unreachable(once(1, &Smtp { host: "no.such.host.invalid".into(), ..quick(25) }), "no address found");
}

/// A dribble inside TLS records, where one read of ours is many of the socket.
#[test]
fn nobody_holds_the_worker_in_a_handshake() {
    let mut record = vec![22, 3, 3, 0x3f, 0xff];
    record.resize(200, 0);
    let acts =
        record.iter().map(|b| Act::Dribble { bytes: vec![*b], times: 1, pause: Duration::from_millis(50) });
    let rogue = Rogue::start(acts.collect());
    let authority = Authority::new();
    let server = secured(rogue.port, Security::Tls, &authority.ca);
    let (outcome, took) = timed(&Smtp { timeout: Duration::from_secs(1), ..server });
    unreachable(outcome, "");
    assert!(took < house::wait::patience(3.0), "{took:?}");
}

/// Words in clear that were slipped in behind STARTTLS aren't taken for the server's.
#[test]
fn no_words_slipped_in_before_tls() {
    let acts = vec![
        Act::Say(b"220 x\r\n".to_vec()),
        Act::Hear,
        Act::Say(b"250-x\r\n250-  \r\n250 STARTTLS\r\n".to_vec()),
        Act::Hear,
        Act::Say(b"220 go\r\n250 AUTH PLAIN\r\n".to_vec()),
        Act::Hold,
    ];
    let rogue = Rogue::start(acts);
    let authority = Authority::new();
    let server = secured(rogue.port, Security::Starttls, &authority.ca);
    unreachable(
        once(1, &Smtp { timeout: Duration::from_secs(1), ..server }),
        "bytes in clear after STARTTLS",
    );
}

/// An EHLO line of blanks only; in lower case; a reply that is no UTF-8.
#[test]
fn odd_but_honest_servers() {
    let talk = |lines: &[&[u8]]| {
        let mut acts = vec![Act::Say(lines[0].to_vec())];
        for line in &lines[1..] {
            acts.extend([Act::Hear, Act::Say(line.to_vec())]);
        }
        Rogue::start(acts)
    };
    let rogue = talk(&[
        b"220-hi\r\n220 \xff\xfe\n",
        b"250-\r\n250-  \r\n250-auth=login\n250\r\n",
        b"550 \xe9 no\r\n",
    ]);
    assert_eq!(once(1, &server(rogue.port)), Outcome::Refused { reply: "550 \u{FFFD} no".into() });
}

#[test]
fn the_worker_takes_what_fits_its_queue() {
    let authority = Authority::new();
    let smtpd = Smtpd::start(&SmtpdOptions::new(Security::Tls).certificate(authority.good()));
    let server = secured(smtpd.port, Security::Tls, &authority.ca);
    let (worker, done) = Worker::start(3).unwrap();
    smtpd.ask(&serde_json::json!({ "do": "script", "stage": "mail", "delay": 1.0, "times": 1 }));
    let mut submitted = 0;
    while submitted < 100 && worker.submit(Job { more: true, ..job(submitted, &server) }) {
        submitted += 1;
    }
    assert!((3..=4).contains(&submitted), "{submitted}");
    for id in 0..submitted {
        let done = done.recv_blocking().unwrap();
        assert_eq!(done.id, u64::from(id));
        assert!(accepted(&done.outcome), "{:?}", done.outcome);
    }
    assert_eq!(smtpd.stats()["connections"], 1, "one connection for all");
    drop(worker);
    assert!(done.recv_blocking().is_err(), "the thread has ended");
}

/// Postfix from Debian with STARTTLS and a login, down to what lies in the mailbox.
#[test]
fn a_mail_server_as_people_have_it() {
    if may_skip(Postfix::missing()) {
        return;
    }
    let mut postfix = Postfix::start();
    let login = |secret: &str| Some(Login { username: postfix::USER.into(), secret: Secret::new(secret) });
    let good = secured(postfix.port, Security::Starttls, &postfix.authority.ca);
    let good = Smtp { login: login(postfix::SECRET), ..good };
    for id in 1..3 {
        let outcome = once(id, &good);
        assert!(accepted(&outcome), "{outcome:?}\n{}", postfix.log());
    }
    let mails =
        postfix.find_mails(2, 20.0).unwrap_or_else(|| panic!("not in the mailbox\n{}", postfix.log()));
    assert_eq!(mails[0]["subject"], mail(1).subject.as_str());
    assert_eq!(mails[0]["body"], mail(1).body.as_str());
    assert_eq!(mails[0]["from_name"], "home_sim (tandem)");
    assert!(mails[0]["received"].as_str().unwrap().contains("from [127.0.0.1]"), "{}", mails[0]["received"]);

    let bad = once(3, &Smtp { login: login("wrong"), ..good.clone() });
    assert!(matches!(&bad, Outcome::Refused { reply } if reply.starts_with("535")), "{bad:?}");
    let anonymous = once(4, &Smtp { login: None, ..good.clone() });
    assert!(matches!(&anonymous, Outcome::Refused { reply } if reply.starts_with("554")), "{anonymous:?}");
    unreachable(once(5, &Smtp { security: Option_::None, ..good.clone() }), "offers no login");

    postfix.down();
    unreachable(once(6, &good), "connection refused");
    postfix.up();
    assert!(accepted(&once(6, &good)));
    assert!(postfix.find_mails(3, 20.0).is_some(), "{}", postfix.log());
}
