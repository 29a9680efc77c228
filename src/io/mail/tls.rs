//! TLS towards a mail server: whom to trust, and what to say when it isn't trusted.
use crate::config::Smtp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};
use std::io;
use std::sync::Arc;

/// A TLS client for `server`, before its first byte. Built per connection: the system's certificates take some
/// 300 kB that an idle router has better use for.
///
/// # Errors
/// In words, naming the option to change.
pub fn client(server: &Smtp) -> Result<ClientConnection, String> {
    let name = ServerName::try_from(server.host.clone())
        .map_err(|_| format!("'{}' is no host name that a certificate could be for", server.host))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("TLS: {e}"))?;
    let config = if server.verify {
        builder.with_root_certificates(roots(server)?).with_no_client_auth()
    } else {
        let anyone = Arc::new(Anyone(provider));
        builder.dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth()
    };
    ClientConnection::new(Arc::new(config), name).map_err(|e| format!("TLS: {e}"))
}

/// The system's certificates and those of `ca_file`.
fn roots(server: &Smtp) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = &server.ca_file {
        let unusable = |why: String| format!("option 'ca_file' is '{path}': {why}");
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(|e| unusable(pem_words(&e)))? {
            let certificate = certificate.map_err(|e| unusable(pem_words(&e)))?;
            roots.add(certificate).map_err(|e| unusable(e.to_string()))?;
        }
        if roots.len() == before {
            return Err(unusable("no certificate in it".to_owned()));
        }
    }
    if roots.is_empty() {
        return Err(
            "no trusted certificates on this system: install the package 'ca-bundle', or set option \
                    'ca_file'"
                .to_owned(),
        );
    }
    Ok(roots)
}

fn pem_words(error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::Io(e) => e.to_string(),
        other => other.to_string(),
    }
}

/// A failed handshake in words: what is wrong with the certificate, and which option to set.
pub fn failure(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidCertificate(why)) => certificate_words(why),
        Some(Error::NoCertificatesPresented) => "the server shows no certificate".to_owned(),
        // What a server that speaks plain SMTP on this port gives.
        Some(Error::InvalidMessage(_)) => {
            "the server speaks no TLS here: for this port try security 'starttls' (587, 25) or 'tls' (465)"
                .to_owned()
        }
        Some(other) => format!("TLS: {other}"),
        None => format!("TLS: {}", super::session::io_words(error)),
    }
}

fn certificate_words(why: &CertificateError) -> String {
    let self_made = "set option 'ca_file' to the certificate that signed it, or for a server in your own house \
                     option 'verify' to '0'";
    match why {
        CertificateError::UnknownIssuer => {
            format!("certificate not trusted: its issuer is unknown; {self_made}")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("certificate is for another name ({why}): set option 'host' to the name in it")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("certificate has expired ({why})")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("certificate is not valid yet ({why}): is this router's clock right?")
        }
        other => format!("certificate not trusted: {other}; {self_made}"),
    }
}

/// `verify '0'`: any certificate, any name. The signature is still checked, so that the peer holds its own key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
