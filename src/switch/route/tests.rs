//! Tables: who calls, what is dialled, where it goes.
use super::*;
use crate::config::Loaded;

/// Home 1, with a second dongle and phone.
const HOME: &str = include_str!("../../../tests/data/home1_full.uci");

const MORE: &str = "
config extension '20'
	option secret 'y'
config extension '21'
	option secret 'z'
	option enabled '0'
";

fn config(text: &str) -> Config {
    let loaded = Loaded::parse(text.as_bytes());
    assert!(loaded.is_right(), "{loaded}");
    loaded.config
}

fn told(decision: Decision) -> String {
    let legs = |legs: Vec<Leg>| legs.iter().map(leg).collect::<Vec<_>>().join(" ");
    match decision {
        Decision::Emergency { number, legs: ways } => format!("emergency {number}: {}", legs(ways)),
        Decision::Dial { route, legs: ways } => format!("{route}: {}", legs(ways)),
        Decision::Refused(refusal) => format!("{refusal:?}"),
    }
}

fn leg(leg: &Leg) -> String {
    let hidden = |hide: bool| if hide { "?" } else { "" };
    match leg {
        Leg::Dongle { name, number, hide } => format!("{name}/{number}{}", hidden(*hide)),
        Leg::Trunk { name, number, caller_id, hide } => {
            let caller_id = caller_id.as_ref().map(|id| format!("({id})")).unwrap_or_default();
            format!("{name}/{number}{caller_id}{}", hidden(*hide))
        }
        Leg::Extension { name } => name.clone(),
        Leg::Group { name } => format!("group/{name}"),
        Leg::Hangup(word) => word.word().to_owned(),
    }
}

fn provider(number: &str) -> Caller<'_> {
    Caller::Trunk { name: "provider", number }
}

/// A Wednesday at noon.
const AT: Option<Moment> = Some(Moment { day: 2, minute: 720 });
const PHONE: Caller<'static> = Caller::Extension("20");
const STRANGER: Caller<'static> = Caller::Trunk { name: "provider", number: "+15555555556" };
const TRAVELLER: Caller<'static> = Caller::Trunk { name: "provider", number: "15555555555" };

fn check(config: &Config, rows: &[(Caller<'_>, &str, &str)]) {
    for (caller, dialled, want) in rows {
        assert_eq!(told(decide(config, *caller, dialled, AT)), *want, "{caller:?} {dialled:?}");
    }
}

#[test]
fn home_1() {
    let sim = |number| Caller::Dongle { name: "home_sim", number };
    check(
        &config(&format!("{HOME}{MORE}")),
        &[
            (PHONE, "+919812345678", "out_by_sim: home_sim/+919812345678"),
            (PHONE, "+91 (98) 123-456.78", "out_by_sim: home_sim/+919812345678"),
            (PHONE, "9812345678", "out_by_sim_national: home_sim/+919812345678"),
            (PHONE, "+4930123456", "NoRoute"),
            (PHONE, "20", "extension: 20"),
            (PHONE, "21", "NothingThere"),
            (PHONE, "", "NotANumber"),
            (TRAVELLER, "+919812345678", "out_by_sim: home_sim/+919812345678"),
            (provider("+15555555555"), "+919812345678", "out_by_sim: home_sim/+919812345678"),
            (provider("0015555555555"), "+919812345678", "out_by_sim: home_sim/+919812345678"),
            (TRAVELLER, "9812345678", "NoRoute"),
            (TRAVELLER, "20", "NoRoute"),
            (STRANGER, "+919812345678", "NotNamed"),
            (STRANGER, "20", "NoRoute"),
            (provider(""), "+919812345678", "NotNamed"),
            (provider("anonymous"), "+919812345678", "NotNamed"),
            (provider("15555555555\r\n"), "+919812345678", "NotNamed"),
            (Caller::Trunk { name: "other", number: "+15555555555" }, "+919812345678", "NoRoute"),
            (sim("+919811111111"), "+919876543210", "inbound: provider/+919876543210"),
            (sim(""), "", "inbound: provider/+919876543210"),
            (Caller::Dongle { name: "gone", number: "" }, "", "NoRoute"),
        ],
    );
}

#[test]
fn what_is_no_number_is_refused() {
    let home = config(&format!("{HOME}{MORE}"));
    let long = "9".repeat(limits::NUMBER_DIALLED + 1);
    let longer = "9".repeat(1_000_000);
    for dialled in [
        "98123;+919812345678",
        "98123\r",
        "98123,1",
        "98123W1",
        "98123>1",
        "9812345678\"",
        "bob",
        "+",
        "+-",
        "98+12",
        "++91981",
        "981\u{0661}2",
        "-",
        "98123@x",
        "98123!",
        &long,
        &longer,
    ] {
        let want = if dialled.starts_with("+") && dialled.len() < 3 { "NoRoute" } else { "NotANumber" };
        assert_eq!(told(decide(&home, PHONE, dialled, AT)), want, "{dialled:?}");
    }
}

/// A code that changes the SIM's settings must be spelled by a route.
#[test]
fn star_codes_pass_where_they_are_spelled() {
    let rules = "config route 'codes'\nlist from 'extensions'\nlist match '*#21#'\nlist to 'home_sim'\n";
    check(
        &config(&format!("{HOME}{MORE}{rules}")),
        &[
            (PHONE, "**21*+4930123456#", "NotANumber"),
            (PHONE, "**21*4930123456#", "NoRoute"),
            (PHONE, "98*21#", "NoRoute"),
            (PHONE, "*#21#", "codes: home_sim/*#21#"),
        ],
    );
}

#[test]
fn emergency_numbers_come_before_everything() {
    let rules = "
config route 'catch_all'
	list from 'extensions'
	list from 'provider'
	list caller '+14444444444'
	list match '!'
	option prepend '0'
	option hide '1'
	list to 'provider'
	list to 'hangup/busy'
config dongle 'off'
	option usb '1-9'
	option enabled '0'
config dongle 'second'
	option usb '1-8'
config trunk 'other'
	option host 'h.example'
	option caller_id '+4930'
";
    let first = format!("{}{MORE}", rules.trim_start());
    let home = config(&format!("{first}{HOME}"));
    let ways = |number: &str| {
        let dongles = format!("second/{number} home_sim/{number}");
        format!("emergency {number}: {dongles} other/{number}(+4930) provider/{number}")
    };
    let from_provider = "emergency 112: second/112 home_sim/112 other/112(+4930)";
    for number in ["112", "911", "100", "108", "2611"] {
        assert_eq!(told(decide(&home, PHONE, number, AT)), ways(number), "{number}");
    }
    check(
        &home,
        &[
            (Caller::Extension("21"), "112", ways("112").as_str()),
            (PHONE, "1-1-2", ways("112").as_str()),
            (TRAVELLER, "112", from_provider),
            (provider("+14444444444"), "112", from_provider),
            (STRANGER, "112", "NotNamed"),
            (provider(""), "112", "NotNamed"),
            (Caller::Dongle { name: "home_sim", number: "+911" }, "112", "inbound: provider/+919876543210"),
            // Not as dialled: a number like others.
            (PHONE, "+112", "NotANumber"),
            (PHONE, "1120", "catch_all: provider/01120? busy"),
        ],
    );
    let nobody =
        config("config tandem 'main'\noption country 'DE'\nconfig extension '20'\noption secret 'x'\n");
    check(&nobody, &[(PHONE, "110", "emergency 110: "), (PHONE, "113", "NoRoute")]);
}

/// The guard stands twice: the reader refuses such a route, and here it lets nobody out.
#[test]
fn a_pattern_for_everybody_names_nobody_on_the_way_out() {
    let mut home = config(HOME);
    let everybody = crate::config::CallerPattern::parse(".").unwrap();
    for route in &mut home.routes {
        route.callers = vec![everybody.clone()];
    }
    check(&home, &[(STRANGER, "+919812345678", "NotNamed"), (STRANGER, "112", "NoRoute")]);
    for route in &mut home.routes {
        route.callers.clear();
    }
    check(&home, &[(TRAVELLER, "+919812345678", "NotNamed"), (TRAVELLER, "112", "NoRoute")]);
}

#[test]
fn routes_for_calls_that_come_in() {
    let rules = "
config trunk 'desk'
	option host 'h.example'
	option inbound '20'
config dongle 'sim2'
	option usb '1-2'
	option inbound 'hangup/rejected'
config route 'block'
	list from 'desk'
	list from 'sim2'
	list caller '+4930666X.'
	list match '!'
	list to 'hangup/busy'
config route 'did'
	list from 'desk'
	list caller '!'
	list match '+4930123'
	list to '21'
	list to '20'
config route 'mine'
	list from 'sim2'
	list match '!'
	list to '20'
	list to 'home_sim'
	list to 'desk/+4930777'
";
    let desk = |number| Caller::Trunk { name: "desk", number };
    let sim2 = |number| Caller::Dongle { name: "sim2", number };
    check(
        &config(&format!("{HOME}{MORE}{rules}")),
        &[
            (desk("+49306661"), "+4930123", "did: 20"),
            (desk("+493066612"), "+4930123", "block: busy"),
            (desk("493066612"), "+4930123", "block: busy"),
            (desk("+4930555"), "+4930123", "did: 20"),
            (desk(""), "+4930123", "did: 20"),
            (desk(""), "+4930124", "inbound: 20"),
            (desk(""), "mypbx", "inbound: 20"),
            (desk("+49"), "112", "inbound: 20"),
            (sim2("+493066612"), "", "block: busy"),
            (sim2(""), "+91981", "mine: 20 home_sim/+91981 desk/+4930777"),
            (sim2(""), "", "NotANumber"),
        ],
    );
    let off = rules.replace("'mine'\n", "'mine'\n\toption enabled '0'\n");
    check(&config(&format!("{HOME}{MORE}{off}")), &[(sim2(""), "", "inbound: rejected")]);
}

#[test]
fn numbers_are_rewritten() {
    let route = |name: &str, matches: &str, lines: &str| {
        format!(
            "config route '{name}'\nlist from '20'\nlist match '{matches}'\n{lines}\nlist to 'provider'\nlist to 'home_sim'\n"
        )
    };
    let rules = [
        route("outside", "0X.", "option strip '1'\noption hide '1'"),
        route("abroad", "+1X.", "option strip '1'\noption prepend '00'\noption caller_id '+4930111'"),
        route("bad", "+2X.", "option prepend '0'"),
        route("short", "5!", "option strip '3'"),
        route("first", "77", ""),
        route("second", "7X", "option prepend '9'"),
    ]
    .concat();
    check(
        &config(&format!("{MORE}{rules}{HOME}")),
        &[
            (PHONE, "0301234", "outside: provider/301234? home_sim/301234?"),
            (PHONE, "+15551234", "abroad: provider/0015551234(+4930111) home_sim/0015551234"),
            (PHONE, "+2551234", "NotANumber"),
            (PHONE, "5551", "short: provider/1 home_sim/1"),
            (PHONE, "555", "NotANumber"),
            (PHONE, "55", "NotANumber"),
            (PHONE, "77", "first: provider/77 home_sim/77"),
            (PHONE, "78", "second: provider/978 home_sim/978"),
            (Caller::Extension("21"), "77", "out_by_sim_national: home_sim/+9177"),
        ],
    );
}

#[test]
fn what_is_off_is_passed_over_and_the_next_route_is_not_tried() {
    let off = HOME.replace("'home_sim'\n\toption imei", "'home_sim'\n\toption enabled '0'\n\toption imei");
    let rule = "config route 'next'\nlist from 'extensions'\nlist match '!'\nlist to 'provider'\n";
    check(
        &config(&format!("{off}{MORE}{rule}")),
        &[
            (PHONE, "+919812345678", "NothingThere"),
            (PHONE, "+4930123", "next: provider/+4930123"),
            (PHONE, "112", "emergency 112: provider/112"),
        ],
    );
    let bad = Loaded::parse(format!("{HOME}{MORE}config extension '22'\noption timeout '1'\n").as_bytes());
    assert_eq!(bad.problems.len(), 2);
    check(
        &bad.config,
        &[(PHONE, "22", "NothingThere"), (PHONE, "23", "out_by_sim_national: home_sim/+9123")],
    );
    let silent = HOME.replace("config sip 'sip'\n", "config sip 'sip'\n\toption enabled '0'\n");
    check(
        &config(&format!("{silent}{MORE}{rule}")),
        &[(PHONE, "+4930123", "NothingThere"), (PHONE, "112", "emergency 112: home_sim/112")],
    );
}

const OFFICE: &str = "
config tandem 'main'
	option country 'DE'
	list emergency '19222'
config trunk 'first'
	option host 'a.example'
	option caller_id '+4930100'
config trunk 'rescue'
	option host 'b.example'
	option emergency '1'
config dongle 'sim'
config extension '20'
	option secret 'x'
	option caller_id '+4930120'
config extension '21'
	option secret 'x'
	option hide '1'
	list allow 'inland'
config extension '22'
	option secret 'x'
	list deny 'abroad'
	list deny 'all'
config route 'night'
	list from 'extensions'
	list match '0800X.'
	option time '18:00-08:00'
	list to 'hangup/rejected'
config route 'abroad'
	list from 'extensions'
	list match '00X.'
	option caller_id '+4930199'
	list to 'first'
config route 'near'
	list from 'extensions'
	list match '0ZX.'
	option class 'inland'
	list to 'first'
	list to 'sim'
config route 'outside_line'
	list from 'extensions'
	list match '9X.'
	option class 'all'
	option strip '1'
	list to 'first'
config route 'rest'
	list from 'extensions'
	list match '!'
	list to 'first'
";

const BOSS: Caller<'static> = Caller::Extension("20");
const GUEST: Caller<'static> = Caller::Extension("21");
const KITCHEN: Caller<'static> = Caller::Extension("22");

#[test]
fn what_an_extension_may() {
    check(
        &config(OFFICE),
        &[
            (BOSS, "0041311", "abroad: first/0041311(+4930199)"),
            (BOSS, "030123", "near: first/030123(+4930120) sim/030123"),
            (GUEST, "030123", "near: first/030123(+4930100)? sim/030123?"),
            (GUEST, "0041311", "NotAllowed"),
            (KITCHEN, "030123", "near: first/030123(+4930100) sim/030123"),
            // The next route would take it: it is not the way around.
            (KITCHEN, "0041311", "NotAllowed"),
            (KITCHEN, "912345", "NotAllowed"),
            (KITCHEN, "5", "rest: first/5(+4930100)"),
        ],
    );
}

#[test]
fn no_permission_stands_before_an_emergency_number() {
    let home = config(OFFICE);
    for caller in [GUEST, KITCHEN] {
        for (dialled, number) in
            [("110", "110"), ("112", "112"), ("19222", "19222"), ("9112", "112"), ("9110", "110")]
        {
            let want = format!("emergency {number}: rescue/{number} sim/{number} first/{number}(+4930100)");
            assert_eq!(told(decide(&home, caller, dialled, AT)), want, "{caller:?} {dialled}");
        }
    }
    // Shown is what rings back.
    let want = "emergency 112: rescue/112(+4930120) sim/112 first/112(+4930120)";
    assert_eq!(told(decide(&home, BOSS, "9112", None)), want);
}

#[test]
#[cfg(feature = "office")]
fn a_route_for_the_members_of_a_group() {
    let text = |enabled| {
        format!(
            "config group 'office'
	option enabled '{enabled}'
	list member '20'
config route 'abroad'
	list from 'office'
	list match '00X.'
	list to 'provider'
{HOME}{MORE}"
        )
    };
    let other = Caller::Extension("100");
    let is_known = |c: &Config| c.extensions.iter().any(|e| e.name == "100");
    let on = config(&text(1));
    assert!(is_known(&on));
    check(
        &on,
        &[
            (PHONE, "0044123", "abroad: provider/0044123"),
            (other, "0044123", "out_by_sim_national: home_sim/+910044123"),
        ],
    );
    let loaded = Loaded::parse(text(0).as_bytes());
    assert_eq!(
        told(decide(&loaded.config, PHONE, "0044123", AT)),
        "out_by_sim_national: home_sim/+910044123",
        "nobody is in a group that is off"
    );
}

#[test]
fn hours() {
    let home = config(OFFICE);
    let at = |minute| Some(Moment { day: 0, minute });
    for (at, want) in [
        (at(479), "night: rejected"),
        (at(480), "near: first/080012(+4930120) sim/080012"),
        (at(1_080), "night: rejected"),
        // A clock that is not set says nothing about the night.
        (None, "near: first/080012(+4930120) sim/080012"),
    ] {
        assert_eq!(told(decide(&home, BOSS, "080012", at)), want, "{at:?}");
    }
}

#[test]
fn explained() {
    let told = explain(&config(OFFICE), KITCHEN, "0041311", AT);
    let words: Vec<String> =
        told.routes.iter().map(|(name, verdict)| format!("{name} {verdict:?}")).collect();
    assert_eq!(
        words,
        [
            "night OtherNumber",
            "abroad NotAllowed",
            "near OtherNumber",
            "outside_line OtherNumber",
            "rest Takes"
        ]
    );
    assert_eq!(told.decision, Decision::Refused(Refusal::NotAllowed));
}
