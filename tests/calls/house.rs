//! The usual house: a stick, the phones 100 and 101, a provider.
use super::peer::Peer;
use super::world::{LAN, WAN, World};

pub const CONFIG: &str = "
config tandem 'main'
	option country 'DE'
config dongle 'sim'
	option inbound '100'
	option number '+4915112345678'
config extension '100'
	option name 'Kitchen'
	option secret 'geheim'
	option timeout '30'
config extension '101'
	option secret 'geheimer'
	option timeout '30'
config route 'emergency_trap'
	option enabled '1'
	list from 'extensions'
	list match '112'
	option prepend '0049'
	list to 'sim'
config route 'out'
	list from 'extensions'
	list match '0X.'
	list match '+X.'
	list to 'sim'
";

pub const TRUNK: &str = "
config trunk 'provider'
	option host 'sip.example.com'
	option username '4930555'
	option secret 'trunkpass'
	option register '1'
	option inbound '100'
config route 'by_trunk'
	list from 'extensions'
	list match '99X.'
	option strip '2'
	list to 'provider'
config route 'through'
	list from 'provider'
	list caller '+4930111'
	list match '00X.'
	option strip '1'
	list to 'sim'
";

pub const P100: usize = 0;
pub const P101: usize = 1;
pub const PROVIDER: usize = 2;

pub fn phone(name: &str, secret: &str, host: u8) -> Peer {
    Peer::new(name, secret, &format!("192.168.1.{host}:5070"), LAN)
}

/// Stick ready; 100 and 101 are registered.
pub fn home() -> World {
    home_with(CONFIG)
}

pub fn home_with(config: &str) -> World {
    let mut w = World::new(config);
    w.peers.push(phone("100", "geheim", 100));
    w.peers.push(phone("101", "geheimer", 101));
    if config.contains("config trunk") {
        let mut provider = Peer::new("provider", "trunkpass", "203.0.113.10:5060", WAN);
        provider.user = "4930555".to_owned();
        provider.challenges = true;
        w.peers.push(provider);
    }
    w.settle();
    w.plug();
    w.with(P100, |p, now| p.register(3_600, now));
    w.with(P101, |p, now| p.register(3_600, now));
    w.run(1.0);
    assert_eq!((w.peers[P100].register_status, w.peers[P101].register_status), (200, 200), "{}", w.story());
    if w.peers.len() > PROVIDER {
        assert_eq!(w.status()["trunks"][0]["state"], "registered", "{}", w.story());
    }
    w.forget();
    w.net.seen.clear();
    w
}

/// The URI that a phone dials.
pub fn uri(number: &str) -> String {
    format!("sip:{number}@192.168.1.1")
}

/// A phone dials; the number of its talk.
pub fn dial(w: &mut World, phone: usize, number: &str) -> usize {
    let from = format!("<sip:{}@192.168.1.1>", w.peers[phone].user);
    w.with(phone, |p, now| p.call(&uri(number), &from, now))
}
