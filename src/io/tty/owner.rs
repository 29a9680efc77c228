//! Who else has a port open: the kernel lets root open it twice, and two readers get half of each answer. DONGLE 1.6, 6.1 no. 5.
use std::fs;
use std::path::Path;

/// Processes that are looked through; a router has a hundred.
const PROCESSES: usize = 4_096;
/// Descriptors of one process.
const DESCRIPTORS: usize = 1_024;

/// Another process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    pub process: u32,
    /// Its name, as `ps` shows it.
    pub name: String,
}

/// The first process but `own` that has `tty` open, as far as we may see. `proc`: `/proc`.
#[must_use]
pub fn find(proc: &Path, tty: &Path, own: u32) -> Option<Owner> {
    let processes = fs::read_dir(proc).ok()?.take(PROCESSES).flatten();
    for entry in processes {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if process != own && has_open(&entry.path(), tty) {
            return Some(Owner { process, name: name(&entry.path()) });
        }
    }
    None
}

fn has_open(process: &Path, tty: &Path) -> bool {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else { return false };
    descriptors.take(DESCRIPTORS).flatten().any(|fd| fs::read_link(fd.path()).is_ok_and(|to| to == tty))
}

/// A process chooses its name itself: no line of the log is made by it.
fn name(process: &Path) -> String {
    let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
    crate::util::text::one_line(name.trim(), 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_process_is_found_by_what_it_has_open() {
        let root = std::env::temp_dir().join(format!("tandem-owner-{}", std::process::id()));
        let tty = Path::new("/dev/ttyUSB2");
        for (process, name, to) in [
            ("7", "init", "/dev/null"),
            ("40", "tandem", "/dev/ttyUSB2"),
            ("41", "ModemManager\n", "/dev/ttyUSB2"),
            ("self", "nobody", "/dev/ttyUSB2"),
        ] {
            let process = root.join(process);
            fs::create_dir_all(process.join("fd")).unwrap();
            fs::write(process.join("comm"), name).unwrap();
            std::os::unix::fs::symlink("/dev/null", process.join("fd/0")).unwrap();
            std::os::unix::fs::symlink(to, process.join("fd/9")).unwrap();
        }
        let owner = Owner { process: 41, name: "ModemManager".to_owned() };
        assert_eq!(find(&root, tty, 40), Some(owner));
        assert_eq!(find(&root, Path::new("/dev/ttyUSB1"), 40), None);
        assert_eq!(find(&root.join("nowhere"), tty, 40), None);
        fs::remove_dir_all(&root).unwrap();
    }

    #[test]
    fn a_real_process_is_found() {
        let file = std::env::temp_dir().join(format!("tandem-owned-{}", std::process::id()));
        fs::write(&file, "").unwrap();
        let input = fs::File::open(&file).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").stdin(input).spawn().unwrap();
        let found = find(Path::new("/proc"), &fs::canonicalize(&file).unwrap(), std::process::id());
        child.kill().unwrap();
        child.wait().unwrap();
        fs::remove_file(&file).unwrap();
        assert_eq!(found.map(|owner| owner.process), Some(child.id()));
    }
}
