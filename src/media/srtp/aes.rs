//! AES as a stream of key bytes: counter mode of RFC 3711 section 4.1.1, and that inside of GCM.
use aes::cipher::{BlockEncrypt as _, KeyInit as _};
use aes::{Aes128, Aes256, Block};

/// Blocks that are made at a time: as many as processors with AES instructions work on at once.
const BATCH: usize = 8;
const BLOCK: usize = 16;

/// A key of 16 or 32 bytes.
#[expect(
    clippy::large_enum_variant,
    reason = "two of them for each direction; a box would be one more step for each packet"
)]
pub(super) enum Aes {
    Short(Aes128),
    Long(Aes256),
}

impl Aes {
    pub fn new(key: &[u8]) -> Self {
        let mut long = [0; 32];
        long.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
        match long {
            [short @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] if key.len() <= 16 => {
                Self::Short(Aes128::new(&short.into()))
            }
            long => Self::Long(Aes256::new(&long.into())),
        }
    }

    fn encrypt(&self, blocks: &mut [Block]) {
        match self {
            Self::Short(aes) => aes.encrypt_blocks(blocks),
            Self::Long(aes) => aes.encrypt_blocks(blocks),
        }
    }

    /// One block.
    pub fn block(&self, bytes: [u8; BLOCK]) -> [u8; BLOCK] {
        let mut block = [Block::from(bytes)];
        self.encrypt(&mut block);
        let [block] = block;
        block.into()
    }

    /// Adds the stream that begins at this counter; its last four bytes count. No packet is so long that more of it would have to.
    pub fn add_stream(&self, counter: [u8; BLOCK], data: &mut [u8]) {
        let [front @ .., a, b, c, d] = counter;
        let mut count = u32::from_be_bytes([a, b, c, d]);
        for chunk in data.chunks_mut(BATCH * BLOCK) {
            let mut blocks = [Block::default(); BATCH];
            let needed = chunk.len().div_ceil(BLOCK);
            let Some(blocks) = blocks.get_mut(..needed) else { return };
            for block in &mut *blocks {
                if let Some((place, last)) = block.split_first_chunk_mut::<12>() {
                    *place = front;
                    last.copy_from_slice(&count.to_be_bytes());
                }
                count = count.wrapping_add(1);
            }
            self.encrypt(blocks);
            for (byte, key) in chunk.iter_mut().zip(blocks.iter().flatten()) {
                *byte ^= key;
            }
        }
    }
}
