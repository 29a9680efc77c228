//! What every message must have, and the answer to one that hasn't. RFC 3261 sections 8.1.1 and 8.2.
use super::parse::{is_folded, is_protocol, is_token, lines, split_head, text};
use super::uri::is_foreign;
use super::{Address, CSeq, Fault, Message, Method, Start, Uri, Via, header};
use crate::util::limits::{SIP_CONTACTS, SIP_MESSAGE, SIP_VIAS};

impl Message {
    /// Via, From, To, Call-ID and CSeq are there once (Via: some), can be read and fit the request; `Max-Forwards` and
    /// Contact can be read where they are.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn check(&self) -> Result<(), Fault> {
        if self.check_list(header::VIA, SIP_VIAS, |via| Via::parse(via).is_some())? == 0 {
            return Err(Fault::Mandatory(header::VIA));
        }
        for name in [header::FROM, header::TO] {
            Address::parse(self.single(name)?).ok_or(Fault::Mandatory(name))?;
        }
        let call_id = self.single(header::CALL_ID)?;
        if call_id.is_empty() || call_id.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Fault::Mandatory(header::CALL_ID));
        }
        let cseq = CSeq::parse(self.single(header::CSEQ)?).ok_or(Fault::Mandatory(header::CSEQ))?;
        if self.method().is_some_and(|method| *method != cseq.method) {
            return Err(Fault::Mandatory(header::CSEQ));
        }
        self.check_hops()?;
        self.check_list(header::CONTACT, SIP_CONTACTS, is_contact).map(|_| ())
    }

    fn single(&self, name: &'static str) -> Result<&str, Fault> {
        let mut lines = self.all(name);
        match (lines.next(), lines.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(Fault::Mandatory(name)),
        }
    }

    /// `Max-Forwards` goes to 255; requests of RFC 2543 have none.
    fn check_hops(&self) -> Result<(), Fault> {
        if !self.is_request() || self.get(header::MAX_FORWARDS).is_none() {
            return Ok(());
        }
        let hops = header::number(self.single(header::MAX_FORWARDS)?.trim());
        if hops.is_some_and(|h| h <= 255) { Ok(()) } else { Err(Fault::Mandatory(header::MAX_FORWARDS)) }
    }

    /// How many there are.
    fn check_list(&self, name: &'static str, most: usize, sound: fn(&str) -> bool) -> Result<usize, Fault> {
        let mut count: usize = 0;
        for item in self.items(name) {
            count = count.saturating_add(1);
            if count > most {
                return Err(Fault::TooLarge);
            }
            if !sound(item) {
                return Err(Fault::Mandatory(name));
            }
        }
        Ok(count)
    }

    /// The answer to a request that `parse` or `check` refused: what can be read of its headers, and the fault as
    /// status. Goes where the bytes came from. `None`: no answer is due (an ACK, a response, no message at all), or
    /// there is no Via for it.
    #[must_use]
    pub fn refusal(bytes: &[u8], fault: Fault, tag: &str) -> Option<Self> {
        let request = Self::salvage(bytes)?;
        // The Via of another version can't be read, and is copied all the same (section 21.5.6).
        if request.via().is_none() && (fault != Fault::Version || request.get(header::VIA).is_none()) {
            return None;
        }
        let mut answer = Self::response_to(&request, fault.status(), tag);
        answer.start = Start::Response { status: fault.status(), reason: fault.to_string() };
        Some(answer)
    }

    /// Every header line of a request that can be read.
    fn salvage(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..bytes.len().min(SIP_MESSAGE))?.trim_ascii_start();
        let whole_lines = bytes.iter().rposition(|b| *b == b'\n')?;
        let head = split_head(bytes).map_or_else(|| bytes.get(..whole_lines), |(head, _)| Some(head))?;
        let head = text(head);
        let mut lines = lines(&head);
        let (method, _) = lines.next()?.split_once(' ')?;
        if method.is_empty() || method == "ACK" || is_protocol(method) || !method.bytes().all(is_token) {
            return None;
        }
        let mut request = Self::request(Method::parse(method), Uri::sip(None, "invalid", None));
        let mut readable = false;
        for line in lines {
            if readable || !is_folded(line) {
                readable = request.take_line(line).is_ok();
            }
        }
        Some(request)
    }
}

/// `*`, an address of ours, or one of another scheme in brackets, `<mailto:…>` say, that nobody will call.
fn is_contact(item: &str) -> bool {
    let foreign = || {
        let (_, rest) = item.split_once('<')?;
        Some(is_foreign(rest.split_once('>')?.0))
    };
    item == "*" || Address::parse(item).is_some() || foreign() == Some(true)
}
