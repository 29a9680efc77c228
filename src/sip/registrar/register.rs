//! One REGISTER.
use super::{Policy, Registrar};
use crate::sip::Flow;
use crate::util::time::Now;
use crate::wire::sip::Message;

impl Registrar {
    /// Answers a REGISTER of the extension `aor`, whose digest was right.
    pub fn register(
        &mut self,
        aor: &str,
        policy: Policy,
        request: &Message,
        flow: Flow,
        now: Now,
    ) -> Message {
        let _ = (aor, policy, flow, now);
        Message::response_to(request, 200, &self.random.token())
    }
}
