//! Session timers in the whole switch (RFC 4028).
use super::house::*;
use super::incoming::CALLER;
use super::peer::Answer;

#[test]
fn a_phone_that_vanishes_in_the_call_gives_the_line_back() {
    // Whether the phone was to refresh, or did not answer our refresh.
    for (timer, sent) in [("90;refresher=uas", "100 < BYE"), ("90;refresher=uac", "100 < INVITE")] {
        let mut w = home();
        w.peers[P100].timer = timer;
        w.sim_called(CALLER);
        w.run(13.0);
        w.peers[P100].answer = Answer::Gone;
        w.forget();
        w.run(90.0);
        assert_eq!(w.count("stick < AT+CHUP"), 1, "{timer}\n{}", w.story());
        assert!(w.count(sent) > 0, "{timer}\n{}", w.story());
        w.end();
    }
}

#[test]
fn a_call_that_is_refreshed_goes_on_and_nothing_of_it_changes() {
    let mut w = home();
    w.peers[P100].timer = "90;refresher=uac";
    w.sim_called(CALLER);
    w.run(300.0);
    let invites = w.peers[P100].requests.iter().filter(|r| r.method() == "INVITE");
    let origins: Vec<&str> = invites.filter_map(|r| r.body.lines().find(|l| l.starts_with("o="))).collect();
    assert!(origins.len() >= 7, "one, and a refresh each 45 s: {}", origins.len());
    assert!(origins.windows(2).all(|o| o[0] == o[1]), "{origins:?}");
    w.far_ends("104,16");
    w.end();
}
