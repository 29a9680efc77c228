//! The durable message path: texts in, texts out, and where they go.
pub mod compose;
pub mod delivery;
pub mod inbox;
pub mod mail;
pub mod outbox;
pub mod pager;
pub mod part;
pub mod post;
pub mod store;
pub mod text;

pub use inbox::Inbox;
pub use part::{Arrival, PartId};
pub use store::{Change, Disk, DiskError};
pub use text::{Text, TextId};
