//! SIP as the doubles write and read it.

#[derive(Clone, Debug)]
pub struct Msg {
    pub start: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Msg {
    pub fn parse(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no message: {text:?}"));
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap().to_owned();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
            (name.trim().to_owned(), value.trim().to_owned())
        });
        let msg = Self { start, headers: headers.collect(), body: body.to_owned() };
        assert_eq!(msg.get("Content-Length"), body.len().to_string(), "{text}");
        msg
    }

    pub fn request(method: &str, uri: &str) -> Self {
        Self { start: format!("{method} {uri} SIP/2.0"), headers: Vec::new(), body: String::new() }
    }

    /// With what every response takes from its request; `tag` goes to To where there is none.
    pub fn response(request: &Self, status: u16, tag: &str) -> Self {
        let mut response =
            Self { start: format!("SIP/2.0 {status} Words"), headers: Vec::new(), body: String::new() };
        for (name, value) in &request.headers {
            match name.as_str() {
                "Via" | "From" | "Call-ID" | "CSeq" => response.add(name, value),
                "To" if status > 100 && tag_of(value).is_empty() => {
                    response.add("To", &format!("{value};tag={tag}"))
                }
                "To" => response.add("To", value),
                _ => {}
            }
        }
        response
    }

    pub fn add(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }

    pub fn with_sdp(mut self, sdp: &str) -> Self {
        if !sdp.is_empty() {
            self.add("Content-Type", "application/sdp");
            self.body = sdp.to_owned();
        }
        self
    }

    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(n, _)| n != name);
    }

    /// Empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map_or("", |(_, v)| v)
    }

    pub fn is_request(&self) -> bool {
        !self.start.starts_with("SIP/2.0 ")
    }

    pub fn method(&self) -> &str {
        if self.is_request() { self.start.split(' ').next().unwrap() } else { self.cseq().1 }
    }

    pub fn uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap()
    }

    /// 0: a request.
    pub fn status(&self) -> u16 {
        if self.is_request() { 0 } else { self.start.split(' ').nth(1).unwrap().parse().unwrap() }
    }

    pub fn cseq(&self) -> (u32, &str) {
        let (number, method) = self.get("CSeq").split_once(' ').unwrap();
        (number.parse().unwrap(), method.trim())
    }

    pub fn branch(&self) -> String {
        param(self.get("Via"), "branch").to_owned()
    }

    /// `INVITE`, `180 INVITE`.
    pub fn kind(&self) -> String {
        if self.is_request() {
            self.method().to_owned()
        } else {
            format!("{} {}", self.status(), self.method())
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body));
        text.into_bytes()
    }
}

/// Parameter of a header, behind the URI's brackets. Empty where there is none.
pub fn param<'a>(value: &'a str, name: &str) -> &'a str {
    let rest = value.rsplit('>').next().unwrap_or(value);
    let found = rest.split(';').find_map(|p| p.trim().split_once('=').filter(|(n, _)| *n == name));
    found.map_or("", |(_, v)| v)
}

pub fn tag_of(value: &str) -> &str {
    param(value, "tag")
}

/// What stands in the brackets of an address.
pub fn uri_of(value: &str) -> &str {
    let Some((_, rest)) = value.split_once('<') else { return value.split(';').next().unwrap_or(value) };
    rest.split('>').next().unwrap()
}
