//! Files as programs write them, and as nobody should.
use super::{Coding, Fault, Format, Reader};
use crate::media::Codec;
use crate::media::mixer::Rate;
use crate::util::limits::{WAV_PREAMBLE, WAV_SAMPLES};

/// A form with these chunks.
pub fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut body = b"WAVE".to_vec();
    for (name, bytes) in chunks {
        body.extend_from_slice(*name);
        body.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
        body.extend_from_slice(bytes);
        body.resize(body.len().next_multiple_of(2), 0);
    }
    let size = u32::try_from(body.len()).unwrap().to_le_bytes();
    [b"RIFF".as_slice(), &size, &body].concat()
}

/// The chunk of a format.
pub fn fmt(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let block = channels * bits / 8;
    let parts = [tag.to_le_bytes(), channels.to_le_bytes()].concat();
    let rates = [rate.to_le_bytes(), (rate * u32::from(block)).to_le_bytes()].concat();
    [parts, rates, block.to_le_bytes().to_vec(), bits.to_le_bytes().to_vec()].concat()
}

pub fn sine(hz: f64, per_second: u32, count: usize) -> Vec<i16> {
    let step = std::f64::consts::TAU * hz / f64::from(per_second);
    (0..count).map(|n| (8_000.0 * (n as f64 * step).sin()) as i16).collect()
}

/// In pieces of so many bytes.
fn read(bytes: &[u8], piece: usize) -> (Result<(), Fault>, Vec<i16>, Option<Format>) {
    let (mut reader, mut heard) = (Reader::default(), Vec::new());
    let pushed = bytes.chunks(piece).try_for_each(|some| reader.push(some, &mut |s| heard.push(s)));
    (pushed.and_then(|()| reader.end()), heard, reader.format())
}

fn fault(bytes: &[u8]) -> String {
    read(bytes, 7).0.unwrap_err().to_string()
}

#[test]
fn every_form_that_is_played() {
    let linear: Vec<u8> = [1_000_i16, -2_000, 3_000, 4_000].iter().flat_map(|s| s.to_le_bytes()).collect();
    let law = |codec: Codec| (codec, [codec.encode(9_000), codec.encode(-500)]);
    let (pcma, a) = law(Codec::Pcma);
    let (pcmu, u) = law(Codec::Pcmu);
    let decoded = |codec: Codec, bytes: [u8; 2]| bytes.map(|byte| codec.decode(byte)).to_vec();
    // Of WAVE_FORMAT_EXTENSIBLE: size of the rest, bits, mask, and the subformat of 16 bytes.
    let rest = [22, 0, 16, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 16, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];
    let extensible = [fmt(0xfffe, 1, 16_000, 16), rest.to_vec()].concat();
    let of = |coding, rate, stereo| Format { coding, rate, stereo };
    for (format, data, heard, said) in [
        (
            fmt(1, 1, 8_000, 16),
            linear.clone(),
            vec![1_000, -2_000, 3_000, 4_000],
            of(Coding::Linear, Rate::Narrow, false),
        ),
        (fmt(1, 2, 16_000, 16), linear.clone(), vec![-500, 3_500], of(Coding::Linear, Rate::Wide, true)),
        (extensible, linear, vec![1_000, -2_000, 3_000, 4_000], of(Coding::Linear, Rate::Wide, false)),
        (fmt(6, 1, 8_000, 8), a.to_vec(), decoded(pcma, a), of(Coding::Law(pcma), Rate::Narrow, false)),
        (fmt(7, 1, 8_000, 8), u.to_vec(), decoded(pcmu, u), of(Coding::Law(pcmu), Rate::Narrow, false)),
    ] {
        // Chunks that say nothing of the sound, one of them of odd length, and something behind it.
        let bytes = file(&[
            (b"LIST", b"abc"),
            (b"fmt ", &format),
            (b"fact", &[0; 4]),
            (b"data", &data),
            (b"id3 ", b"xyz"),
        ]);
        for piece in [1, 3, 44, 10_000] {
            assert_eq!(read(&bytes, piece), (Ok(()), heard.clone(), Some(said)), "{piece}");
        }
    }
}

#[test]
fn what_is_wrong_is_said_in_words() {
    let good = fmt(1, 1, 8_000, 16);
    let with = |format: &[u8]| file(&[(b"fmt ", format), (b"data", &[0; 8])]);
    let mut block = good.clone();
    block[12] = 7;
    for (bytes, words) in [
        (b"ID3\x03\0\0\0\0\0\x1fTSSE".to_vec(), "it is an MP3 file, want a WAV file"),
        (vec![0xff, 0xfb, 0x90, 0x64, 0, 0, 0, 0, 0, 0, 0, 0], "it is an MP3 file, want a WAV file"),
        (b"OggS\0\x02\0\0\0\0\0\0".to_vec(), "it is an Ogg file, want a WAV file"),
        (b"RIFF\0\0\0\0AVI LIST".to_vec(), "it is a RIFF file without sound, want a WAV file"),
        (b"hello, world".to_vec(), "it is no WAV file"),
        (b"RIFF".to_vec(), "it is no WAV file"),
        (Vec::new(), "it is no WAV file"),
        (with(&fmt(0x55, 1, 8_000, 0)), "it has MP3 in it, want 16-bit samples or G.711"),
        (with(&fmt(1, 1, 8_000, 8)), "its samples have 8 bits, want 16"),
        (with(&fmt(3, 1, 8_000, 32)), "its sound has format 3 with 32 bits, want 16-bit samples or G.711"),
        (with(&fmt(1, 6, 8_000, 16)), "it has 6 channels, want 1 or 2"),
        (with(&fmt(1, 0, 8_000, 16)), "it has 0 channels, want 1 or 2"),
        (with(&fmt(1, 2, 44_100, 16)), "it has 44100 samples a second, want 8000 or 16000"),
        (with(&block), "it says that a sample of all channels takes 7 bytes, its format needs 2"),
        (with(&good[..14]), "its format chunk has 14 bytes, want 16 to 64"),
        (with(&[0; 66]), "its format chunk has 66 bytes, want 16 to 64"),
        (file(&[(b"data", &[0; 8]), (b"fmt ", &good)]), "its sound comes before its format"),
        (file(&[(b"fmt ", &good)]), "it ends before its sound begins"),
        (with(&good)[..40].to_vec(), "it ends before its sound begins"),
        (with(&good)[..47].to_vec(), "it is cut short: 5 bytes of sound are missing"),
    ] {
        assert_eq!(fault(&bytes), words);
    }
}

/// Two words longer than the file, one that goes on to the end, and one that has none.
#[test]
fn sizes_that_lie() {
    let mut bytes = file(&[(b"fmt ", &fmt(1, 1, 8_000, 16)), (b"data", &[1; 8])]);
    bytes[4..8].copy_from_slice(&[0; 4]);
    assert_eq!(read(&bytes, 5).1.len(), 4, "the size of the form does not count");
    bytes[40..44].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let (result, heard, _) = read(&bytes, 5);
    assert_eq!((result, heard.len()), (Err(Fault::Cut { missing: 0x7fff_ffff - 8 }), 4));
    bytes[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(read(&bytes, 5), (Ok(()), vec![257; 4], read(&bytes, 1).2), "written into a pipe");
    bytes[40..44].copy_from_slice(&7_u32.to_le_bytes());
    assert_eq!(read(&bytes, 5).1.len(), 3, "half a sample is none");
    bytes[40..44].copy_from_slice(&[0; 4]);
    assert_eq!((read(&bytes, 5).0, read(&bytes, 5).1.len()), (Ok(()), 0));
    // A chunk before the sound that is longer than the file.
    let mut bytes = file(&[(b"LIST", b"abcd"), (b"fmt ", &fmt(1, 1, 8_000, 16)), (b"data", &[1; 8])]);
    bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(fault(&bytes), "it ends before its sound begins");
}

#[test]
fn no_more_is_read_than_the_limits_say() {
    let mut bytes = file(&[(b"LIST", &[])]);
    bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    bytes.resize(usize::try_from(WAV_PREAMBLE).unwrap() + 1, 0);
    assert_eq!(fault(&bytes), "too much stands before its sound");
    let mut reader = Reader::default();
    let mut head = file(&[(b"fmt ", &fmt(7, 1, 8_000, 8)), (b"data", &[])]);
    head[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    reader.push(&head, &mut |_| {}).unwrap();
    let most = usize::try_from(WAV_SAMPLES).unwrap();
    let mut heard = 0;
    assert_eq!(reader.push(&vec![0; most], &mut |_| heard += 1), Ok(()));
    assert_eq!(reader.push(&[0], &mut |_| heard += 1), Err(Fault::TooLong));
    assert_eq!(reader.push(&[0], &mut |_| heard += 1), Err(Fault::TooLong));
    assert_eq!((heard, reader.end()), (most, Err(Fault::TooLong)));
}

/// Every prefix, and every value of every byte of the head: an answer, and never more samples than bytes.
#[test]
fn any_byte_may_be_wrong() {
    let good = file(&[(b"fmt ", &fmt(1, 2, 8_000, 16)), (b"data", &[3; 16])]);
    for length in 0..=good.len() {
        let (result, heard, _) = read(&good[..length], 6);
        assert_eq!(result.is_ok(), length == good.len(), "{length}");
        assert!(heard.len() <= 4);
    }
    for at in 0..44 {
        for value in 0..=255 {
            let mut bytes = good.clone();
            bytes[at] = value;
            assert!(read(&bytes, 9).1.len() <= bytes.len());
        }
    }
}
