//! The durable message path: texts in, texts out, and where they go.
pub mod mail;
