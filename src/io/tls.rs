//! TLS towards mail servers and providers: whom to trust, and what to say when it isn't trusted.
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

/// A TLS client for `host`, before its first byte. Built per connection: the system's certificates take some
/// 300 kB that an idle router has better use for.
///
/// # Errors
/// In words, naming the option to change.
pub fn client(host: &str, verify: bool, ca_file: Option<&str>) -> Result<ClientConnection, String> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| format!("'{host}' is no host name that a certificate could be for"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| format!("TLS: {e}"))?;
    let config = if verify {
        builder.with_root_certificates(roots(ca_file)?).with_no_client_auth()
    } else {
        let anyone = Arc::new(Anyone(provider));
        builder.dangerous().with_custom_certificate_verifier(anyone).with_no_client_auth()
    };
    ClientConnection::new(Arc::new(config), name).map_err(|e| format!("TLS: {e}"))
}

/// The system's certificates and those of `ca_file`.
fn roots(ca_file: Option<&str>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
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

/// In words.
pub fn pem_words(error: &rustls::pki_types::pem::Error) -> String {
    match error {
        rustls::pki_types::pem::Error::Io(e) => e.to_string(),
        other => other.to_string(),
    }
}

/// A failed handshake in words: what is wrong with the certificate, and which option to set.
/// `verify`: how the option that ends all checks is called there. `None`: it is not the handshake's fault.
pub fn failure(error: &io::Error, verify: &str) -> Option<String> {
    Some(match error.get_ref().and_then(|e| e.downcast_ref::<Error>())? {
        Error::InvalidCertificate(why) => certificate_words(why, verify),
        Error::NoCertificatesPresented => "the server shows no certificate".to_owned(),
        other => format!("TLS: {other}"),
    })
}

/// What a server gives that speaks in clear on this port.
pub fn speaks_none(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|e| e.downcast_ref::<Error>());
    matches!(inner, Some(Error::InvalidMessage(_)))
}

fn certificate_words(why: &CertificateError, verify: &str) -> String {
    let self_made = format!(
        "set option 'ca_file' to the certificate that signed it, or for a server in your own house option \
         '{verify}' to '0'"
    );
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
