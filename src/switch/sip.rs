//! Between the SIP endpoint and the rest: messages in and out, events to whom they concern.
use super::{Output, Switch};
use crate::sip::endpoint::Why;
use crate::sip::subscription::Answer;
use crate::sip::{Event, Flow};
use crate::util::limits::STREAMS;
use crate::util::table::Table;
use crate::util::time::{Instant, Now};
use crate::util::{MEDIA, OFFICE};
use crate::wire::sip::{Framer, Message, Method, Piece, header};
use std::time::Duration;

/// TCP connections and what came of a message on each.
#[derive(Debug, Default)]
pub struct Streams {
    all: Table<u32, Stream>,
}

#[derive(Debug)]
struct Stream {
    flow: Flow,
    framer: Framer,
    /// When the message that is not complete yet began.
    begun: Option<Instant>,
}

/// A message is complete this long after its first byte: who says a byte a second holds a place that somebody else needs.
const SLOWEST: Duration = Duration::from_secs(30);

impl Streams {
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.all.values().filter_map(|s| s.begun).min().map(|begun| begun + SLOWEST)
    }

    /// It was a connection, and is none any more.
    pub fn is_lost(&self, flow: Flow) -> bool {
        flow.transport.is_reliable() && !self.all.contains_key(&flow.id)
    }
}

impl Switch {
    /// A datagram at a listening socket (`flow.id`).
    pub fn handle_datagram(&mut self, flow: Flow, bytes: &[u8], now: Now) {
        if self.trace.is_on() {
            self.trace_message(false, flow, bytes, now);
        }
        self.sip.handle_message(flow, bytes, now.mono);
        self.turn(now);
    }

    /// A TCP connection was accepted, or `Output::Connect` succeeded. Its number is `flow.id`: accepted ones are numbered by the
    /// shell from 2^31 up, ours by the switch from 1 up.
    pub fn handle_connected(&mut self, flow: Flow, now: Now) {
        if self.streams.all.len() >= STREAMS {
            self.outputs.push_back(Output::Disconnect { id: flow.id });
            return;
        }
        self.streams.all.insert(flow.id, Stream { flow, framer: Framer::default(), begun: None });
        self.on_trunk_connected(flow, now);
        self.on_large_connected(flow);
        self.turn(now);
    }

    /// Bytes of a connection, cut anywhere.
    pub fn handle_stream(&mut self, flow: Flow, bytes: &[u8], now: Now) {
        let Some(stream) = self.streams.all.get_mut(&flow.id) else { return };
        let mut fault = stream.framer.push(bytes).err();
        while fault.is_none() {
            let Some(stream) = self.streams.all.get_mut(&flow.id) else { break };
            let flow = stream.flow;
            let popped = stream.framer.pop();
            let is_complete = matches!(popped, Ok(Some(_))) || stream.framer.pending().is_empty();
            stream.begun = if is_complete { None } else { stream.begun.or(Some(now.mono)) };
            match popped {
                Ok(Some(Piece::Message(message))) => {
                    if self.trace.is_on() {
                        self.trace_message(false, flow, &message, now);
                    }
                    self.sip.handle_message(flow, &message, now.mono);
                }
                Ok(Some(Piece::Ping)) => {
                    self.outputs.push_back(Output::Sip { flow, bytes: b"\r\n".to_vec() });
                }
                Ok(None) => break,
                Err(why) => fault = Some(why),
            }
        }
        if let Some(why) = fault {
            log::debug!("connection of {}: {}; closed", flow.remote, why.reason());
            self.outputs.push_back(Output::Disconnect { id: flow.id });
            self.forget_stream(flow.id, now);
        }
        self.turn(now);
    }

    /// Connections whose message does not come to its end.
    pub(super) fn end_slow_streams(&mut self, now: Now) {
        let late = |s: &&Stream| s.begun.is_some_and(|begun| begun + SLOWEST <= now.mono);
        let slow: Vec<Flow> = self.streams.all.values().filter(late).map(|s| s.flow).collect();
        for flow in slow {
            log::debug!("connection of {}: a message takes too long; closed", flow.remote);
            self.outputs.push_back(Output::Disconnect { id: flow.id });
            self.forget_stream(flow.id, now);
        }
    }

    /// A connection ended, or could not be made.
    pub fn handle_disconnected(&mut self, id: u32, why: &str, now: Now) {
        self.on_trunk_disconnected(id, why, now);
        self.on_large_disconnected(id, now);
        self.forget_stream(id, now);
        self.turn(now);
    }

    pub(super) fn forget_stream(&mut self, id: u32, now: Now) {
        self.streams.all.remove(&id);
        self.registrar.flow_closed(id);
        self.sip.handle_flow_closed(id, now.mono);
    }

    /// Take what the endpoint has. True when there was something.
    pub(super) fn turn_sip(&mut self, now: Now) -> bool {
        let mut any = false;
        while let Some(event) = self.sip.poll_event() {
            self.on_sip(event, now);
            any = true;
        }
        while let Some(output) = self.sip.poll_output() {
            if self.trace.is_on() {
                self.trace_message(true, output.flow, &output.bytes, now);
            }
            self.send_sip(output.flow, output.bytes, now);
        }
        any
    }

    fn on_sip(&mut self, event: Event, now: Now) {
        // Everything else is about a call.
        self.presence.stale |= OFFICE
            && !matches!(
                event,
                Event::Request { .. }
                    | Event::Response { .. }
                    | Event::NoResponse { .. }
                    | Event::Info { .. }
            );
        match event {
            Event::Request { id, request, flow } => {
                let response = match request.method() {
                    Some(Method::Register) => self.on_register(&request, flow, now),
                    Some(Method::Options) => self.sip.able(&request),
                    // Keep-alives of phones; anything else would be of a subscription of ours, and there are none.
                    Some(Method::Notify) => self.on_notify(&request),
                    Some(Method::Subscribe) if OFFICE => self.on_subscribe(&request, flow, now),
                    Some(Method::Message) if OFFICE => match self.on_message(id, &request, flow, now) {
                        Some(response) => response,
                        None => return,
                    },
                    Some(Method::Publish) => self.sip.response_to(&request, 489),
                    _ => self.sip.response_to(&request, 405),
                };
                self.sip.respond(id, response, now.mono);
            }
            Event::InDialog { session, id, request }
                if OFFICE && request.method() == Some(&Method::Refer) =>
            {
                self.on_refer(session, id, &request, now);
            }
            Event::InDialog { id, request, .. } => {
                let unknown = matches!(request.method(), Some(Method::Other(_)));
                let response = self.sip.response_to(&request, if unknown { 501 } else { 405 });
                self.sip.respond(id, response, now.mono);
            }
            Event::Response { id, response, request } => {
                if MEDIA && self.on_info_answer(id, Some((&*response, &*request)), now) {
                    return;
                }
                let Some(answer) = super::presence::answer_of(&response) else { return };
                if OFFICE
                    && (self.on_notified(id, answer, now)
                        || self.on_message_answer(id, response.status(), now))
                {
                    return;
                }
                self.on_response(id, Some((&*response, &*request)), now)
            }
            Event::NoResponse { id, why } => {
                if MEDIA && self.on_info_answer(id, None, now) {
                    return;
                }
                let answer = if why == Why::Transport { Answer::NoWay } else { Answer::Silence };
                if !OFFICE || (!self.on_notified(id, answer, now) && !self.on_message_answer(id, None, now)) {
                    self.on_response(id, None, now);
                }
            }
            Event::Invite { session, request, flow } => self.on_invite(session, &request, flow, now),
            Event::Cancelled { session, .. } => self.on_session_gone(session, None, now),
            Event::Acked { session, sdp } => self.on_session_acked(session, sdp.as_deref(), now),
            Event::Progress { session, status, sdp } => {
                self.on_session_progress(session, status, sdp.as_deref(), now);
            }
            Event::Answered { session, sdp, .. } => self.on_session_answered(session, sdp.as_deref(), now),
            Event::Failed { session, status, response } => {
                self.on_session_failed(session, status, response.as_deref(), now);
            }
            Event::Challenged { session, response, request } => {
                self.on_challenged(session, &response, &request, now);
            }
            Event::Offer { session, sdp } => self.on_session_offer(session, sdp.as_deref(), now),
            Event::Info { session, key } => self.on_session_info(session, key, now),
            Event::Ended { session, by } => self.on_session_gone(session, Some(&by), now),
            // What was agreed before holds.
            Event::Answer { session, sdp } => self.on_session_answer(session, sdp.as_deref(), now),
            Event::OfferRefused { session, .. } => self.on_session_offer_refused(session, now),
            Event::OfferWithdrawn { .. } => {}
        }
    }

    /// RFC 3261 section 11: what we can.
    fn on_notify(&mut self, request: &Message) -> Message {
        let event = request.get(header::EVENT).unwrap_or_default();
        let event = event.split(';').next().unwrap_or_default().trim();
        let kept_alive = matches!(event, "keep-alive" | "talk" | "hold");
        self.sip.response_to(request, if kept_alive { 200 } else { 489 })
    }
}
