//! A certificate of our own making: P-256, for phones that ask for none better. RFC 5280, in DER by hand: one form of certificate needs no
//! library.
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const OCTETS: u8 = 0x04;
const UTF8: u8 = 0x0C;
const UTC_TIME: u8 = 0x17;
const GENERAL_TIME: u8 = 0x18;

/// ecdsa-with-SHA256 (RFC 5758 section 3.2).
const SIGNED_WITH: &[u8] = b"\x30\x0A\x06\x08\x2A\x86\x48\xCE\x3D\x04\x03\x02";
/// id-ecPublicKey with secp256r1 (RFC 5480 section 2).
const KEY_KIND: &[u8] =
    b"\x30\x13\x06\x07\x2A\x86\x48\xCE\x3D\x02\x01\x06\x08\x2A\x86\x48\xCE\x3D\x03\x01\x07";
const COMMON_NAME: &[u8] = b"\x06\x03\x55\x04\x03";
/// subjectAltName (RFC 5280 section 4.2.1.6).
const OTHER_NAME: &[u8] = b"\x06\x03\x55\x1D\x11";
/// The clock of a router may stand at its birth when this is made: valid from 1970 for ever (RFC 5280 section 4.1.2.5).
const FROM: &[u8] = b"700101000000Z";
const TO: &[u8] = b"99991231235959Z";

/// Certificate and key, each in DER.
pub struct Made {
    pub certificate: Vec<u8>,
    /// PKCS #8.
    pub key: Vec<u8>,
}

/// For a host of this name. `serial`: any.
///
/// # Errors
/// The system gives no random bytes.
pub fn make(name: &str, serial: [u8; 8]) -> Result<Made, &'static str> {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
        .map_err(|_| "no key could be made")?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.as_ref(), &random)
        .map_err(|_| "no key could be made")?;
    let body = body(name, serial, pair.public_key().as_ref());
    let signature = pair.sign(&random, &body).map_err(|_| "nothing could be signed")?;
    let certificate = der(SEQUENCE, &[&body, SIGNED_WITH, &bits(signature.as_ref())]);
    Ok(Made { certificate, key: key.as_ref().to_vec() })
}

/// What is signed: version 3.
fn body(name: &str, serial: [u8; 8], key: &[u8]) -> Vec<u8> {
    let who = der(SEQUENCE, &[&der(SET, &[&der(SEQUENCE, &[COMMON_NAME, &der(UTF8, &[name.as_bytes()])])])]);
    let when = der(SEQUENCE, &[&der(UTC_TIME, &[FROM]), &der(GENERAL_TIME, &[TO])]);
    // dNSName, which TLS clients compare. No basicConstraints: it signs nothing but itself, and can be trusted as it is.
    let names = der(SEQUENCE, &[&der(0x82, &[name.as_bytes()])]);
    let names = der(SEQUENCE, &[OTHER_NAME, &der(OCTETS, &[&names])]);
    let extensions = der(0xA3, &[&der(SEQUENCE, &[&names])]);
    // A zero in front, and that it is needed: not negative, and as short as can be.
    let serial = der(INTEGER, &[&[0, serial[0] | 0x80], serial.get(1..).unwrap_or_default()]);
    let key = der(SEQUENCE, &[KEY_KIND, &bits(key)]);
    der(SEQUENCE, &[b"\xA0\x03\x02\x01\x02", &serial, SIGNED_WITH, &who, &when, &who, &key, &extensions])
}

fn bits(bytes: &[u8]) -> Vec<u8> {
    der(BITS, &[&[0], bytes])
}

/// A tag, the length, and the parts; none of ours is longer than 65,535 octets.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let [high, low] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let mut all = vec![tag];
    match length {
        0..=0x7F => all.push(low),
        0x80..=0xFF => all.extend([0x81, low]),
        _ => all.extend([0x82, high, low]),
    }
    parts.iter().for_each(|part| all.extend_from_slice(part));
    all
}
