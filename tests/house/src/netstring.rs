//! Netstrings, `LENGTH:BYTES,`: the frames in which baresip's `ctrl_tcp` takes and gives its JSON.

/// One frame.
#[must_use]
pub fn frame(body: &str) -> Vec<u8> {
    format!("{}:{body},", body.len()).into_bytes()
}

/// The first frame of `bytes`, taken out of them. `Ok(None)`: not all of it is there yet.
///
/// # Errors
/// What stands there is no netstring.
pub fn take(bytes: &mut Vec<u8>) -> Result<Option<String>, String> {
    let wrong = |bytes: &[u8]| Err(format!("no netstring: {:?}", String::from_utf8_lossy(bytes)));
    let Some(colon) = bytes.iter().take(10).position(|b| *b == b':') else {
        return if bytes.len() < 10 { Ok(None) } else { wrong(bytes) };
    };
    let Some(length) = std::str::from_utf8(&bytes[..colon]).ok().and_then(|d| d.parse::<usize>().ok()) else {
        return wrong(bytes);
    };
    let end = colon + 1 + length;
    match bytes.get(end) {
        None => Ok(None),
        Some(b',') => {
            let body = String::from_utf8_lossy(&bytes[colon + 1..end]).into_owned();
            bytes.drain(..=end);
            Ok(Some(body))
        }
        Some(_) => wrong(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_taken_as_they_become_complete() {
        let all = [frame("{\"a\":1}"), frame(""), frame("ü")].concat();
        let mut bytes = Vec::new();
        let mut taken = Vec::new();
        for byte in all {
            bytes.push(byte);
            taken.extend(take(&mut bytes).unwrap());
        }
        assert_eq!(taken, ["{\"a\":1}", "", "ü"]);
        assert!(bytes.is_empty());
    }

    #[test]
    fn what_is_no_frame_is_told() {
        for text in ["3:abcd", "x:abc,", "1234567890:"] {
            assert!(take(&mut text.as_bytes().to_vec()).is_err(), "{text}");
        }
    }
}
