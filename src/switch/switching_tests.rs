use super::*;
use crate::modem::bus::Interface;

const CD: u16 = 0x1446;
const MODEM: u16 = 0x1436;

fn device(path: &str, product: u16, devnum: u32) -> UsbDevice {
    let interface = |number, class, tty: Option<&str>| Interface {
        number,
        class,
        endpoints: 2,
        tty: tty.map(str::to_owned),
        ..Interface::default()
    };
    let interfaces = match product {
        MODEM => vec![interface(0, 0xff, Some("ttyUSB0")), interface(1, 0xff, Some("ttyUSB1"))],
        _ => vec![interface(0, 8, None), interface(1, 8, None)],
    };
    UsbDevice { path: path.to_owned(), vendor: 0x12d1, product, devnum, busnum: 1, interfaces }
}

fn at(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

/// The orders of one look.
fn look(switching: &mut Switching, devices: &[UsbDevice], seconds: u64) -> Vec<(u32, Method)> {
    switching.look(devices, |_| false, |_| true, at(seconds));
    std::iter::from_fn(|| switching.poll_order()).map(|order| (order.plug.device, order.method)).collect()
}

#[test]
fn one_that_switches_is_asked_once() {
    let mut s = Switching::default();
    assert_eq!(look(&mut s, &[device("1-1", CD, 4)], 0), [(4, Method::New)]);
    s.on_result(&Plug::of(&device("1-1", CD, 4)), Ok(()), at(0));
    assert_eq!(look(&mut s, &[device("1-1", CD, 4)], 1), []);
    assert_eq!(s.explain("1-1").map(|(under_way, _)| under_way), Some(true));
    assert_eq!(look(&mut s, &[], 2), []);
    assert_eq!(s.under_way().collect::<Vec<_>>(), ["1-1"]);
    assert_eq!(look(&mut s, &[device("1-1", MODEM, 5)], 3), []);
    assert_eq!((s.explain("1-1"), s.under_way().count()), (None, 0));
}

#[test]
fn the_message_taken_is_no_success() {
    let mut s = Switching::default();
    let cd = [device("1-1", CD, 4)];
    let mut asked = Vec::new();
    for seconds in 0..120 {
        let orders = look(&mut s, &cd, seconds);
        if !orders.is_empty() {
            s.on_result(&Plug::of(&cd[0]), Ok(()), at(seconds));
        }
        asked.extend(orders.into_iter().map(|(_, method)| (seconds, method)));
    }
    use Method::{Eject, Feature, New, Old};
    assert_eq!(asked, [(0, New), (20, New), (40, Old), (60, Feature), (80, Eject)]);
    let (under_way, why) = s.explain("1-1").unwrap();
    assert!(!under_way && why.contains("stays a CD"), "{why}");
}

#[test]
fn after_all_ways_it_is_asked_again_ever_more_seldom() {
    let mut s = Switching::default();
    let cd = [device("1-1", CD, 4)];
    let rounds: Vec<u64> =
        (0..8_000).filter(|n| matches!(look(&mut s, &cd, *n)[..], [(_, Method::New)])).collect();
    // Two of each round are the new message: its begins.
    let begins: Vec<u64> = rounds.iter().step_by(2).copied().collect();
    assert_eq!(begins[..5], [0, 160, 380, 720, 1_300], "{begins:?}");
    let last = begins.windows(2).last().unwrap();
    assert_eq!(last[1] - last[0], 1_900);
}

#[test]
fn one_that_comes_back_as_a_cd_is_asked_again_at_once() {
    let mut s = Switching::default();
    assert_eq!(look(&mut s, &[device("1-1", CD, 4)], 0), [(4, Method::New)]);
    assert_eq!(look(&mut s, &[], 1), []);
    assert_eq!(look(&mut s, &[device("1-1", CD, 5)], 17), [(5, Method::New)]);
    assert_eq!(look(&mut s, &[device("1-1", MODEM, 6)], 20), []);
}

#[test]
fn equal_sticks_are_told_apart_by_their_socket() {
    let mut s = Switching::default();
    let both = [device("1-1.1", CD, 4), device("1-1.2", CD, 5)];
    let mut orders = look(&mut s, &both, 0);
    orders.sort_by_key(|(device, _)| *device);
    assert_eq!(orders, [(4, Method::New), (5, Method::New)]);
    // The first one has switched; the second has not.
    let one = [device("1-1.1", MODEM, 6), device("1-1.2", CD, 5)];
    assert_eq!(look(&mut s, &one, 2), []);
    assert_eq!(look(&mut s, &one, 21), [(5, Method::New)]);
    assert_eq!(s.explain("1-1.1"), None);
}

#[test]
fn one_that_was_pulled_begins_anew() {
    let mut s = Switching::default();
    assert_eq!(look(&mut s, &[device("1-1", CD, 4)], 0), [(4, Method::New)]);
    assert_eq!(look(&mut s, &[device("1-1", CD, 4)], 45), [(4, Method::New)]);
    assert_eq!(look(&mut s, &[], 46), []);
    assert_eq!(look(&mut s, &[], 77), []);
    assert_eq!(s.under_way().count(), 0);
    assert_eq!(look(&mut s, &[device("1-1", 0x1414, 9)], 80), [(9, Method::Feature)]);
}

#[test]
fn what_could_not_be_asked() {
    let plug = Plug::of(&device("1-1", CD, 4));
    let cd = [device("1-1", CD, 4)];
    for (trouble, asked_at, words) in [
        (Trouble::Busy, Some(3), None),
        (Trouble::Failed("stalled".to_owned()), Some(1), None),
        (Trouble::Gone, Some(20), None),
        (Trouble::Denied("Permission denied".to_owned()), Some(60), Some("may not be switched")),
    ] {
        let mut s = Switching::default();
        assert_eq!(look(&mut s, &cd, 0).len(), 1);
        s.on_result(&plug, Err(trouble.clone()), at(0));
        let explained = s.explain("1-1").unwrap().1;
        assert!(words.is_none_or(|words| explained.contains(words)), "{trouble:?}: {explained}");
        assert_eq!((1..=70).find(|n| !look(&mut s, &cd, *n).is_empty()), asked_at, "{trouble:?}");
    }
    // An answer that belongs to an earlier plugging.
    let mut s = Switching::default();
    look(&mut s, &[device("1-1", CD, 5)], 0);
    s.on_result(&plug, Err(Trouble::Denied(String::new())), at(0));
    assert!(s.explain("1-1").unwrap().0);
}

#[test]
fn one_that_falls_back_again_and_again_is_left_alone_for_a_while() {
    let mut s = Switching::default();
    for n in 0..4_u32 {
        let seconds = u64::from(n) * 5;
        assert_eq!(look(&mut s, &[device("1-1", CD, 2 * n)], seconds).len(), 1, "{n}");
        look(&mut s, &[device("1-1", MODEM, 2 * n + 1)], seconds + 2);
    }
    assert_eq!(look(&mut s, &[device("1-1", CD, 99)], 20), []);
    let (under_way, why) = s.explain("1-1").unwrap();
    assert!(!under_way && why.contains("power"), "{why}");
    assert_eq!(look(&mut s, &[device("1-1", CD, 99)], 79), []);
    assert_eq!(look(&mut s, &[device("1-1", CD, 99)], 80), [(99, Method::New)]);
    // One that does so after a day has not fallen back.
    let mut s = Switching::default();
    for n in 0..20_u32 {
        let seconds = u64::from(n) * 86_400;
        assert_eq!(look(&mut s, &[device("1-1", CD, 2 * n)], seconds).len(), 1);
        look(&mut s, &[device("1-1", MODEM, 2 * n + 1)], seconds + 2);
    }
}

#[test]
fn a_router_is_switched_only_where_its_socket_is_named() {
    let router = [device("1-1", 0x1f01, 4)];
    let mut s = Switching::default();
    assert_eq!(look(&mut s, &router, 0), []);
    assert!(s.explain("1-1").unwrap().1.contains("option usb '1-1'"));
    let mut s = Switching::default();
    s.look(&router, |path| path == "1-1", |_| true, at(0));
    assert_eq!(s.poll_order().map(|order| order.method), Some(Method::Stick));
}

#[test]
fn a_stick_that_no_section_wants_is_left_alone() {
    let mut s = Switching::default();
    s.look(&[device("1-1", CD, 4)], |_| false, |path| path == "1-2", at(0));
    assert_eq!(s.poll_order(), None);
}
