//! Ladders: one endpoint against a peer whose messages the test writes, on a virtual clock. `pair`: two endpoints and a bad network.
mod bad_input;
mod in_dialog;
mod ladder;
mod lifecycle;
mod pair;
mod reliable;
mod timer;
mod uac;
mod uas;
