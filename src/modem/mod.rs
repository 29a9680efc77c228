//! The dongle: ports, session, SIM, network, texts.
pub mod command;
pub mod engine;
