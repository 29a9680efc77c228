//! Faults and habits of real sticks, each one a flag. The table is the documentation too (`--help`).

use std::collections::BTreeMap;

macro_rules! quirks {
    ($($variant:ident $name:literal $section:literal $value:literal $text:literal;)*) => {
        /// One habit; see `TABLE` for what it does.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Quirk { $($variant),* }

        /// Quirk, name, DONGLE.md section, default value ("" when it takes none), meaning.
        pub const TABLE: &[(Quirk, &str, &str, &str, &str)] =
            &[$((Quirk::$variant, $name, $section, $value, $text)),*];
    };
}

quirks! {
    RawTty "raw_tty" "2.1" "" "the ttys start raw; without it they are cooked with echo, as a fresh ttyUSB is";
    UnreadPortCrash "unread_port_crash" "2.1" "" "URCs go to the modem port too, 4 KiB unread there crash the stick (^CURC=0 helps)";
    TtysAppearSlowly "ttys_appear_slowly" "1.5" "" "the ttys of a plugged stick come 100 ms apart";
    SerialConst "serial_const" "1.5" "" "USB serial 0123456789ABCDEF";
    EchoStays "echo_stays" "2.2" "" "ATE0 answers OK, the echo stays";
    CrCrLf "crcrlf" "2.2" "" "CR CR LF line ends";
    ExtraCrLf "extra_crlf" "2.2" "" "one more CR LF before each URC";
    NoSpace "no_space" "2.2" "" "+NAME:1,2 without the space";
    CaretSpace "caret_space" "2.2" "" "^NAME: 1,2 with a space";
    NulPadding "nul_padding" "2.2" "" "NULs and spaces at the ends of lines";
    GluedUrc "glued_urc" "2.2" "" "OK^RSSI:20, no CR LF between a result and the next URC";
    CssiUnterminated "cssi_unterminated" "2.2" "" "+CSSI: 1 without CR LF behind it, on each ATD";
    CnumGlued "cnum_glued" "2.2" "" "ERROR+CNUM: as the answer's first line";
    UrcInside "urc_inside" "2.2" "" "a ^RSSI between the lines of each answer and its OK";
    LateReplies "late_replies" "2.2" "8" "each n-th answer comes 7 s late";
    SplitOutput "split_output" "2.2" "" "answers come in pieces of 1-3 bytes, 1 ms apart";
    CapitalsOnly "capitals_only" "2.2" "" "lower-case commands get ERROR";
    NotSupported "not_supported" "2.2" "^CPIN,^ICCID,^SYSINFO,^CVOICE,^CURC,^GETPORTMODE,+CNUM" "COMMAND NOT SUPPORT for a list of commands";
    TooMany "too_many" "2.2" "+CSSN,+CVHU,+CNMI" "TOO MANY PARAMETERS for setting a list of commands";
    ErrorFor "error_for" "2.2" "+CSCA,+CNUM" "ERROR for a list of commands";
    SilentAt "silent_at" "2.3" "4" "the first n commands after a plug get no answer";
    SlowBoot "slow_boot" "2.3" "2000" "the AT engine is silent for n ms after a plug";
    NoCgsn "no_cgsn" "2.3" "" "AT+CGSN gives ERROR (ATI has the IMEI)";
    AtiWithoutImei "ati_without_imei" "2.3" "" "ATI has no IMEI line";
    CfunOff "cfun_off" "2.3" "4" "starts with AT+CFUN? = n, no radio until AT+CFUN=1";
    CmeeRefused "cmee_refused" "2.3" "" "AT+CMEE= gives ERROR, errors stay plain";
    CimiLate "cimi_late" "2.3" "3000" "AT+CIMI fails for n ms after the SIM is ready";
    CpinBusy "cpin_busy" "2.3" "3000" "AT+CPIN? gives CME 14 for n ms after a plug";
    CscaUcs2 "csca_ucs2" "2.3" "" "+CSCA as UCS2 hex";
    CnumEmpty "cnum_empty" "2.3" "" "AT+CNUM gives only OK";
    CsqHangsOnce "csq_hangs_once" "2.3" "" "the first AT+CSQ after a plug gets no answer";
    SmRefused "sm_refused" "2.3" "" "AT+CPMS=\"SM\" gives CMS 302, there is only ME";
    MeStorage "me_storage" "2.3" "" "starts with ME selected (23 slots), messages go there";
    CnmiOnly "cnmi_only" "2.3" "1,1,0,1,0" "only this AT+CNMI setting is taken, or none with value `none`";
    CcwaWedges "ccwa_wedges" "2.10" "" "AT+CCWA wedges the AT engine";
    WrongPinError "wrong_pin_error" "2.4" "" "a wrong PIN gives ERROR, not CME 16";
    ClckRefused "clck_refused" "2.4" "" "switching the PIN off gives CME 13";
    Sysinfo255 "sysinfo_255" "2.7" "3000" "^SYSINFO says no SIM (255) for n ms after a plug";
    NoVoice "no_voice" "2.5" "" "no voice function: ^CVOICE and ^DDSETEX unsupported";
    CvoiceOff "cvoice_off" "2.5" "" "^CVOICE:1, voice is switched off";
    CregBroken "creg_broken" "2.7" "" "+CREG with broken quotes";
    CregBare "creg_bare" "2.7" "" "+CREG without quotes, 28 bit cell";
    CopsJunk "cops_junk" "2.7" "" "operator names with '@', bytes of 0x80 and above, control characters behind";
    CsqOver "csq_over" "2.7" "" "+CSQ of 100 and above for an unknown signal";
    SysinfoEmpty "sysinfo_empty" "2.7" "" "^SYSINFO with empty fields and commas behind";
    Hcsq "hcsq" "2.7" "" "^HCSQ URCs beside ^RSSI";
    Boot "boot" "2.8" "3000" "^BOOT each n ms until the host sends a command";
    BootStorm "boot_storm" "2.8" "50" "^BOOT each n ms, for ever";
    UrcNoise "urc_noise" "2.8" "300" "^STIN, ^DSFLOWRPT, ^CSNR, ^EONS and unknown URCs each n ms";
    PortselModem "portsel_modem" "2.8" "" "URCs go to the modem port until AT^PORTSEL=0";
    CurcHidesCalls "curc_hides_calls" "2.8" "" "^CURC=0 hides ^ORIG ^CONF ^CONN ^CEND as well";
    ChldKills "chld_kills" "2.10" "" "AT+CHLD=1x between ATD's OK and ^CONF kills the AT engine";
    LongPduHangs "long_pdu_hangs" "2.10" "" "too long a PDU kills the AT engine";
    StopsResponding "stops_responding" "2.10" "40" "the AT engine dies after n commands, URCs go on";
    ChupEatsCend "chup_eats_cend" "2.10" "" "AT+CHUP before ^ORIG: no ^CEND";
    CmgrWedge "cmgr_wedge" "2.10" "2" "AT+CMGR of slot n kills the AT engine (AT+CMGL does not)";
    Drops "drops" "1.7" "60" "vanishes and comes back each n seconds (brown-out)";
    GetportmodeCrash "getportmode_crash" "1.4" "" "AT^GETPORTMODE crashes the stick, as an MU609 does";
    CmgrTwoFields "cmgr_two_fields" "4.1" "" "+CMGR: 0,23";
    AlphaField "alpha_field" "4.1" "" "+CMGR and +CMGL with a name in the second field";
    CmtiMinusOne "cmti_minus_one" "4.1" "" "+CMTI: \"SM\",-1";
    CmtiOther "cmti_other" "4.1" "" "messages go to, and +CMTI names, the memory that is not selected";
    NoCmti "no_cmti" "4.1" "" "messages are stored without +CMTI";
    Empty321 "empty_321" "4.1" "" "reading an empty slot gives CMS 321 instead of OK";
    FullSilent "full_silent" "4.1" "" "no ^SMMEMFULL when the store is full";
    CdsiSr "cdsi_sr" "4.1" "" "+CDSI names \"SR\"";
    FlashCmt "flash_cmt" "4.4" "" "class 0 texts come as +CMT, unstored";
    DeleteFails "delete_fails" "4.1" "" "the first AT+CMGD of each message gives CMS 500";
    CmglHidesUnread "cmgl_stat1_only" "4.1" "" "AT+CMGL=4 leaves out unread messages until read by AT+CMGR";
    NoPrompt "no_prompt" "4.2" "" "the prompt of AT+CMGS never shows, ESC still ends it";
    PromptUrc "prompt_urc" "4.2" "" "a ^RSSI between AT+CMGS and its prompt";
    PduEcho "pdu_echo" "4.2" "" "the PDU is echoed even after ATE0";
    Cms500 "cms_500" "4.2" "" "each AT+CMGS gives CMS 500";
    AutoReport "auto_report" "4.7" "" "a status report 200 ms after each text that asks for one";
    ReportAppends "report_appends" "4.3" "" "status reports with fields appended";
    UssdPlain "ussd_plain" "5" "" "USSD as plain text both ways (packed gives CUSD 5)";
    UssdUcs2 "ussd_ucs2" "5" "" "USSD as UCS2 hex both ways";
    UssdAnswerUcs2 "ussd_answer_ucs2" "5" "" "packed requests, answers as UCS2 hex with dcs 72";
    UssdNoDcs "ussd_no_dcs" "5" "" "answers without a dcs field";
    UssdUnquoted "ussd_unquoted" "5" "" "answers without quotes";
    UssdModeRaw "ussd_mode_raw" "5" "" "AT^USSDMODE is 1: text requests give ERROR until it is 0";
    CusdBeforeOk "cusd_before_ok" "5" "" "+CUSD comes before the OK";
    CusdCancelError "cusd_cancel_error" "5" "" "AT+CUSD=2 gives ERROR";
    CringAlways "cring_always" "6.1" "" "+CRING: VOICE whatever +CRC says";
    CrcOn "crc_on" "2.3" "" "+CRC=1 is left over: +CRING until AT+CRC=0";
    ClipLate "clip_late" "3.2" "" "the first RING comes without +CLIP";
    ClipSecondForm "clip_quoted" "3.2" "" "+CLIP: \"...\",145,\"\",128,\"\",0";
    ClccEmpty "clcc_empty" "6.1" "" "withheld callers: empty fields in +CLCC";
    LostCend "lost_cend" "3.3" "" "^CEND does not come";
    MissingConn "missing_conn" "3.1" "" "^CONN does not come";
    ConnBeforeOk "conn_before_ok" "3.2" "" "^CONN before the OK of ATA";
    CendShort "cend_short" "3.4" "" "^CEND without the cause";
    BusyLine "busy_line" "3.1" "" "BUSY / NO ANSWER / NO CARRIER beside ^CEND";
    DdsetexError "ddsetex_error" "6.1" "" "AT^DDSETEX gives ERROR";
    PcmOnSecond "pcm_on_second" "3.7" "" "PCM starts only with the second AT^DDSETEX";
    PcmElsewhere "pcm_elsewhere" "6.1" "" "voice and AT port are swapped in the table: PCM comes on the modem port";
    DiagResidue "diag_residue" "3.7" "" "stale bytes lie in the voice port when a call starts";
    DtmfFails "dtmf_fails" "3.6" "" "AT^DTMF gets no answer";
    AtaSlow "ata_slow" "6.1" "" "ATA takes 6 s";
}

/// The quirks in force, with their values.
#[derive(Debug, Clone, Default)]
pub struct Quirks {
    on: BTreeMap<Quirk, String>,
}

impl Quirks {
    /// Switches `name` or `name=value` on or off. Unknown names are an error.
    pub fn set(&mut self, spec: &str, on: bool) -> Result<(), String> {
        let (name, value) = spec.split_once('=').map_or((spec, None), |(n, v)| (n, Some(v)));
        let (quirk, _, _, default, _) =
            TABLE.iter().find(|row| row.1 == name).ok_or_else(|| format!("unknown quirk {name}"))?;
        if on {
            self.on.insert(*quirk, value.unwrap_or(default).to_string());
        } else {
            self.on.remove(quirk);
        }
        Ok(())
    }

    pub fn has(&self, quirk: Quirk) -> bool {
        self.on.contains_key(&quirk)
    }

    pub fn number(&self, quirk: Quirk) -> Option<u64> {
        self.on.get(&quirk).and_then(|v| v.parse().ok())
    }

    pub fn text(&self, quirk: Quirk) -> Option<&str> {
        self.on.get(&quirk).map(String::as_str)
    }

    /// Whether a list quirk names the command (`+CSQ`, `^CPIN`).
    pub fn lists(&self, quirk: Quirk, command: &str) -> bool {
        self.text(quirk).is_some_and(|list| list.split(',').any(|c| c.eq_ignore_ascii_case(command)))
    }

    /// `name` or `name=value` of each.
    pub fn names(&self) -> Vec<String> {
        let name = |q: &Quirk| TABLE.iter().find(|row| row.0 == *q).map_or("?", |row| row.1);
        self.on
            .iter()
            .map(|(q, v)| if v.is_empty() { name(q).to_string() } else { format!("{}={v}", name(q)) })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_settable() {
        let mut quirks = Quirks::default();
        for row in TABLE {
            quirks.set(row.1, true).unwrap();
        }
        assert_eq!(quirks.names().len(), TABLE.len());
        assert!(quirks.lists(Quirk::NotSupported, "^cvoice"));
        quirks.set("silent_at=9", true).unwrap();
        assert_eq!(quirks.number(Quirk::SilentAt), Some(9));
        assert!(quirks.set("nonsense", true).is_err());
    }
}
