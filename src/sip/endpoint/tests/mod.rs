//! Ladders: one endpoint against a peer whose messages the test writes, on a virtual clock.
mod ladder;
mod lifecycle;
mod uac;
mod uas;
