//! Where things lie: the programs under test, tools, scratch directories.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The workspace.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// `target/debug` or `target/release`: where the running test or program was built.
#[must_use]
pub fn profile_dir() -> PathBuf {
    let exe = std::env::current_exe().expect("own path");
    let dir = exe.parent().expect("a directory");
    if dir.ends_with("deps") { dir.parent().expect("a directory").to_owned() } else { dir.to_owned() }
}

/// `target`.
#[must_use]
pub fn target_dir() -> PathBuf {
    profile_dir().parent().expect("a directory").to_owned()
}

/// The daemon: `TANDEM_BIN`, or what this workspace builds.
#[must_use]
pub fn tandem() -> PathBuf {
    std::env::var_os("TANDEM_BIN").map_or_else(|| built("tandem"), PathBuf::from)
}

/// A program of this workspace, built if it is missing or older than its source.
#[must_use]
pub fn built(program: &str) -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        if std::env::var_os("HOUSE_NO_BUILD").is_some() {
            return;
        }
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root()).args(["build", "--quiet", "-p", "tandem", "-p", "e1750", "--target-dir"]);
        cargo.arg(target_dir());
        if profile_dir().ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo runs").success(), "the programs under test don't build");
    });
    profile_dir().join(program)
}

/// Python with aiosmtpd, as `make setup` made it; made here where that hasn't run.
#[must_use]
pub fn python() -> PathBuf {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON
        .get_or_init(|| {
            // In the workspace's own target directory, wherever the build goes.
            let venv = root().join("target/tools/venv");
            let python = venv.join("bin/python");
            let works = || {
                let probe = Command::new(&python).args(["-c", "import aiosmtpd"]).output();
                probe.is_ok_and(|o| o.status.success())
            };
            if !works() {
                let made = Command::new("python3").args(["-m", "venv"]).arg(&venv).status();
                assert!(
                    made.is_ok_and(|s| s.success()),
                    "python3 -m venv: is the package python3-venv installed?"
                );
                let wanted = root().join("scripts/requirements.txt");
                let installed =
                    Command::new(&python).args(["-m", "pip", "install", "-q", "-r"]).arg(wanted).status();
                assert!(installed.is_ok_and(|s| s.success()) && works(), "pip install aiosmtpd");
            }
            python
        })
        .clone()
}

/// A directory of a test's own, removed at its end unless the test failed. Short, for the sake of socket paths.
pub struct Scratch(PathBuf);

impl Scratch {
    #[must_use]
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("tandem-{name}-{}-{count}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a scratch directory");
        Self(dir)
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("kept for a look: {}", self.0.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
