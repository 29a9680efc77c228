//! Octets in order, each take checked.
use super::fault::{Fault, PduError};

/// Reads a PDU from front to back and knows where it is.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0 }
    }

    /// Offset of the next octet.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// What nobody has read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.octets.get(self.at..).unwrap_or_default()
    }

    /// The next octet, which is the field named `field`.
    ///
    /// # Errors
    /// [`Fault::Missing`] at the end of the PDU.
    pub fn octet(&mut self, field: &'static str) -> Result<u8, PduError> {
        self.take(1, Fault::Missing(field))?.first().copied().ok_or(self.error(Fault::Missing(field)))
    }

    /// The next `count` octets.
    ///
    /// # Errors
    /// `fault`, here, when fewer are left.
    pub fn take(&mut self, count: usize, fault: Fault) -> Result<&'a [u8], PduError> {
        let taken = self.rest().get(..count).ok_or(self.error(fault))?;
        self.at = self.at.saturating_add(count);
        Ok(taken)
    }

    /// `fault` at the next octet.
    #[must_use]
    pub const fn error(&self, fault: Fault) -> PduError {
        PduError { at: self.at, what: fault }
    }
}
