//! The names of snapshots, which carry everything that is known about them without reading them.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use gardener_provider_core::{Error, Result};

use crate::Compression;

/// What a snapshot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// The whole database.
    Full,
    /// The changes after the snapshot before it. Its name says `Incr`.
    Delta,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Full => "Full",
            Self::Delta => "Incr",
        }
    }
}

const ENCRYPTED: &str = "enc";

/// The name of a snapshot: `Full-00000000-00001234-1760000000.gz`.
///
/// Parsing accepts what etcd-backup-restore's reader accepts: numbers of any width, and suffixes in any number as long
/// as the compression comes first and `final` last.
///
/// ```
/// # use gardener_etcd_backup::{Compression, Kind, SnapshotName};
/// let name: SnapshotName = "Incr-00000013-00000324-1760000000.gz.final".parse()?;
/// assert_eq!((name.kind, name.start, name.last), (Kind::Delta, 13, 324));
/// assert_eq!(name.compression()?, Compression::Gzip);
/// assert!(name.is_final);
/// assert_eq!(name.to_string(), "Incr-00000013-00000324-1760000000.gz.final");
/// # Ok::<(), gardener_provider_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SnapshotName {
    /// Full or delta.
    pub kind: Kind,
    /// The first revision inside; 0 for a full.
    pub start: i64,
    /// The last revision inside. A full may hold somewhat more than its name says.
    pub last: i64,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// `.gz`, `.zlib`, `.Z`, nothing, or a suffix that nobody here can read.
    pub suffix: String,
    /// Encrypted, after it was compressed.
    pub is_encrypted: bool,
    /// The last snapshot before the cluster was taken down or moved.
    pub is_final: bool,
}

impl SnapshotName {
    /// The name of a full snapshot.
    pub fn full(last: i64, created: SystemTime, compression: Compression) -> Self {
        Self::new(Kind::Full, 0, last, created, compression)
    }

    /// The name of a delta snapshot.
    pub fn delta(start: i64, last: i64, created: SystemTime, compression: Compression) -> Self {
        Self::new(Kind::Delta, start, last, created, compression)
    }

    fn new(kind: Kind, start: i64, last: i64, created: SystemTime, compression: Compression) -> Self {
        let created = created.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let created = i64::try_from(created).unwrap_or(i64::MAX);
        let suffix = compression.suffix().to_owned();
        Self { kind, start, last, created, suffix, is_encrypted: false, is_final: false }
    }

    /// Marks it as encrypted.
    pub fn with_encrypted(mut self, is_encrypted: bool) -> Self {
        self.is_encrypted = is_encrypted;
        self
    }

    /// Marks it as the last one before the cluster is taken down or moved.
    pub fn with_final(mut self, is_final: bool) -> Self {
        self.is_final = is_final;
        self
    }

    /// How it is compressed.
    ///
    /// # Errors
    /// `Unimplemented` for a suffix that is none of the four.
    pub fn compression(&self) -> Result<Compression> {
        Compression::from_suffix(&self.suffix)
    }

    /// When it was made.
    pub fn created_at(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(u64::try_from(self.created).unwrap_or(0))
    }

    fn parse(text: &str) -> Result<Self, &'static str> {
        let (stem, suffixes) = text.split_once('.').map_or((text, None), |(stem, rest)| (stem, Some(rest)));
        let [kind, start, last, created] = stem.split('-').collect::<Vec<_>>()[..] else {
            return Err("it must have four parts between dashes");
        };
        let kind = match kind {
            "Full" => Kind::Full,
            "Incr" => Kind::Delta,
            _ => return Err("it must begin with Full or Incr"),
        };
        let number = |text: &str| {
            text.parse::<i64>().ok().filter(|number| *number >= 0).ok_or("a revision or time is not a number")
        };
        let (start, last, created) = (number(start)?, number(last)?, number(created)?);
        if start > last {
            return Err("it starts after its last revision");
        }
        if kind == Kind::Full && start != 0 {
            return Err("a full starts at 0");
        }
        let suffixes: Vec<_> = suffixes.map(|rest| rest.split('.').collect()).unwrap_or_default();
        let suffix = suffixes.first().filter(|first| !["final", ENCRYPTED].contains(*first));
        Ok(Self {
            kind,
            start,
            last,
            created,
            suffix: suffix.map_or_else(String::new, |suffix| format!(".{suffix}")),
            is_encrypted: suffixes.iter().take(2).any(|suffix| *suffix == ENCRYPTED),
            is_final: suffixes.last() == Some(&"final"),
        })
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, start, last, created, suffix, is_encrypted, is_final } = self;
        write!(f, "{}-{start:08}-{last:08}-{created}{suffix}", kind.as_str())?;
        if *is_encrypted {
            write!(f, ".{ENCRYPTED}")?;
        }
        f.write_str(if *is_final { ".final" } else { "" })
    }
}

impl FromStr for SnapshotName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text).map_err(|problem| Error::invalid("snapshot name", format!("{text:?}: {problem}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_as_they_were_written() {
        for name in [
            "Full-00000000-00030009-1518427675",
            "Full-00000000-00030009-1518427675.gz",
            "Full-00000000-00030009-1518427675.final",
            "Full-00000000-00030009-1518427675.gz.final",
            "Incr-123456789-1234567890-1518427675.zlib",
            "Incr-00000001-00000001-0.Z",
            "Full-00000000-00030009-1518427675.gz.enc",
            "Full-00000000-00030009-1518427675.gz.enc.final",
            "Full-00000000-00030009-1518427675.enc",
            "Full-00000000-00030009-1518427675.enc.final",
        ] {
            assert_eq!(name.parse::<SnapshotName>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for name in [
            "",
            "Full",
            "Full-00000000-00002088-2387428-43",
            "Full-00h000000-00002088-2387428",
            "Full-00000000-00sdf002088-2387428",
            "Full-00012345-00002088-2387428",
            "Full-00000001-00002088-2387428",
            "Full-00000000-00002088-23874sdf43",
            "Full-00000000--0002088-2387428",
            "meta-00000000-00002088-2387428",
            "Incr-99999999999999999999-99999999999999999999-1",
        ] {
            assert!(name.parse::<SnapshotName>().is_err(), "{name}");
        }
    }

    #[test]
    fn an_unknown_suffix_parses_but_cannot_be_decompressed() {
        let name: SnapshotName = "Full-00000000-00000001-1.zst".parse().unwrap();
        assert!(name.compression().unwrap_err().to_string().contains(".zst"));
    }
}
