//! The API: typed requests in, one JSON value out. The doors (control socket, later ubus) only carry it.
use super::trace::Wanted;
use crate::message::TextId;
use crate::util::limits::LIST_PAGE;
use serde_json::{Value, json};

/// What a client calls its request; comes back with the answer. Any JSON value, `null` when left out.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct RequestId(pub Value);

/// Every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    Version,
    Status,
    Counters,
    Reload,
    /// Newest first; `before` is the id of the last text of the page above.
    SmsList {
        limit: usize,
        before: Option<TextId>,
    },
    SmsShow {
        id: TextId,
    },
    SmsSend {
        to: String,
        text: String,
        dongle: Option<String>,
    },
    SmsRetry {
        id: TextId,
    },
    SmsDelete {
        id: TextId,
    },
    Calls,
    /// Which rule matches, where it leads, why the others do not.
    RouteExplain {
        from: String,
        to: String,
    },
    /// Ring `from`, an extension, and dial `to` for it.
    Dial {
        from: String,
        to: String,
    },
    /// `None`: every call.
    Hangup {
        call: Option<u32>,
    },
    /// What an extension does with its calls; `set`: dnd, or when its calls are forwarded; `to`: on, a number, `None`: off.
    Extension {
        name: String,
        set: Option<String>,
        to: Option<String>,
    },
    /// Messages as they come and go, until the connection ends.
    Trace {
        wanted: Wanted,
    },
    /// Every step of a dongle from its socket to the mailbox.
    Doctor {
        dongle: Option<String>,
    },
    Ussd {
        code: String,
        dongle: Option<String>,
    },
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: Code,
    /// What is wrong, and what to write instead.
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The line is no request.
    BadRequest,
    UnknownMethod,
    BadParameter,
    NotFound,
    /// Right, but not possible now.
    Unavailable,
}

impl Code {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::UnknownMethod => "unknown_method",
            Self::BadParameter => "bad_parameter",
            Self::NotFound => "not_found",
            Self::Unavailable => "unavailable",
        }
    }
}

impl Refusal {
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    fn parameter(name: &str, want: &str) -> Self {
        Self::new(Code::BadParameter, format!("parameter '{name}': want {want}"))
    }
}

const METHODS: &str = "version, status, counters, reload, sms_list, sms_show, sms_send, sms_retry, sms_delete, calls, dial, hangup, extension, ussd, doctor, route_explain, trace";

/// A line of the control socket: `{"id":1,"method":"status","params":{}}`.
pub fn parse(line: &str) -> (RequestId, Result<Request, Refusal>) {
    let Ok(Value::Object(mut request)) = serde_json::from_str(line) else {
        let want = "want one JSON object in a line, as in {\"id\":1,\"method\":\"status\",\"params\":{}}";
        return (RequestId::default(), Err(Refusal::new(Code::BadRequest, want)));
    };
    let id = RequestId(request.remove("id").filter(|v| !v.is_object() && !v.is_array()).unwrap_or_default());
    let params = request.remove("params").unwrap_or_default();
    let method = request.get("method").and_then(Value::as_str).unwrap_or_default();
    (id, request_of(method, &params))
}

fn request_of(method: &str, params: &Value) -> Result<Request, Refusal> {
    Ok(match method {
        "version" => Request::Version,
        "status" => Request::Status,
        "counters" => Request::Counters,
        "reload" => Request::Reload,
        "sms_list" => Request::SmsList { limit: limit(params)?, before: optional_id(params, "before")? },
        "sms_show" => Request::SmsShow { id: id(params)? },
        "sms_send" => Request::SmsSend {
            to: word(params, "to")?,
            text: word(params, "text")?,
            dongle: optional_word(params, "dongle")?,
        },
        "sms_retry" => Request::SmsRetry { id: id(params)? },
        "sms_delete" => Request::SmsDelete { id: id(params)? },
        "calls" => Request::Calls,
        "dial" => Request::Dial { from: word(params, "from")?, to: word(params, "to")? },
        "route_explain" => Request::RouteExplain { from: word(params, "from")?, to: word(params, "to")? },
        "hangup" => Request::Hangup { call: call(params)? },
        "extension" => Request::Extension {
            name: word(params, "name")?,
            set: optional_word(params, "set")?,
            to: optional_word(params, "to")?,
        },
        "trace" => Request::Trace { wanted: wanted(params)? },
        "doctor" => Request::Doctor { dongle: optional_word(params, "dongle")? },
        "ussd" => Request::Ussd { code: word(params, "code")?, dongle: optional_word(params, "dongle")? },
        _ => return Err(Refusal::new(Code::UnknownMethod, format!("unknown method; there are {METHODS}"))),
    })
}

fn word(params: &Value, name: &str) -> Result<String, Refusal> {
    optional_word(params, name)?.ok_or_else(|| Refusal::parameter(name, "text"))
}

fn optional_word(params: &Value, name: &str) -> Result<Option<String>, Refusal> {
    match params.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Refusal::parameter(name, "text")),
    }
}

fn id(params: &Value) -> Result<TextId, Refusal> {
    optional_id(params, "id")?.ok_or_else(|| Refusal::parameter("id", ID))
}

const ID: &str = "the 16 characters of an id, as 'tandem sms list' shows them";

fn optional_id(params: &Value, name: &str) -> Result<Option<TextId>, Refusal> {
    match optional_word(params, name)? {
        None => Ok(None),
        Some(text) => TextId::parse(&text).map(Some).ok_or_else(|| Refusal::parameter(name, ID)),
    }
}

/// A number, or `all`.
fn call(params: &Value) -> Result<Option<u32>, Refusal> {
    let want = || Refusal::parameter("call", "the number of a call, as 'tandem calls' shows it, or \"all\"");
    match params.get("call") {
        Some(Value::String(word)) if word == "all" => Ok(None),
        Some(Value::String(word)) => word.parse().map(Some).map_err(|_| want()),
        Some(value) => value.as_u64().and_then(|n| u32::try_from(n).ok()).map(Some).ok_or_else(want),
        None => Err(want()),
    }
}

/// `call`, else `all`, else those of all calls.
fn wanted(params: &Value) -> Result<Wanted, Refusal> {
    match (params.get("call"), params.get("all")) {
        (None | Some(Value::Null), None | Some(Value::Null | Value::Bool(false))) => Ok(Wanted::Calls),
        (None | Some(Value::Null), Some(Value::Bool(true))) => Ok(Wanted::All),
        (None | Some(Value::Null), Some(_)) => Err(Refusal::parameter("all", "true or false")),
        (Some(_), _) => Ok(call(params)?.map_or(Wanted::Calls, Wanted::Call)),
    }
}

fn limit(params: &Value) -> Result<usize, Refusal> {
    match params.get("limit") {
        None | Some(Value::Null) => Ok(50),
        Some(value) => value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| (1..=LIST_PAGE).contains(n))
            .ok_or_else(|| Refusal::parameter("limit", &format!("a number from 1 to {LIST_PAGE}"))),
    }
}

/// The line that answers.
#[must_use]
pub fn answer(id: &RequestId, result: Result<Value, Refusal>) -> String {
    match result {
        Ok(value) => json!({"id": id.0, "result": value}).to_string(),
        Err(why) => {
            json!({"id": id.0, "error": {"code": why.code.name(), "message": why.message}}).to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let (id, request) = parse(r#"{"id":7,"method":"sms_show","params":{"id":"00000000000000ff"}}"#);
        assert_eq!((id.0, request), (json!(7), Ok(Request::SmsShow { id: TextId(255) })));
        assert_eq!(parse(r#"{"method":"status"}"#).1, Ok(Request::Status));
        for (line, code) in [
            ("", Code::BadRequest),
            ("[]", Code::BadRequest),
            ("{\"method\":\"status\"", Code::BadRequest),
            (r#"{"method":"reboot"}"#, Code::UnknownMethod),
            (r#"{"method":5}"#, Code::UnknownMethod),
            (r#"{"method":"sms_send","params":{"to":"1"}}"#, Code::BadParameter),
            (r#"{"method":"sms_send","params":{"to":1,"text":"x"}}"#, Code::BadParameter),
            (r#"{"method":"sms_list","params":{"limit":0}}"#, Code::BadParameter),
            (r#"{"method":"sms_list","params":{"limit":1e9}}"#, Code::BadParameter),
            (r#"{"method":"sms_show","params":{"id":"../etc/passwd"}}"#, Code::BadParameter),
        ] {
            assert_eq!(parse(line).1.map_err(|e| e.code), Err(code), "{line}");
        }
        // Nested deeper than anybody needs: refused, not overflowed.
        assert!(parse(&"[".repeat(100_000)).1.is_err());
    }
}
