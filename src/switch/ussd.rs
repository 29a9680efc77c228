//! USSD codes for clients: one at a time for each stick.
use super::api::{Code, Refusal, RequestId};
use super::line::LineId;
use super::{Client, Switch};
use crate::modem::UssdResult;
use crate::util::time::Now;
use serde_json::json;

/// Characters of a code or an answer; the network takes 182.
const CODE: usize = 160;

impl Switch {
    /// `tandem ussd`: the answer comes with `on_ussd`.
    pub(super) fn begin_ussd(
        &mut self,
        code: &str,
        dongle: Option<&str>,
        asked: (Client, RequestId),
        now: Now,
    ) -> Result<(), Refusal> {
        let name = self.dongle_for(dongle)?;
        if code.is_empty() || code.len() > CODE || code.chars().any(char::is_control) {
            let want = format!("parameter 'code': want a code such as *100#, at most {CODE} characters");
            return Err(Refusal::new(Code::BadParameter, want));
        }
        self.ussd_last = self.ussd_last.wrapping_add(1);
        let token = self.ussd_last;
        let Some(line) = self.lines.iter_mut().find(|l| l.section.name == name) else {
            return Err(Refusal::new(Code::NotFound, "no such dongle"));
        };
        self.ussd.insert(token, asked);
        line.modem.ussd(token, code, now.mono);
        Ok(())
    }

    pub(super) fn on_ussd(&mut self, line: LineId, token: u64, result: UssdResult) {
        let Some((client, id)) = self.ussd.remove(&token) else {
            // Whoever asked went away.
            let name = self.line_mut(line).map(|l| l.section.name.clone()).unwrap_or_default();
            log::info!("dongle '{name}': a USSD answer came that nobody waits for");
            return;
        };
        let answer = match result {
            UssdResult::Answer { text, more } => Ok(json!({"text": text, "more": more})),
            UssdResult::Failed(trouble) => Err(Refusal::new(Code::Unavailable, trouble.to_string())),
        };
        self.reply(client, &id, answer);
    }
}
