//! A "mail server" that is none: it plays a script of raw bytes to each client.
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// One act of a rogue.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends these bytes.
    Say(Vec<u8>),
    /// Reads until a line has come.
    Hear,
    /// Sends these bytes over and over, this often; each with a pause before it.
    Dribble { bytes: Vec<u8>, times: usize, pause: Duration },
    /// Holds the line in silence until the client goes.
    Hold,
}

/// A listening rogue; its thread ends with it.
pub struct Rogue {
    pub port: u16,
    over: Arc<AtomicBool>,
}

impl Rogue {
    #[must_use]
    pub fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                // The client's going ends the play; that is what the test waits for.
                let _ = play(client, &acts, &stop);
            }
        });
        Self { port, over }
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn play(mut client: TcpStream, acts: &[Act], stop: &AtomicBool) -> std::io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(120)))?;
    for act in acts {
        match act {
            Act::Say(bytes) => client.write_all(bytes)?,
            Act::Hear => hear_line(&mut client)?,
            Act::Hold => drop(client.read(&mut [0; 1])?),
            Act::Dribble { bytes, times, pause } => {
                for _ in 0..*times {
                    if stop.load(Ordering::Relaxed) {
                        return Ok(());
                    }
                    std::thread::sleep(*pause);
                    client.write_all(bytes)?;
                }
            }
        }
    }
    Ok(())
}

fn hear_line(client: &mut TcpStream) -> std::io::Result<()> {
    let mut byte = [0];
    loop {
        if client.read(&mut byte)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if byte[0] == b'\n' {
            return Ok(());
        }
    }
}
