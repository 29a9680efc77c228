//! What a mobile network does to a sound: a real AMR coder and decoder.
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

/// The ways that a sound can go.
#[derive(Clone, Copy, Debug)]
pub enum Coder {
    None,
    Amr12200,
    Amr4750,
}

pub const CODERS: [Coder; 3] = [Coder::None, Coder::Amr12200, Coder::Amr4750];

impl Coder {
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "uncoded",
            Self::Amr12200 => "AMR 12.2",
            Self::Amr4750 => "AMR 4.75",
        }
    }

    pub fn code(self, sound: &[i16]) -> Vec<i16> {
        match self {
            Self::None => sound.to_vec(),
            Self::Amr12200 => through(sound, "7"),
            Self::Amr4750 => through(sound, "0"),
        }
    }
}

fn through(sound: &[i16], mode: &str) -> Vec<i16> {
    let bytes: Vec<u8> = sound.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut child =
        Command::new(program()).arg(mode).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut coded = Vec::new();
    thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(&bytes).unwrap());
        stdout.read_to_end(&mut coded).unwrap();
    });
    assert!(child.wait().unwrap().success());
    samples(&coded)
}

pub fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// Compiled once for each run of the tests.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/dtmf/amr.c");
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("dtmf-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let program = folder.join("amr");
        let built =
            Command::new("cc").args(["-O2", "-o"]).arg(&program).args([source, "-lopencore-amrnb"]).status();
        assert!(built.unwrap().success(), "no AMR coder: `make setup` brings libopencore-amrnb-dev");
        program
    })
}
