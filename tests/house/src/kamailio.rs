//! An outbound proxy as providers put in front of their switches: Kamailio on 127.0.0.1. It keeps itself in the way: Path in
//! registrations, Record-Route in calls; and takes nothing that it has not to do with.
use crate::child::Child;
use crate::paths::Scratch;
use crate::ports;
use crate::wait::poll;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = "/usr/sbin/kamailio";

/// A running proxy in front of one server.
pub struct Kamailio {
    /// UDP.
    pub port: u16,
    child: Child,
    _scratch: Scratch,
}

impl Kamailio {
    /// Why it can't run here; None: it can.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        (!Path::new(PROGRAM).exists()).then_some("the package kamailio is missing")
    }

    /// Starts one before the server at 127.0.0.1:`server`; it takes requests when this returns.
    #[must_use]
    pub fn before(server: u16) -> Self {
        assert_eq!(Self::missing(), None);
        // A port that was free when it was looked for may be gone: then once more with another.
        (0..5).find_map(|_| Self::launch(server)).expect("a free port on 127.0.0.1")
    }

    fn launch(server: u16) -> Option<Self> {
        let scratch = Scratch::new("kamailio");
        let port = ports::free();
        fs::create_dir_all(scratch.join("run")).expect("its directory");
        fs::write(scratch.join("kamailio.cfg"), config(port, server)).expect("its configuration");
        let mut command = Command::new(PROGRAM);
        command.arg("-f").arg(scratch.join("kamailio.cfg")).arg("-Y").arg(scratch.join("run"));
        // In the foreground, without forks beside the few it needs; the log to stderr.
        command.args(["-DD", "-E", "-m", "16", "-M", "4"]).stdin(Stdio::null());
        let mut child = Child::spawn("kamailio", &mut command);
        let up = poll(20.0, || {
            if child.has_ended().is_some() {
                return Some(false);
            }
            (child.count_lines("the proxy is ready") > 0).then_some(true)
        });
        let is_taken = child.count_lines("Address already in use") > 0;
        assert!(up == Some(true) || is_taken, "Kamailio doesn't start\n{}", child.tail(40));
        (!is_taken).then_some(Self { port, child, _scratch: scratch })
    }

    /// What went through it so far: `REGISTER`, `INVITE`, `BYE` … of requests.
    #[must_use]
    pub fn passed(&self, method: &str) -> usize {
        self.child.count_lines(&format!("passed: {method} "))
    }

    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        self.child.tail(count)
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        self.child.stop(Duration::from_secs(3));
    }
}

/// Requests in a dialog follow their Route; from the server they go where its Route (the Path of the registration) leads;
/// everything else goes to the server.
fn config(port: u16, server: u16) -> String {
    format!(
        r#"#!KAMAILIO
debug=1
log_stderror=yes
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "path.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
loadmodule "xlog.so"
modparam("rr", "enable_full_lr", 1)

request_route {{
	if (!mf_process_maxfwd_header("20")) {{
		sl_send_reply("483", "Too Many Hops");
		exit;
	}}
	xlog("L_ERR", "passed: $rm from $sp to $ru\n");
	if (is_method("CANCEL")) {{
		if (t_check_trans()) t_relay();
		exit;
	}}
	if (has_totag()) {{
		if (loose_route()) {{
			t_relay();
		}} else if (is_method("ACK")) {{
			if (t_check_trans()) t_relay();
		}} else {{
			sl_send_reply("404", "Not Here");
		}}
		exit;
	}}
	t_check_trans();
	loose_route();
	if (is_method("INVITE")) record_route();
	if (is_method("REGISTER")) add_path();
	if ($sp != {server}) $du = "sip:127.0.0.1:{server}";
	if (!t_relay()) sl_reply_error();
}}

event_route[core:worker-one-init] {{
	xlog("L_ERR", "the proxy is ready\n");
}}
"#
    )
}
