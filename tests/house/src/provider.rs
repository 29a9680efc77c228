//! A telephone provider: Asterisk on 127.0.0.1 with one customer, who registers and calls with a digest.
//!
//! What the customer may call, each also with other digits behind it:
//! `+4915…` answers and gives the sound back until # is pressed; `+4930…` sends 440 Hz before and 1020 Hz after it answers; `+4916…` rings
//! for ever; `+4917…` is busy; `+4918…` doesn't exist; `+4919…` answers, presses 1 2 3 # and hangs up; `+4914…` calls the customer.
use crate::child::Child;
use crate::mail::Certificate;
use crate::paths::{self, Scratch};
use crate::phone::Transport;
use crate::ports;
use crate::wait::poll;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// The customer's name and password.
pub const USER: &str = "mypbx";
pub const SECRET: &str = "vErY-secret";

/// RTP ports, two for each call.
const RTP_PORTS: u16 = 40;

/// A running Asterisk.
pub struct Provider {
    /// Its SIP port, UDP and TCP; TLS where it has a certificate.
    pub port: u16,
    child: Child,
    scratch: Scratch,
}

/// The program, made by `scripts/asterisk` when it isn't there: that takes half a minute and a Debian mirror.
///
/// # Errors
/// Why it can't be made here.
pub fn program() -> Result<PathBuf, String> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM
        .get_or_init(|| {
            let made = Command::new(paths::root().join("scripts/asterisk")).output();
            let made = made.map_err(|e| e.to_string())?;
            if !made.status.success() {
                return Err(String::from_utf8_lossy(&made.stderr).trim().to_owned());
            }
            Ok(paths::root().join("target/tools/asterisk/asterisk"))
        })
        .clone()
}

impl Provider {
    /// Why it can't run here; None: it can.
    #[must_use]
    pub fn missing() -> Option<String> {
        program().err()
    }

    /// Starts one; it takes calls when this returns.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&|port| pjsip(port, None, RELAYED))
    }

    /// One that leaves calls between its customers to them: re-INVITEs give each side the other's address for its sound.
    #[must_use]
    pub fn direct() -> Self {
        Self::start_with(&|port| pjsip(port, None, "direct_media=yes"))
    }

    /// One that wants to hear of each call every 45 seconds: the shortest session that RFC 4028 allows is 90.
    #[must_use]
    pub fn timed() -> Self {
        let timers = "direct_media=no\ntimers=always\ntimers_sess_expires=90\ntimers_min_se=90";
        Self::start_with(&|port| pjsip(port, None, timers))
    }

    /// One whose keys come and go as `mode` says: `info`, `inband`.
    #[must_use]
    pub fn with_keys(mode: &str) -> Self {
        let mode = format!("dtmf_mode={mode}");
        Self::start_with(&|port| pjsip(port, None, RELAYED).replace("dtmf_mode=rfc4733", &mode))
    }

    /// One that speaks TLS and nothing else.
    #[must_use]
    pub fn encrypted(certificate: &Certificate) -> Self {
        Self::start_with(&|port| pjsip(port, Some(certificate), RELAYED))
    }

    /// The same program as a phone of `user` at 127.0.0.1:`exchange`: whoever calls it hears their own voice, and so does whom
    /// `call_from_phone` calls.
    #[must_use]
    pub fn as_phone(exchange: u16, user: &str, transport: Transport) -> Self {
        Self::start_with(&|port| phone(port, exchange, user, transport.word()))
    }

    /// The phone calls a number at its exchange.
    pub fn call_from_phone(&self, number: &str) {
        self.ask(&format!("channel originate PJSIP/{number}@exchange application Echo"));
    }

    fn start_with(pjsip: &dyn Fn(u16) -> String) -> Self {
        let program = program().unwrap_or_else(|e| panic!("no Asterisk: {e}"));
        // A port that was free when it was looked for may be gone: then once more with others.
        (0..5).find_map(|_| Self::launch(&program, pjsip)).expect("free ports on 127.0.0.1")
    }

    fn launch(program: &std::path::Path, pjsip: &dyn Fn(u16) -> String) -> Option<Self> {
        let scratch = Scratch::new("asterisk");
        let (port, rtp) = (ports::free(), ports::free_run(RTP_PORTS));
        lay_out(&scratch, rtp, &pjsip(port)).expect("Asterisk's files");
        let mut command = Command::new(program);
        command.arg("-f").arg("-C").arg(scratch.join("etc/asterisk.conf"));
        command.current_dir(scratch.path()).stdin(Stdio::null());
        let child = Child::spawn("asterisk", &mut command);
        let mut provider = Self { port, child, scratch };
        let up = poll(30.0, || {
            let ended = provider.child.has_ended();
            assert!(ended.is_none(), "Asterisk has ended: {ended:?}\n{}", provider.tail(40));
            provider.log().contains("Asterisk Ready").then_some(())
        });
        assert!(up.is_some(), "Asterisk doesn't start\n{}", provider.tail(60));
        assert!(!provider.log().contains("declined to load"), "a module is missing\n{}", provider.tail(60));
        let is_taken = provider.log().contains("Address already in use");
        (!is_taken).then_some(provider)
    }

    /// One command of its console; what it printed.
    pub fn ask(&self, command: &str) -> String {
        let program = program().expect("it runs");
        let mut asked = Command::new(program);
        asked.arg("-C").arg(self.scratch.join("etc/asterisk.conf")).args(["-rx", command]);
        let output = asked.output().expect("Asterisk's console");
        assert!(output.status.success(), "{command}: {output:?}\n{}", self.tail(40));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Waits until the customer has registered; the contact.
    pub fn wait_registered(&self, seconds: f64) -> String {
        let line = self.wait_log(0, &format!("to AOR '{USER}'"), seconds);
        line.split('\'').nth(1).unwrap_or_default().to_owned()
    }

    /// A call from a number or from `anonymous` to the customer: `to` is a number, which then stands in the request's
    /// URI instead of the contact's user, or `USER` for the contact as it is. Who answers hears their own voice.
    pub fn call(&self, from: &str, to: &str) {
        self.ask(&format!("channel originate Local/{from}_{to}@incoming/n application Echo"));
    }

    /// The provider's side ends all calls.
    pub fn hang_up(&self) {
        self.ask("channel request hangup all");
    }

    /// How many channels there are: none means that each call has ended.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.ask("core show channels concise").lines().filter(|l| l.contains('!')).count()
    }

    /// Waits until no call is left.
    pub fn wait_idle(&self, seconds: f64) {
        let idle = poll(seconds, || (self.channels() == 0).then_some(()));
        assert!(idle.is_some(), "calls are left:\n{}\n{}", self.ask("core show channels"), self.tail(40));
    }

    /// A place in the log: lines from now on.
    #[must_use]
    pub fn mark(&self) -> usize {
        self.log().lines().count()
    }

    /// Waits for a line with `part` in the log from `mark` on: `PJSIP/mypbx-00000000`, `DTMF begin '1' received`.
    pub fn wait_log(&self, mark: usize, part: &str, seconds: f64) -> String {
        let found =
            poll(seconds, || self.log().lines().skip(mark).find(|l| l.contains(part)).map(str::to_owned));
        found.unwrap_or_else(|| panic!("no line with {part:?} in {seconds} s\n{}", self.tail(80)))
    }

    /// The keys that the customer has pressed since `mark`, once there are `count` of them.
    pub fn wait_dtmf(&self, mark: usize, count: usize, seconds: f64) -> String {
        // Each press ends once in one of these ways; what is logged as received may be put back and come again.
        let pressed = |line: &str| {
            let (_, rest) =
                ["DTMF end accepted", "DTMF end emulation of"].iter().find_map(|w| line.split_once(w))?;
            rest.contains("on PJSIP/").then(|| rest.split('\'').nth(1).unwrap_or_default().to_owned())
        };
        let keys = || -> String { self.log().lines().skip(mark).filter_map(pressed).collect() };
        let found = poll(seconds, || Some(keys()).filter(|k| k.len() >= count));
        found.unwrap_or_else(|| panic!("only {:?} pressed in {seconds} s\n{}", keys(), self.tail(60)))
    }

    /// Its log, with the SIP messages.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = fs::read(self.scratch.join("log/full")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[must_use]
    pub fn child(&self) -> &Child {
        &self.child
    }

    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        format!("{}{}", self.child.tail(10), lines[lines.len().saturating_sub(count)..].join("\n"))
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.child.stop(Duration::from_secs(3));
    }
}

fn lay_out(scratch: &Scratch, rtp: u16, pjsip: &str) -> std::io::Result<()> {
    let at = scratch.path().display();
    for name in ["etc", "lib", "spool", "run", "log", "cache"] {
        fs::create_dir_all(scratch.join(name))?;
    }
    let root = paths::root().join("target/tools/asterisk/root");
    let libraries = fs::read_dir(root.join("usr/lib"))?.flatten().map(|e| e.path().join("asterisk/modules"));
    let modules = libraries.into_iter().find(|p| p.exists()).unwrap_or_default();
    let (modules, root) = (modules.display(), root.display());
    let write = |name: &str, text: &str| fs::write(scratch.join(&format!("etc/{name}")), text);
    write(
        "asterisk.conf",
        &format!(
            "[directories]\nastetcdir => {at}/etc\nastmoddir => {modules}\nastvarlibdir => {at}/lib\n\
             astdbdir => {at}/lib\nastkeydir => {at}/lib\nastdatadir => {root}/usr/share/asterisk\n\
             astagidir => {at}/lib\nastspooldir => {at}/spool\nastrundir => {at}/run\nastlogdir => {at}/log\n\
             astcachedir => {at}/cache\n[options]\nverbose = 3\nnocolor = yes\n"
        ),
    )?;
    write("modules.conf", &MODULES.split_whitespace().fold("[modules]\nautoload=no\n".to_owned(), load))?;
    write(
        "logger.conf",
        "[general]\ndateformat=%T.%3q\n[logfiles]\nfull => notice,warning,error,verbose,dtmf\n",
    )?;
    let rtp_end = rtp + RTP_PORTS - 1;
    write("rtp.conf", &format!("[general]\nrtpstart={rtp}\nrtpend={rtp_end}\nicesupport=no\n"))?;
    write("pjsip.conf", pjsip)?;
    write("extensions.conf", EXTENSIONS)?;
    Ok(())
}

fn load(text: String, module: &str) -> String {
    text + "load=" + module + ".so\n"
}

/// As much as calls over SIP need: all of them take ten times as long to start.
const MODULES: &str = "
    res_sorcery_config res_sorcery_memory res_sorcery_astdb res_timing_timerfd res_pjproject res_pjsip
    res_pjsip_session res_pjsip_path res_pjsip_pubsub res_pjsip_sdp_rtp res_pjsip_registrar res_pjsip_authenticator_digest
    res_pjsip_endpoint_identifier_user res_pjsip_endpoint_identifier_ip
    res_pjsip_outbound_registration res_pjsip_outbound_authenticator_digest res_pjsip_caller_id res_pjsip_nat res_pjsip_rfc3326 res_pjsip_logger
    res_pjsip_dtmf_info res_pjsip_dlg_options res_rtp_asterisk chan_pjsip codec_ulaw codec_alaw bridge_simple bridge_native_rtp
    func_callerid func_cut func_channel func_hangupcause pbx_config app_dial app_echo app_playtones app_senddtmf
    app_verbose res_clioriginate";

/// All sound goes through it.
const RELAYED: &str = "direct_media=no";

/// `calls`: further lines of the customer's endpoint.
fn pjsip(port: u16, certificate: Option<&Certificate>, calls: &str) -> String {
    let mut text = "[global]\ntype=global\nuser_agent=provider\ndebug=yes\n".to_owned();
    let transports: &[&str] = if certificate.is_some() { &["tls"] } else { &["udp", "tcp"] };
    for transport in transports {
        text += &format!("[{transport}]\ntype=transport\nprotocol={transport}\nbind=127.0.0.1:{port}\n");
    }
    if let Some(Certificate { cert, key }) = certificate {
        text += &format!("method=tlsv1_2\ncert_file={}\npriv_key_file={}\n", cert.display(), key.display());
    }
    // Over TLS the customer is reached by its own connection only.
    let rewrite = if certificate.is_some() { "yes" } else { "no" };
    text += &format!(
        "[{USER}]\ntype=endpoint\ncontext=customer\ndisallow=all\nallow=alaw,ulaw\nauth={USER}\naors={USER}\n\
         {calls}\ndtmf_mode=rfc4733\nidentify_by=auth_username,username\nsend_pai=yes\n\
         media_address=127.0.0.1\nbind_rtp_to_media_address=yes\nrewrite_contact={rewrite}\n\
         [{USER}]\ntype=auth\nauth_type=userpass\nusername={USER}\npassword={SECRET}\n\
         [{USER}]\ntype=aor\nmax_contacts=1\nremove_existing=yes\nsupport_path=yes\nminimum_expiration=5\n"
    );
    text
}

/// The configuration of a phone that registers as `user` with the password `secret`.
fn phone(port: u16, exchange: u16, user: &str, transport: &str) -> String {
    format!(
        "[global]\ntype=global\nuser_agent=phone\ndebug=yes\n\
         [{transport}]\ntype=transport\nprotocol={transport}\nbind=127.0.0.1:{port}\n\
         [login]\ntype=auth\nauth_type=userpass\nusername={user}\npassword=secret\n\
         [line]\ntype=registration\noutbound_auth=login\nserver_uri=sip:127.0.0.1:{exchange}\\;transport={transport}\n\
         client_uri=sip:{user}@127.0.0.1:{exchange}\ncontact_user={user}\ntransport={transport}\n\
         [exchange]\ntype=aor\ncontact=sip:127.0.0.1:{exchange}\\;transport={transport}\n\
         [exchange]\ntype=endpoint\ntransport={transport}\ncontext=phone\naors=exchange\noutbound_auth=login\n\
         from_user={user}\nfrom_domain=127.0.0.1\ndisallow=all\nallow=alaw,ulaw\ndirect_media=no\n\
         media_address=127.0.0.1\nbind_rtp_to_media_address=yes\n\
         [exchange]\ntype=identify\nendpoint=exchange\nmatch=127.0.0.1\n"
    )
}

const EXTENSIONS: &str = "\
[customer]
exten => _+4915.,1,Answer()
same => n,Echo()
same => n,Hangup()
exten => _+4930.,1,Progress()
same => n,Playtones(440)
same => n,Wait(1.5)
same => n,StopPlaytones()
same => n,Answer()
same => n,Playtones(1020)
same => n,Wait(60)
exten => _+4914.,1,Dial(PJSIP/mypbx,60)
same => n,Hangup(${HANGUPCAUSE})
exten => _+4916.,1,Ringing()
same => n,Wait(120)
exten => _+4917.,1,Hangup(17)
exten => _+4918.,1,Hangup(1)
exten => _+4919.,1,Answer()
same => n,Wait(0.3)
same => n,SendDTMF(123#,150,100)
same => n,Wait(0.3)
same => n,Hangup()

[phone]
exten => _X.,1,Answer()
same => n,Echo()
same => n,Hangup()

[incoming]
exten => _[a+0-9].,1,Set(CALLERID(num)=${CUT(EXTEN,_,1)})
same => n,GotoIf($[\"${CUT(EXTEN,_,1)}\" != \"anonymous\"]?ring)
same => n,Set(CALLERID(pres)=prohib)
same => n(ring),GotoIf($[\"${CUT(EXTEN,_,2)}\" = \"mypbx\"]?contact)
same => n,Dial(PJSIP/${CUT(EXTEN,_,2)}@mypbx,60)
same => n,Hangup(${HANGUPCAUSE})
same => n(contact),Dial(PJSIP/mypbx,60)
same => n,Hangup(${HANGUPCAUSE})
";
