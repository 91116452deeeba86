//! The compressions that etcd-backup-restore knows, with its names and suffixes.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read, Write},
    str::FromStr,
};

use flate2::{read::MultiGzDecoder, read::ZlibDecoder, write::GzEncoder, write::ZlibEncoder};
use gardener_provider_core::{Error, ErrorKind, Result};
use weezl::{BitOrder, LzwStatus};

/// How a snapshot is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Compression {
    /// Not at all.
    None,
    /// gzip, on all cores: several members one after the other, which every gzip reader takes as one.
    #[default]
    Gzip,
    /// zlib ([RFC 1950](https://www.rfc-editor.org/rfc/rfc1950)), on one core.
    Zlib,
    /// LZW as in GIF (not that of Unix `compress`), on one core.
    Lzw,
}

impl Compression {
    /// The end of a snapshot's name: `.gz`, `.zlib`, `.Z` or nothing.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => ".gz",
            Self::Zlib => ".zlib",
            Self::Lzw => ".Z",
        }
    }

    pub(crate) fn from_suffix(suffix: &str) -> Result<Self> {
        match suffix {
            "" => Ok(Self::None),
            ".gz" => Ok(Self::Gzip),
            ".zlib" => Ok(Self::Zlib),
            ".Z" => Ok(Self::Lzw),
            other => Err(Error::new(ErrorKind::Unimplemented, format!("no way to decompress {other:?}"))),
        }
    }

    /// Reads through the decompression.
    pub(crate) fn decoder<'a>(self, inner: impl Read + 'a) -> Box<dyn Read + 'a> {
        match self {
            Self::None => Box::new(inner),
            Self::Gzip => Box::new(MultiGzDecoder::new(inner)),
            Self::Zlib => Box::new(ZlibDecoder::new(inner)),
            Self::Lzw => Box::new(LzwReader::new(BufReader::with_capacity(64 << 10, inner))),
        }
    }

    /// Compresses as it is written to.
    pub(crate) fn encoder(self) -> Encoder {
        match self {
            Self::None => Encoder::None(Vec::new()),
            Self::Gzip => Encoder::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::default())),
            Self::Zlib => Encoder::Zlib(ZlibEncoder::new(Vec::new(), flate2::Compression::default())),
            Self::Lzw => {
                Encoder::Lzw { encoder: weezl::encode::Encoder::new(BitOrder::Lsb, 8), out: Vec::new() }
            }
        }
    }

    /// Compresses the whole of `bytes`.
    pub(crate) fn compress(self, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoder = self.encoder();
        let mut out = encoder.push(bytes)?;
        out.append(&mut encoder.finish()?);
        Ok(out)
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Lzw => "lzw",
        })
    }
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Self::None),
            "gzip" => Ok(Self::Gzip),
            "zlib" => Ok(Self::Zlib),
            "lzw" => Ok(Self::Lzw),
            other => Err(Error::invalid("compression", format!("{other:?} is not none, gzip, zlib or lzw"))),
        }
    }
}

/// A compressor that hands out what is ready after each block.
pub(crate) enum Encoder {
    None(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zlib(ZlibEncoder<Vec<u8>>),
    Lzw { encoder: weezl::encode::Encoder, out: Vec<u8> },
}

impl Encoder {
    /// Takes a block and answers what is ready, which may be nothing.
    pub(crate) fn push(&mut self, block: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::None(out) => out.extend_from_slice(block),
            Self::Gzip(encoder) => encoder.write_all(block)?,
            Self::Zlib(encoder) => encoder.write_all(block)?,
            Self::Lzw { encoder, out } => lzw(encoder, block, out)?,
        }
        Ok(std::mem::take(match self {
            Self::None(out) | Self::Lzw { out, .. } => out,
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Zlib(encoder) => encoder.get_mut(),
        }))
    }

    /// Ends the stream and answers the rest.
    pub(crate) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::None(out) => Ok(out),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zlib(encoder) => encoder.finish(),
            Self::Lzw { mut encoder, mut out } => {
                encoder.finish();
                lzw(&mut encoder, &[], &mut out)?;
                Ok(out)
            }
        }
    }
}

/// Runs the encoder until it has taken all of `input` and has nothing more to give.
fn lzw(encoder: &mut weezl::encode::Encoder, mut input: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let mut chunk = [0; 16 << 10];
    loop {
        let step = encoder.encode_bytes(input, &mut chunk);
        input = &input[step.consumed_in..];
        out.extend_from_slice(&chunk[..step.consumed_out]);
        match step.status.map_err(io::Error::other)? {
            LzwStatus::Done => return Ok(()),
            LzwStatus::NoProgress if input.is_empty() => return Ok(()),
            LzwStatus::NoProgress => return Err(io::Error::other("the LZW encoder is stuck")),
            LzwStatus::Ok if input.is_empty() && step.consumed_out == 0 => return Ok(()),
            LzwStatus::Ok => {}
        }
    }
}

struct LzwReader<R> {
    inner: R,
    decoder: weezl::decode::Decoder,
    done: bool,
}

impl<R: BufRead> LzwReader<R> {
    fn new(inner: R) -> Self {
        Self { inner, decoder: weezl::decode::Decoder::new(BitOrder::Lsb, 8), done: false }
    }
}

impl<R: BufRead> Read for LzwReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.done || buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let input = self.inner.fill_buf()?;
            let ended = input.is_empty();
            let step = self.decoder.decode_bytes(input, buffer);
            self.inner.consume(step.consumed_in);
            let status = step.status.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            self.done = matches!(status, LzwStatus::Done);
            if step.consumed_out > 0 || self.done {
                return Ok(step.consumed_out);
            }
            if ended {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Zlib, Compression::Lzw];

    fn sample() -> Vec<u8> {
        let words = (0_u32..40_000).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes());
        words.chain(std::iter::repeat_n(b'x', 50_000)).collect()
    }

    #[test]
    fn what_is_compressed_in_blocks_reads_back() {
        let sample = sample();
        for compression in ALL {
            let mut encoder = compression.encoder();
            let mut packed: Vec<u8> =
                sample.chunks(7001).flat_map(|chunk| encoder.push(chunk).unwrap()).collect();
            packed.append(&mut encoder.finish().unwrap());
            let mut back = Vec::new();
            compression.decoder(packed.as_slice()).read_to_end(&mut back).unwrap();
            assert!(back == sample, "{compression}");
        }
    }

    #[test]
    fn several_gzip_members_read_as_one() {
        let packed =
            [Compression::Gzip.compress(b"one ").unwrap(), Compression::Gzip.compress(b"two").unwrap()]
                .concat();
        let mut back = String::new();
        Compression::Gzip.decoder(packed.as_slice()).read_to_string(&mut back).unwrap();
        assert_eq!(back, "one two");
    }

    #[test]
    fn a_stream_cut_short_ends() {
        for compression in ALL {
            let packed = compression.compress(&sample()).unwrap();
            for cut in [0, 1, 5, packed.len() / 2, packed.len() - 1] {
                let mut back = Vec::new();
                let result = compression.decoder(&packed[..cut]).read_to_end(&mut back);
                assert!(result.is_err() || back.len() <= sample().len());
            }
        }
    }
}
