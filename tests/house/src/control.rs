//! baresip's `ctrl_tcp`: one command, one answer, and events at any time.
use crate::netstring;
use crate::wait::patience;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Events kept that nobody has asked for; the oldest go first.
const KEPT: usize = 10_000;

#[derive(Default)]
struct Heard {
    events: VecDeque<Value>,
    answers: Vec<Value>,
    over: bool,
}

#[derive(Default)]
struct Inbox {
    heard: Mutex<Heard>,
    grown: Condvar,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `look` finds something; None after `seconds`, or when the other side has gone.
    fn wait<T>(&self, seconds: f64, mut look: impl FnMut(&mut Heard) -> Option<T>) -> Option<T> {
        let ends = Instant::now() + patience(seconds);
        let mut heard = self.lock();
        loop {
            let found = look(&mut heard);
            let left = ends.saturating_duration_since(Instant::now());
            if found.is_some() || left.is_zero() || heard.over {
                return found;
            }
            heard = self.grown.wait_timeout(heard, left).map_or_else(|e| e.into_inner().0, |(h, _)| h);
        }
    }
}

/// One connection; baresip serves one at a time.
pub struct Control {
    stream: TcpStream,
    inbox: Arc<Inbox>,
    asked: u64,
}

impl Control {
    /// # Errors
    /// The socket's.
    pub fn connect(port: u16) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        let (reader, inbox) = (stream.try_clone()?, Arc::new(Inbox::default()));
        let shared = Arc::clone(&inbox);
        std::thread::spawn(move || {
            read_all(reader, &shared);
            shared.lock().over = true;
            shared.grown.notify_all();
        });
        Ok(Self { stream, inbox, asked: 0 })
    }

    /// One command of baresip's menu: what it printed.
    ///
    /// # Errors
    /// What baresip or the socket has against it.
    pub fn ask(&mut self, command: &str, params: Option<&str>) -> Result<String, String> {
        self.asked += 1;
        let token = self.asked.to_string();
        let mut request = json!({ "command": command, "token": token });
        if let Some(params) = params {
            request["params"] = params.into();
        }
        let frame = netstring::frame(&request.to_string());
        self.stream.write_all(&frame).map_err(|e| e.to_string())?;
        let answer = self.inbox.wait(10.0, |heard| {
            let at = heard.answers.iter().position(|a| a["token"] == token.as_str())?;
            Some(heard.answers.swap_remove(at))
        });
        let answer = answer.ok_or("no answer")?;
        let text = answer["data"].as_str().unwrap_or_default().trim().to_owned();
        if answer["ok"] == true { Ok(text) } else { Err(text) }
    }

    /// The first event that `is_wanted`, taken out; None after `seconds`.
    pub fn take(&self, seconds: f64, is_wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        self.inbox.wait(seconds, |heard| {
            let at = heard.events.iter().position(&is_wanted)?;
            heard.events.remove(at)
        })
    }

    /// Forgets the events that are there and are `unwanted`.
    pub fn forget(&self, unwanted: impl Fn(&Value) -> bool) {
        self.inbox.lock().events.retain(|e| !unwanted(e));
    }

    /// The events that nobody has taken yet.
    #[must_use]
    pub fn events(&self) -> Vec<Value> {
        self.inbox.lock().events.iter().cloned().collect()
    }
}

fn read_all(mut stream: TcpStream, inbox: &Inbox) {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4_096]);
    while let Ok(count @ 1..) = stream.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..count]);
        while let Ok(Some(body)) = netstring::take(&mut bytes) {
            let Ok(message) = serde_json::from_str::<Value>(&body) else {
                eprintln!("baresip's control socket: no JSON: {body}");
                continue;
            };
            let mut heard = inbox.lock();
            if message["response"] == true {
                heard.answers.push(message);
            } else {
                heard.events.push_back(message);
                if heard.events.len() > KEPT {
                    heard.events.pop_front();
                }
            }
            inbox.grown.notify_all();
        }
    }
}
