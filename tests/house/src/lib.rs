//! The house that tandem is tested in.
