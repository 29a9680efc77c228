//! Sticks on the bus, past their drivers: usbfs, and the switch from CD to modem.
mod modeswitch;
mod usbfs;

use super::event::{Event, Events};
use crate::switch::{ModeSwitch, ModeSwitchTrouble, Plug};
use std::io;
use std::path::Path;
use usbfs::Node;

/// Ask a stick to be a modem, in a thread of its own: a stick that takes nothing holds it up for seconds. `Event::Switched` tells.
pub fn switch(order: ModeSwitch, dev: &Path, events: &Events) {
    let node = node_path(dev, &order.plug);
    let (sender, plug) = (events.clone(), order.plug.clone());
    let ask = move || {
        let result = Node::open(&node)
            .map_err(|why| unopened(&why, &node))
            .and_then(|mut node| modeswitch::ask(&mut node, order.method));
        // Nobody is there any more at the end of the daemon.
        drop(sender.send_blocking(Event::Switched { plug: order.plug, result }));
    };
    let thread = std::thread::Builder::new().name("switcher".to_owned()).stack_size(64 * 1_024).spawn(ask);
    if let Err(why) = thread {
        let result = Err(ModeSwitchTrouble::Failed(why.to_string()));
        // A full queue is drained by the same thread that is here: the time limit tells instead.
        drop(events.try_send(Event::Switched { plug, result }));
    }
}

/// Without usbfs every stick would seem to have gone.
fn unopened(why: &io::Error, node: &Path) -> ModeSwitchTrouble {
    let words = format!("{}: {why}", node.display());
    if why.kind() == io::ErrorKind::NotFound && !node.parent().is_some_and(Path::exists) {
        return ModeSwitchTrouble::Denied(words);
    }
    modeswitch::trouble(why, &words)
}

/// The node of a device.
#[must_use]
pub fn node_path(dev: &Path, plug: &Plug) -> std::path::PathBuf {
    dev.join(format!("bus/usb/{:03}/{:03}", plug.bus, plug.device))
}
