//! Calls as ladders on the virtual clock: the whole switch with a stick, phones and a provider, and a network between them
//! that loses, doubles and swaps messages. No sockets, no sleep.
//!
//! The doubles share no code with what they test: `text` writes and reads SIP by itself, `digest` computes its own digest,
//! `sound` makes its own RTP. `world` carries out what the switch asks for; at the end of each ladder it looks whether
//! anything of a call was left behind (`World::end`), and a test that forgets to ask fails.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod carried;
mod control;
mod days;
mod digest;
mod groups;
mod house;
mod incoming;
mod keys;
mod lamps;
mod lossy;
mod messages;
mod net;
mod outgoing;
mod peer;
mod phones;
mod races;
mod random;
#[cfg(feature = "media")]
mod recoded;
mod reports;
mod secure;
mod sound;
mod sounds;
mod srtp;
mod stick;
mod talk;
mod text;
mod timers;
mod trace;
mod transfer;
mod trunks;
mod uplink;
mod world;
