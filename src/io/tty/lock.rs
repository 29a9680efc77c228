//! Lock files of serial ports, so that pppd, minicom, comgt and others leave ours alone, and we theirs. Filesystem Hierarchy
//! Standard 3.0 section 5.9: `LCK..ttyUSB0`, the process id in ten characters.
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A number and a line feed; whatever is longer is no lock of this kind.
const LONGEST: u64 = 64;

/// Ours. Gone with this value; after a crash the next one finds that its process is gone.
#[derive(Debug)]
pub struct Lock(PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        // Somebody may have removed it; then nothing is left to do.
        let _ = fs::remove_file(&self.0);
    }
}

/// Lock the port called `tty` for process `own`. `None`: there is no such directory, or it can't be written; then nobody is kept off.
///
/// # Errors
/// The process that has it.
pub fn take(directory: &Path, proc: &Path, tty: &str, own: u32) -> Result<Option<Lock>, u32> {
    let path = directory.join(format!("LCK..{tty}"));
    // The second time the stale one is gone.
    for _ in 0..2 {
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                let written = writeln!(file, "{own:>10}");
                let lock = Lock(path);
                return Ok(written.is_ok().then_some(lock));
            }
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => match holder(&path) {
                Some(process) if process != own && proc.join(process.to_string()).exists() => {
                    return Err(process);
                }
                _ if fs::remove_file(&path).is_err() => return Ok(None),
                _ => {}
            },
            Err(_) => return Ok(None),
        }
    }
    Ok(None)
}

fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    io::Read::read_to_string(&mut io::Read::take(fs::File::open(path).ok()?, LONGEST), &mut text).ok()?;
    // Some write a second number behind it.
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Place(PathBuf);

    impl Place {
        fn new(name: &str) -> Self {
            let root = std::env::temp_dir().join(format!("tandem-lock-{name}-{}", std::process::id()));
            fs::create_dir_all(root.join("proc/41")).unwrap();
            Self(root)
        }

        fn take(&self) -> Result<Option<Lock>, u32> {
            take(&self.0, &self.0.join("proc"), "ttyUSB2", 40)
        }

        fn file(&self) -> PathBuf {
            self.0.join("LCK..ttyUSB2")
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn it_is_there_as_long_as_it_is_held() {
        let place = Place::new("held");
        let lock = place.take().unwrap().unwrap();
        assert_eq!(fs::read_to_string(place.file()).unwrap(), "        40\n");
        drop(lock);
        assert!(!place.file().exists());
    }

    #[test]
    fn a_living_holder_is_named_and_a_dead_one_is_not_waited_for() {
        let place = Place::new("others");
        for (text, held_by) in [
            ("        41\n", Some(41)),
            ("41 7\n", Some(41)),
            ("        42\n", None),
            ("        40\n", None),
            ("", None),
            ("no number", None),
        ] {
            fs::write(place.file(), text).unwrap();
            match place.take() {
                Err(process) => assert_eq!(Some(process), held_by, "{text:?}"),
                Ok(lock) => assert!(lock.is_some() && held_by.is_none(), "{text:?}"),
            }
            drop(fs::remove_file(place.file()));
        }
    }

    #[test]
    fn without_a_directory_nobody_is_kept_off() {
        let nowhere = Path::new("/nowhere/at/all");
        assert!(take(nowhere, nowhere, "ttyUSB2", 40).unwrap().is_none());
    }
}
