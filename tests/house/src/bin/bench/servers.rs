//! The servers that the load is put on: tandem, and Asterisk with the same phones and the same peer.
use house::Daemon;
use house::child::Child;
use house::load::{Caller, Process, Registers, Wire, cores};
use house::paths::{self, Scratch};
use house::provider;
use house::wait::poll;
use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Who calls.
const CALLER: (&str, &str) = ("100", "vErY-secret");
/// Where RTP ports are taken from: below those that the load's own sockets have.
const RTP: (u16, u16) = (12_000, 31_998);
/// Calls that the server must be able to have.
const CALLS: u32 = 4_000;

enum Program {
    Tandem(Box<Daemon>),
    Asterisk(Child),
}

/// A server on one core, and whoever calls it. Dropped in this order.
pub struct Server {
    pub name: &'static str,
    program: Program,
    address: SocketAddr,
    pub caller: Caller,
    phones: Vec<(String, String)>,
    scratch: Scratch,
}

/// What of a server the other can be started with.
pub type Start = fn(usize) -> Server;

impl Server {
    pub fn tandem(phones: usize) -> Self {
        Self::tandem_with(phones, RTP)
    }

    /// With RTP ports of its own, where several run at once.
    pub fn tandem_with(phones: usize, rtp: (u16, u16)) -> Self {
        let scratch = Scratch::new("load");
        let (address, wires, phones) = prepare(phones);
        let peer = wires.1.address();
        let mut config = format!(
            "config tandem 'main'\n\toption state_dir '{}'\n\toption log_level 'warn'\n\toption country 'DE'\n\
             config sip 'sip'\n\tlist listen 'udp:{address}'\n\toption rtp_ports '{}-{}'\n\toption max_calls '{CALLS}'\n\
             config trunk 'peer'\n\toption host '{}'\n\toption port '{}'\n\toption codecs 'pcmu'\n\
             config route 'out'\n\tlist from 'extensions'\n\tlist match 'X.'\n\tlist to 'peer'\n",
            scratch.join("state").display(),
            rtp.0,
            rtp.1 + 1,
            peer.ip(),
            peer.port()
        );
        for (name, secret) in phones.iter().chain([&(CALLER.0.to_owned(), CALLER.1.to_owned())]) {
            let _ = write!(config, "config extension '{name}'\n\toption secret '{secret}'\n");
        }
        let (sysfs, dev) = (scratch.join("sys"), scratch.join("dev"));
        for dir in [&sysfs, &dev] {
            std::fs::create_dir_all(dir).expect("a directory");
        }
        let mut daemon = Daemon::start(&scratch.join("run"), &config, &sysfs, &dev);
        daemon.wait_status("the SIP port", 10.0, |s| {
            s["listen"].as_array().is_some_and(|l| !l.is_empty() && l.iter().all(|p| p["state"] == "up"))
        });
        Self::with("tandem", Program::Tandem(Box::new(daemon)), address, wires, phones, scratch)
    }

    pub fn asterisk(phones: usize) -> Self {
        Self::asterisk_with(phones, RTP)
    }

    pub fn asterisk_with(phones: usize, rtp: (u16, u16)) -> Self {
        let scratch = Scratch::new("load");
        let (address, wires, phones) = prepare(phones);
        lay_out(&scratch, address, wires.1.address(), &phones, rtp).expect("Asterisk's files");
        let mut command = Command::new(provider::program().expect("an Asterisk"));
        command.arg("-f").arg("-C").arg(scratch.join("etc/asterisk.conf"));
        command.current_dir(scratch.path()).stdin(Stdio::null());
        let child = Child::spawn("asterisk", &mut command);
        let log = scratch.join("log/messages");
        let is_up = || std::fs::read_to_string(&log).is_ok_and(|t| t.contains("Asterisk Ready"));
        let up = poll(30.0, || is_up().then_some(()));
        let said = std::fs::read_to_string(&log).unwrap_or_default();
        assert!(up.is_some() && !said.contains("declined to load"), "{said}\n{}", child.tail(60));
        Self::with("Asterisk", Program::Asterisk(child), address, wires, phones, scratch)
    }

    fn with(
        name: &'static str,
        program: Program,
        address: SocketAddr,
        (wire, peer): (Wire, Wire),
        phones: Vec<(String, String)>,
        scratch: Scratch,
    ) -> Self {
        let caller = Caller::new(wire, peer, address, CALLER.0, CALLER.1, "4915112345678");
        let server = Self { name, program, address, caller, phones, scratch };
        server.process().pin(cores().0);
        server
    }

    /// A thing of its own: it can be asked while the load goes on.
    pub fn process(&self) -> Process {
        Process(match &self.program {
            Program::Tandem(daemon) => daemon.id(),
            Program::Asterisk(child) => child.id(),
        })
    }

    /// Phones that can register, one for each user.
    pub fn registers(&self) -> Registers {
        Registers::new(self.address, &self.phones)
    }

    pub fn tail(&self) -> String {
        match &self.program {
            Program::Tandem(daemon) => daemon.tail(30),
            Program::Asterisk(child) => {
                let log = std::fs::read_to_string(self.scratch.join("log/messages")).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                child.tail(10) + &lines[lines.len().saturating_sub(20)..].join("\n")
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match &mut self.program {
            Program::Tandem(daemon) => {
                daemon.stop();
            }
            Program::Asterisk(child) => {
                child.stop(Duration::from_secs(3));
            }
        }
    }
}

/// A port for the server, the load's two sockets, the phones' names and secrets.
fn prepare(phones: usize) -> (SocketAddr, (Wire, Wire), Vec<(String, String)>) {
    // One that the kernel gave away just now: it gives the others first.
    let address = UdpSocket::bind("127.0.0.1:0").and_then(|s| s.local_addr()).expect("a port");
    let wires = (Wire::bind("127.0.0.1"), Wire::bind("127.0.0.2"));
    let phones = (0..phones).map(|n| (format!("{}", 2_000 + n), format!("secret-of-{n}"))).collect();
    (address, wires, phones)
}

/// As much as calls over SIP need: all of them take ten times as long to start.
const MODULES: &str = "
    res_sorcery_config res_sorcery_memory res_sorcery_astdb res_timing_timerfd res_pjproject res_pjsip
    res_pjsip_session res_pjsip_pubsub res_pjsip_sdp_rtp res_pjsip_registrar res_pjsip_authenticator_digest
    res_pjsip_endpoint_identifier_user res_pjsip_caller_id res_pjsip_nat res_pjsip_rfc3326 res_rtp_asterisk chan_pjsip
    codec_ulaw codec_alaw bridge_simple bridge_native_rtp pbx_config app_dial";

fn lay_out(
    scratch: &Scratch,
    address: SocketAddr,
    peer: SocketAddr,
    phones: &[(String, String)],
    rtp: (u16, u16),
) -> std::io::Result<()> {
    let at = scratch.path().display();
    for name in ["etc", "lib", "spool", "run", "log", "cache"] {
        std::fs::create_dir_all(scratch.join(name))?;
    }
    let root = paths::root().join("target/tools/asterisk/root");
    let libraries =
        std::fs::read_dir(root.join("usr/lib"))?.flatten().map(|e| e.path().join("asterisk/modules"));
    let modules = libraries.into_iter().find(|p| p.exists()).unwrap_or_default();
    let write = |name: &str, text: &str| std::fs::write(scratch.join(&format!("etc/{name}")), text);
    write(
        "asterisk.conf",
        &format!(
            "[directories]\nastetcdir => {at}/etc\nastmoddir => {}\nastvarlibdir => {at}/lib\nastdbdir => {at}/lib\n\
             astkeydir => {at}/lib\nastdatadir => {}/usr/share/asterisk\nastagidir => {at}/lib\n\
             astspooldir => {at}/spool\nastrundir => {at}/run\nastlogdir => {at}/log\nastcachedir => {at}/cache\n\
             [options]\nnocolor = yes\n",
            modules.display(),
            root.display()
        ),
    )?;
    let load = |text: String, module: &str| text + "load=" + module + ".so\n";
    write("modules.conf", &MODULES.split_whitespace().fold("[modules]\nautoload=no\n".to_owned(), load))?;
    // Only what goes wrong, and that it is ready.
    write("logger.conf", "[logfiles]\nmessages => notice,warning,error,verbose\n")?;
    write("rtp.conf", &format!("[general]\nrtpstart={}\nrtpend={}\nicesupport=no\n", rtp.0, rtp.1 + 1))?;
    write("extensions.conf", "[phones]\nexten => _X.,1,Dial(PJSIP/peer)\nsame => n,Hangup()\n[peer]\n")?;
    let mut text = format!("[udp]\ntype=transport\nprotocol=udp\nbind={address}\n");
    let _ = write!(
        text,
        "[peer]\ntype=endpoint\ncontext=peer\ndisallow=all\nallow=ulaw\ndirect_media=no\naors=peer\n\
         [peer]\ntype=aor\ncontact=sip:peer@{peer}\n"
    );
    for (name, secret) in phones.iter().chain([&(CALLER.0.to_owned(), CALLER.1.to_owned())]) {
        let _ = write!(
            text,
            "[{name}]\ntype=endpoint\ncontext=phones\ndisallow=all\nallow=ulaw\ndirect_media=no\nauth={name}\n\
             aors={name}\n[{name}]\ntype=auth\nauth_type=userpass\nusername={name}\npassword={secret}\n\
             [{name}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\n"
        );
    }
    write("pjsip.conf", &text)
}
