//! What comes in, and in which order it is served: sound first, then the sticks, then all else a little at a time.
use crate::io::event::{Event, Events};
use crate::io::net::{Inlets, NetEvent, RtpEvent};
use crate::util::limits::TTY_EVENTS;
use smol::channel::{Receiver, bounded};
use smol::future::or;

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

    /// Sound that is there.
    pub fn urgent(&self) -> Option<Input> {
        let tty = || self.ttys.try_recv().ok().map(Input::Event);
        self.rtp.try_recv().ok().map(Input::Rtp).or_else(tty)
    }

    /// The next of the others that are there; a flood of one kind leaves every second turn to the other.
    pub fn ordinary(&mut self) -> Option<Input> {
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
