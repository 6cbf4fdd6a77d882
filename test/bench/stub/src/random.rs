//! Seeded random numbers (xorshift64*), and text made of them.

/// Differs for each seed and stream, and is the same whenever these are.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64, stream: u64) -> Self {
        // Zero is the one state from which it would never get away.
        Random(mix(mix(seed) ^ stream) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 32) % n
    }

    /// `n` hexadecimal digits.
    pub fn push_hex(&mut self, n: usize, out: &mut Vec<u8>) {
        self.push_of::<4>(b"0123456789abcdef", n, out);
    }

    /// `n` lower-case letters and digits.
    pub fn push_word(&mut self, n: usize, out: &mut Vec<u8>) {
        self.push_of::<5>(b"abcdefghijklmnopqrstuvwxyz234567", n, out);
    }

    /// `n` decimal digits; the first is none of 0.
    pub fn push_digits(&mut self, n: usize, out: &mut Vec<u8>) {
        for place in 0..n {
            let least = u64::from(place == 0);
            out.push(b'0' + (least + self.below(10 - least)) as u8);
        }
    }

    /// `n` characters of an alphabet of two to the power of `BITS`.
    fn push_of<const BITS: u32>(&mut self, alphabet: &[u8], n: usize, out: &mut Vec<u8>) {
        let per_number = (60 / BITS) as usize;
        let mask = (1 << BITS) - 1;
        let end = out.len() + n;
        while out.len() < end {
            // The lowest bits are the least random.
            let mut bits = self.next() >> 4;
            for _ in 0..per_number.min(end - out.len()) {
                out.push(alphabet[(bits & mask) as usize]);
                bits >>= BITS;
            }
        }
    }
}

/// Spreads neighbouring numbers over the whole range (the last steps of splitmix64).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
