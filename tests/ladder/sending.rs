//! Texts to send: what the network says, and when it is asked again.
use super::house::{CONFIG, House, Network};
use super::pdus::report;
use serde_json::json;
use tandem::message::DiskError;
use tandem::util::limits::OUTBOX_WAITING;

const TO: &str = "+491511234567";

fn reporting() -> House {
    House::with(&CONFIG.replace("config smtp", "\toption delivery_reports '1'\nconfig smtp"), &[])
}

fn states(house: &mut House) -> Vec<String> {
    house.list().iter().rev().map(|t| t["state"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_temporary_error_is_tried_again_three_times() {
    let mut house = House::new();
    house.network.extend((0..9).map(|_| Network::Refuses(500)));
    house.send(TO, "Hello");
    house.pass(3_600);
    let at: Vec<u64> = house.sent.iter().map(|(at, _)| at - house.sent[0].0).collect();
    assert_eq!(at, [0, 30, 150, 750]);
    assert_eq!(house.list()[0]["state"], "failed");
    assert_eq!(house.list()[0]["error"], 500);
}

#[test]
fn a_final_error_is_final() {
    let mut house = House::new();
    house.network.push_back(Network::Refuses(21));
    house.send(TO, "Hello");
    house.pass(86_400);
    assert_eq!(house.sent.len(), 1);
    assert_eq!((&house.list()[0]["state"], &house.list()[0]["error"]), (&json!("failed"), &json!(21)));
}

#[test]
fn without_a_prompt_it_is_sent_later() {
    let mut house = House::new();
    house.network.push_back(Network::NoPrompt);
    house.send(TO, "Hello");
    assert_eq!(house.sent.len(), 0);
    house.pass(120);
    assert_eq!(house.sent.len(), 1);
    assert_eq!(house.list()[0]["state"], "sent");
}

#[test]
fn a_lost_answer_is_not_sent_again() {
    let mut house = House::new();
    house.network.push_back(Network::Silent);
    house.send(TO, "Hello");
    house.pass(86_400);
    house.restart();
    house.pass(86_400);
    assert_eq!(house.sent.len(), 1);
    assert_eq!(house.list()[0]["state"], "unknown");
}

/// The attempt is on the medium before the stick hears of it.
#[test]
fn a_text_at_the_stick_is_not_sent_again_after_a_crash() {
    let mut house = House::new();
    house.network.push_back(Network::Silent);
    house.send(TO, "Hello");
    assert_eq!(house.sent.len(), 1);
    house.restart();
    house.pass(86_400);
    assert_eq!(house.sent.len(), 1);
    assert_eq!(house.list()[0]["state"], "unknown");
}

#[test]
fn parts_go_in_their_order_and_after_a_failure_no_further() {
    let mut house = House::new();
    house.network.extend([Network::Takes(5), Network::Refuses(38), Network::Takes(6)]);
    house.send(TO, &"0123456789".repeat(40));
    house.pass(60);
    // The part's number is the last octet of its header: reference, total, number.
    let numbers: Vec<&str> = house.sent.iter().map(|(_, pdu)| header(pdu)).collect();
    assert_eq!(numbers, ["0301", "0302", "0302", "0303"]);
    assert_eq!(house.list()[0]["references"], json!([5, 6, 4]));
    house.network.extend([Network::Takes(7), Network::Refuses(50)]);
    house.send(TO, &"9876543210".repeat(40));
    house.pass(3_600);
    assert_eq!(house.sent.len(), 6, "the third part alone helps nobody");
}

/// Total and number of a part in the PDU of a SUBMIT.
fn header(pdu: &str) -> &str {
    let at = pdu.find("050003").unwrap();
    &pdu[at + 8..at + 12]
}

#[test]
fn a_report_finds_its_text_by_number_and_reference() {
    let mut house = reporting();
    house.network.extend([Network::Takes(9), Network::Takes(9), Network::Takes(10)]);
    house.send("+491511234567", "to one");
    house.send("+491519999999", "to another with the same reference");
    house.send("+491511234567", "to the first again");
    assert_eq!(states(&mut house), ["sent", "sent", "sent"]);
    // The number comes back in national form.
    house.arrive(&report("01511234567", 9, 0));
    assert_eq!(states(&mut house), ["delivered", "sent", "sent"]);
    house.arrive(&report("01511234567", 77, 0));
    house.arrive(&report("01517777777", 10, 0));
    assert_eq!(states(&mut house), ["delivered", "sent", "sent"], "nobody's reports");
    house.arrive(&report("+491519999999", 9, 0x46));
    assert_eq!(states(&mut house), ["delivered", "failed", "sent"]);
    house.arrive(&report("+491511234567", 10, 0x20));
    assert_eq!(states(&mut house)[2], "sent", "still trying");
    house.arrive(&report("+491511234567", 10, 0));
    assert_eq!(states(&mut house)[2], "delivered");
    assert!(house.slots.is_empty(), "reports leave the SIM too");
    assert_eq!(house.mailbox.len(), 0);
}

#[test]
fn a_text_of_parts_is_delivered_when_all_are() {
    let mut house = reporting();
    house.send(TO, &"x".repeat(200));
    house.arrive(&report(TO, 2, 0));
    assert_eq!(states(&mut house), ["sent"]);
    house.arrive(&report(TO, 1, 0));
    assert_eq!(states(&mut house), ["delivered"]);
}

#[test]
fn a_report_for_an_answer_that_was_lost() {
    let mut house = reporting();
    house.network.push_back(Network::Silent);
    house.send(TO, "Hello");
    house.pass(120);
    assert_eq!(states(&mut house), ["unknown"]);
    house.arrive(&report(TO, 33, 0));
    assert_eq!(states(&mut house), ["delivered"]);
}

/// Of two texts to one number one has the reference and the other lost it: the reference counts.
#[test]
fn a_report_goes_to_its_reference_before_it_goes_to_a_lost_answer() {
    let mut house = reporting();
    house.network.extend([Network::Takes(9), Network::Silent]);
    house.send(TO, "known");
    house.send(TO, "lost");
    house.pass(120);
    assert_eq!(states(&mut house), ["sent", "unknown"]);
    house.arrive(&report(TO, 9, 0));
    assert_eq!(states(&mut house), ["delivered", "unknown"]);
}

#[test]
fn it_is_accepted_when_it_is_on_the_medium() {
    let mut house = House::new();
    house.disk_hangs = true;
    let answer = house.request("sms_send", json!({"to": TO, "text": "Hello"}));
    assert_eq!(answer, json!(null), "not before it is stored");
    assert_eq!(house.sent.len(), 0);
    house.disk_hangs = false;
    house.settle();
    assert_eq!(house.sent.len(), 1);
    house.disk_trouble = Some(DiskError::Full);
    let answer = house.request("sms_send", json!({"to": TO, "text": "World"}));
    assert_eq!(answer["error"]["code"], "unavailable");
    house.disk_trouble = None;
    house.pass(3_600);
    assert_eq!(house.sent.len(), 1, "refused means not sent, not later either");
}

#[test]
fn the_outbox_has_an_end() {
    let mut house = House::new();
    house.say("\r\n+CREG: 2\r\n");
    for n in 0..OUTBOX_WAITING {
        assert!(house.send(TO, &format!("text {n}")).is_string(), "{n}");
    }
    let answer = house.request("sms_send", json!({"to": TO, "text": "one too many"}));
    assert!(answer["error"]["message"].as_str().unwrap().contains("wait to be sent"), "{answer}");
    house.say("\r\n+CREG: 1\r\n");
    house.settle();
    house.pass(10);
    assert_eq!(house.sent.len(), OUTBOX_WAITING);
    assert!(house.send(TO, "now").is_string());
}
