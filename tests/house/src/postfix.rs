//! Postfix as most people's mail server runs it: STARTTLS and a login on a submission port, mailboxes as Maildirs.
//! An instance of its own in a scratch directory; the machine's own Postfix, if any, isn't touched. Needs root.
use crate::child::Child;
use crate::mail::Authority;
use crate::paths::{self, Scratch};
use crate::wait::poll;
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Who may send.
pub const USER: &str = "me";
pub const SECRET: &str = "vErY 'secret'";
/// The one mailbox that there is.
pub const READER: &str = "me@example.com";

/// A running Postfix on 127.0.0.1.
pub struct Postfix {
    pub port: u16,
    pub authority: Authority,
    master: Option<Child>,
    dir: Scratch,
}

impl Postfix {
    /// Why it can't run here; None: it can.
    #[must_use]
    pub fn missing() -> Option<&'static str> {
        if !nix::unistd::geteuid().is_root() {
            return Some("Postfix needs root");
        }
        let there = |path: &str| Path::new(path).exists();
        (!there(MASTER) || !there("/usr/sbin/saslpasswd2"))
            .then_some("packages postfix and sasl2-bin are missing")
    }

    /// Sets an instance up and starts it.
    #[must_use]
    pub fn start() -> Self {
        let dir = Scratch::new("postfix");
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port();
        let mut postfix = Self { port, authority: Authority::new(), master: None, dir };
        postfix.lay_out().expect("Postfix's directories");
        postfix.up();
        postfix
    }

    fn lay_out(&self) -> std::io::Result<()> {
        let dir = self.dir.path();
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?;
        let user = nix::unistd::User::from_name("postfix").ok().flatten().expect("the user postfix");
        let own = |path: &Path| chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()));
        for name in ["etc", "etc/sasl", "queue", "data", "boxes"] {
            fs::create_dir_all(dir.join(name))?;
        }
        own(&dir.join("data"))?;
        own(&dir.join("boxes"))?;
        let certificate = self.authority.good();
        let at = dir.display();
        let (cert, key) = (certificate.cert.display(), certificate.key.display());
        let (uid, gid) = (user.uid, user.gid);
        fs::write(
            dir.join("etc/main.cf"),
            format!(
                "compatibility_level = 3.6\nqueue_directory = {at}/queue\ndata_directory = {at}/data\n\
                 command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\nmail_owner = postfix\n\
                 setgid_group = postdrop\nmyhostname = mail.example\nmydomain = example\nmydestination =\n\
                 inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nalias_maps =\nlocal_recipient_maps =\n\
                 virtual_mailbox_domains = example.com\nvirtual_mailbox_base = {at}/boxes\n\
                 virtual_mailbox_maps = inline:{{ {READER}=me/ }}\nvirtual_uid_maps = static:{uid}\n\
                 virtual_gid_maps = static:{gid}\nvirtual_minimum_uid = 1\n\
                 maillog_file = {at}/data/mail.log\nmaillog_file_prefixes = {at}\n\
                 smtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\nsmtpd_tls_security_level = encrypt\n\
                 smtpd_tls_auth_only = yes\nsmtpd_sasl_auth_enable = yes\nsmtpd_sasl_path = smtpd\n\
                 cyrus_sasl_config_path = {at}/etc/sasl\nsmtpd_sasl_local_domain = mail.example\n\
                 smtpd_relay_restrictions = permit_sasl_authenticated, reject\n\
                 smtpd_recipient_restrictions = permit_sasl_authenticated, reject\n"
            ),
        )?;
        fs::write(
            dir.join("etc/master.cf"),
            format!("127.0.0.1:{} inet n - n - - smtpd\n{SERVICES}", self.port),
        )?;
        fs::write(
            dir.join("etc/sasl/smtpd.conf"),
            format!(
                "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n\
                 sasldb_path: {at}/etc/sasl/sasldb2\n"
            ),
        )?;
        let mut passwd = Command::new("/usr/sbin/saslpasswd2")
            .args(["-p", "-c", "-u", "mail.example", "-f"])
            .arg(dir.join("etc/sasl/sasldb2"))
            .arg(USER)
            .stdin(Stdio::piped())
            .spawn()?;
        passwd.stdin.take().expect("a pipe").write_all(SECRET.as_bytes())?;
        assert!(passwd.wait()?.success(), "saslpasswd2");
        own(&dir.join("etc/sasl/sasldb2"))?;
        // Makes the queue's directories.
        let check = Command::new("/usr/sbin/postfix").arg("-c").arg(dir.join("etc")).arg("check").output()?;
        assert!(check.status.success(), "postfix check: {}", String::from_utf8_lossy(&check.stderr));
        Ok(())
    }

    /// Starts it (again); returns when the port answers.
    pub fn up(&mut self) {
        let etc = self.dir.join("etc");
        let mut command = Command::new(MASTER);
        command.arg("-c").arg(etc).arg("-d").stdin(Stdio::null());
        self.master = Some(Child::spawn("postfix", &mut command));
        let up = poll(20.0, || TcpStream::connect(("127.0.0.1", self.port)).ok());
        assert!(up.is_some(), "Postfix doesn't listen\n{}", self.log());
    }

    /// Stops it; the port refuses connections when this returns.
    pub fn down(&mut self) {
        if let Some(mut master) = self.master.take() {
            master.stop(Duration::from_secs(5));
        }
        let _ = poll(5.0, || TcpStream::connect(("127.0.0.1", self.port)).is_err().then_some(()));
    }

    /// The mailbox of `READER`.
    #[must_use]
    pub fn mailbox(&self) -> PathBuf {
        self.dir.join("boxes/me")
    }

    /// All mails in it, read by Python's email package.
    #[must_use]
    pub fn mails(&self) -> Vec<Value> {
        read_maildir(&self.mailbox())
    }

    /// Waits until `count` mails lie in the mailbox; None after `seconds`.
    #[must_use]
    pub fn find_mails(&self, count: usize, seconds: f64) -> Option<Vec<Value>> {
        let new = self.mailbox().join("new");
        let lies = || fs::read_dir(&new).map_or(0, Iterator::count);
        poll(seconds, || (lies() >= count).then_some(())).map(|()| self.mails())
    }

    /// Its log's tail and its own words.
    #[must_use]
    pub fn log(&self) -> String {
        let text = fs::read_to_string(self.dir.join("data/mail.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(30)..].join("\n");
        format!("{tail}\n{}", self.master.as_ref().map(|m| m.tail(10)).unwrap_or_default())
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // SIGTERM lets the master end its children; a kill would leave them for a while.
        self.down();
    }
}

/// All mails of a Maildir, oldest first.
#[must_use]
pub fn read_maildir(dir: &Path) -> Vec<Value> {
    let script = paths::root().join("tests/house/servers/maildir.py");
    let output = Command::new(paths::python()).arg(script).arg(dir).output().expect("python");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

const MASTER: &str = "/usr/lib/postfix/sbin/master";

/// Debian's services, as far as mail for a mailbox needs them, without chroot.
const SERVICES: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";
