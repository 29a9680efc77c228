//! Records on disk: written whole or not at all, and on the medium when we say so.
//!
//! One record, one file: temporary name, write, fsync, rename, fsync of the directory. A crash at any point leaves the old
//! record or the new one. The system calls are `io::disk`; the order of them is here, so that the crash harness runs it.

/// Why a record could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// ENOSPC, EDQUOT
    Full,
    /// EROFS
    ReadOnly,
    /// Another errno.
    Other(i32),
}

impl std::fmt::Display for DiskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full => f.write_str("no space left on the flash"),
            Self::ReadOnly => f.write_str("the file system is read-only"),
            Self::Other(errno) => write!(f, "error {errno}"),
        }
    }
}

/// One directory. Names hold no slash.
pub trait Disk {
    /// Make or empty the file and write `bytes`. Not on the medium yet.
    ///
    /// # Errors
    /// What the system said; the file may exist in part.
    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError>;
    /// fsync of the file last written.
    ///
    /// # Errors
    /// What the system said.
    fn sync(&mut self, name: &str) -> Result<(), DiskError>;
    /// # Errors
    /// What the system said.
    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError>;
    /// A missing file is no error.
    ///
    /// # Errors
    /// What the system said.
    fn remove(&mut self, name: &str) -> Result<(), DiskError>;
    /// fsync of the directory: renames and removals are on the medium.
    ///
    /// # Errors
    /// What the system said.
    fn sync_dir(&mut self) -> Result<(), DiskError>;
}

/// One change of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Write {
        name: String,
        bytes: Vec<u8>,
    },
    /// In this order, each on the medium before the next: a text's parts go before the record that says they were delivered.
    Remove {
        names: Vec<String>,
    },
}

/// Ending of files that a crash left half written; removed at start.
pub const TEMPORARY: &str = ".tmp";

/// Carry `change` out. When this returns `Ok` it is on the medium.
///
/// # Errors
/// What the disk said; nothing visible has changed then, or (rename done, directory not synced) may be undone by a crash.
pub fn apply(disk: &mut impl Disk, change: &Change) -> Result<(), DiskError> {
    match change {
        Change::Write { name, bytes } => {
            let temporary = format!("{name}{TEMPORARY}");
            let written = write_aside(disk, &temporary, name, bytes);
            if written.is_err() {
                // Frees the space that a half-written file holds. If even that fails, the next start does it.
                let _ = disk.remove(&temporary);
            }
            written
        }
        Change::Remove { names } => {
            for name in names {
                disk.remove(name)?;
                disk.sync_dir()?;
            }
            Ok(())
        }
    }
}

fn write_aside(disk: &mut impl Disk, temporary: &str, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
    disk.write(temporary, bytes)?;
    disk.sync(temporary)?;
    disk.rename(temporary, name)?;
    disk.sync_dir()
}

/// Text of a record: a first line with version and checksum, then JSON.
#[must_use]
pub fn encode(record: &serde_json::Value) -> Vec<u8> {
    let body = format!("{record}\n");
    format!("tandem 1 {:08x}\n{body}", crate::util::hash::crc32(body.as_bytes())).into_bytes()
}

/// The record in a file; `None` when it is not ours or damaged.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<serde_json::Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once('\n')?;
    let checksum = u32::from_str_radix(head.strip_prefix("tandem 1 ")?, 16).ok()?;
    if checksum != crate::util::hash::crc32(body.as_bytes()) {
        return None;
    }
    serde_json::from_str(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_record_is_told() {
        let bytes = encode(&serde_json::json!({"a": 1}));
        assert_eq!(decode(&bytes), Some(serde_json::json!({"a": 1})));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x04;
            assert_eq!(decode(&damaged), None, "byte {at}");
            assert_eq!(decode(&bytes[..at]), None, "cut at {at}");
        }
    }
}
