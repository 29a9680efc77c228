//! SRTP and SRTCP: what a peer closes, what strangers send, what was changed on the way, what comes twice; and lines of keys.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem::media::srtp::{Receiver, Sender};
use tandem::wire::sdp::crypto::{Crypto, KEY_BYTES, MasterKey, Suite};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        // Whatever is read as a line of keys has a suite that we have.
        let _ = Crypto::parse(text);
    }
    let Some((&[chosen, byte], mut rest)) = bytes.split_first_chunk::<2>() else { return };
    let suite = Suite::ALL[usize::from(chosen) % Suite::ALL.len()];
    let key = MasterKey::new(suite, &[byte; KEY_BYTES]);
    let (mut sender, mut receiver) = (Sender::new(&key), Receiver::new(&key));
    // An operation, its argument, its length, its bytes.
    while let Some((&[operation, argument, length], after)) = rest.split_first_chunk::<3>() {
        let (data, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        match operation & 3 {
            // A stranger's packet: it stays as it is, for its proof can't be known.
            0 => {
                let mut packet = data.to_vec();
                assert!(receiver.open(&mut packet).is_err());
                assert_eq!(packet, data);
            }
            1 => receiver.renew(),
            _ => {
                let mut packet = data.to_vec();
                if sender.close(&mut packet).is_err() {
                    continue;
                }
                assert!(packet.len() > data.len());
                if operation & 4 != 0 {
                    let mut changed = packet.clone();
                    let at = usize::from(argument) % changed.len();
                    changed[at] ^= 1;
                    assert!(receiver.open(&mut changed).is_err(), "changed at {at}");
                }
                if operation & 8 != 0 {
                    // Lost on the way.
                    continue;
                }
                let mut opened = packet.clone();
                if let Ok(length) = receiver.open(&mut opened) {
                    assert_eq!(&opened[..length], data);
                    assert!(receiver.open(&mut packet).is_err(), "twice");
                }
            }
        }
    }
});
