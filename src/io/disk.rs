//! The state directory: the system calls of `message::store`, in a thread of its own, because fsync on flash takes its
//! time and nothing may wait for it.
use super::event::{Event, Events};
use crate::message::store::{TEMPORARY, apply};
use crate::message::{Change, Disk, DiskError};
use crate::util::limits::{RECORD_BYTES, STATE_FILES};
use async_channel::{Sender, unbounded};
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// One directory on a real file system.
struct Directory {
    path: PathBuf,
    /// Written, not synced yet.
    open: Option<(String, File)>,
}

impl Directory {
    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

fn error_of(e: &io::Error) -> DiskError {
    match e.raw_os_error() {
        Some(libc::ENOSPC | libc::EDQUOT | libc::EFBIG) => DiskError::Full,
        Some(libc::EROFS) => DiskError::ReadOnly,
        other => DiskError::Other(other.unwrap_or(0)),
    }
}

impl Disk for Directory {
    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.open = None;
        // Made anew when somebody removed it under us.
        make(&self.path).map_err(|e| error_of(&e))?;
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(self.file(name))
            .map_err(|e| error_of(&e))?;
        file.write_all(bytes).map_err(|e| error_of(&e))?;
        self.open = Some((name.to_owned(), file));
        Ok(())
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        match self.open.take() {
            Some((open, file)) if open == name => file.sync_all(),
            _ => File::open(self.file(name)).and_then(|f| f.sync_all()),
        }
        .map_err(|e| error_of(&e))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        fs::rename(self.file(from), self.file(to)).map_err(|e| error_of(&e))
    }

    fn remove(&mut self, name: &str) -> Result<(), DiskError> {
        match fs::remove_file(self.file(name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(error_of(&e)),
            _ => Ok(()),
        }
    }

    fn sync_dir(&mut self) -> Result<(), DiskError> {
        File::open(&self.path).and_then(|d| d.sync_all()).map_err(|e| error_of(&e))
    }
}

fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() { Ok(()) } else { fs::DirBuilder::new().recursive(true).mode(0o700).create(path) }
}

/// Keep the directory for ourselves as long as the value lives: two daemons on one store would send and delete each other's texts.
/// Works on a read-only file system too, and ends with the process however that ends.
///
/// # Errors
/// `AddrInUse` when another daemon has it; else what the system says.
pub fn lock(path: &Path) -> io::Result<Flock<File>> {
    make(path)?;
    Flock::lock(File::open(path)?, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| {
        if errno == nix::Error::EWOULDBLOCK {
            let words = format!("state directory {}: another tandem is running and uses it", path.display());
            io::Error::new(io::ErrorKind::AddrInUse, words)
        } else {
            errno.into()
        }
    })
}

/// Everything in the directory that can be a record; what a crash left half written is removed.
///
/// # Errors
/// The directory can't be made or read.
pub fn load(path: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    make(path)?;
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else {
            log::warn!("a file in {} has a name that is not UTF-8; left alone", path.display());
            continue;
        };
        if name.ends_with(TEMPORARY) {
            // Never acknowledged to anybody. On a read-only system it stays and does no harm.
            let _ = fs::remove_file(entry.path());
            continue;
        }
        // The certificate is read where it is used.
        if name.starts_with("tls.") {
            continue;
        }
        if files.len() >= STATE_FILES {
            log::error!("more than {STATE_FILES} files in {}; further ones are left alone", path.display());
            break;
        }
        match read(&entry.path()) {
            Ok(bytes) => files.push((name, bytes)),
            Err(why) => log::warn!("{name}: {why}; left alone"),
        }
    }
    // In the order of their texts, which then only have to be appended.
    files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    Ok(files)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("no plain file"));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(RECORD_BYTES).unwrap_or(u64::MAX);
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Start the thread; changes go in, in their order, `Event::Stored` comes out.
///
/// # Errors
/// No thread can be had.
pub fn start(path: PathBuf, events: Events) -> io::Result<Sender<(u64, Change)>> {
    // Bounded by what the switch keeps: one change for each record at most.
    let (sender, receiver) = unbounded::<(u64, Change)>();
    std::thread::Builder::new().name("disk".to_owned()).stack_size(128 * 1_024).spawn(move || {
        let mut directory = Directory { path, open: None };
        while let Ok((token, change)) = receiver.recv_blocking() {
            let result = apply(&mut directory, &change);
            if events.send_blocking(Event::Stored { token, result }).is_err() {
                return;
            }
        }
    })?;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory of its own, removed in the end.
    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("tandem-disk-{}-{name}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn directory(&self) -> Directory {
            Directory { path: self.0.clone(), open: None }
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn record() -> Change {
        Change::Write { name: "a.part".to_owned(), bytes: b"record".to_vec() }
    }

    #[test]
    fn written_whole_under_its_own_name() {
        let place = Place::new("whole");
        assert_eq!(apply(&mut place.directory(), &record()), Ok(()));
        assert_eq!(load(&place.0).unwrap(), [("a.part".to_owned(), b"record".to_vec())]);
    }

    /// A pipe takes bytes and refuses fsync: a record that is not on the medium is not called stored, and what was
    /// written of it is gone.
    #[test]
    fn not_stored_without_fsync() {
        let place = Place::new("fsync");
        let pipe = place.0.join("a.part.tmp");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        // Held open for reading, so that opening it for writing does not wait.
        let _reader = fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        assert_eq!(apply(&mut place.directory(), &record()), Err(DiskError::Other(libc::EINVAL)));
        assert_eq!(fs::read_dir(&place.0).unwrap().count(), 0);
    }

    #[test]
    fn the_directory_is_synced() {
        let place = Place::new("gone");
        fs::remove_dir(&place.0).unwrap();
        let removal = Change::Remove { names: vec!["a.part".to_owned()] };
        assert_eq!(apply(&mut place.directory(), &removal), Err(DiskError::Other(libc::ENOENT)));
    }

    #[test]
    fn what_a_crash_left_half_written_is_removed() {
        let place = Place::new("half");
        fs::write(place.0.join("a.part.tmp"), "tand").unwrap();
        fs::write(place.0.join("b.part"), "record").unwrap();
        assert_eq!(load(&place.0).unwrap(), [("b.part".to_owned(), b"record".to_vec())]);
        assert!(!place.0.join("a.part.tmp").exists());
    }
}
