//! Reading and writing of [bbolt](https://github.com/etcd-io/bbolt) files, the database format of etcd.
//!
//! Only what etcd uses: buckets on the top level, no nested ones. Everything that is read is checked against the file's
//! bounds and each page is followed at most once, so a hostile file ends in an error.

mod cursor;
mod page;
mod reader;
mod writer;

pub(crate) use cursor::{Cursor, Order, Visited};
pub(crate) use reader::{Database, ReadAt};
pub(crate) use writer::{DatabaseWriter, TreeWriter};

/// Name of a bucket, and where its tree begins.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub(crate) name: Vec<u8>,
    pub(crate) sequence: u64,
    pub(crate) root: Root,
}

/// Where a tree begins.
#[derive(Debug, Clone)]
pub(crate) enum Root {
    /// On this page.
    Page(u64),
    /// In this copy of a page that was held by the bucket's own entry.
    Inline(Vec<u8>),
}

pub(crate) const MAGIC: u32 = 0xED0C_DAED;
pub(crate) const VERSION: u32 = 2;
pub(crate) const PAGE_HEADER: usize = 16;
pub(crate) const ELEMENT: usize = 16;
pub(crate) const META: usize = 64;
pub(crate) const BUCKET_HEADER: usize = 16;
pub(crate) const FLAG_BRANCH: u16 = 0x01;
pub(crate) const FLAG_LEAF: u16 = 0x02;
pub(crate) const FLAG_META: u16 = 0x04;
pub(crate) const LEAF_IS_BUCKET: u32 = 0x01;
/// Written in place of the free list's page when there is none; etcd never stores one.
pub(crate) const NO_FREELIST: u64 = u64::MAX;

/// The 64 bit FNV-1a hash, with which bbolt seals its meta pages.
pub(crate) fn fnv64a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}
