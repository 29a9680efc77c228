//! A WAV file in pieces of any size: the answer does not depend on them, and no more comes out than went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tandem::media::mixer::Rate;
use tandem::media::prompt::{Played, Prompt};
use tandem::media::wav::Reader;
use tandem::util::limits::PROMPT_WAITING;

fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let (mut whole, mut heard) = (Reader::default(), Vec::new());
    let once = whole.push(bytes, &mut |sample| heard.push(sample)).and_then(|()| whole.end());
    let (mut cut, mut again) = (Reader::default(), Vec::new());
    let mut pieces = bytes.chunks(usize::from(*first) + 1);
    let pushed = pieces.try_for_each(|piece| cut.push(piece, &mut |sample| again.push(sample)));
    assert_eq!((once, &heard), (pushed.and_then(|()| cut.end()), &again));
    assert!(heard.len() <= bytes.len());

    let rate = if first & 1 == 0 { Rate::Narrow } else { Rate::Wide };
    let (mut prompt, mut rest) = (Prompt::new(rate), bytes);
    // Whatever the file says: as many frames as it has samples at most, twice that at twice the rate.
    for _ in 0..=bytes.len() {
        assert!(prompt.room() <= PROMPT_WAITING);
        match prompt.push(rest.get(..usize::from(*first) + 1).unwrap_or(rest)) {
            Ok(taken) => rest = &rest[taken..],
            Err(_) => rest = &[],
        }
        if rest.is_empty() && prompt.room() > 0 {
            let _ = prompt.end();
        }
        if prompt.fill(&mut vec![0; rate.frame()]) == Played::Ended {
            return;
        }
    }
    panic!("it never ends");
});
