//! Ladder tests on the virtual clock: what a stick says and when, what is written back, and what becomes of it. No ports, no
//! disk, no sleep. The dialogues are files in `transcripts/` (`player` says how to read one); what concerns disk and mail
//! server is told in Rust against the whole switch (`house`).
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
mod chance;
mod deliveries;
mod house;
mod joining;
mod keeping;
mod pdus;
mod player;
mod reloads;
mod sending;
mod sticks;
mod switching;
