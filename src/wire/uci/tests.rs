//! Real text, faults with their lines, bounds, and noise.
use super::*;

/// As `uci export` prints it, below the package line.
fn export(parsed: &Parsed) -> String {
    let escaped = |text: &str| text.replace('\'', r"'\''");
    let mut out = String::new();
    for section in &parsed.sections {
        let name = section.name.as_ref().map(|name| format!(" '{name}'")).unwrap_or_default();
        out += &format!("\nconfig {}{name}\n", section.kind);
        for Opt { key, value, .. } in &section.options {
            match value {
                Value::Single(text) => out += &format!("\toption {key} '{}'\n", escaped(text)),
                Value::List(items) => {
                    for item in items {
                        out += &format!("\tlist {key} '{}'\n", escaped(item));
                    }
                }
            }
        }
    }
    out + "\n"
}

/// The escapes of `tests/data/libuci.txt`.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (byte, if byte == b'\\' { bytes.next() } else { None }) {
            (b'\\', Some(b'n')) => out.push(b'\n'),
            (b'\\', Some(b'r')) => out.push(b'\r'),
            (b'\\', Some(b't')) => out.push(b'\t'),
            (b'\\', Some(b'x')) => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
            }
            (b'\\', Some(other)) => out.push(other),
            (other, _) => out.push(other),
        }
    }
    out
}

fn faults(text: &str) -> Vec<(u32, What)> {
    parse(text.as_bytes()).faults.into_iter().map(|fault| (fault.line, fault.what)).collect()
}

#[test]
fn as_libuci_reads_it() {
    let recorded = include_str!("../../../tests/data/libuci.txt");
    let mut compared = 0;
    for row in recorded.lines().filter(|row| !row.starts_with('#')) {
        let (file, export_of_libuci) = row.split_once('\t').unwrap();
        let parsed = parse(&unescape(file));
        if export_of_libuci == "!" {
            assert!(!parsed.faults.is_empty(), "libuci refuses {file:?}: {parsed:?}");
        } else {
            assert_eq!(parsed.faults, [], "{file:?}");
            assert_eq!(export(&parsed).as_bytes(), unescape(export_of_libuci), "{file:?}");
        }
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

#[test]
fn lines_of_sections_and_options() {
    let text = "# above\n\nconfig dongle 'a'\n\toption pin 'x\ny'\n\tlist l 1\n\tlist l 2\nconfig dongle 'a'\n\
                option pin 'z'\nconfig smtp\n";
    let parsed = parse(text.as_bytes());
    assert_eq!(parsed.faults, []);
    let [a, smtp] = parsed.sections.as_slice() else { panic!("{parsed:?}") };
    assert_eq!((a.line, a.name.as_deref(), smtp.line, smtp.name.as_deref()), (3, Some("a"), 10, None));
    let pin = a.option("pin").unwrap();
    assert_eq!((pin.line, &pin.value), (9, &Value::Single("z".to_owned())));
    assert_eq!(a.option("l").unwrap().line, 7);
}

#[test]
fn faults_name_line_and_cause() {
    use What::*;
    for (text, want) in [
        ("config a n\noption b 'x", vec![(2, OpenQuote('\''))]),
        ("config a n\noption b \"x\\\"\n\n", vec![(2, OpenQuote('"'))]),
        ("config a n\noption b 'x\noption c d\n", vec![(2, OpenQuote('\''))]),
        ("config a n\noption b 'it's'\noption c 'd'\n", vec![(2, OpenQuote('\''))]),
        ("config a n\noptoin b c\n", vec![(2, Statement(Some("option")))]),
        ("hunter2 b c\n", vec![(1, Statement(None))]),
        ("config\nconfig a\noption\n", vec![(1, Missing(Wanted::Kind)), (3, Missing(Wanted::Key))]),
        ("package\n", vec![(1, Missing(Wanted::Package))]),
        ("package a b\n", vec![(1, TooManyWords)]),
        ("package a/b\n", vec![(1, BadName(Wanted::Package))]),
        ("config a n\noption b c d\n", vec![(2, TooManyWords)]),
        ("config a n\noption b c d 'e\nf'\n", vec![(2, TooManyWords)]),
        ("config a n-m\noption b c\n", vec![(1, BadName(Wanted::SectionName))]),
        ("config 'a b'\noption b c\n", vec![(1, BadName(Wanted::Kind))]),
        ("config a\noption b-c d\n", vec![(2, BadName(Wanted::Key))]),
        ("option b c\n", vec![(1, BeforeFirstSection)]),
        ("config a n\n\nconfig b n\noption c d\n", vec![(3, OtherKind { kind: "a".to_owned(), line: 1 })]),
        ("config a n;option b c\n", vec![(1, Semicolon)]),
        ("config a n\noption b 'c';\n", vec![(2, Semicolon)]),
        ("config a ; option b c\n", vec![(1, Semicolon)]),
        ("config a\noption b \x07\n", vec![(2, Control)]),
        ("config a\noption b '\u{85}'\n", vec![(2, Control)]),
        ("# a\0b\nconfig a\noption b 'c\nd\0'\n", vec![(1, Nul), (4, Nul)]),
        ("\u{feff}config a\n", vec![(1, ByteOrderMark)]),
    ] {
        assert_eq!(faults(text), want, "{text:?}");
    }
    assert_eq!(parse(b"config a\noption b '\xFF'\n").faults[0].what, NotUtf8);
}

#[test]
fn reading_goes_on_behind_a_fault() {
    let text =
        "config dongle 'a'\n\toption pin '12\n\toption imei '1'\nfoo\nconfig smtp 'b'\n\toption host h\n";
    let parsed = parse(text.as_bytes());
    let lines: Vec<_> = parsed.faults.iter().map(|fault| (fault.line, fault.section)).collect();
    assert_eq!(lines, [(2, Some(0)), (4, Some(0))]);
    assert_eq!(
        export(&parsed),
        "\nconfig dongle 'a'\n\toption imei '1'\n\nconfig smtp 'b'\n\toption host 'h'\n\n"
    );
    assert_eq!(parsed.sections.iter().map(|s| s.sound).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn options_below_a_bad_config_line_go_nowhere() {
    for line in ["config smtp 'b", "confg smtp 'b'", "config smtp b-c", "config 'smtp' b c", "config"] {
        let text =
            format!("config dongle 'a'\n\toption pin '1'\n{line}\n\toption host 'h'\n\tlist pin '2'\n");
        let parsed = parse(text.as_bytes());
        let faults: Vec<_> = parsed.faults.iter().map(|fault| (fault.line, fault.section)).collect();
        assert_eq!(faults, [(3, None)], "{line}");
        assert_eq!(export(&parsed), "\nconfig dongle 'a'\n\toption pin '1'\n\n", "{line}");
        assert!(parsed.sections[0].sound, "{line}");
    }
}

#[test]
fn bounds() {
    let long = vec![b'\n'; 1_000_000];
    assert_eq!(parse(&long).faults, [Fault { line: 1, section: None, what: What::FileTooLong(1_000_000) }]);
    assert_eq!(parse(&long[..limits::CONFIG_BYTES]).faults, []);

    let sections = "config a\n".repeat(limits::CONFIG_SECTIONS + 2);
    let parsed = parse(sections.as_bytes());
    assert_eq!(parsed.sections.len(), limits::CONFIG_SECTIONS);
    assert_eq!(parsed.faults.len(), 2);

    let options: String = (0..=limits::CONFIG_OPTIONS).map(|i| format!("option k{i} v\n")).collect();
    assert_eq!(faults(&format!("config a\n{options}")), [(66, What::TooManyOptions)]);
    let items = "list k v\n".repeat(limits::CONFIG_ITEMS + 1);
    assert_eq!(faults(&format!("config a\n{items}")), [(66, What::TooManyItems)]);
    let value = "v".repeat(limits::CONFIG_VALUE);
    assert_eq!(faults(&format!("config a\noption k '{value}'\n")), []);
    assert_eq!(faults(&format!("config a\noption k '{value}v'\n")), [(2, What::ValueTooLong)]);

    let parsed = parse("x\n".repeat(1_000).as_bytes());
    assert_eq!((parsed.faults.len(), parsed.more_faults), (limits::CONFIG_PROBLEMS, 900));
}

#[test]
fn every_prefix_of_a_file() {
    let text = include_bytes!("../../../tests/data/home1_full.uci");
    for end in 0..text.len() {
        let parsed = parse(&text[..end]);
        assert!(parsed.faults.len() <= 1, "{end}: {:?}", parsed.faults);
    }
    assert_eq!(parse(text).faults, []);
    assert_eq!(parse(text).sections.len(), 8 + 1);
}

#[test]
fn noise() {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap()
    };
    let pieces: [&[u8]; 20] = [
        b"config ",
        b"option ",
        b"list ",
        b"package ",
        b"a",
        b"b ",
        b"'",
        b"\"",
        b"\\",
        b"\n",
        b"\r\n",
        b"\n",
        b";",
        b"#",
        b" ",
        b"\t",
        b"\0",
        b"\xC3\xA9",
        b"\xFF",
        b"\x01",
    ];
    for _ in 0..5_000 {
        let mut text = Vec::new();
        for _ in 0..random(60) {
            if random(8) == 0 {
                text.push(u8::try_from(random(256)).unwrap());
            } else {
                text.extend_from_slice(pieces[random(pieces.len())]);
            }
        }
        let parsed = parse(&text);
        let lines = u32::try_from(text.iter().filter(|b| **b == b'\n').count()).unwrap() + 1;
        assert!(parsed.faults.iter().all(|fault| (1..=lines).contains(&fault.line)), "{text:?}");
        assert!(parsed.sections.iter().all(|section| section.line <= lines), "{text:?}");
    }
}
