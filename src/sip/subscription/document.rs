//! The documents: dialog-info (RFC 4235 section 4), simple-message-summary (RFC 3842 section 3.5), PIDF (RFC 3863). The smallest that
//! phones read.
use super::{Direction, Package, Party, Seen, State, Summary};
use crate::util::limits::DIALOGS_SHOWN;
use crate::wire::sip::Uri;

const XML: &str = "<?xml version=\"1.0\"?>\r\n";

/// `ended`: calls that were shown last.
pub(super) fn write(
    package: Package,
    uri: &Uri,
    resource: &str,
    state: &State,
    version: u32,
    ended: &[String],
) -> String {
    let mut out = String::with_capacity(512);
    let entity = uri.to_string();
    match state {
        State::Calls(calls) => dialogs(&mut out, uri, resource, calls, version, ended),
        State::Messages(summary) => messages(&mut out, &entity, summary),
        State::Presence { registered, busy } => presence(&mut out, &entity, *registered, *busy),
    }
    debug_assert!(matches!(
        (package, state),
        (Package::Dialog, State::Calls(_))
            | (Package::MessageSummary, State::Messages(_))
            | (Package::Presence, State::Presence { .. })
    ));
    out
}

/// Always the full state. An idle line is one ended dialog, for Cisco takes an empty list for nothing at all.
fn dialogs(out: &mut String, entity: &Uri, resource: &str, calls: &[Seen], version: u32, ended: &[String]) {
    out.push_str(XML);
    out.push_str("<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"");
    out.push_str(&version.to_string());
    out.push_str("\" state=\"full\" entity=\"");
    escape(out, &entity.to_string());
    out.push_str("\">\r\n");
    for call in calls.iter().take(DIALOGS_SHOWN) {
        dialog(out, call, entity);
    }
    let ended = ended.iter().filter(|id| calls.iter().all(|c| c.id != **id)).map(String::as_str);
    let idle = if calls.is_empty() { Some(resource) } else { None };
    for id in ended.chain(idle) {
        open(out, id);
        out.push_str("><state>terminated</state></dialog>\r\n");
    }
    out.push_str("</dialog-info>\r\n");
}

fn open(out: &mut String, id: &str) {
    out.push_str("<dialog id=\"");
    escape(out, id);
    out.push('"');
}

fn dialog(out: &mut String, call: &Seen, entity: &Uri) {
    open(out, &call.id);
    if let Some(ids) = &call.replaces {
        for (name, value) in ["call-id", "local-tag", "remote-tag"].into_iter().zip(ids) {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            escape(out, value);
            out.push('"');
        }
    }
    let direction = match call.direction {
        Direction::Initiator => "initiator",
        Direction::Recipient => "recipient",
    };
    out.push_str(" direction=\"");
    out.push_str(direction);
    out.push_str("\">\r\n<state>");
    out.push_str(call.stage.name());
    out.push_str("</state>\r\n");
    party(out, "local", &call.local, entity, call.held);
    party(out, "remote", &call.remote, entity, false);
    out.push_str("</dialog>\r\n");
}

/// Its address is at the host by which the phone watches us.
fn party(out: &mut String, side: &str, party: &Party, entity: &Uri, held: bool) {
    let uri = match &party.number {
        Some(number) => Uri::sip(Some(number), &entity.host, entity.port),
        None => Uri::sip(Some("anonymous"), "anonymous.invalid", None),
    };
    let uri = uri.to_string();
    out.push('<');
    out.push_str(side);
    out.push_str("><identity");
    if let Some(display) = &party.display {
        out.push_str(" display=\"");
        escape(out, display);
        out.push('"');
    }
    out.push('>');
    escape(out, &uri);
    out.push_str("</identity><target uri=\"");
    escape(out, &uri);
    out.push('"');
    // RFC 4235 section 4.1.6.2 with RFC 3840's feature: the only mark of a held call that phones know.
    out.push_str(if held { "><param pname=\"+sip.rendering\" pvalue=\"no\"/></target></" } else { "/></" });
    out.push_str(side);
    out.push_str(">\r\n");
}

fn messages(out: &mut String, account: &str, summary: &Summary) {
    let waits = summary.voice.0 > 0 || summary.text.0 > 0;
    out.push_str(if waits { "Messages-Waiting: yes\r\n" } else { "Messages-Waiting: no\r\n" });
    out.push_str("Message-Account: ");
    out.push_str(account);
    out.push_str("\r\n");
    counts(out, "Voice-Message", summary.voice);
    if summary.text != (0, 0) {
        counts(out, "Text-Message", summary.text);
    }
}

fn counts(out: &mut String, class: &str, (new, old): (u32, u32)) {
    out.push_str(class);
    out.push_str(": ");
    out.push_str(&new.to_string());
    out.push('/');
    out.push_str(&old.to_string());
    out.push_str(" (0/0)\r\n");
}

fn presence(out: &mut String, entity: &str, registered: bool, busy: bool) {
    out.push_str(XML);
    out.push_str(
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" \
         xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"",
    );
    escape(out, entity);
    out.push_str("\">\r\n<tuple id=\"line\"><status><basic>");
    out.push_str(if registered { "open" } else { "closed" });
    out.push_str("</basic></status></tuple>\r\n");
    if busy {
        out.push_str(
            "<dm:person id=\"p\"><rpid:activities><rpid:on-the-phone/></rpid:activities></dm:person>\r\n",
        );
    }
    out.push_str("</presence>\r\n");
}

/// Text of strangers in an element or attribute. Control characters are no XML at all.
fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('?'),
            c => out.push(c),
        }
    }
}
