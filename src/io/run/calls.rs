//! The shell's part in calls: between the switch and the sockets.
use super::Shell;
use crate::io::net::{NetEvent, RtpEvent};
use crate::switch::Output;

impl Shell {
    /// Outputs of SIP, RTP and sound; others are not given here.
    pub(super) fn carry_out_call(&mut self, output: Output) {
        let now = self.clock.now();
        match output {
            Output::Voice { line, port, frame } => self.ports.voice(line, port, frame),
            Output::Rtp { port, to, bytes } => self.net.send_rtp(port, to, &bytes),
            Output::BindRtp { port } => {
                let result = self.net.bind_rtp(port);
                self.switch.handle_rtp_bound(port, result, now);
            }
            Output::CloseRtp { port } => self.net.close_rtp(port),
            Output::Listen(listening) => {
                let result = self.net.listen(&listening);
                self.switch.handle_listening(listening.id, result, now);
            }
            Output::Unlisten { id } => self.net.unlisten(id),
            Output::Sip { flow, bytes } => self.net.send(flow, bytes),
            Output::Connect { id, to, tls } => {
                if let Err(why) = self.net.connect(id, to, tls.as_deref()) {
                    self.switch.handle_disconnected(id, &why, now);
                }
            }
            Output::Disconnect { id } => self.net.disconnect(id),
            Output::Resolve { token, host, port, transport } => {
                self.net.resolve(token, &host, port, transport);
            }
            _ => {}
        }
    }

    pub(super) fn on_rtp(&mut self, event: &RtpEvent) {
        if self.net.admits_rtp(event) {
            self.switch.handle_rtp(event.port, event.from, &event.bytes, self.clock.now());
        }
    }

    pub(super) fn on_net(&mut self, event: NetEvent) {
        if !self.net.admit(&event) {
            return;
        }
        let now = self.clock.now();
        match event {
            NetEvent::Datagram { flow, bytes } => self.switch.handle_datagram(flow, &bytes, now),
            NetEvent::Connected(flow) => self.switch.handle_connected(flow, now),
            NetEvent::Stream { flow, bytes } => self.switch.handle_stream(flow, &bytes, now),
            NetEvent::Ended { id, why } => self.switch.handle_disconnected(id, &why, now),
            NetEvent::Addresses => {
                self.switch.relisten();
                self.carry_out();
                self.switch.handle_addresses(&|remote| self.net.local(remote), now);
            }
            NetEvent::Resolved { token, result } => self.switch.handle_resolved(token, result, now),
        }
    }
}
