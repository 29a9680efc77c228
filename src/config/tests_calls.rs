//! The exact words of each problem with sections of calls.
use super::*;

const HOME: &str = "config tandem 'main'\noption country 'IN'\nconfig dongle 'sim'\nconfig extension '100'\noption secret 'x'\n\
                    config trunk 'provider'\noption host 'sip.example.com'\n";

fn problems(text: &str) -> Vec<String> {
    Loaded::parse(text.as_bytes()).problem_lines().map(str::to_owned).collect()
}

fn notices(text: &str) -> Vec<String> {
    let loaded = Loaded::parse(text.as_bytes());
    assert_eq!(loaded.problems, [], "{text}");
    loaded.notice_lines().map(str::to_owned).collect()
}

#[test]
#[cfg_attr(not(feature = "office"), ignore = "a build without groups refuses some of it")]
fn wrong_options() {
    for (kind, option, what) in [
        ("sip", "listen 'udp:lan'", "is 'udp:lan', want transport:where:port such as udp:lan:5060"),
        ("sip", "listen 'ws:lan:5061'", "is 'ws:lan:5061', want udp, tcp or tls: ws is not in this version"),
        ("sip", "tls_key 'here'", "is 'here', want a path such as /etc/tandem/sip.key"),
        ("sip", "tls_key '/a.key'", "is '/a.key', want 'tls_certificate' beside it"),
        ("sip", "tls_certificate '/a.pem'", "is '/a.pem', want 'tls_key' beside it"),
        ("sip", "external 'http://x'", "is 'http://x', want auto, an address or a host name"),
        ("sip", "local_net '192.168.1'", "is '192.168.1', want a network such as 192.168.1.0/24"),
        ("sip", "max_calls '0'", "is '0', want a number from 1 to 10000"),
        (
            "sip",
            "rtp_ports '10001-10099'",
            "is '10001-10099', want two ports from 1024 on such as 10000-10199, the first one even",
        ),
        (
            "sip",
            "dscp_rtp 'voice'",
            "is 'voice', want ef, va, cs0 to cs7, af11 to af43, or a number up to 63",
        ),
        ("sip", "realm 'a\"b'", "is 'a\"b', want 1 to 64 plain characters without quotes"),
        ("sip", "min_expires '5'", "is '5', want a number from 10 to 3600"),
        ("extension", "digest 'sha-512'", "is 'sha-512', want md5, sha256, md5 sha256 or sha256 md5"),
        ("extension", "max_contacts '0'", "is '0', want a number from 1 to 10"),
        (
            "extension",
            "codecs 'pcmu mp3'",
            if crate::util::MEDIA {
                "is 'mp3', want pcmu, pcma or g722"
            } else {
                "is 'mp3', want pcmu or pcma"
            },
        ),
        ("extension", "codecs 'opus'", "is 'opus', want pcmu or pcma beside it"),
        ("extension", "srtp 'yes'", "is 'yes', want off, accept, optional or required"),
        ("trunk", "srtp '1'", "is '1', want off, accept, optional or required"),
        ("extension", "dtmf 'sip'", "is 'sip', want auto, rfc4733, info or inband"),
        ("trunk", "dtmf 'rfc2833'", "is 'rfc2833', want auto, rfc4733, info or inband"),
        ("extension", "allow 'a-b'", "is 'a-b', want the name or the class of a route"),
        (
            "route",
            "time '8-17'",
            "is '8-17', want days and hours such as mon-fri 08:00-17:30; sat 09:00-12:00",
        ),
        ("extension", "timeout '1'", "is '1', want a number from 5 to 600"),
        ("trunk", "type 'iax2'", "is 'iax2', want sip: iax2 is not in this version"),
        ("trunk", "type 'h323'", "is 'h323', want sip"),
        ("trunk", "host 'sip://a'", "is 'sip://a', want a name or an address such as sip.example.com"),
        ("trunk", "transport 'wss'", "is 'wss', want udp, tcp or tls: wss is not in this version"),
        ("trunk", "tls_verify 'x'", "is 'x', want 0 or 1"),
        ("trunk", "ca_file 'x'", "is 'x', want a path such as /etc/ssl/my-ca.pem"),
        ("trunk", "transport 'sctp'", "is 'sctp', want udp, tcp, tls or auto"),
        (
            "trunk",
            "proxy 'a:b'",
            "is 'a:b', want a name or an address, with a port or without: sip.example.com:5060",
        ),
        ("trunk", "username 'me'", ""),
        ("trunk", "register '1'", ""),
        (
            "trunk",
            "inbound 'sim/+919876543210'",
            "is '..10' (17 characters), want an extension or hangup/busy: out again a trunk's call goes by a route that names its caller",
        ),
        ("trunk", "from_user 'a b'", "is 'a b', want a user name or number without blanks"),
        ("trunk", "caller_id 'me'", "is 'me', want 3 to 15 digits, with + in front of a country code"),
        ("trunk", "address '1.2.3'", "is '1.2.3', want an address or a network such as 192.0.2.0/24"),
        ("trunk", "format 'x'", "is 'x', want as_dialled, +e164, e164, 00e164 or national"),
        ("trunk", "identity 'x'", "is 'x', want from, pai, ppi or rpid"),
        (
            "route",
            "from 'provder'",
            "is 'provder', want extensions, or an extension, a trunk or a dongle (sim, 100, provider or x); did you mean 'provider'?",
        ),
        ("route", "caller 'bob'", "is 'bob', want a number such as +15555555555, or a pattern"),
        (
            "route",
            "match '_1X.'",
            "is '_1X.', want digits and X 0-9, Z 1-9, N 2-9, [..] a set, . one or more, ! none or more",
        ),
        ("route", "strip '99'", "is '99', want a number from 0 to 20"),
        ("route", "prepend '9+1'", "is '9+1', want digits, * and #, with + only in front"),
        (
            "route",
            "to 'sm'",
            "is 'sm', want an extension, a trunk or a dongle (sim, 100, provider or x); did you mean 'sim'?",
        ),
        (
            "route",
            "to 'group/home'",
            "is 'group/home', want an extension, a trunk or a dongle (sim, 100, provider or x)",
        ),
        ("group", "strategy 'some'", "is 'some', want all, in_order, rotate or least_recent"),
        ("group", "timeout '4'", "is '4', want a number from 5 to 600"),
        ("group", "member 'sim'", "is 'sim', want the name of an extension"),
        ("group", "otherwise 'x'", "is 'x', want another way: nobody took it there"),
        ("extension", "call_waiting 'perhaps'", "is 'perhaps', want 0 or 1"),
        ("extension", "forward_busy 'bob'", "is 'bob', want a number as it would be dialled"),
        (
            "route",
            "to 'email/me@example.com'",
            "is 'email/me@example.com', want an extension, a trunk or a dongle (sim, 100, provider or x): email is for texts",
        ),
        (
            "route",
            "to 'hangup/later'",
            "is 'hangup/later', want hangup/busy, hangup/rejected, hangup/not_found or hangup/unavailable",
        ),
        (
            "route",
            "to 'provider/me'",
            "is 'provider/me', want provider/ and a number such as provider/+15555555555",
        ),
        ("route", "to '100/5'", "is '100/5', want 100 alone: an extension or group takes no number"),
        (
            "route",
            "to 'dongle/provider'",
            "is 'dongle/provider', want an extension, a trunk or a dongle (sim, 100, provider or x); did you mean 'provider'?",
        ),
        (
            "dongle",
            "inbound 'provider'",
            "is 'provider', want a number behind it, such as provider/+15555555555",
        ),
        ("dongle", "inbound 'x/+1234'", "is 'x/+1234', want another way: a dongle has one call at a time"),
    ] {
        let key = option.split(' ').next().unwrap();
        let home = if matches!(kind, "sip" | "extension") { "" } else { HOME };
        let home = home.replace("config dongle 'sim'\n", "config dongle 'sim'\noption usb '1-1'\n");
        // A route is no party of a call; the others are.
        let other = if kind == "route" { "config dongle 'x'\noption usb '1-2'\n" } else { "" };
        let name = if kind == "route" { "r" } else { "x" };
        let lines = problems(&format!("{home}{other}config {kind} '{name}'\n\toption {option}\n"));
        let begin = format!("section '{name}' ({kind}): option '{key}' ");
        if what.is_empty() {
            assert!(
                !lines.iter().any(|line| line.starts_with(&begin) && line.contains(" is '")),
                "{lines:#?}"
            );
        } else {
            assert!(lines.contains(&format!("{begin}{what}")), "want {begin}{what}\nin {lines:#?}");
        }
    }
}

#[test]
fn wrong_sections() {
    let provider = "config trunk 'p'\noption host 'h'\n";
    for (text, want) in [
        (
            "config extension '100'\n",
            "section '100' (extension): option 'secret' is missing, want the password of the phone",
        ),
        (
            "config extension '100'\noption secret '100'\n",
            "section '100' (extension): option 'secret' is '***', want a password that is not the number: whoever tries it calls at your cost",
        ),
        (
            "config extension 'kitchen'\noption secret 'x'\n",
            "section 'kitchen' (extension): want its number as the name, 2 to 15 digits: config extension '100'",
        ),
        (
            "config extension\noption secret 'x'\n",
            "section '@extension[0]' (extension): want its number as the name, 2 to 15 digits: config extension '100'",
        ),
        (
            "config extension '112'\noption secret 'x'\n",
            "section '112' (extension): want another number: 112 is the emergency number everywhere",
        ),
        (
            "config trunk 'p'\n",
            "section 'p' (trunk): option 'host' is missing, want a name or an address such as sip.example.com",
        ),
        (
            &format!("{provider}option username 'me'\n"),
            "section 'p' (trunk): option 'secret' is missing, want the password that belongs to 'username'",
        ),
        (
            &format!("{provider}option register '1'\n"),
            "section 'p' (trunk): option 'username' is missing, want the name to register with, or register '0'",
        ),
        ("config sip 'globals'\n", "section 'globals' (sip): want the name 'sip': config sip 'sip'"),
        (
            "config sip 'sip'\nconfig sip\n",
            "section '@sip[1]' (sip): there is section 'sip' (sip) already, want one",
        ),
        (
            "config sip 'sip'\noption min_expires '600'\noption max_expires '300'\n",
            "section 'sip' (sip): option 'min_expires' is '600', want no more than 'max_expires'",
        ),
    ] {
        assert_eq!(problems(text), [want], "{text}");
        let config = Loaded::parse(text.as_bytes()).config;
        assert_eq!(
            (config.extensions, config.trunks, config.sip),
            (vec![], vec![], Sip::default()),
            "{text}"
        );
    }
    assert_eq!(
        problems("config route 'r'\n"),
        [
            "section 'r' (route): option 'from' is missing, want extensions, or the name of an extension, group, trunk or dongle",
            "section 'r' (route): option 'match' is missing, want digits and X 0-9, Z 1-9, N 2-9, [..] a set, . one or more, ! none or more",
            "section 'r' (route): option 'to' is missing, want a dongle, a trunk, an extension or hangup/busy",
        ]
    );
}

#[test]
fn a_wrong_place_to_listen_opens_no_other() {
    let text =
        "config sip 'sip'\nlist listen 'udp:lan:0'\nlist listen 'tcp:lan:5060'\noption realm 'house'\n";
    let loaded = Loaded::parse(text.as_bytes());
    assert_eq!(loaded.problems.len(), 1);
    let sip = loaded.config.sip;
    assert_eq!(sip.listen.iter().map(Listen::to_string).collect::<Vec<_>>(), ["tcp:lan:5060"]);
    assert_eq!(sip.realm, "house");
    let sip = Loaded::parse(b"config sip 'sip'\nlist listen 'lan'\n").config.sip;
    assert_eq!(sip.listen, []);
}

/// Who can read the SDP has the keys that stand in it.
#[test]
#[cfg(feature = "media")]
fn keys_that_can_be_read_on_the_way() {
    use crate::config::Srtp;
    let text = |listen: &str, transport: &str, srtp: &str| {
        format!(
            "config tandem 'main'\noption country 'DE'\n{listen}config extension '100'\noption secret 'x y'\n{srtp}\
             config trunk 't'\noption host 'h.example'\noption transport '{transport}'\n{srtp}"
        )
    };
    let by_tls = "config sip 'sip'\nlist listen 'udp:any:5060'\nlist listen 'tls:any:5061'\n";
    for (srtp, policy, noticed) in [
        ("", Srtp::Accept, 0),
        ("option srtp 'off'\n", Srtp::Off, 0),
        ("option srtp 'accept'\n", Srtp::Accept, 0),
        ("option srtp 'optional'\n", Srtp::Optional, 2),
        ("option srtp 'required'\n", Srtp::Required, 2),
    ] {
        let config = Loaded::parse(text("", "udp", srtp).as_bytes()).config;
        assert_eq!((config.extensions[0].srtp, config.trunks[0].srtp), (policy, policy));
        let said = |text: &str| notices(text).iter().filter(|n| n.contains("can be read on the way")).count();
        assert_eq!(said(&text("", "udp", srtp)), noticed, "{srtp}");
        assert_eq!(said(&text(by_tls, "tls", srtp)), 0, "{srtp}");
    }
}

/// What is not in it is named, and not taken for something else.
#[test]
#[cfg(not(feature = "media"))]
fn the_smallest_build_tells_keys_by_events() {
    for (word, is_right) in [("auto", true), ("rfc4733", true), ("info", false), ("inband", false)] {
        let text = format!(
            "config tandem 'main'\noption country 'DE'\nconfig extension '100'\noption secret 'x y'\noption dtmf '{word}'\n"
        );
        let loaded = Loaded::parse(text.as_bytes());
        assert_eq!(loaded.is_right(), is_right, "{loaded}");
        assert!(is_right || loaded.to_string().contains("the full package"), "{loaded}");
    }
}

/// How keys are told to a phone or a trunk.
#[test]
#[cfg(feature = "media")]
fn ways_of_keys() {
    use crate::config::Dtmf;
    for (line, want) in [
        ("", Dtmf::Auto),
        ("option dtmf 'auto'\n", Dtmf::Auto),
        ("option dtmf 'rfc4733'\n", Dtmf::Rtp),
        ("option dtmf 'info'\n", Dtmf::Info),
        ("option dtmf 'inband'\n", Dtmf::InBand),
    ] {
        let text = format!(
            "config tandem 'main'\noption country 'DE'\nconfig extension '100'\noption secret 'x y'\n{line}\
             config trunk 't'\noption host 'h.example'\n{line}"
        );
        let loaded = Loaded::parse(text.as_bytes());
        assert!(loaded.is_right(), "{loaded}");
        assert_eq!((loaded.config.extensions[0].dtmf, loaded.config.trunks[0].dtmf), (want, want), "{line}");
    }
}

/// From a trunk out of the house only callers that mean somebody.
#[test]
fn callers_who_are_everybody() {
    let route = |from: &str, caller: &str, to: &str| {
        let list = if caller.is_empty() { String::new() } else { format!("list caller '{caller}'\n") };
        format!("{HOME}config route 'r'\nlist from '{from}'\n{list}list match 'X.'\nlist to '{to}'\n")
    };
    let want = "a number, or a pattern with at least 3 digits in it: this one lets every caller out";
    for (caller, shown) in [(".", "'.'"), ("!", "'!'"), ("+1X.", "'+1X.'"), ("XXXXXXX", "'XXXXXXX'")] {
        for to in ["sim", "provider", "sim/+919876543210"] {
            let text = route("provider", caller, to);
            let line = format!("section 'r' (route): option 'caller' is {shown}, want {want}");
            assert_eq!(problems(&text), [line], "{text}");
            assert_eq!(Loaded::parse(text.as_bytes()).config.routes, []);
        }
        for (from, to) in
            [("provider", "100"), ("provider", "hangup/busy"), ("sim", "provider"), ("100", "sim")]
        {
            assert_eq!(notices(&route(from, caller, to)), [""; 0]);
        }
    }
    assert_eq!(notices(&route("provider", "+1555X.", "sim")), [""; 0]);
    assert_eq!(
        notices(&route("provider", "", "sim")),
        [
            "section 'r' (route): option 'from' has a trunk, and no 'caller' says who may come by it: nobody from there"
        ]
    );
}

#[test]
fn what_is_off_or_wrong_may_be_named() {
    let route = "config route 'r'\nlist from 'extensions'\nlist match 'X.'\nlist to 'provider'\n";
    let off = format!("{HOME}option enabled '0'\n{route}");
    let note = "section 'r' (route): option 'to' names section 'provider' (trunk), which has enabled '0'";
    assert_eq!(notices(&off), [note]);
    assert_eq!(notices(&format!("{off}option enabled '0'\n")), [""; 0]);

    let dongle = HOME
        .replace("'sim'\n", "'sim'\noption inbound '100'\n")
        .replace("'x'\n", "'x'\noption enabled '0'\n");
    let note =
        "section 'sim' (dongle): option 'inbound' names section '100' (extension), which has enabled '0'";
    assert_eq!(notices(&dongle), [note]);

    // Its problem has been reported once; the route stays, or its numbers would go by the next one.
    let loaded = Loaded::parse(format!("{HOME}option port '0'\n{route}").as_bytes());
    let want = "section 'provider' (trunk): option 'port' is '0', want a number from 1 to 65535";
    assert_eq!(loaded.problem_lines().collect::<Vec<_>>(), [want]);
    assert_eq!((loaded.config.trunks.len(), loaded.config.routes.len()), (0, 1));
}

#[test]
fn countries_and_emergency_numbers() {
    let extension = |name: &str| format!("config extension '{name}'\noption secret 'x'\n");
    let main = "config tandem 'main'\n";
    let only = "112 and 911 are the only emergency numbers";
    for (text, want) in [
        (extension("20"), vec![format!("section 'main' (tandem): option 'country' is missing: {only}")]),
        (
            format!("{main}option country 'xy'\n"),
            vec![format!("section 'main' (tandem): option 'country' is 'XY', which is not known: {only}")],
        ),
        (main.to_owned(), vec![]),
        (format!("{main}option country 'IN'\n{}", extension("100")), vec![]),
        (
            format!("{main}option country 'IN'\n{}{}", extension("100"), extension("103")),
            vec![
                "section '100' (extension): its number is an emergency number of the country: who dials it gets that, want another"
                    .to_owned(),
            ],
        ),
    ] {
        assert_eq!(notices(&text), want, "{text}");
    }
}

/// In the order that is written; without g722 in it nothing but G.711.
#[cfg(feature = "media")]
#[test]
fn g722_is_spoken_where_it_is_named() {
    for (codecs, want) in [
        ("g722 pcmu", &[Codec::G722, Codec::Pcmu][..]),
        ("pcma g722", &[Codec::Pcma, Codec::G722]),
        ("g722", &[Codec::G722]),
    ] {
        let text = format!("{HOME}option codecs '{codecs}'\n");
        assert_eq!(notices(&text), [""; 0], "{codecs}");
        assert_eq!(Loaded::parse(text.as_bytes()).config.trunks[0].codecs, want, "{codecs}");
    }
}

#[test]
fn codecs_of_later_versions_are_left_out() {
    let text = format!("{HOME}list codecs 'speex'\nlist codecs 'pcma'\nlist codecs 'opus'\n");
    assert_eq!(
        notices(&text),
        [
            "section 'provider' (trunk): option 'codecs' has speex, which is not in this version: left out",
            "section 'provider' (trunk): option 'codecs' has opus, which is not in this version: left out",
        ]
    );
    assert_eq!(Loaded::parse(text.as_bytes()).config.trunks[0].codecs, [Codec::Pcma]);
}

#[test]
fn defaults() {
    let route = "config route\nlist from 'extensions'\nlist match 'X.'\nlist to 'sim'\n";
    let config = Loaded::parse(format!("{HOME}{route}").as_bytes()).config;
    let (extension, trunk, route) = (&config.extensions[0], &config.trunks[0], &config.routes[0]);
    assert!(extension.enabled && trunk.enabled && route.enabled && config.sip == Sip::default());
    assert_eq!((extension.digest, extension.max_contacts, extension.qualify), (Digest::Md5, 3, None));
    assert_eq!((extension.timeout.as_secs(), &extension.codecs[..]), (60, &Codec::ALL[..]));
    assert_eq!((trunk.port, trunk.transport, trunk.register), (None, Some(Transport::Udp), false));
    assert_eq!(
        (trunk.expires.as_secs(), trunk.identity, trunk.domain()),
        (300, Identity::From, "sip.example.com")
    );
    assert_eq!((route.name.as_str(), route.strip, route.prepend.as_str()), ("route0", 0, ""));
    assert!(!route.hide && config.dongles[0].inbound.is_none() && trunk.inbound.is_none());
}
