//! The shell's part in calls: between the switch and the sockets.
use super::Shell;
use crate::io::net::NetEvent;
use crate::io::reactor::take_heard;
use crate::switch::{Heard, Output};
use crate::util::MEDIA;

impl Shell {
    /// Outputs of SIP, RTP and sound; others are not given here.
    pub(super) fn carry_out_call(&mut self, output: Output) {
        let now = self.clock.now();
        match output {
            Output::Voice { line, port, frame } => self.ports.voice(line, port, frame),
            Output::Rtp { port, to, bytes } => self.net.send_rtp(port, to, &bytes),
            Output::Mark(marks) => self.net.mark(marks),
            Output::BindRtp { port } => {
                let result = self.net.bind_rtp(port);
                self.switch.handle_rtp_bound(port, result, now);
            }
            Output::PinRtp { port, to } if MEDIA => self.net.pin_rtp(port, to),
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

    /// One datagram of each RTP port that has some. The hot path: nothing is allocated, copied or queued.
    pub(super) fn serve_sound(&mut self) {
        let now = self.clock.now();
        let mut heard = std::mem::take(&mut self.heard);
        take_heard(&mut heard);
        for key in heard.drain(..) {
            let Some((port, from)) = self.net.receive_rtp(key, &mut self.datagram) else { continue };
            match self.switch.handle_rtp(port, from, &mut self.datagram, now) {
                Heard::Send { port, to } => self.net.send_rtp(port, to, &self.datagram),
                Heard::Dropped => {}
                Heard::Taken => {
                    self.deadline = None;
                    self.carry_out();
                }
            }
        }
        self.heard = heard;
        self.carry_out();
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
