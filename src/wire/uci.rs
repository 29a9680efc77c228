//! UCI text.
