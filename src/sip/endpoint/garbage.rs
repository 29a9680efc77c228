//! Bytes that are no message: what can be answered nevertheless. RFC 3261 sections 8.2 and 16.3 want 400 where that is possible.
use crate::sip::{Flow, Transport};
use crate::wire::sip::{Fault, Message, Via, header};

/// Lines that are looked at, and their length: enough for the headers of any request.
const LINES: usize = 64;
const LINE: usize = 512;

/// The answer to a request that can't be read, for the flow by which it came. `None`: a response, an ACK, or nothing that could be
/// answered. It is written without a transaction, and no longer than what came: nobody is hit harder through us.
pub fn answer(bytes: &[u8], flow: Flow, fault: Fault) -> Option<Vec<u8>> {
    if fault == Fault::Empty {
        return None;
    }
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(8_192))?);
    let mut lines = head.split('\n').map(|l| l.trim_end_matches('\r')).skip_while(|l| l.is_empty());
    let first = lines.next()?;
    if first.starts_with("SIP/") || first.starts_with("ACK ") || !first.contains("SIP/") {
        return None;
    }
    let mut response = Message::response(fault.status());
    for line in lines.take(LINES).take_while(|l| !l.is_empty()).filter(|l| l.len() <= LINE) {
        let Some((name, value)) = line.split_once(':') else { continue };
        let name = header::canonical(name.trim());
        let wanted = [header::VIA, header::FROM, header::TO, header::CALL_ID, header::CSEQ];
        let is_new = *name == *header::VIA || response.get(&name).is_none();
        if wanted.contains(&&*name) && is_new {
            response.push(&name, value.trim());
        }
    }
    let mut via = response.items(header::VIA).next().and_then(Via::parse)?;
    if via.params.has("rport") {
        via.params.set("rport", Some(&flow.remote.port().to_string()));
    }
    via.params.set("received", Some(&flow.remote.ip().to_string()));
    let rest: Vec<String> = response.items(header::VIA).skip(1).map(str::to_owned).collect();
    response.remove(header::VIA);
    rest.iter().rev().for_each(|v| response.push_front(header::VIA, v.as_str()));
    response.push_front(header::VIA, via.to_string());
    response.start =
        crate::wire::sip::Start::Response { status: fault.status(), reason: fault.reason().to_owned() };
    let answer = response.to_bytes();
    (flow.transport != Transport::Udp || answer.len() <= bytes.len().saturating_add(100)).then_some(answer)
}
