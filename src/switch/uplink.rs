//! Our addresses changed: a new lease of the WAN, a cable, a tunnel. Places to listen follow, trunks register again, calls tell their peers.
use super::{Switch, net};
use crate::sip::{Flow, Transport};
use crate::util::time::Now;
use std::net::{IpAddr, SocketAddr};

/// Our own address on the way to a peer, as the kernel chooses it now. `None`: no way leads there.
pub type Local<'a> = &'a dyn Fn(SocketAddr) -> Option<IpAddr>;

impl Switch {
    /// Addresses changed, or the ways to others. `relisten` comes first, and is carried out.
    pub fn handle_addresses(&mut self, local: Local<'_>, now: Now) {
        self.set_external(now);
        self.move_trunks(local, now);
        self.move_calls(local);
        self.tell_calls(now);
        self.turn(now);
    }

    /// The same peer from our address as it is now; `None`: no way leads there. A connection has its addresses until its end.
    pub(super) fn moved(&self, flow: Flow, local: Local<'_>) -> Option<Flow> {
        let own = local(flow.remote)?;
        if own.to_canonical() == flow.local.ip().to_canonical() {
            return Some(flow);
        }
        match flow.transport {
            Transport::Udp => {
                self.udp_flow(net::Way { transport: flow.transport, remote: flow.remote, local: own })
            }
            Transport::Tcp | Transport::Tls => None,
        }
    }
}
