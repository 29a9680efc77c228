//! What comes in, and in which order it is served: sound first, then the sticks, then all else a little at a time.
use crate::io::event::{Event, Events};
use crate::io::net::{Inlets, NetEvent, RtpEvent};
use crate::util::limits::TTY_EVENTS;
use async_channel::{Receiver, bounded};
use futures_lite::future::or;

/// Ordinary events taken before the sockets and the clock are looked at again: each may cost a digest, and a frame of sound
/// comes every 20 ms.
const ORDINARY: usize = 4;
/// Events of sound taken between two ordinary ones, so that a flood of it does not stop all else.
const URGENT: usize = 64;

pub enum Input {
    Rtp(RtpEvent),
    Net(NetEvent),
    /// Of the sticks' ports, and everything else.
    Event(Event),
}

pub struct Inputs {
    rtp: Receiver<RtpEvent>,
    ttys: Receiver<Event>,
    net: Receiver<NetEvent>,
    rest: Receiver<Event>,
    /// Whose turn it is among the last two.
    is_nets_turn: bool,
}

impl Inputs {
    /// And where the ports put what they read.
    #[must_use]
    pub fn new(inlets: Inlets, rest: Receiver<Event>) -> (Self, Events) {
        let (sender, ttys) = bounded(TTY_EVENTS);
        let Inlets { net, rtp } = inlets;
        (Self { rtp, ttys, net, rest, is_nets_turn: false }, sender)
    }

    /// The queue of everything but calls and ports.
    #[must_use]
    pub const fn rest(&self) -> &Receiver<Event> {
        &self.rest
    }

    /// What is there, after `first`, as much as fits in one turn: sound before anything else, and again between the others.
    pub fn turn(&mut self, first: Input) -> Turn<'_> {
        Turn { inputs: self, first: Some(first), urgent: URGENT, ordinary: ORDINARY - 1 }
    }

    /// Sound that is there.
    fn urgent(&self) -> Option<Input> {
        let tty = || self.ttys.try_recv().ok().map(Input::Event);
        self.rtp.try_recv().ok().map(Input::Rtp).or_else(tty)
    }

    /// The next of the others that are there; a flood of one kind leaves every second turn to the other.
    fn ordinary(&mut self) -> Option<Input> {
        let net = || self.net.try_recv().ok().map(Input::Net);
        let rest = || self.rest.try_recv().ok().map(Input::Event);
        self.is_nets_turn = !self.is_nets_turn;
        if self.is_nets_turn { net().or_else(rest) } else { rest().or_else(net) }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rtp.is_empty() && self.ttys.is_empty() && self.net.is_empty() && self.rest.is_empty()
    }

    /// Waits for any of them.
    pub async fn next(&self) -> Option<Input> {
        let rtp = async { self.rtp.recv().await.ok().map(Input::Rtp) };
        let tty = async { self.ttys.recv().await.ok().map(Input::Event) };
        let net = async { self.net.recv().await.ok().map(Input::Net) };
        let rest = async { self.rest.recv().await.ok().map(Input::Event) };
        or(or(rtp, tty), or(net, rest)).await
    }
}

/// One turn of the loop. Nothing is taken from a queue that is not given out.
pub struct Turn<'a> {
    inputs: &'a mut Inputs,
    first: Option<Input>,
    /// How many may still come before the next ordinary one.
    urgent: usize,
    ordinary: usize,
}

impl Iterator for Turn<'_> {
    type Item = Input;

    fn next(&mut self) -> Option<Input> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        if let Some(fewer) = self.urgent.checked_sub(1)
            && let Some(input) = self.inputs.urgent()
        {
            self.urgent = fewer;
            return Some(input);
        }
        self.ordinary = self.ordinary.checked_sub(1)?;
        self.urgent = URGENT;
        self.inputs.ordinary()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::reactor::block_on;

    fn rtp(port: u16) -> RtpEvent {
        RtpEvent { port, generation: 0, from: "127.0.0.1:9".parse().unwrap(), bytes: Vec::new() }
    }

    /// One letter for each.
    fn letter(input: &Input) -> char {
        match input {
            Input::Rtp(_) => 'r',
            Input::Net(_) => 'n',
            Input::Event(Event::Reload) => 't',
            Input::Event(_) => 'e',
        }
    }

    #[test]
    fn sound_comes_first_and_nothing_is_lost() {
        let (rtp_in, rtp_out) = bounded(200);
        let (net_in, net_out) = bounded(20);
        let (rest_in, rest_out) = bounded(20);
        let (mut inputs, ttys_in) = Inputs::new(Inlets { net: net_out, rtp: rtp_out }, rest_out);
        for n in 0..10 {
            net_in.try_send(NetEvent::Resolved { token: n, result: Ok(Vec::new()) }).unwrap();
            rest_in.try_send(Event::Bus).unwrap();
        }
        (0..2).for_each(|n| rtp_in.try_send(rtp(n)).unwrap());
        ttys_in.try_send(Event::Reload).unwrap();
        let mut turns = Vec::new();
        while !inputs.is_empty() {
            let first = block_on(inputs.next()).unwrap().unwrap();
            let mut turn = String::new();
            for input in inputs.turn(first) {
                turn.push(letter(&input));
                // More sound, once, while an ordinary one was served.
                if turn == "rrtn" {
                    rtp_in.try_send(rtp(2)).unwrap();
                }
            }
            turns.push(turn);
        }
        assert_eq!(turns[0], "rrtnren");
        let all = turns.concat();
        let count = |wanted| all.chars().filter(|c| *c == wanted).count();
        assert_eq!((count('r'), count('t'), count('n'), count('e')), (3, 1, 10, 10), "{turns:?}");
        assert!(turns.iter().skip(1).all(|t| t.len() <= ORDINARY), "{turns:?}");
    }

    #[test]
    fn a_flood_of_sound_stops_nothing() {
        let (rtp_in, rtp_out) = bounded(1_000);
        let (_net_in, net_out) = bounded(1);
        let (rest_in, rest_out) = bounded(1);
        let (mut inputs, _ttys_in) = Inputs::new(Inlets { net: net_out, rtp: rtp_out }, rest_out);
        (0..1_000).for_each(|n| rtp_in.try_send(rtp(n)).unwrap());
        rest_in.try_send(Event::Bus).unwrap();
        let first = block_on(inputs.next()).unwrap().unwrap();
        let at = inputs.turn(first).position(|i| letter(&i) == 'e');
        assert_eq!(at, Some(URGENT + 1));
    }
}
