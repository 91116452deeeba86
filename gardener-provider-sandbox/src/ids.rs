//! Ids and pseudo-random numbers that are the same in every run with the same seed.

/// Hands out ids that never repeat.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: u64,
    count: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    /// The next number; all 2^64 of them differ.
    pub(crate) fn number(&mut self) -> u64 {
        self.count += 1;
        scatter(self.seed.wrapping_add(self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// `prefix`, a dash and 17 hexadecimal digits, as EC2 names its resources.
    pub(crate) fn hex17(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{:016x}", self.number())
    }

    /// Upper-case letters and digits, as IAM names its entities (`AROA…`).
    pub(crate) fn upper(&mut self, prefix: &str, length: usize) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let mut id = prefix.to_owned();
        let mut bits = 0_u128;
        while id.len() < length {
            if bits < 32 {
                bits = u128::from(self.number()) | (1 << 64);
            }
            id.push(char::from(LETTERS[(bits & 31) as usize]));
            bits >>= 5;
        }
        id
    }

    /// A request id in the form of a UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let (a, b) = (self.number(), self.number());
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            b >> 52,
            b & 0xffff_ffff_ffff
        )
    }
}

/// The finaliser of splitmix64: a bijection, so different counters give different ids.
pub(crate) fn scatter(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
