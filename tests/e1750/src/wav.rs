//! WAV files: 8 kHz, 16 bit, mono.

use std::io;
use std::path::Path;

/// Writes signed 16-bit little-endian mono samples at 8 kHz.
pub fn write(path: &Path, pcm: &[u8]) -> io::Result<()> {
    let size = u32::try_from(pcm.len()).map_err(io::Error::other)?;
    let mut out = Vec::with_capacity(pcm.len() + 44);
    out.extend(b"RIFF");
    out.extend((36 + size).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend(16u32.to_le_bytes());
    out.extend([1, 0, 1, 0]);
    out.extend(8000u32.to_le_bytes());
    out.extend(16_000u32.to_le_bytes());
    out.extend([2, 0, 16, 0]);
    out.extend(b"data");
    out.extend(size.to_le_bytes());
    out.extend(pcm);
    std::fs::write(path, out)
}

/// Reads the samples of such a file; other formats are refused.
pub fn read(path: &Path) -> Result<Vec<i16>, String> {
    let all = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut rest = all.get(12..).filter(|_| all.starts_with(b"RIFF")).ok_or("not a RIFF file")?;
    while let Some((head, tail)) = rest.split_at_checked(8) {
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let body = tail.get(..size.min(tail.len())).unwrap_or_default();
        if head.starts_with(b"fmt ") && body.get(..8) != Some(&[1, 0, 1, 0, 0x40, 0x1F, 0, 0]) {
            return Err("not 8 kHz mono PCM".into());
        }
        if head.starts_with(b"data") {
            return Ok(body.chunks_exact(2).map(|s| i16::from_le_bytes([s[0], s[1]])).collect());
        }
        rest = tail.get(size + size % 2..).unwrap_or_default();
    }
    Err("no data".into())
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_written_can_be_read() {
        let path = std::env::temp_dir().join(format!("e1750-{}.wav", std::process::id()));
        super::write(&path, &[1, 0, 0xFF, 0xFF]).unwrap();
        assert_eq!(super::read(&path).unwrap(), vec![1, -1]);
        std::fs::remove_file(path).unwrap();
    }
}
