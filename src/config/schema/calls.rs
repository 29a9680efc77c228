//! Sections of calls.
use super::super::value::{
    is_absolute_path, is_device, is_dialable, is_dscp, is_external, is_host, is_host_port, is_name,
    is_number, is_one_line, is_pattern, is_port_range, is_prefix, is_realm, is_times, is_user,
};
use super::{
    EMERGENCY, ENABLED, Form, Item, Kind, Shown, hidden, hidden_list, item, list, optional, required,
};
use super::{seconds, text};

const NUMBER: &str = "3 to 15 digits, with + in front of a country code";
const PATTERN: &str = "digits and X 0-9, Z 1-9, N 2-9, [..] a set, . one or more, ! none or more";

pub(super) const SIP: Kind = Kind {
    name: "sip",
    help: "where phones and providers reach us, one section 'sip'; none: the defaults",
    options: &[
        item("enabled", Form::Flag, "1", "0: no phones and no providers"),
        item(
            "listen",
            list(is_one_line, "transport:where:port such as udp:lan:5060"),
            "udp:any:5060 tcp:any:5060",
            "transport udp, tcp or tls; where: any, an address, a network device or an interface such as lan",
        ),
        item(
            "external",
            text(is_external, "auto, an address or a host name"),
            "auto",
            "the address others see; auto: that of the interface the packet leaves by",
        ),
        optional(
            "local_net",
            list(is_one_line, "a network such as 192.168.1.0/24"),
            "networks that reach us without the external address; none: the private ranges",
        ),
        optional(
            "max_calls",
            Form::Number { least: 1, most: 10_000 },
            "calls at once; none: one for each MB of memory, at most 4000",
        ),
        item(
            "rtp_ports",
            text(is_port_range, "two ports from 1024 on such as 10000-10199, the first one even"),
            "10000-10199",
            "ports for sound, two for each phone or trunk in a call; with max_calls as many as it needs",
        ),
        item(
            "realm",
            text(is_realm, "1 to 64 plain characters without quotes"),
            "tandem",
            "name of our password domain; phones show it",
        ),
        optional(
            "tls_certificate",
            text(is_absolute_path, "a path such as /etc/tandem/sip.crt"),
            "PEM file that places for tls show, the issuers behind it; none: one of our own making",
        ),
        optional(
            "tls_key",
            text(is_absolute_path, "a path such as /etc/tandem/sip.key"),
            "PEM file with its key; only with tls_certificate",
        ),
        seconds(
            "min_expires",
            10,
            3_600,
            "60",
            "shortest registration; a phone that asks for less gets this",
        ),
        item(
            "dscp_sip",
            text(is_dscp, DSCP),
            "cs3",
            "mark of our signalling, for the router's queues (SQM, WMM)",
        ),
        item("dscp_rtp", text(is_dscp, DSCP), "ef", "mark of our sound"),
        item(
            "pickup_code",
            text(is_dialable, "digits, * and #"),
            "*8",
            "with the number of an extension that rings behind it: takes that call",
        ),
        seconds("max_expires", 60, 86_400, "3600", "longest one; a phone that asks for more gets this"),
    ],
};

pub(super) const EXTENSION: Kind = Kind {
    name: "extension",
    help: "a phone that registers here; the section's name is its number and its user name",
    options: &[
        ENABLED,
        optional("name", text(is_one_line, "one line of text"), "shown to who is called"),
        required("secret", hidden(is_one_line, "the password of the phone", Shown::Never), "the password"),
        item(
            "digest",
            Form::Choice(&["md5", "sha256", "md5 sha256", "sha256 md5"]),
            "md5",
            "how the password is proven; every phone can md5, and some give up when they are offered both",
        ),
        item(
            "max_contacts",
            Form::Number { least: 1, most: 10 },
            "3",
            "phones at once; one more pushes out the oldest",
        ),
        item("codecs", list(is_name, CODECS), "pcmu pcma", "in this order"),
        seconds("qualify", 0, 3_600, "0", "between questions whether the phone is there; 0: never"),
        seconds("timeout", 5, 600, "60", "it rings at most"),
        optional(
            "caller_id",
            hidden(is_number, NUMBER, Shown::Private),
            "number shown through a trunk; a route's goes before it",
        ),
        item("hide", Form::Flag, "0", "1: ask the network not to show our number"),
        SRTP,
        DTMF,
        optional(
            "allow",
            list(is_name, ROUTES),
            "routes it may use; none: all. Emergency numbers always go out",
        ),
        optional("deny", list(is_name, ROUTES), "routes it may not use"),
        item("call_waiting", Form::Flag, "1", "0: busy while it has a call"),
        item("dnd", Form::Flag, "0", "1: do not disturb: callers hear that it is busy"),
        optional("forward_always", FORWARD_TO, "its calls go there, as the extension would dial it"),
        optional("forward_busy", FORWARD_TO, "while it is busy, or not to be disturbed"),
        optional("forward_no_answer", FORWARD_TO, "after 'timeout'"),
        optional("forward_unreachable", FORWARD_TO, "while no phone is there"),
        optional("mailbox", Form::Later, "where messages for it are kept"),
    ],
};

/// `accept` is the default: who asks for encryption gets it, and nobody gets an offer that is longer, or that he may not understand.
const SRTP: Item = item(
    "srtp",
    Form::Choice(&["off", "accept", "optional", "required"]),
    "accept",
    "encrypted sound: accept it where it is offered, optional: offer it too, required: no call without it",
);
const DTMF: Item = item(
    "dtmf",
    Form::Choice(&["auto", "rfc4733", "info", "inband"]),
    "auto",
    "how keys are told to it: rfc4733 in RTP, info in SIP, inband as tones; auto: rfc4733 where it can, else inband",
);
const ROUTES: &str = "the name or the class of a route";
const FORWARD_TO: Form = hidden(is_dialable, "a number as it would be dialled", Shown::Private);

const DSCP: &str = "ef, va, cs0 to cs7, af11 to af43, or a number up to 63";
const CODECS: &str = if crate::util::MEDIA { "pcmu, pcma or g722" } else { "pcmu or pcma" };

pub(super) const TRUNK: Kind = Kind {
    name: "trunk",
    help: "an account at a provider, or another exchange",
    options: &[
        ENABLED,
        item("type", text(is_name, "sip"), "sip", "the protocol"),
        required(
            "host",
            text(is_host, "a name or an address such as sip.example.com"),
            "the provider's server; where packets go unless proxy says otherwise",
        ),
        optional(
            "port",
            Form::Number { least: 1, most: 65_535 },
            "of host; none: as SRV records in DNS say, else 5060, with tls 5061",
        ),
        item(
            "transport",
            text(is_device, "udp, tcp, tls or auto"),
            "udp",
            "udp, tcp or tls; auto: as NAPTR records in DNS say, else udp",
        ),
        item("tls_verify", Form::Flag, "1", "0: accept any certificate, for an exchange in one's own house"),
        optional(
            "ca_file",
            text(is_absolute_path, "a path such as /etc/ssl/my-ca.pem"),
            "PEM file with further trusted certificates",
        ),
        optional(
            "proxy",
            text(is_host_port, "a name or an address, with a port or without: sip.example.com:5060"),
            "outbound proxy: where packets go instead of host",
        ),
        optional("domain", text(is_host, "a name such as example.com"), "in SIP addresses; none: host"),
        optional("username", text(is_one_line, "one line of text"), "only with secret"),
        optional(
            "secret",
            hidden(is_one_line, "one line of text", Shown::Never),
            "the password; only with username",
        ),
        item("register", Form::Flag, "0", "1: tell the provider where we are; needs username and secret"),
        seconds("expires", 60, 86_400, "300", "asked for each registration; the provider may give less"),
        item("codecs", list(is_name, CODECS), "pcmu pcma", "in this order"),
        optional(
            "inbound",
            hidden(is_one_line, "an extension, or hangup/busy", Shown::Private),
            "where its calls go that no route takes: 100 or hangup/busy",
        ),
        optional(
            "from_user",
            text(is_user, "a user name or number without blanks"),
            "in From; none: username",
        ),
        optional("caller_id", hidden(is_number, NUMBER, Shown::Private), "number shown to who is called"),
        item(
            "identity",
            Form::Choice(&["from", "pai", "ppi", "rpid"]),
            "from",
            "header that carries caller_id: From, P-Asserted-Identity, P-Preferred-Identity or Remote-Party-ID",
        ),
        item(
            "format",
            Form::Choice(&["as_dialled", "+e164", "e164", "00e164", "national"]),
            "as_dialled",
            "of numbers that go out; needs option country of section tandem",
        ),
        optional(
            "address",
            list(is_one_line, "an address or a network such as 192.0.2.0/24"),
            "where its calls come from, beside the addresses of host",
        ),
        optional(
            "realm",
            list(is_realm, "1 to 64 plain characters without quotes"),
            "who may ask for the password; none: its registrar, and who belongs to its domain",
        ),
        SRTP,
        DTMF,
        EMERGENCY,
    ],
};

pub(super) const GROUP: Kind = Kind {
    name: "group",
    help: "phones that ring for one call; named as group/NAME where calls go",
    options: &[
        ENABLED,
        item(
            "strategy",
            Form::Choice(&["all", "in_order", "rotate", "least_recent"]),
            "all",
            "all: at once; else one after the other: in_order from the first, rotate from the next, least_recent",
        ),
        seconds("timeout", 5, 600, "25", "it rings at most; one after the other: each member"),
        Item {
            required: true,
            ..optional("member", list(is_name, "the name of an extension"), "extensions, in this order")
        },
        optional(
            "otherwise",
            hidden(is_one_line, super::DESTINATION, Shown::Private),
            "where the call goes when no member took it; none: it ends",
        ),
    ],
};

pub(super) const ROUTE: Kind = Kind {
    name: "route",
    help: "numbers and where they go; the first one in the file that takes the number counts",
    options: &[
        ENABLED,
        Item {
            required: true,
            ..optional(
                "from",
                list(is_name, "extensions, or the name of an extension, group, trunk or dongle"),
                "who may use it: extensions (all of them), or names of extensions, groups, trunks and dongles",
            )
        },
        optional(
            "caller",
            hidden_list(is_pattern, "a number such as +15555555555, or a pattern"),
            "from a trunk only these callers; none: nobody from a trunk",
        ),
        Item {
            required: true,
            ..optional(
                "match",
                hidden_list(is_pattern, PATTERN),
                "numbers: X 0-9, Z 1-9, N 2-9, [..] a set, . one or more, ! none or more",
            )
        },
        optional(
            "time",
            text(is_times, "days and hours such as mon-fri 08:00-17:30; sat 09:00-12:00"),
            "when it counts; none: always",
        ),
        optional("class", text(is_name, "one word"), "what allow and deny of extensions may call it"),
        item("strip", Form::Number { least: 0, most: 20 }, "0", "characters taken off the front"),
        optional(
            "prepend",
            text(is_prefix, "digits, * and #, with + only in front"),
            "put in front, after strip",
        ),
        optional(
            "caller_id",
            hidden(is_number, NUMBER, Shown::Private),
            "number shown through a trunk, instead of the trunk's own",
        ),
        item("hide", Form::Flag, "0", "1: ask the network not to show our number"),
        Item {
            required: true,
            ..optional(
                "to",
                hidden_list(is_one_line, TARGET),
                "tried in this order: dongles, trunks and extensions, NAME/NUMBER for a fixed number, hangup/busy",
            )
        },
    ],
};

const TARGET: &str = "a dongle, a trunk, an extension or hangup/busy";
