//! A connection as its course sees it: plain bytes, whatever goes over the wire.
use super::shared::Scratch;
use crate::io::reactor::Source;
use crate::sip::Transport;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

#[cfg(feature = "tls")]
use {rustls::Connection, std::cell::RefCell};

/// TCP, or TLS over it.
pub struct Pipe {
    stream: Source<TcpStream>,
    #[cfg(feature = "tls")]
    tls: Option<RefCell<Connection>>,
}

impl Pipe {
    #[must_use]
    pub const fn plain(stream: Source<TcpStream>) -> Self {
        Self {
            stream,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// With the handshake done.
    ///
    /// # Errors
    /// What the system says, or TLS: `rustls::Error` is inside.
    #[cfg(feature = "tls")]
    pub async fn tls(stream: Source<TcpStream>, connection: Connection) -> io::Result<Self> {
        let pipe = Self { stream, tls: Some(RefCell::new(connection)) };
        if let Some(tls) = &pipe.tls {
            loop {
                pipe.send(tls).await?;
                if !tls.borrow().is_handshaking() {
                    break;
                }
                if !pipe.receive(tls).await? {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        Ok(pipe)
    }

    #[must_use]
    pub const fn transport(&self) -> Transport {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return Transport::Tls;
        }
        Transport::Tcp
    }

    #[must_use]
    pub fn socket(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    /// What came, at most `most` bytes; nothing: the peer has said all.
    ///
    /// # Errors
    /// What the system says, or TLS.
    pub async fn read(&self, most: usize, scratch: &Scratch) -> io::Result<Vec<u8>> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            loop {
                let take = |buffer: &mut [u8]| Ok((tls.borrow_mut().reader().read(buffer)?, ()));
                match scratch.read(most, take) {
                    Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                    // Many close without saying so first; SIP's messages tell where they end.
                    Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => return Ok(Vec::new()),
                    result => return result.map(|(bytes, ())| bytes),
                }
                self.receive(tls).await?;
            }
        }
        let read = |mut s: &TcpStream| scratch.read(most, |buffer| Ok((s.read(buffer)?, ())));
        Ok(self.stream.read_with(read).await?.0)
    }

    /// Some of `bytes`: how many went, at least as far as `flush` sends on. Either all that it says or nothing where it is left.
    ///
    /// # Errors
    /// What the system says, or TLS.
    pub async fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            // First what is still inside, so that it can't grow.
            self.send(tls).await?;
            return tls.borrow_mut().writer().write(bytes);
        }
        self.stream.write_with(|mut s| s.write(bytes)).await
    }

    /// Send what `write` took.
    ///
    /// # Errors
    /// What the system says.
    pub async fn flush(&self) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            self.send(tls).await?;
        }
        Ok(())
    }

    /// We have said all.
    ///
    /// # Errors
    /// What the system says.
    pub async fn finish(&self) -> io::Result<()> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            tls.borrow_mut().send_close_notify();
            self.send(tls).await?;
        }
        self.socket().shutdown(Shutdown::Write)
    }

    /// Records from the wire; false: there are no more.
    #[cfg(feature = "tls")]
    async fn receive(&self, tls: &RefCell<Connection>) -> io::Result<bool> {
        let count = self.stream.read_with(|mut s| tls.borrow_mut().read_tls(&mut s)).await?;
        let processed = tls.borrow_mut().process_new_packets();
        if let Err(why) = processed {
            // The peer is told why, if it still listens.
            let _ = tls.borrow_mut().write_tls(&mut self.socket());
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        self.send(tls).await?;
        Ok(count > 0)
    }

    #[cfg(feature = "tls")]
    async fn send(&self, tls: &RefCell<Connection>) -> io::Result<()> {
        while tls.borrow().wants_write() {
            self.stream.write_with(|mut s| tls.borrow_mut().write_tls(&mut s)).await?;
        }
        Ok(())
    }
}
