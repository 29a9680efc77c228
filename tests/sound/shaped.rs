//! A call behind whose gateway levels are set and echoes are suppressed.
use super::judge::at_level;
use super::quality::speech;
use super::world::{Dice, Heard, World, remote};
use std::cell::RefCell;
use std::rc::Rc;
use tandem::media::{Codec, Shaping, Wish};

/// What the phone gets of a stick that says `says`, sample for sample in the order of the packets.
fn at_the_phone(world: &mut World, until_us: u64, to_stick: &Rc<RefCell<Vec<i16>>>) -> Vec<i16> {
    let mut heard = Vec::new();
    world.run(until_us, &mut |_, output| match output {
        Heard::Rtp(packet) => heard.extend(packet.payload.iter().map(|b| Codec::Pcma.decode(*b))),
        Heard::Voice(samples) => to_stick.borrow_mut().extend_from_slice(samples),
        Heard::Digit(_) => {}
    });
    heard
}

/// A minute of both sides at this level, with automatic gain: what phone and stick hear once it has found its place.
pub fn with_gain(level: f64) -> [Vec<i16>; 2] {
    let said = at_level(&speech(), level);
    let mut world = World::new(remote());
    let agc = Wish { agc: true, gain_db: 0 };
    world.gateway.set_shaping(Shaping { from_stick: agc, to_stick: agc, echo: false });
    let (a, b) = (said.clone(), said);
    world.stick_says = Box::new(move |n| a[n as usize % a.len()]);
    world.phone_says = Box::new(move |n| b[n as usize % b.len()]);
    let stick = Rc::new(RefCell::new(Vec::new()));
    let mut phone = at_the_phone(&mut world, 60_000_000, &stick);
    [phone.split_off(320_000), stick.take().split_off(320_000)]
}

/// The far end's echo: loss and delay of its way; and whether somebody speaks there, too.
pub fn echoing(loss: f64, delay_ms: usize, suppress: bool, near: Option<Vec<i16>>) -> Vec<i16> {
    let said = speech();
    let mut world = World::new(remote());
    world.gateway.set_shaping(Shaping { echo: suppress, ..Shaping::default() });
    world.phone_says = Box::new(move |n| said[n as usize % said.len()]);
    let played = Rc::new(RefCell::new(Vec::new()));
    let (room, gain) = (Rc::clone(&played), 10f64.powf(-loss / 20.0));
    let mut dice = Dice(21);
    world.stick_says = Box::new(move |n| {
        let played = room.borrow();
        let ago = |ms: usize| {
            let at = (n as usize).checked_sub(ms * 8).and_then(|at| played.get(at));
            at.map_or(0.0, |s| f64::from(*s))
        };
        let echo = (ago(delay_ms) * 0.7 - ago(delay_ms + 3) * 0.5 + ago(delay_ms + 31) * 0.4) * gain;
        // Once the echo is known somebody speaks there, too, all the time.
        let near = near.as_ref().filter(|_| n >= 120_000);
        let voice = near.map_or(0.0, |near| f64::from(near[n as usize % near.len()]));
        (echo + voice + dice.noise(12.0)).clamp(-32_767.0, 32_767.0) as i16
    });
    at_the_phone(&mut world, 45_000_000, &played)
}

/// By how many decibels an echo is quieter with suppression, once it is known: after ten seconds.
pub fn less_echo_db(loss: f64, delay_ms: usize) -> f64 {
    let power = |sound: &[i16]| sound.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / sound.len() as f64;
    let [off, on] = [false, true].map(|suppress| power(&echoing(loss, delay_ms, suppress, None)[80_000..]));
    10.0 * (off / on).log10()
}
