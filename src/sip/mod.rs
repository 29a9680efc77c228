//! L2: SIP as machines. Transactions (RFC 3261 section 17, RFC 6026), dialogs and INVITE sessions (sections 12 to 15), digest,
//! registrar and our own registrations. Sans-IO: messages and time in, messages and events out.
pub mod auth;
mod dialog;
pub mod endpoint;
mod flow;
pub mod registrar;
pub mod registration;
mod session;
pub mod subscription;
mod transaction;

pub use dialog::DialogId;
pub use endpoint::{ClientId, EndedBy, Endpoint, Event, Found, Invite, RequestId, SessionId};
pub use flow::{Flow, Transport};
