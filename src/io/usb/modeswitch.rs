//! A stick that shows itself as a CD is asked to be a modem. The order of work of DONGLE 1.2.
use super::usbfs::{Device, Setup};
use crate::modem::modeswitch::{Message, Method};
use crate::switch::ModeSwitchTrouble as Trouble;
use crate::wire::usb::{COMMAND, Storage};
use std::io;
use std::time::Duration;

const WRITE_LIMIT: Duration = Duration::from_secs(3);
const CONTROL_LIMIT: Duration = Duration::from_secs(1);
/// The answer to a command block: 13 bytes that many sticks never send, for they are gone by then.
const STATUS: usize = 13;
const STATUS_LIMIT: Duration = Duration::from_secs(1);
const AFTERWARDS: Duration = Duration::from_millis(200);

/// Ask once. `Ok`: the message was taken, which proves nothing.
///
/// # Errors
/// Why it was not.
pub fn ask(device: &mut impl Device, method: Method) -> Result<(), Trouble> {
    match method.message() {
        Message::Control { request_type, request, value, index } => {
            let setup = Setup { request_type, request, value, index };
            match device.control(setup, CONTROL_LIMIT) {
                // It may be gone before it has answered.
                Err(why) if why.raw_os_error() == Some(libc::ENODEV) => Ok(()),
                result => result.map_err(|why| trouble(&why, &format!("control transfer: {why}"))),
            }
        }
        Message::Bulk(blocks) => ask_storage(device, &blocks),
    }
}

fn ask_storage(device: &mut impl Device, blocks: &[[u8; COMMAND]]) -> Result<(), Trouble> {
    let descriptors = device.descriptors().map_err(|why| trouble(&why, &format!("descriptors: {why}")))?;
    let storage = Storage::find(&descriptors)
        .ok_or_else(|| Trouble::Failed("its descriptors have no storage interface".to_owned()))?;
    take(device, &storage)?;
    let sent = send(device, &storage, blocks);
    // What goes wrong from here on is the stick's leaving.
    drop(device.clear_halt(storage.bulk_out));
    device.pause(AFTERWARDS);
    drop(device.release(storage.interface));
    sent
}

/// The interface is ours: the kernel's driver is sent away, from its neighbour only where that is in the way.
fn take(device: &mut impl Device, storage: &Storage) -> Result<(), Trouble> {
    detach(device, storage.interface)?;
    let Err(why) = device.claim(storage.interface) else { return Ok(()) };
    if why.raw_os_error() == Some(libc::EBUSY)
        && let Some(neighbour) = storage.interface.checked_add(1)
    {
        // It may not have one.
        drop(device.detach(neighbour));
        return device.claim(storage.interface).map_err(|why| trouble(&why, &format!("claim: {why}")));
    }
    Err(trouble(&why, &format!("claim: {why}")))
}

fn detach(device: &mut impl Device, interface: u8) -> Result<(), Trouble> {
    match device.detach(interface) {
        // No driver was there, as where usb-storage is not installed.
        Err(why) if why.raw_os_error() == Some(libc::ENODATA) => Ok(()),
        result => result.map_err(|why| trouble(&why, &format!("detach: {why}"))),
    }
}

fn send(device: &mut impl Device, storage: &Storage, blocks: &[[u8; COMMAND]]) -> Result<(), Trouble> {
    // A halt of an earlier attempt; without one there is nothing to clear.
    drop(device.clear_halt(storage.bulk_out));
    for block in blocks {
        let mut block = *block;
        match device.bulk(storage.bulk_out, &mut block, WRITE_LIMIT) {
            Ok(COMMAND) => {}
            Ok(moved) => return Err(Trouble::Failed(format!("took {moved} of {COMMAND} bytes"))),
            Err(why) => return Err(trouble(&why, &format!("message: {why}"))),
        }
        if let Some(bulk_in) = storage.bulk_in
            && device.bulk(bulk_in, &mut [0; STATUS], STATUS_LIMIT).is_err()
        {
            // It reboots already, or never answers.
            drop(device.clear_halt(bulk_in));
        }
    }
    Ok(())
}

/// What an error of the system means here. `words`: with the place where it happened.
pub fn trouble(why: &io::Error, words: &str) -> Trouble {
    match why.raw_os_error() {
        Some(libc::ENODEV | libc::ENOENT | libc::ESHUTDOWN) => Trouble::Gone,
        Some(libc::EBUSY) => Trouble::Busy,
        Some(libc::EACCES | libc::EPERM | libc::ENOTTY | libc::EROFS) => Trouble::Denied(words.to_owned()),
        _ => Trouble::Failed(words.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CD: [u8; 41] = [
        9, 4, 0, 0, 2, 8, 6, 0x50, 0, 7, 5, 0x81, 2, 0, 2, 0, 7, 5, 0x01, 2, 0, 2, 0, 9, 4, 1, 0, 2, 8, 6,
        0x50, 0, 7, 5, 0x82, 2, 0, 2, 0, 7, 5,
    ];

    /// A recorded usbfs: what is done is written down; the n-th step fails with this errno.
    #[derive(Default)]
    struct Recorded {
        steps: Vec<String>,
        fails: Vec<(&'static str, i32)>,
        short: bool,
        no_storage: bool,
    }

    impl Recorded {
        fn step(&mut self, step: String) -> io::Result<()> {
            let at = self.fails.iter().position(|(name, _)| step.starts_with(name));
            self.steps.push(step);
            // Each failure happens once.
            match at.map(|at| self.fails.remove(at)) {
                Some((_, errno)) => Err(io::Error::from_raw_os_error(errno)),
                None => Ok(()),
            }
        }
    }

    impl Device for Recorded {
        fn descriptors(&mut self) -> io::Result<Vec<u8>> {
            self.step("descriptors".to_owned())?;
            Ok(if self.no_storage { Vec::new() } else { CD.to_vec() })
        }
        fn detach(&mut self, interface: u8) -> io::Result<()> {
            self.step(format!("detach {interface}"))
        }
        fn claim(&mut self, interface: u8) -> io::Result<()> {
            self.step(format!("claim {interface}"))
        }
        fn release(&mut self, interface: u8) -> io::Result<()> {
            self.step(format!("release {interface}"))
        }
        fn clear_halt(&mut self, endpoint: u8) -> io::Result<()> {
            self.step(format!("clear {endpoint:02x}"))
        }
        fn bulk(&mut self, endpoint: u8, bytes: &mut [u8], _: Duration) -> io::Result<usize> {
            if endpoint & 0x80 == 0 {
                self.step(format!("out {endpoint:02x} {}", crate::util::hex::encode_lower(&bytes[15..24])))?;
            } else {
                self.step(format!("in {endpoint:02x}"))?;
            }
            Ok(if self.short { 7 } else { bytes.len() })
        }
        fn control(&mut self, setup: Setup, _: Duration) -> io::Result<()> {
            self.step(format!("control {:02x} {:02x} {:04x}", setup.request_type, setup.request, setup.value))
        }
        fn pause(&mut self, _: Duration) {}
    }

    const WHOLE: [&str; 8] = [
        "descriptors",
        "detach 0",
        "claim 0",
        "clear 01",
        "out 01 110620000001010001",
        "in 81",
        "clear 01",
        "release 0",
    ];

    #[test]
    fn the_order_of_work() {
        let mut device = Recorded::default();
        assert_eq!(ask(&mut device, Method::New), Ok(()));
        assert_eq!(device.steps, WHOLE);
        let mut device = Recorded::default();
        assert_eq!(ask(&mut device, Method::Feature), Ok(()));
        assert_eq!(device.steps, ["control 00 03 0001"]);
        let mut device = Recorded::default();
        assert_eq!(ask(&mut device, Method::Eject), Ok(()));
        assert_eq!(
            device.steps[4..8],
            ["out 01 1e0000000000000000", "in 81", "out 01 1b0000000200000000", "in 81"]
        );
    }

    #[test]
    fn errors_that_are_none() {
        for fails in [
            // No driver; no answer, for it reboots; gone after that.
            ("detach", libc::ENODATA),
            ("in", libc::ETIMEDOUT),
            ("in", libc::ENODEV),
            ("clear", libc::EINVAL),
            ("release", libc::ENODEV),
        ] {
            let mut device = Recorded { fails: vec![fails], ..Recorded::default() };
            assert_eq!(ask(&mut device, Method::New), Ok(()), "{fails:?}");
            assert!(device.steps.iter().any(|step| step.starts_with("out")), "{fails:?}");
        }
        let mut device = Recorded { fails: vec![("control", libc::ENODEV)], ..Recorded::default() };
        assert_eq!(ask(&mut device, Method::Feature), Ok(()));
    }

    #[test]
    fn a_driver_at_the_neighbour_is_sent_away_too() {
        let mut device = Recorded { fails: vec![("claim", libc::EBUSY)], ..Recorded::default() };
        assert_eq!(ask(&mut device, Method::New), Ok(()));
        assert_eq!(device.steps[1..5], ["detach 0", "claim 0", "detach 1", "claim 0"]);
        let twice = vec![("claim", libc::EBUSY), ("claim", libc::EBUSY)];
        let mut device = Recorded { fails: twice, ..Recorded::default() };
        assert_eq!(ask(&mut device, Method::New), Err(Trouble::Busy));
    }

    #[test]
    fn each_step_fails_with_each_error() {
        for step in ["descriptors", "detach", "claim", "out"] {
            for errno in [
                libc::ENODEV,
                libc::EIO,
                libc::EPIPE,
                libc::ETIMEDOUT,
                libc::EPERM,
                libc::EPROTO,
                libc::ENOMEM,
            ] {
                let mut device = Recorded { fails: vec![(step, errno)], ..Recorded::default() };
                let result = ask(&mut device, Method::New).unwrap_err();
                match errno {
                    libc::ENODEV => assert_eq!(result, Trouble::Gone, "{step}"),
                    libc::EPERM => assert!(matches!(result, Trouble::Denied(_)), "{step}: {result:?}"),
                    _ => assert!(matches!(result, Trouble::Failed(_)), "{step} {errno}: {result:?}"),
                }
                // What was claimed is given back.
                let claimed = device.steps.iter().any(|s| s == "claim 0") && step != "claim";
                assert_eq!(device.steps.last().is_some_and(|s| s == "release 0"), claimed, "{step} {errno}");
            }
        }
    }

    #[test]
    fn a_message_taken_in_part_and_descriptors_without_storage() {
        let mut device = Recorded { short: true, ..Recorded::default() };
        assert_eq!(ask(&mut device, Method::New), Err(Trouble::Failed("took 7 of 31 bytes".to_owned())));
        let mut device = Recorded { no_storage: true, ..Recorded::default() };
        assert!(matches!(ask(&mut device, Method::New), Err(Trouble::Failed(_))));
    }
}
