//! TLS with OpenSSL at the other end. Each wait has a deadline.
use super::NetEvent;
use super::certificate::make;
use super::tests::{Rig, run, within};
use crate::io::elsewhere::elsewhere;
use crate::io::reactor::Source;
use crate::sip::Transport;
use crate::switch::net::{Listening, Place, TlsOwn, TlsPeer};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tandem-tls-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs OpenSSL to its end.
fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn path(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

fn own(folder: &Path) -> TlsOwn {
    TlsOwn { certificate: path(folder, "tls.certificate"), key: path(folder, "tls.key"), is_made: true }
}

fn listen(rig: &mut Rig, own: TlsOwn) -> Result<SocketAddr, String> {
    let place = Place::Address(Ipv4Addr::LOCALHOST.into());
    rig.net.listen(&Listening { id: 1, transport: Transport::Tls, place, port: 0, tls: Some(own) })
}

/// Certificate and key in PEM, made by us, translated by OpenSSL, which so reads both.
fn pem(folder: &Path, name: &str) -> (String, String) {
    let made = make(name, [7; 8]).unwrap();
    let (der, certificate, key) = (path(folder, "der"), path(folder, "c.pem"), path(folder, "k.pem"));
    std::fs::write(&der, &made.certificate).unwrap();
    openssl(&["x509", "-inform", "DER", "-in", &der, "-out", &certificate]);
    std::fs::write(&der, &made.key).unwrap();
    openssl(&["pkey", "-inform", "DER", "-in", &der, "-out", &key]);
    (certificate, key)
}

#[test]
fn openssl_likes_our_certificate() {
    let folder = folder("made");
    let (certificate, key) = pem(&folder, "tandem");
    let text = openssl(&["x509", "-in", &certificate, "-noout", "-text"]);
    for wanted in ["Version: 3", "CN = tandem", "DNS:tandem", "ecdsa-with-SHA256", "prime256v1", "9999"] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    openssl(&["verify", "-x509_strict", "-partial_chain", "-CAfile", &certificate, &certificate]);
    let public = openssl(&["x509", "-in", &certificate, "-noout", "-pubkey"]);
    assert_eq!(public, openssl(&["pkey", "-in", &key, "-pubout"]));
}

#[test]
fn a_phone_comes_by_tls() {
    run(|mut rig| async move {
        let folder = folder("listen");
        let own = own(&folder);
        let at = listen(&mut rig, own.clone()).unwrap();
        let first = std::fs::read(&own.certificate).unwrap();
        let mode = std::fs::metadata(&own.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let mut phone = Command::new("openssl")
            .args(["s_client", "-quiet", "-connect", &at.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (mut to, mut from) = (phone.stdin.take().unwrap(), phone.stdout.take().unwrap());
        let phone = Ended(phone);
        to.write_all(b"REGISTER").unwrap();
        let flow = rig.connected().await;
        assert_eq!(flow.transport, Transport::Tls);
        assert_eq!(rig.stream(8).await, b"REGISTER");
        // More than one record, and more than the kernel takes at once.
        let long: Vec<u8> = (0..100_000_u32).map(|n| b'a' + (n % 26) as u8).collect();
        rig.net.send(flow, long.clone());
        let read = elsewhere(move || {
            let mut all = vec![0; 100_000];
            from.read_exact(&mut all).map(|()| all)
        });
        assert_eq!(within(read).await.unwrap().unwrap(), long);
        drop(to);
        drop(phone);
        assert_eq!(rig.ended().await.0, flow.id);
        // The next start shows the same one.
        listen(&mut rig, own.clone()).unwrap();
        assert_eq!(std::fs::read(&own.certificate).unwrap(), first);
    });
}

#[test]
fn who_speaks_no_tls_is_turned_away() {
    run(|mut rig| async move {
        let at = listen(&mut rig, own(&folder("plain"))).unwrap();
        let mut peer = TcpStream::connect(at).unwrap();
        peer.write_all(b"OPTIONS sip:a SIP/2.0\r\n\r\n").unwrap();
        let (_, why) = rig.ended().await;
        assert!(why.contains("TLS"), "{why}");
        let mut rest = Vec::new();
        let _ = peer.read_to_end(&mut rest);
        assert!(rest.len() < 10, "an alert at most");
    });
}

#[test]
fn a_certificate_of_ones_own() {
    run(|mut rig| async move {
        let folder = folder("own");
        let (certificate, key) = pem(&folder, "pbx.example");
        let configured = TlsOwn { certificate: certificate.clone(), key, is_made: false };
        let at = listen(&mut rig, configured.clone()).unwrap();
        let check = move || {
            Command::new("openssl")
                .args(["s_client", "-connect", &at.to_string(), "-CAfile", &certificate, "-brief"])
                .args(["-verify_return_error", "-verify_hostname", "pbx.example"])
                .stdin(Stdio::null())
                .output()
        };
        let output = within(elsewhere(check)).await.unwrap().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        for (wrong, wanted) in [
            (
                TlsOwn { certificate: path(&folder, "none"), ..configured.clone() },
                "option 'tls_certificate' is",
            ),
            (TlsOwn { key: configured.certificate.clone(), ..configured.clone() }, "option 'tls_key' is"),
            (TlsOwn { certificate: configured.key.clone(), ..configured.clone() }, "no certificate in it"),
        ] {
            let why = listen(&mut rig, wrong).unwrap_err();
            assert!(why.contains(wanted), "{why}");
        }
    });
}

/// OpenSSL as a provider. It says back what it hears, reversed.
fn provider(certificate: &str, key: &str) -> (Ended, SocketAddr) {
    let mut child = Command::new("openssl")
        .args(["s_server", "-accept", "127.0.0.1:0", "-cert", certificate, "-key", key, "-rev"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let at = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("ACCEPT ")?.parse().ok());
    (Ended(child), at.unwrap())
}

#[test]
fn a_providers_certificate_is_checked() {
    run(|mut rig| async move {
        let folder = folder("provider");
        let (certificate, key) = pem(&folder, "sip.example");
        let (_provider, at) = provider(&certificate, &key);
        let peer = |name: &str, verify, ca_file: Option<&String>| TlsPeer {
            name: name.to_owned(),
            verify,
            ca_file: ca_file.cloned(),
        };
        for (id, peer, wanted) in [
            (1, peer("sip.example", true, None), "its issuer is unknown"),
            (2, peer("other.example", true, Some(&certificate)), "is for another name"),
            (3, peer("sip.example", true, Some(&key)), "no certificate in it"),
            (4, peer("not a name", true, Some(&certificate)), "is no host name"),
        ] {
            rig.net.connect(id, at, Some(&peer)).unwrap();
            let (ended, why) = rig.ended().await;
            assert_eq!(ended, id);
            assert!(why.contains(wanted), "{wanted}: {why}");
        }
        for (id, peer) in
            [(5, peer("sip.example", true, Some(&certificate))), (6, peer("other.example", false, None))]
        {
            rig.net.connect(id, at, Some(&peer)).unwrap();
            let flow = rig.connected().await;
            assert_eq!((flow.transport, flow.id, flow.remote), (Transport::Tls, id, at));
            rig.net.send(flow, b"hello\n".to_vec());
            assert_eq!(rig.stream(6).await, b"olleh\n");
            rig.net.disconnect(id);
            assert_eq!(rig.ended().await.0, id);
        }
    });
}

#[test]
fn a_provider_that_says_nothing_is_given_up() {
    run(|mut rig| async move {
        let silent = Source::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).unwrap();
        let at = silent.get_ref().local_addr().unwrap();
        let peer = TlsPeer { name: "sip.example".to_owned(), verify: false, ca_file: None };
        rig.net.connect(1, at, Some(&peer)).unwrap();
        let _held = within(silent.read_with(TcpListener::accept)).await.unwrap();
        let event = rig.next().await;
        assert!(matches!(event, NetEvent::Ended { id: 1, why } if why.contains("10 seconds")));
    });
}
