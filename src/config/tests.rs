//! The exact words of each problem, and that the schema has neither more nor less than the reader.
use std::time::Duration;

use super::*;
use crate::util::MEDIA;

const DONGLE: &str = "config dongle 'home_sim'\n";
const SMTP: &str = "config smtp 'mail'\n\toption host 'h.example'\n\toption sender 'r@example.com'\n";

fn problems(text: &str) -> Vec<String> {
    Loaded::parse(text.as_bytes()).problem_lines().map(str::to_owned).collect()
}

fn notices(text: &str) -> Vec<String> {
    let loaded = Loaded::parse(text.as_bytes());
    assert_eq!(loaded.problems, [], "{text}");
    loaded.notice_lines().map(str::to_owned).collect()
}

#[test]
fn wrong_options() {
    for (kind, option, what) in [
        ("dongle", "pin '12'", "is '12', want 4 to 8 digits"),
        ("dongle", "pin '1a'", "is '1a', want 4 to 8 digits"),
        ("dongle", "pin '123456789'", "is '***' (9 characters), want 4 to 8 digits"),
        ("dongle", "pin '1234x'", "is '***' (5 characters), want 4 to 8 digits"),
        ("dongle", "imei '86000000000000'", "is '86000000000000', want 15 digits, as printed on the stick"),
        ("dongle", "imsi '26201'", "is '..01' (5 characters), want 14 or 15 digits"),
        ("dongle", "imsi 'any'", "is 'any', want 14 or 15 digits"),
        ("dongle", "usb '1-1.'", "is '1-1.', want a USB port such as 1-1.2"),
        ("dongle", "usb '1.2'", "is '1.2', want a USB port such as 1-1.2"),
        ("dongle", "at_port 'ttyUSB2'", "is 'ttyUSB2', want a path such as /dev/ttyUSB2"),
        (
            "dongle",
            "number '+91 98765'",
            "is '..65' (9 characters), want 3 to 15 digits, with + in front of a country code",
        ),
        ("dongle", "incomplete_after '10'", "is '10', want a number from 600 to 2592000"),
        ("dongle", "incomplete_after '1h'", "is '1h', want a number from 600 to 2592000"),
        ("dongle", "delivery_reports '2'", "is '2', want 0 or 1"),
        ("dongle", "enabled 'ja'", "is 'ja', want 0 or 1"),
        ("smtp", "host 'a b'", "is 'a b', want a name or an address such as smtp.example.com"),
        ("smtp", "host '1.2.3'", "is '1.2.3', want a name or an address such as smtp.example.com"),
        // A line break: what the lost quote has swallowed is not repeated.
        (
            "smtp",
            "host 'a\nhunter2'",
            "is '***' (9 characters), want a name or an address such as smtp.example.com",
        ),
        ("smtp", "port '0'", "is '0', want a number from 1 to 65535"),
        ("smtp", "port '65536'", "is '65536', want a number from 1 to 65535"),
        ("smtp", "security 'ssl'", "is 'ssl', want none, starttls or tls"),
        ("smtp", "secret 'hunter\n2'", "is '***', want one line of text"),
        ("smtp", "sender 'router'", "is 'router', want an address such as router@example.com"),
        ("smtp", "timeout '4'", "is '4', want a number from 5 to 300"),
        ("smtp", "give_up '1'", "is '1', want a number from 3600 to 2592000"),
        ("smtp", "ca_file 'my.pem'", "is 'my.pem', want a path such as /etc/ssl/my-ca.pem"),
        ("forward", "from 'a-b'", "is 'a-b', want the name of a dongle"),
        ("forward", "to 'sms/+49'", "is 'sms/+49', want email/ADDRESS or email/SERVER/ADDRESS"),
        ("forward", "to 'me@example.com'", "is 'me@example.com', want email/me@example.com"),
        (
            "forward",
            "to 'email/me'",
            "is 'email/me', want email/ and an address, such as email/me@example.com",
        ),
    ] {
        let key = option.split(' ').next().unwrap();
        let lines = problems(&format!("config {kind} 'x'\n\toption {option}\n"));
        let want = format!("section 'x' ({kind}): option '{key}' {what}");
        assert!(lines.contains(&want), "want {want}\nin {lines:#?}");
    }
}

#[test]
fn wrong_options_of_tandem_keep_their_default() {
    let text = "config tandem 'main'\n\toption country 'IND'\n\toption state_dir '/etc/config/x'\n\
                option log_level 'loud'\n\toption keep '5001'\n\toption enabled '0'\n";
    let loaded = Loaded::parse(text.as_bytes());
    let lines: Vec<_> = loaded.problem_lines().collect();
    assert_eq!(
        lines,
        [
            "section 'main' (tandem): option 'country' is 'IND', want two letters such as IN (ISO 3166)",
            "section 'main' (tandem): option 'state_dir' is '/etc/config/x', want an absolute path outside /etc/config, such as /etc/tandem/state",
            "section 'main' (tandem): option 'log_level' is 'loud', want error, warn, info, debug or trace",
            "section 'main' (tandem): option 'keep' is '5001', want a number from 0 to 5000",
        ]
    );
    assert_eq!(loaded.config.main, Main { enabled: false, ..Main::default() });
}

#[test]
fn wrong_sections() {
    for (text, want) in [
        (
            "config smtp 'mail'\noption host 'h'\n",
            "section 'mail' (smtp): option 'sender' is missing, want an address such as router@example.com",
        ),
        (
            "config smtp 'mail'\noption sender 'a@b'\n",
            "section 'mail' (smtp): option 'host' is missing, want a name or an address such as smtp.example.com",
        ),
        (
            &format!("{SMTP}option username 'me'\n"),
            "section 'mail' (smtp): option 'secret' is missing, want the password that belongs to 'username'",
        ),
        (
            &format!("{SMTP}option secret 'hunter2'\n"),
            "section 'mail' (smtp): option 'username' is missing, want the name that belongs to 'secret'",
        ),
        (
            "config dongle 'a'\noption audio_port '/dev/x'\n",
            "section 'a' (dongle): option 'at_port' is missing, want the tty that takes AT commands, beside 'audio_port'",
        ),
        (
            "config dongle 'a'\nlist pin '1234'\nlist pin '5678'\n",
            "section 'a' (dongle): option 'pin' is a list, want one value: option, not list",
        ),
        (
            "config forward 'f'\n",
            "section 'f' (forward): option 'to' is missing, want email/ADDRESS or email/SERVER/ADDRESS",
        ),
        ("config conference 'meeting'\n", "section 'meeting' (conference): not in this version, remove it"),
        ("config features\n", "section '@features[0]' (features): not in this version, remove it"),
        (
            "config dongel 'x'\n",
            "section 'x' (dongel): no such type, want tandem, dongle, smtp, forward, sip, extension, trunk, route or group; did you mean 'dongle'?",
        ),
        (
            "config wifi 'x'\n",
            "section 'x' (wifi): no such type, want tandem, dongle, smtp, forward, sip, extension, trunk, route or group",
        ),
        (
            "config tandem 'globals'\n",
            "section 'globals' (tandem): want the name 'main': config tandem 'main'",
        ),
        (
            "config tandem 'main'\nconfig tandem\n",
            "section '@tandem[1]' (tandem): there is section 'main' (tandem) already, want one",
        ),
        (
            "config dongle 'a'\noption pin '1234' '5'\n",
            "section 'a' (dongle): line 2: too many words, want the value in one pair of quotes",
        ),
        ("option pin '1234'\n", "line 1: an option in no section, want a config line above it"),
    ] {
        let loaded = Loaded::parse(text.as_bytes());
        assert_eq!(loaded.problem_lines().collect::<Vec<_>>(), [want], "{text}");
        let Config { dongles, smtps, forwards, .. } = loaded.config;
        assert!(dongles.is_empty() && smtps.is_empty() && forwards.is_empty(), "{text}: left out");
    }
}

#[test]
fn dongles_that_claim_the_same_stick() {
    let two =
        |first: &str, second: &str| format!("config dongle 'a'\n{first}\nconfig dongle 'b'\n{second}\n");
    for (first, second, want) in [
        (
            "option usb '1-1'",
            "option usb '1-1'",
            vec!["option 'usb' is '1-1', want another: section 'a' (dongle) has it"],
        ),
        (
            "option imsi '262011234567890'",
            "option imsi '262011234567890'",
            vec!["option 'imsi' is '..90' (15 characters), want another: section 'a' (dongle) has it"],
        ),
        (
            "",
            "option pin '1234'",
            vec![
                "option 'imei' is missing, want imei, imsi or usb: section 'a' (dongle) takes the first stick found",
            ],
        ),
        ("", "option usb '1-1'", vec![]),
        ("option usb '1-1'", "option usb '1-2'", vec![]),
        ("option usb '1-1'\noption enabled 'off'", "option usb '1-1'", vec![]),
    ] {
        let want: Vec<_> = want.iter().map(|what| format!("section 'b' (dongle): {what}")).collect();
        assert_eq!(problems(&two(first, second)), want);
    }
}

#[test]
fn forwards_refer_to_what_is_there() {
    let work = SMTP.replace("mail", "office");
    let bad = SMTP.replace("h.example", "h example");
    let off = format!("{SMTP}option enabled '0'\n");
    let email = "list to 'email/me@example.com'";
    for (above, lines, want) in [
        (
            format!("{DONGLE}{SMTP}"),
            "list from 'hom_sim'\nlist to 'email/me@a.b'",
            "option 'from' is 'hom_sim', want the name of a dongle: home_sim; did you mean 'home_sim'?",
        ),
        (
            SMTP.to_owned(),
            "list from 'x'\nlist to 'email/me@a.b'",
            "option 'from' is 'x', want the name of a dongle: add a section config dongle 'NAME'",
        ),
        (
            String::new(),
            email,
            "option 'to' is 'email/me@example.com', want a server to send it: add a section config smtp 'mail'",
        ),
        (
            format!("{SMTP}{work}"),
            email,
            "option 'to' is 'email/me@example.com', want the server's name in it: email/mail/me@example.com or email/office/me@example.com",
        ),
        (
            SMTP.to_owned(),
            "list to 'email/male/me@example.com'",
            "option 'to' is 'email/male/me@example.com', want the server's name in it: email/mail/me@example.com",
        ),
        (
            SMTP.replace("'mail'", ""),
            "list to 'email/smtp0/me@example.com'",
            "option 'to' is 'email/smtp0/me@example.com', want email/me@example.com, as the one smtp section has no name",
        ),
        (
            bad,
            email,
            "option 'to' is 'email/me@example.com', want a server that works: section 'mail' (smtp) has a problem",
        ),
        (
            off,
            email,
            "option 'to' is 'email/me@example.com', want a server that is enabled: section 'mail' (smtp) has enabled '0'",
        ),
    ] {
        let text = format!("{above}config forward 'f'\n{lines}\n");
        let loaded = Loaded::parse(text.as_bytes());
        let want = format!("section 'f' (forward): {want}");
        assert_eq!(loaded.problem_lines().last(), Some(want.as_str()), "{text}");
        assert_eq!(loaded.config.forwards, [], "{text}");
    }
}

#[test]
fn a_forward_that_is_off_may_name_a_server_that_is_off() {
    let text =
        format!("{SMTP}option enabled 'no'\nconfig forward 'f'\noption enabled '0'\nlist to 'email/a@b'\n");
    assert_eq!(notices(&text), [""; 0]);
    let config = Loaded::parse(text.as_bytes()).config;
    assert!(!config.smtps[0].enabled && !config.forwards[0].enabled);
}

#[test]
fn notices_harm_nothing() {
    for (text, want) in [
        (
            "config dongle 'a'\noption pinn '1234'\n",
            "section 'a' (dongle): option 'pinn' is not known, did you mean 'pin'?",
        ),
        (
            "config forward 'f'\noption whatever '1'\nlist to 'email/a@b'\nconfig smtp\noption host h\noption sender a@b\n",
            "section 'f' (forward): option 'whatever' is not known, want one of enabled, from, to",
        ),
        (
            &format!("{SMTP}option security none\noption username u\noption secret s\n"),
            "section 'mail' (smtp): option 'security' is 'none': the password travels in clear, want starttls or tls",
        ),
    ] {
        assert_eq!(notices(text), [want]);
    }
}

#[test]
fn sections_without_a_name() {
    let text = "config dongle 'dongle1'\noption usb 1-1\nconfig dongle\noption usb 1-2\nconfig smtp\noption host h\n\
                option sender a@b\nconfig forward\nlist to 'email/a@b'\n";
    let loaded = Loaded::parse(text.as_bytes());
    assert!(loaded.is_right(), "{loaded}");
    let names: Vec<_> = loaded.config.dongles.iter().map(|dongle| dongle.name.as_str()).collect();
    assert_eq!(names, ["dongle1", "dongle2"]);
    assert_eq!(loaded.config.forwards[0].name, "forward0");
    assert_eq!(loaded.config.forwards[0].to[0].to_string(), "email/smtp0/a@b");
}

/// One file with every option of the schema, none at its default.
const EVERYTHING: &str = "
config tandem 'main'
	option enabled 'no'
	option country 'de'
	option timezone 'CET-1CEST,M3.5.0,M10.5.0/3'
	list emergency '19222'
	option state_dir '/x/state/'
	option log_level 'trace'
	option keep '0'
config dongle 'd'
	option enabled 'false'
	option imei '860000000000000'
	option imsi '26201123456789'
	option usb '1-1.2'
	option at_port '/dev/ttyUSB2'
	option audio_port '/dev/ttyUSB1'
	option number '+919876543210'
	option pin '0000'
	option incomplete_after '600'
	option delivery_reports '0'
	option inbound 't/+4930123456'
	option emergency '1'
	option agc 'both'
	option gain_in '-6'
	option gain_out '3'
	option echo 'suppress'
config smtp 'm'
	option enabled 'on'
	option host '::1'
	option port '2525'
	option security 'tls'
	option username 'me'
	option secret 'it'\\''s'
	option sender 'a.b+c@x-y.example'
	option verify 'off'
	option ca_file '/x/ca.pem'
	option timeout '5'
	option give_up '3600'
config forward 'f'
	option enabled 'disabled'
	option from 'd d'
	list to 'email/me@example.com'
	list to ''
	list to 'email/m/me@example.com'
	list to 'email/m/you@example.com'
config sip 'sip'
	option enabled '0'
	list listen 'tcp:[fd00::1]:5070'
	list listen 'udp:br-lan:5062'
	option external 'home.example.net'
	list local_net '10.1.0.0/16'
	option max_calls '500'
	option rtp_ports '20000-20003'
	option dscp_sip 'af31'
	option dscp_rtp '48'
	option realm 'my house'
	option tls_certificate '/etc/c.pem'
	option tls_key '/etc/k.pem'
	option min_expires '120'
	option max_expires '600'
	option pickup_code '**'
config extension '20'
	option enabled '0'
	option name 'Küche'
	option secret 'a b;#c'
	option digest 'sha256'
	option max_contacts '1'
	option codecs 'pcma'
	option qualify '30'
	option timeout '25'
	option caller_id '+4930120'
	option hide '1'
	option srtp 'off'
	option dtmf 'rfc4733'
	option allow 'r near'
	list deny 'far'
	option call_waiting '0'
	option dnd '1'
	option forward_always '21'
	option forward_busy '22'
	option forward_no_answer '+23'
	option forward_unreachable '*24'
	option mailbox '6000'
config group 'g'
	option enabled '0'
	option strategy 'rotate'
	option timeout '15'
	list member '20'
	option otherwise 'hangup/busy'
config trunk 't'
	option enabled '0'
	option type 'sip'
	option host 'sip.example.com'
	option port '5080'
	option transport 'tcp'
	option tls_verify '0'
	option ca_file '/etc/ca.pem'
	option proxy '[2001:db8::1]:5062'
	option domain 'example.com'
	option username 'me'
	option secret 's'
	option register '1'
	option expires '600'
	option codecs 'pcma pcmu'
	option inbound 'hangup/not_found'
	option from_user 'me2'
	option caller_id '+4930987654'
	option identity 'ppi'
	option format 'national'
	list address '10.1.0.0/16'
	list realm 'my provider'
	option emergency '1'
	option srtp 'off'
	option dtmf 'rfc4733'
config route 'r'
	option enabled '0'
	option from 'extensions 20 g t d'
	list caller '+49301X.'
	option match '0X. *99'
	option time 'mon-fri 08:00-17:30; sat'
	option class 'near'
	option strip '1'
	option prepend '+49'
	option caller_id '+4930111'
	option hide '1'
	list to 'd'
	list to 'trunk/t/+4930'
	list to 'extension/20'
	list to 'hangup/busy'
";

#[test]
#[cfg_attr(not(feature = "office"), ignore = "a build without groups refuses some of it")]
fn every_option_arrives() {
    let loaded = Loaded::parse(EVERYTHING.as_bytes());
    assert!(loaded.is_right(), "{loaded}");
    let mailbox = "section '20' (extension): option 'mailbox' is not in this version, it does nothing yet";
    let far = "section '20' (extension): option 'deny' names far, which is neither the name nor the class of a route";
    assert_eq!(loaded.notice_lines().collect::<Vec<_>>(), [far, mailbox]);
    let named = |name: &str| name.to_owned();
    let some = |text: &str| Some(text.to_owned());
    let email = |address: &str| Target::Email { server: "m".to_owned(), address: address.to_owned() };
    let want = Config {
        main: Main {
            enabled: false,
            country: some("DE"),
            zone: crate::util::zone::Zone::parse("CET-1CEST,M3.5.0,M10.5.0/3"),
            emergency: vec![named("19222")],
            state_dir: "/x/state".to_owned(),
            log_level: log::LevelFilter::Trace,
            keep: 0,
        },
        dongles: vec![Dongle {
            name: "d".to_owned(),
            enabled: false,
            imei: some("860000000000000"),
            imsi: some("26201123456789"),
            usb: some("1-1.2"),
            at_port: some("/dev/ttyUSB2"),
            audio_port: some("/dev/ttyUSB1"),
            number: some("+919876543210"),
            pin: Some(Secret::new("0000")),
            incomplete_after: Duration::from_secs(600),
            delivery_reports: false,
            inbound: Some(Destination::Trunk { name: named("t"), number: named("+4930123456") }),
            emergency: true,
            agc: Agc { from_stick: MEDIA, to_stick: MEDIA },
            gain_in: if MEDIA { -6 } else { 0 },
            gain_out: if MEDIA { 3 } else { 0 },
            echo: MEDIA,
        }],
        smtps: vec![Smtp {
            name: "m".to_owned(),
            enabled: true,
            host: "::1".to_owned(),
            port: 2525,
            security: Security::Tls,
            login: Some(Login { username: "me".to_owned(), secret: Secret::new("it's") }),
            sender: "a.b+c@x-y.example".to_owned(),
            verify: false,
            ca_file: some("/x/ca.pem"),
            timeout: Duration::from_secs(5),
            give_up: Duration::from_secs(3_600),
        }],
        forwards: vec![Forward {
            name: "f".to_owned(),
            enabled: false,
            from: vec!["d".to_owned()],
            to: vec![email("me@example.com"), email("you@example.com")],
        }],
        sip: Sip {
            enabled: false,
            listen: vec![
                Listen {
                    transport: Transport::Tcp,
                    place: Place::Address("fd00::1".parse().unwrap()),
                    port: 5070,
                },
                Listen { transport: Transport::Udp, place: Place::Device(named("br-lan")), port: 5062 },
            ],
            external: External::Host(named("home.example.net")),
            local_net: vec![Net::parse("10.1.0.0/16").unwrap()],
            max_calls: Some(500),
            dscp_sip: Dscp::parse("af31").unwrap(),
            dscp_rtp: Dscp::parse("cs6").unwrap(),
            rtp_ports: PortRange { first: 20_000, last: 20_003 },
            realm: named("my house"),
            tls: Some((named("/etc/c.pem"), named("/etc/k.pem"))),
            min_expires: Duration::from_secs(120),
            max_expires: Duration::from_secs(600),
            pickup_code: named("**"),
        },
        extensions: vec![Extension {
            name: named("20"),
            enabled: false,
            display: some("Küche"),
            secret: Secret::new("a b;#c"),
            digest: Digest::Sha256,
            max_contacts: 1,
            codecs: vec![Codec::Pcma],
            qualify: Some(Duration::from_secs(30)),
            timeout: Duration::from_secs(25),
            caller_id: some("+4930120"),
            hide: true,
            srtp: super::Srtp::Off,
            dtmf: super::Dtmf::Rtp,
            allow: vec![named("r"), named("near")],
            deny: vec![named("far")],
            features: features(),
        }],
        left_out: vec![],
        trunks: vec![Trunk {
            name: named("t"),
            enabled: false,
            host: named("sip.example.com"),
            port: Some(5080),
            transport: Some(Transport::Tcp),
            tls_verify: false,
            ca_file: some("/etc/ca.pem"),
            proxy: Some(HostPort { host: named("2001:db8::1"), port: Some(5062) }),
            domain: some("example.com"),
            username: some("me"),
            secret: Some(Secret::new("s")),
            register: true,
            expires: Duration::from_secs(600),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            inbound: Some(Destination::Hangup(HangupWord::NotFound)),
            from_user: some("me2"),
            caller_id: some("+4930987654"),
            identity: Identity::Preferred,
            format: NumberFormat::National,
            addresses: vec![Net::parse("10.1.0.0/16").unwrap()],
            realms: vec![named("my provider")],
            emergency: true,
            srtp: super::Srtp::Off,
            dtmf: super::Dtmf::Rtp,
        }],
        groups: vec![Group {
            name: named("g"),
            enabled: false,
            strategy: Strategy::Rotate,
            timeout: Duration::from_secs(15),
            members: vec![named("20")],
            otherwise: Some(Destination::Hangup(HangupWord::Busy)),
        }],
        routes: vec![Route {
            name: named("r"),
            enabled: false,
            from: vec![
                Source::Extensions,
                Source::Extension(named("20")),
                Source::Group(named("g")),
                Source::Trunk(named("t")),
                Source::Dongle(named("d")),
            ],
            callers: vec![CallerPattern::parse("+49301X.").unwrap()],
            matches: vec![Pattern::parse("0X.").unwrap(), Pattern::parse("*99").unwrap()],
            times: Times::parse("mon-fri 08:00-17:30; sat"),
            class: some("near"),
            strip: 1,
            prepend: named("+49"),
            caller_id: some("+4930111"),
            hide: true,
            to: vec![
                RouteTarget::Dongle { name: named("d"), number: None },
                RouteTarget::Trunk { name: named("t"), number: some("+4930") },
                RouteTarget::Extension(named("20")),
                RouteTarget::Hangup(HangupWord::Busy),
            ],
        }],
    };
    assert_eq!(loaded.config, want);
}

#[test]
fn defaults() {
    let text = format!("{DONGLE}{SMTP}config forward 'f'\nlist to 'email/me@example.com'\n");
    let Config { main, dongles, smtps, forwards, .. } = Loaded::parse(text.as_bytes()).config;
    assert_eq!(main, Main::default());
    let day = Duration::from_secs(86_400);
    assert!(dongles[0].enabled && dongles[0].delivery_reports && dongles[0].incomplete_after == day);
    assert!(smtps[0].enabled && smtps[0].verify && smtps[0].login.is_none());
    assert_eq!((smtps[0].port, smtps[0].security), (587, Security::Starttls));
    assert_eq!((smtps[0].timeout, smtps[0].give_up), (Duration::from_secs(60), 7 * day));
    assert!(forwards[0].enabled && forwards[0].from.is_empty());
    assert_eq!(Loaded::parse(b""), Loaded::default());
    // The schema's words for the defaults are the types' own.
    let main = schema().iter().find(|kind| kind.name == "tandem").unwrap();
    assert_eq!(main.item("state_dir").unwrap().default, Some(Main::default().state_dir.as_str()));
    assert_eq!(main.item("log_level").unwrap().default, Some("info"));
    assert_eq!(main.item("keep").unwrap().default, Some(Main::default().keep.to_string().as_str()));
    assert_eq!(main.item("enabled").unwrap().default, Some("1"));
    let sip = Sip::default();
    let item = |key: &str| {
        schema().iter().find(|kind| kind.name == "sip").unwrap().item(key).unwrap().default.unwrap()
    };
    assert_eq!(item("listen"), sip.listen.iter().map(Listen::to_string).collect::<Vec<_>>().join(" "));
    assert_eq!(External::parse(item("external")), Some(sip.external));
    assert_eq!(PortRange::parse(item("rtp_ports")), Some(sip.rtp_ports));
    assert_eq!(item("realm"), sip.realm);
    assert_eq!(item("dscp_sip"), sip.dscp_sip.to_string());
    assert_eq!(item("dscp_rtp"), sip.dscp_rtp.to_string());
    assert_eq!(item("min_expires"), sip.min_expires.as_secs().to_string());
    assert_eq!(item("max_expires"), sip.max_expires.as_secs().to_string());
}

fn features() -> Features {
    let mut features = Features { dnd: true, call_waiting: false, ..Features::default() };
    let numbers = ["21", "22", "+23", "*24"];
    for (when, number) in ForwardWhen::ALL.into_iter().zip(numbers) {
        features.set_forward(when, Some(number.to_owned()));
    }
    features
}

#[test]
#[cfg_attr(not(feature = "office"), ignore = "a build without groups refuses some of it")]
fn every_option_of_the_schema_has_a_reader() {
    let parsed = crate::wire::uci::parse(EVERYTHING.as_bytes());
    for kind in schema() {
        for item in kind.options {
            let section = parsed.sections.iter().find(|section| section.kind == kind.name).unwrap();
            assert!(section.option(item.key).is_some(), "{} {} is not in EVERYTHING", kind.name, item.key);
            // A value with a line break suits no option: whoever reads it must complain.
            let text = format!("config {} 'main'\noption {} 'a\nb'\n", kind.name, item.key);
            let begin = format!("section 'main' ({}): option '{}'", kind.name, item.key);
            let loaded = Loaded::parse(text.as_bytes());
            let said = if matches!(item.form, Form::Later) { &loaded.notices } else { &loaded.problems };
            assert!(said.iter().any(|problem| problem.text.starts_with(&begin)), "{begin}: {loaded}");
            assert!(!item.help.is_empty());
        }
    }
}

#[test]
fn problems_come_by_line_and_are_counted_beyond_the_bound() {
    let text = "config forward 'f'\noption to 'x'\nconfig dongle 'd'\noption pin '1'\noption imei '2'\nfoo\n";
    let loaded = Loaded::parse(text.as_bytes());
    assert_eq!(loaded.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [2, 4, 5, 6]);
    assert_eq!((loaded.problems[1].section.as_str(), loaded.problems[1].kind.as_str()), ("d", "dongle"));

    let many: String = (0..112).map(|i| format!("config dongle 'd{i}'\noption usb 'x'\n")).collect();
    let lines = problems(&many);
    assert_eq!((lines.len(), lines.last().map(String::as_str)), (101, Some("and 12 more")));
    let many = format!("{many}{}", "foo\n".repeat(300));
    assert_eq!(problems(&many).last().map(String::as_str), Some("and 312 more"));

    let lines = problems(&"\n".repeat(1_000_000));
    assert_eq!(lines, ["the file has 1000000 bytes, want at most 262144"]);
}

#[cfg(feature = "media")]
#[test]
fn the_sound_of_a_dongle() {
    let sound = |options: &str| {
        let text = format!("config tandem 'main'\noption country 'DE'\nconfig dongle 'd'\n{options}");
        let loaded = Loaded::parse(text.as_bytes());
        let problems = problems(&text);
        let of = |d: &Dongle| (d.agc.from_stick, d.agc.to_stick, d.gain_in, d.gain_out, d.echo);
        (loaded.config.dongles.first().map(of), problems)
    };
    for (options, want) in [
        ("", (true, false, 0, 0, false)),
        ("option agc 'off'\n", (false, false, 0, 0, false)),
        ("option agc 'out'\noption gain_in '-20'\n", (false, true, -20, 0, false)),
        ("option agc 'both'\noption gain_out '+6'\noption echo 'suppress'\n", (true, true, 0, 6, true)),
        ("option agc 'in'\noption echo 'off'\n", (true, false, 0, 0, false)),
    ] {
        assert_eq!(sound(options), (Some(want), vec![]), "{options}");
    }
    for (option, want) in [
        ("agc '1'", "is '1', want off, in, out or both"),
        ("gain_in '21'", "is '21', want decibels from -20 to 20"),
        ("gain_out '1.5'", "is '1.5', want decibels from -20 to 20"),
        ("gain_out 'loud'", "is 'loud', want decibels from -20 to 20"),
        ("echo '1'", "is '1', want off or suppress"),
    ] {
        let (dongle, problems) = sound(&format!("option {option}\n"));
        assert_eq!(dongle, None, "{option}");
        assert!(problems.iter().any(|problem| problem.contains(want)), "{option}: {problems:?}");
    }
}
