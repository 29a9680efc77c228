//! Whole configuration files as users write them, and what must never come out of one.
use tandem::config::{Destination, Loaded, Security, Source, Target};

const EXAMPLE: &str = include_str!("../examples/home1.uci");
#[cfg(feature = "office")]
const FAMILY: &str = include_str!("../examples/home2.uci");
const FULL: &str = include_str!("data/home1_full.uci");

#[test]
fn the_example_of_home_1_is_right() {
    let loaded = Loaded::parse(EXAMPLE.as_bytes());
    assert_eq!(loaded.to_string(), "");
    let config = loaded.config;
    assert_eq!((config.dongles.len(), config.smtps.len(), config.forwards.len()), (1, 1, 1));
    assert_eq!((config.extensions.len(), config.trunks.len(), config.routes.len()), (1, 1, 2));
    assert!(config.main.enabled && config.forwards[0].enabled);
    assert_eq!(config.forwards[0].from, ["home_sim"]);
    assert_eq!(
        config.forwards[0].to,
        [Target::Email { server: "mail".to_owned(), address: "me@example.com".to_owned() }]
    );
}

/// What stands commented out in an example, put in.
fn with_comments_taken_off(example: &str) -> String {
    let statements = ["config", "option", "list", "\toption", "\tlist"];
    let line = |line: &str| {
        let (blank, text) = line.split_at(line.len() - line.trim_start().len());
        match text.strip_prefix('#') {
            Some(rest) if statements.iter().any(|statement| rest.starts_with(statement)) => {
                format!("{blank}{rest}\n")
            }
            _ => format!("{line}\n"),
        }
    };
    example.lines().map(line).collect()
}

#[test]
#[cfg(feature = "office")]
fn the_example_of_home_2_is_right_with_and_without_its_comments() {
    let loaded = Loaded::parse(FAMILY.as_bytes());
    assert_eq!(loaded.to_string(), "");
    let config = loaded.config;
    assert_eq!((config.extensions.len(), config.groups.len(), config.trunks.len()), (3, 1, 1));
    assert_eq!(config.routes.len(), 5);
    let whole = Loaded::parse(with_comments_taken_off(FAMILY).as_bytes());
    assert_eq!(whole.to_string(), "");
    assert_ne!(whole.config, config);
}

#[test]
fn the_example_is_right_with_its_comments_taken_off() {
    let whole = with_comments_taken_off(EXAMPLE);
    let loaded = Loaded::parse(whole.as_bytes());
    assert_eq!(loaded.to_string(), "");
    let given = Loaded::parse(EXAMPLE.as_bytes()).config;
    // Options with their defaults change nothing; what is left out by default is more.
    assert_eq!((&loaded.config.sip, &loaded.config.routes), (&given.sip, &given.routes));
    assert_ne!(loaded.config, given);
}

#[test]
fn home_1_with_calls_is_right() {
    let loaded = Loaded::parse(FULL.as_bytes());
    assert_eq!(loaded.to_string(), "");
    let config = loaded.config;
    assert_eq!(config.dongles[0].pin.as_ref().map(|pin| pin.expose()), Some("0000"));
    assert_eq!(config.smtps[0].security, Security::Starttls);
    assert_eq!(config.main.country.as_deref(), Some("IN"));
    let to_provider = Destination::Trunk { name: "provider".to_owned(), number: "+919876543210".to_owned() };
    assert_eq!(config.dongles[0].inbound, Some(to_provider));
    assert_eq!(config.sip.listen.iter().map(ToString::to_string).collect::<Vec<_>>(), ["udp:lan:5060"]);
    assert_eq!(config.extensions[0].display.as_deref(), Some("My phone"));
    let trunk = &config.trunks[0];
    assert_eq!((trunk.username.as_deref(), trunk.register, trunk.port), (Some("mypbx"), true, None));
    let [by_sim, national] = config.routes.as_slice() else { panic!("two routes: {:?}", config.routes) };
    assert_eq!(by_sim.from, [Source::Trunk("provider".to_owned()), Source::Extensions]);
    assert_eq!((by_sim.callers.len(), national.callers.len()), (1, 0));
    assert_eq!((national.prepend.as_str(), national.matches[0].to_string().as_str()), ("+91", "X."));
}

#[test]
fn the_same_with_dos_line_ends() {
    let dos = FULL.replace('\n', "\r\n");
    assert_eq!(Loaded::parse(dos.as_bytes()), Loaded::parse(FULL.as_bytes()));
}

#[test]
fn one_bad_section_leaves_the_others_working() {
    let text = FULL.replace("'860000000000000'", "'86000000000000X'")
        + "\nconfig dongle 'second'\n\toption usb '1-1'\n";
    let loaded = Loaded::parse(text.as_bytes());
    let want = "section 'home_sim' (dongle): option 'imei' is '86000000000000X', want 15 digits, as printed on the stick";
    assert_eq!(loaded.problem_lines().collect::<Vec<_>>(), [want]);
    let names: Vec<_> = loaded.config.dongles.iter().map(|dongle| dongle.name.as_str()).collect();
    assert_eq!(names, ["second"]);
    assert_eq!((loaded.config.smtps.len(), loaded.config.forwards.len()), (1, 1));
}

#[test]
fn every_prefix_has_an_answer() {
    for end in 0..FULL.len() {
        if let Some(part) = FULL.as_bytes().get(..end) {
            // Cut in the middle of a value or section, there is a problem or there is not; nothing else may happen.
            let loaded = Loaded::parse(part);
            assert!(loaded.problems.len() <= 4, "{end}: {loaded}");
        }
    }
}

/// One slip of a finger anywhere in the file: neither the password nor the PIN is in what `tandem check` says.
#[test]
fn no_slip_shows_a_secret() {
    let (secret, pin) = ("xq7vRk9m-wZpL", "86419753");
    let text = format!(
        "config dongle 'home_sim'\n\toption number '+919876543210'\n\toption pin '{pin}'\n\toption usb '1-1.2'\n\n\
         config smtp 'mail'\n\toption host 'smtp.example.com'\n\toption username 'me'\n\toption secret '{secret}'\n\
         \toption sender 'router@example.com'\n\nconfig forward 'sms'\n\tlist from 'home_sim'\n\
         \tlist to 'email/me@example.com'\n\nconfig extension '100'\n\toption name 'Phone'\n\toption secret '{secret}'\n\n\
         config trunk 'provider'\n\toption host 'h.example'\n\toption username 'me'\n\toption secret '{secret}'\n\
         \toption register '1'\n"
    );
    assert!(Loaded::parse(text.as_bytes()).is_right());
    assert!(text.contains(secret) && text.contains(pin));
    let windows: Vec<&str> =
        [secret, pin].iter().flat_map(|s| (0..=s.len() - 4).filter_map(|i| s.get(i..i + 4))).collect();
    let check = |text: &str| {
        let loaded = Loaded::parse(text.as_bytes());
        let said = format!("{loaded}{loaded:?}");
        for window in &windows {
            assert!(!said.contains(window), "{window} in\n{said}\nof\n{text}");
        }
    };
    let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    for at in places {
        let (before, after) = text.split_at(at);
        let mut rest = after.chars();
        rest.next();
        check(&format!("{before}{}", rest.as_str()));
        for slip in ['\'', '"', '\\', '\n', ' ', ';', '#', 'x'] {
            check(&format!("{before}{slip}{after}"));
            check(&format!("{before}{slip}{}", rest.as_str()));
        }
    }
}

#[test]
fn noise_ends_in_bounds() {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let source = FULL.as_bytes();
    for _ in 0..500 {
        let mut text = source.to_vec();
        for _ in 0..random(40) {
            let at = random(text.len());
            text[at] = random(256) as u8;
        }
        let loaded = Loaded::parse(&text);
        assert!(loaded.problems.len() <= 101);
        assert!(loaded.to_string().lines().all(|line| line.len() < 700 && !line.contains(char::is_control)));
    }
    let bytes: Vec<u8> = (0..60_000).map(|_| random(256) as u8).collect();
    assert!(!Loaded::parse(&bytes).is_right());
}
