//! What comes in, and in which order it is served: sound first, then the sticks, then all else a little at a time.
use crate::io::event::{Event, Events};
use crate::io::net::{Inlets, NetEvent};
use crate::io::reactor::poll_heard;
use crate::util::limits::TTY_EVENTS;
use async_channel::{Receiver, bounded};
use futures_lite::Stream;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Ordinary events taken before the sockets and the clock are looked at again: each may cost a digest, and a frame of sound
/// comes every 20 ms.
const ORDINARY: usize = 4;
/// Events of the sticks' sound taken between two ordinary ones, so that a flood of it does not stop all else.
const URGENT: usize = 64;

pub enum Input {
    Net(NetEvent),
    /// Of the sticks' ports, and everything else.
    Event(Event),
}

/// Why the loop goes on.
pub enum Next {
    /// There are datagrams at RTP ports (`reactor::take_heard`).
    Sound,
    Input(Input),
}

/// A queue that stays waited for over many wakes: each wait of its own would cost memory and a lock.
type Queue<T> = Pin<Box<Receiver<T>>>;

pub struct Inputs {
    ttys: Queue<Event>,
    net: Queue<NetEvent>,
    rest: Queue<Event>,
    /// Whose turn it is among the last two.
    is_nets_turn: bool,
}

impl Inputs {
    /// And where the ports put what they read.
    #[must_use]
    pub fn new(inlets: Inlets, rest: Receiver<Event>) -> (Self, Events) {
        let (sender, ttys) = bounded(TTY_EVENTS);
        let (ttys, net, rest) = (Box::pin(ttys), Box::pin(inlets.net), Box::pin(rest));
        (Self { ttys, net, rest, is_nets_turn: false }, sender)
    }

    /// The queue of everything but calls and ports.
    #[must_use]
    pub fn rest(&self) -> &Receiver<Event> {
        &self.rest
    }

    /// What is there, after `first`, as much as fits in one turn: the sticks before anything else, and again between the others.
    pub fn turn(&mut self, first: Option<Input>) -> Turn<'_> {
        let ordinary = ORDINARY.saturating_sub(usize::from(first.is_some()));
        Turn { inputs: self, first, urgent: URGENT, ordinary }
    }

    /// Sound that is there.
    fn urgent(&self) -> Option<Input> {
        self.ttys.try_recv().ok().map(Input::Event)
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
        self.ttys.is_empty() && self.net.is_empty() && self.rest.is_empty()
    }

    /// What comes first; who asks is woken when there is something.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        if poll_heard(context).is_ready() {
            return Poll::Ready(Next::Sound);
        }
        if let Poll::Ready(Some(event)) = self.ttys.as_mut().poll_next(context) {
            return Poll::Ready(Next::Input(Input::Event(event)));
        }
        if let Poll::Ready(Some(event)) = self.net.as_mut().poll_next(context) {
            return Poll::Ready(Next::Input(Input::Net(event)));
        }
        match self.rest.as_mut().poll_next(context) {
            Poll::Ready(Some(event)) => Poll::Ready(Next::Input(Input::Event(event))),
            // Their senders outlive the loop.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
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
    use futures_lite::future::poll_fn;

    /// One letter for each.
    fn letter(input: &Input) -> char {
        match input {
            Input::Net(_) => 'n',
            Input::Event(Event::Reload) => 't',
            Input::Event(_) => 'e',
        }
    }

    fn first(inputs: &mut Inputs) -> Input {
        match block_on(poll_fn(|context| inputs.poll_next(context))).unwrap() {
            Next::Input(input) => input,
            Next::Sound => panic!("no port is open"),
        }
    }

    #[test]
    fn the_sticks_come_first_and_nothing_is_lost() {
        let (net_in, net) = bounded(20);
        let (rest_in, rest) = bounded(20);
        let (mut inputs, ttys_in) = Inputs::new(Inlets { net }, rest);
        for n in 0..10 {
            net_in.try_send(NetEvent::Resolved { token: n, result: Ok(Vec::new()) }).unwrap();
            rest_in.try_send(Event::Bus).unwrap();
        }
        (0..3).for_each(|_| ttys_in.try_send(Event::Reload).unwrap());
        let mut turns = Vec::new();
        while !inputs.is_empty() {
            let first = first(&mut inputs);
            let mut turn = String::new();
            for input in inputs.turn(Some(first)) {
                turn.push(letter(&input));
                // More sound, once, while an ordinary one was served.
                if turn == "tttn" {
                    ttys_in.try_send(Event::Reload).unwrap();
                }
            }
            turns.push(turn);
        }
        assert_eq!(turns[0], "tttnten");
        let all = turns.concat();
        let count = |wanted| all.chars().filter(|c| *c == wanted).count();
        assert_eq!((count('t'), count('n'), count('e')), (4, 10, 10), "{turns:?}");
        assert!(turns.iter().skip(1).all(|t| t.len() <= ORDINARY), "{turns:?}");
    }

    #[test]
    fn a_flood_of_sound_stops_nothing() {
        let (_net_in, net) = bounded(1);
        let (rest_in, rest) = bounded(1);
        let (mut inputs, ttys_in) = Inputs::new(Inlets { net }, rest);
        (0..TTY_EVENTS).for_each(|_| ttys_in.try_send(Event::Reload).unwrap());
        rest_in.try_send(Event::Bus).unwrap();
        let at = inputs.turn(None).position(|i| letter(&i) == 'e');
        assert_eq!(at, Some(TTY_EVENTS.min(URGENT)));
    }
}
