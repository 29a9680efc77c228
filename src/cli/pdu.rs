//! `tandem pdu`: SMS PDUs as JSON and texts as PDUs, without a stick.
use serde_json::{Map, Value, json};

use crate::util::hex;
use crate::util::limits::SMS_PDU_OCTETS;
use crate::util::time::Stamp;
use crate::wire::sms::{
    Address, Alphabet, Content, Dcs, Decoded, Direction, Element, Pdu, StatusReport, Submit, Text, UserData,
    Validity, encode_submit,
};

/// Read a PDU in hexadecimal, SMSC field in front; white space between the digits is allowed.
///
/// # Errors
/// Which octet (from 0) is at fault and why.
pub fn decode(text: &str) -> Result<Value, String> {
    let octets = octets_of(text)?;
    let decoded = Decoded::parse(&octets, Direction::Stored).map_err(|error| error.to_string())?;
    Ok(describe(&decoded))
}

/// PDUs of a text for `AT+CMGS`: a list of `pdu`, `tpdu_len`, `part`, `total`.
///
/// # Errors
/// What is wrong with the number or text, and what to write instead.
pub fn encode(number: &str, text: &str) -> Result<Value, String> {
    // Nothing is sent, so any reference will do for the parts of a long text.
    let text = Text { destination: number, text, reference: 1, report: false };
    let segments = encode_submit(&text).map_err(|error| error.to_string())?;
    let list = segments.iter().map(|segment| {
        json!({
            "pdu": hex::encode(&segment.pdu),
            "tpdu_len": segment.tpdu_len,
            "part": segment.part,
            "total": segment.total,
        })
    });
    Ok(list.collect())
}

/// Everything a PDU says. Always `direction`, `smsc`, `number`, `timestamp`, `text`, `udh`, `tpdu_len`; the others
/// when the PDU has them.
#[must_use]
pub fn describe(decoded: &Decoded) -> Value {
    let mut fields = Map::new();
    let smsc = decoded.sca.as_ref().filter(|sca| !sca.text.is_empty()).map(Address::to_string);
    fields.insert("smsc".into(), json!(smsc));
    fields.insert("tpdu_len".into(), json!(decoded.tpdu_len));
    match &decoded.pdu {
        Pdu::Deliver(deliver) => {
            put_frame(&mut fields, "deliver", &deliver.originator, deliver.timestamp);
            put_user_data(&mut fields, deliver.pid, deliver.dcs, &deliver.user);
        }
        Pdu::Submit(submit) => put_submit(&mut fields, submit),
        Pdu::StatusReport(report) => put_status_report(&mut fields, report),
    }
    Value::Object(fields)
}

fn put_frame(fields: &mut Map<String, Value>, direction: &str, number: &Address, timestamp: Option<Stamp>) {
    fields.insert("direction".into(), json!(direction));
    fields.insert("number".into(), json!(number.to_string()));
    fields.insert("timestamp".into(), json!(timestamp.map(|stamp| stamp.to_string())));
}

fn put_submit(fields: &mut Map<String, Value>, submit: &Submit) {
    put_frame(fields, "submit", &submit.destination, None);
    put_user_data(fields, submit.pid, submit.dcs, &submit.user);
    fields.insert("mr".into(), json!(submit.reference));
    match submit.validity {
        None => {}
        Some(Validity::Relative(step)) => drop(fields.insert("vp".into(), json!(step))),
        Some(Validity::Absolute(octets)) => drop(fields.insert("vp_abs".into(), json!(hex::encode(&octets)))),
        Some(Validity::Enhanced(octets)) => {
            drop(fields.insert("vp_enhanced".into(), json!(hex::encode(&octets))))
        }
    }
}

fn put_status_report(fields: &mut Map<String, Value>, report: &StatusReport) {
    put_frame(fields, "status-report", &report.recipient, report.timestamp);
    fields.insert("text".into(), Value::Null);
    fields.insert("udh".into(), Value::Null);
    fields.insert("mr".into(), json!(report.reference));
    fields.insert("status".into(), json!(report.status));
    fields.insert("discharge".into(), json!(report.discharge.map(|stamp| stamp.to_string())));
}

fn put_user_data(fields: &mut Map<String, Value>, pid: u8, dcs: Dcs, user: &UserData) {
    fields.insert("pid".into(), json!(format!("0x{pid:02X}")));
    fields.insert("dcs".into(), json!(format!("0x{:02X}", dcs.0)));
    fields.insert("alphabet".into(), json!(alphabet_name(dcs.alphabet())));
    fields.insert("text".into(), json!(user.text()));
    let elements =
        (!user.elements.is_empty()).then(|| user.elements.iter().map(element).collect::<Vec<Value>>());
    fields.insert("udh".into(), json!(elements));
    if let Some(class) = dcs.class() {
        fields.insert("class".into(), json!(class));
    }
    if let Some(part) = user.concat() {
        let bits = if part.wide { 16 } else { 8 };
        let concat = json!({ "ref": part.reference, "parts": part.total, "seq": part.part, "bits": bits });
        fields.insert("concat".into(), concat);
    }
    if let Content::Octets(octets) = &user.content {
        fields.insert("data".into(), json!(hex::encode(octets)));
    }
    if user.truncated {
        fields.insert("truncated".into(), json!(true));
    }
}

fn element(element: &Element) -> Value {
    json!({ "iei": element.id, "data": hex::encode(&element.bytes) })
}

const fn alphabet_name(alphabet: Alphabet) -> &'static str {
    match alphabet {
        Alphabet::Gsm7 => "gsm7",
        Alphabet::Octets => "8bit",
        Alphabet::Ucs2 => "ucs2",
    }
}

/// Octets of hexadecimal text without its white space.
fn octets_of(text: &str) -> Result<Vec<u8>, String> {
    let most = SMS_PDU_OCTETS.saturating_mul(2);
    let digits: String = text.chars().filter(|c| !c.is_whitespace()).take(most.saturating_add(1)).collect();
    if digits.is_empty() {
        return Err("octet 0: no PDU, want its hexadecimal digits".into());
    }
    if digits.len() > most {
        return Err(format!("octet {SMS_PDU_OCTETS}: more octets than any PDU has"));
    }
    hex::decode(&digits).map_err(|at| {
        let octet = at / 2;
        match digits.get(at..).and_then(|rest| rest.chars().next()) {
            Some(c) => format!("octet {octet}: '{}' is no hexadecimal digit", c.escape_debug()),
            None => format!("octet {octet}: one hexadecimal digit, want two"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_say_where() {
        for (text, error) in [
            ("", "octet 0: no PDU, want its hexadecimal digits"),
            ("00 0", "octet 1: one hexadecimal digit, want two"),
            ("00 0\u{e9}", "octet 1: 'é' is no hexadecimal digit"),
            ("0004\r\n0B91\r\n", "octet 2: address longer than the PDU"),
        ] {
            assert_eq!(decode(text), Err(error.to_owned()), "{text:?}");
        }
        assert!(decode(&"00".repeat(300)).unwrap_err().contains("octet 256"));
        assert!(decode(&"é".repeat(600)).is_err());
    }

    #[test]
    fn both_ways() {
        let list = encode("+46708251358", "hellohello").unwrap();
        assert_eq!(list[0]["tpdu_len"], 22);
        let shown = decode(list[0]["pdu"].as_str().unwrap()).unwrap();
        assert_eq!((&shown["number"], &shown["text"]), (&json!("+46708251358"), &json!("hellohello")));
        assert!(encode("Vodafone", "x").unwrap_err().contains("want digits"));
    }
}
