//! Our addresses change: each trunk registers from where it is now.
use super::super::uplink::Local;
use super::super::{Output, Switch};
use super::{LOOK_SELDOM, Line};
use crate::sip::Flow;
use crate::sip::registration::Failure;
use crate::util::time::Now;

impl Switch {
    /// Our addresses changed. A trunk whose way leads by another one registers from there at once; one without a way is down, and one that
    /// was down is tried again.
    pub(in crate::switch) fn move_trunks(&mut self, local: Local<'_>, now: Now) {
        for at in 0..self.trunks.all.len() {
            let Some(trunk) = self.trunks.all.get_mut(at) else { return };
            if let Line::Down { again, .. } = &mut trunk.line {
                *again = now.mono;
                if let Some(registration) = &mut trunk.registration {
                    registration.restart(now.mono);
                }
            } else if let Some(flow) = trunk.flow() {
                self.move_trunk(at, flow, self.moved(flow, local), now);
            }
        }
        self.trunk_timeouts(now);
    }

    fn move_trunk(&mut self, at: usize, old: Flow, new: Option<Flow>, now: Now) {
        match new {
            Some(new) if new == old => {}
            Some(new) => {
                let Some(trunk) = self.trunks.all.get_mut(at) else { return };
                log::info!("trunk '{}': our address is {} now", trunk.section.name, new.local.ip());
                if let Some(registration) = &mut trunk.registration {
                    registration.restart(now.mono);
                }
                trunk.request = None;
                trunk.enter(Line::Up { flow: new, look_at: now.mono + LOOK_SELDOM });
                self.register_trunk(at, now);
            }
            None => {
                if old.transport.is_reliable() {
                    self.outputs.push_back(Output::Disconnect { id: old.id });
                    self.forget_stream(old.id, now);
                }
                self.trunk_down(at, "our address is gone".to_owned(), Failure::Transport, now);
                if let Some(trunk) = self.trunks.all.get_mut(at) {
                    if let Some(registration) = &mut trunk.registration {
                        registration.restart(now.mono);
                    }
                    trunk.enter(Line::Down { why: "our address is gone".to_owned(), again: now.mono });
                }
            }
        }
    }
}
