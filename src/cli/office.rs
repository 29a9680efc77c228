//! Commands of the feature `office`.
use super::args::{Extension, PduCommand, Route, RouteCommand, Trace};
use super::{Exit, ask, calls, complain, pdu, print, refused, trace};
use crate::util::text::dialable;
use serde_json::json;

pub fn extension(extension: &Extension) -> Exit {
    let words: Vec<&str> = extension.set.iter().map(String::as_str).collect();
    let (set, to) = match words.as_slice() {
        [] => (None, None),
        ["dnd", "on"] => (Some("dnd"), Some("on")),
        ["dnd", "off"] => (Some("dnd"), None),
        ["forward", when, "off"] => (Some(*when), None),
        ["forward", when, number] => (Some(*when), Some(*number)),
        _ => {
            complain(
                "want dnd on, dnd off, forward WHEN NUMBER or forward WHEN off; 'tandem extension --help'",
            );
            return Exit::Usage;
        }
    };
    let params = json!({"name": extension.name, "set": set, "to": to});
    ask(&extension.socket, "extension", &params, extension.json, calls::extension)
}

pub fn route(route: &Route) -> Exit {
    let RouteCommand::Explain(explain) = &route.command;
    let params = json!({"from": explain.from, "to": explain.number});
    ask(&explain.socket, "route_explain", &params, explain.json, calls::explained)
}

pub fn trace(wanted: Trace) -> Exit {
    let file = wanted.output.as_deref();
    let (call, all, as_json) = (wanted.call, wanted.all, wanted.json);
    let order = trace::Order { socket: &wanted.socket, call, all, file, as_json };
    match trace::run(&order) {
        Ok(()) => Exit::Fine,
        Err(why) => refused(why, &wanted.socket),
    }
}

pub fn pdu(command: PduCommand) -> Exit {
    let result = match command {
        PduCommand::Decode(decode) => pdu::decode(&decode.hex.concat()),
        PduCommand::Encode(encode) if encode.text.is_empty() => Err("the text is missing".to_owned()),
        PduCommand::Encode(encode) => pdu::encode(&dialable(&encode.number), &encode.text.join(" ")),
    };
    match result {
        Ok(value) => {
            print(&format!("{value:#}\n"));
            Exit::Fine
        }
        Err(why) => {
            complain(&why);
            Exit::Failed
        }
    }
}
