//! TLS for SIP: our own certificate, and the check of a provider's. RFC 3261 section 26.3, RFC 5922.
use super::pipe::Pipe;
use crate::io::reactor::Source;
use crate::switch::net::{TlsOwn, TlsPeer};
#[cfg(feature = "tls")]
use std::io;
use std::net::TcpStream;

#[cfg(feature = "tls")]
pub use with::{Client, Server, client, secure, server};
#[cfg(not(feature = "tls"))]
pub use without::{Client, Server, client, secure, server};

/// What we are in a handshake.
pub enum Side {
    Client(Client),
    Server(Server),
}

#[cfg(feature = "tls")]
mod with {
    use super::super::certificate::make;
    use super::{Pipe, Side, Source, TcpStream, TlsOwn, TlsPeer, io};
    use crate::io::elsewhere::elsewhere;
    use crate::io::seed::seed;
    use crate::io::tls;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
    use rustls::{ClientConnection, Connection, ServerConfig, ServerConnection};
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::sync::Arc;

    pub type Client = TlsPeer;
    pub type Server = Arc<ServerConfig>;

    type Chain = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

    /// What our listening places show.
    ///
    /// # Errors
    /// In words, naming the option.
    pub fn server(own: &TlsOwn) -> Result<Server, String> {
        let (certificates, key) = if own.is_made { kept(own)? } else { configured(own)? };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|why| format!("TLS: {why}"))?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .map_err(|why| format!("{}, {}: {why}", own.certificate, own.key))?;
        Ok(Arc::new(config))
    }

    fn configured(own: &TlsOwn) -> Result<Chain, String> {
        let (certificate, key) = (&own.certificate, &own.key);
        let unusable =
            |option: &str, path: &str, why: String| format!("option '{option}' is '{path}': {why}");
        let certificates = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|why| unusable("tls_certificate", certificate, tls::pem_words(&why)))?;
        if certificates.is_empty() {
            return Err(unusable("tls_certificate", certificate, "no certificate in it".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_file(key)
            .map_err(|why| unusable("tls_key", key, tls::pem_words(&why)))?;
        Ok((certificates, key))
    }

    /// The one made at the first start: phones may have learnt to trust it.
    fn kept(own: &TlsOwn) -> Result<Chain, String> {
        let read = || Some((std::fs::read(&own.certificate).ok()?, std::fs::read(&own.key).ok()?));
        let (certificate, key) = match read() {
            Some(both) => both,
            None => {
                let [a, b, c, d, e, f, g, h, ..] = seed().map_err(|why| why.to_string())?;
                let made = make("tandem", [a, b, c, d, e, f, g, h])?;
                for (path, bytes) in [(&own.key, &made.key), (&own.certificate, &made.certificate)] {
                    write(path, bytes).map_err(|why| format!("{path}: {why}"))?;
                }
                log::info!("a certificate of our own was made: {}", own.certificate);
                (made.certificate, made.key)
            }
        };
        Ok((vec![CertificateDer::from(certificate)], PrivatePkcs8KeyDer::from(key).into()))
    }

    /// A half-written one is none: the name comes last.
    fn write(path: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!("{path}.tmp");
        let _ = std::fs::remove_file(&temporary);
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    }

    /// # Errors
    /// In words.
    pub fn client(peer: &TlsPeer) -> Result<Client, String> {
        Ok(peer.clone())
    }

    /// The handshake.
    ///
    /// # Errors
    /// In words.
    pub async fn secure(stream: Source<TcpStream>, side: Side) -> Result<Pipe, String> {
        let connection = match side {
            Side::Server(config) => {
                Connection::from(ServerConnection::new(config).map_err(|why| format!("TLS: {why}"))?)
            }
            // The system's certificates are some 200 kB to read and understand: not while sound waits.
            Side::Client(peer) => {
                Connection::from(elsewhere(move || connection(&peer)).await.map_err(|why| why.to_string())??)
            }
        };
        Pipe::tls(stream, connection).await.map_err(|why| {
            tls::failure(&why, "tls_verify").unwrap_or_else(|| format!("TLS handshake: {why}"))
        })
    }

    fn connection(peer: &TlsPeer) -> Result<ClientConnection, String> {
        tls::client(&peer.name, peer.verify, peer.ca_file.as_deref())
    }
}

#[cfg(not(feature = "tls"))]
mod without {
    use super::{Pipe, Side, Source, TcpStream, TlsOwn, TlsPeer};

    #[derive(Clone)]
    pub enum Client {}
    #[derive(Clone)]
    pub enum Server {}

    const NONE: &str = "this build has no TLS";

    /// # Errors
    /// Always.
    pub fn server(_: &TlsOwn) -> Result<Server, String> {
        Err(NONE.to_owned())
    }

    /// # Errors
    /// Always.
    pub fn client(_: &TlsPeer) -> Result<Client, String> {
        Err(NONE.to_owned())
    }

    pub async fn secure(_: Source<TcpStream>, side: Side) -> Result<Pipe, String> {
        match side {
            Side::Client(none) => match none {},
            Side::Server(none) => match none {},
        }
    }
}
