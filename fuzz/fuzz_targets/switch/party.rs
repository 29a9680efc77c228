//! What phones and the provider write, by hand.
use std::fmt::Write as _;

pub const PHONE: &str = "192.168.1.100:5070";
pub const TRUNK: &str = "203.0.113.10:5060";
pub const STRANGER: &str = "192.0.2.66:5060";

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n";

/// Descriptions, good and bad ones.
pub fn sdp(choice: u8) -> String {
    match choice % 7 {
        0 => String::new(),
        1 => format!("{SDP}m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"),
        2 => format!("{SDP}m=audio 4000 RTP/AVP 8\r\n"),
        3 => format!("{SDP}m=audio 4000 RTP/AVP 18\r\n"),
        4 => format!("{SDP}m=audio 0 RTP/AVP 0\r\n"),
        5 => format!("{SDP}m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"),
        _ => "v=0\r\nnonsense\r\n".to_owned(),
    }
}

/// A message: its first line, header lines, body.
pub fn message(start: &str, headers: &[String], body: &str) -> Vec<u8> {
    let mut text = format!("{start}\r\n");
    for line in headers {
        let _ = write!(text, "{line}\r\n");
    }
    if !body.is_empty() {
        text.push_str("Content-Type: application/sdp\r\n");
    }
    let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
    text.into_bytes()
}

/// The lines of a message that begin with one of these names.
pub fn lines(text: &str, names: &[&str]) -> Vec<String> {
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let wanted = |line: &&str| line.split_once(':').is_some_and(|(name, _)| names.contains(&name.trim()));
    head.split("\r\n").filter(wanted).map(str::to_owned).collect()
}

/// A header's value.
pub fn value(text: &str, name: &str) -> String {
    lines(text, &[name])
        .first()
        .and_then(|l| l.split_once(':'))
        .map_or(String::new(), |(_, v)| v.trim().to_owned())
}

/// The answer to a request of the switch.
pub fn response(request: &str, status: u16, body: &str) -> Vec<u8> {
    let mut headers = lines(request, &["Via", "From", "Call-ID", "CSeq"]);
    let to = value(request, "To");
    let tag = if to.contains(";tag=") || status == 100 { "" } else { ";tag=them" };
    headers.push(format!("To: {to}{tag}"));
    headers.push(format!("Contact: <sip:them@{PHONE}>"));
    if status == 401 {
        headers.push(
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5, qop=\"auth\"".to_owned(),
        );
    }
    message(&format!("SIP/2.0 {status} Words"), &headers, body)
}
