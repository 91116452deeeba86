//! The file: its meta pages, its buckets, and the loading of single pages.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use gardener_provider_core::{Error, Result};

use super::{
    BUCKET_HEADER, Bucket, Cursor, FLAG_META, LEAF_IS_BUCKET, MAGIC, META, Order, PAGE_HEADER, Root, VERSION,
    Visited, fnv64a, page::Page, u16_at, u32_at, u64_at,
};
use crate::error::damaged;

/// A page with its overflow holds whole values; etcd's are at most a few MiB. More than this is not believed.
const MAX_PAGE: u64 = 128 << 20;
/// etcd has about ten buckets.
const MAX_BUCKETS: usize = 1024;

/// Bytes that can be read at any place.
pub(crate) trait ReadAt: Send + Sync {
    fn length(&self) -> io::Result<u64>;
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

impl ReadAt for File {
    fn length(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, buffer, offset)
    }
}

impl ReadAt for Vec<u8> {
    fn length(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let bytes = start.checked_add(buffer.len()).and_then(|end| self.get(start..end));
        buffer.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A bbolt file that is read.
#[derive(Clone)]
pub(crate) struct Database {
    source: Arc<dyn ReadAt>,
    meta: Meta,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database").field("meta", &self.meta).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy)]
struct Meta {
    page_size: u32,
    root: u64,
    /// One past the highest page in use.
    pages: u64,
    transaction: u64,
}

impl Database {
    /// Reads the meta pages and takes the newer valid one.
    pub(crate) fn open(source: Arc<dyn ReadAt>) -> Result<Self> {
        let length = source.length().map_err(unreadable)?;
        let first = Meta::read(&*source, 0, length)?;
        let second = if let Some(meta) = first {
            Meta::read(&*source, u64::from(meta.page_size), length)?
        } else {
            // Without the first page the page size is unknown: bbolt looks at every power of two, and so do we.
            let sizes = (9..=16).map(|bits| Meta::read(&*source, 1 << bits, length));
            sizes.collect::<Result<Vec<_>>>()?.into_iter().flatten().next()
        };
        let newest = [first, second].into_iter().flatten().max_by_key(|meta| meta.transaction);
        let meta = newest.ok_or_else(|| damaged("the database", "neither meta page is valid"))?;
        if meta.pages.checked_mul(u64::from(meta.page_size)).is_none_or(|end| end > length) {
            let problem = format!("{} pages of {} bytes in {length} bytes", meta.pages, meta.page_size);
            return Err(damaged("the database", problem));
        }
        Ok(Self { source, meta })
    }

    pub(crate) fn page_size(&self) -> u32 {
        self.meta.page_size
    }

    /// All buckets, in the order of their names.
    pub(crate) fn buckets(&self) -> Result<Vec<Bucket>> {
        let mut buckets = Vec::new();
        let mut cursor = Cursor::new(self, &Root::Page(self.meta.root), Order::Ascending, self.no_pages())?;
        while let Some((flags, name, value)) = cursor.next_element()? {
            if flags != LEAF_IS_BUCKET {
                return Err(damaged("the database", "an entry outside any bucket"));
            }
            let header = (u64_at(value, 0), u64_at(value, 8), value.get(BUCKET_HEADER..));
            let (Some(page), Some(sequence), Some(inline)) = header else {
                return Err(damaged("the database", "a bucket's entry is cut short"));
            };
            let root = if page == 0 { Root::Inline(inline.to_vec()) } else { Root::Page(page) };
            buckets.push(Bucket { name: name.to_vec(), sequence, root });
            if buckets.len() > MAX_BUCKETS {
                return Err(damaged("the database", format!("more than {MAX_BUCKETS} buckets")));
            }
        }
        Ok(buckets)
    }

    /// Walks a bucket from its first to its last entry.
    pub(crate) fn walk(&self, bucket: &Bucket) -> Result<Cursor<'_>> {
        self.walk_apart(bucket, self.no_pages())
    }

    /// As [`Database::walk`], refusing the pages already visited.
    pub(crate) fn walk_apart(&self, bucket: &Bucket, visited: Visited) -> Result<Cursor<'_>> {
        Cursor::new(self, &bucket.root, Order::Ascending, visited)
    }

    /// No page visited.
    pub(crate) fn no_pages(&self) -> Visited {
        Visited::new(self.meta.pages)
    }

    /// Walks a bucket in this order.
    pub(crate) fn cursor(&self, bucket: &Bucket, order: Order) -> Result<Cursor<'_>> {
        Cursor::new(self, &bucket.root, order, self.no_pages())
    }

    /// Loads the page `id` with its overflow into `buffer`.
    pub(super) fn load(&self, id: u64, mut buffer: Vec<u8>) -> Result<Page> {
        let size = u64::from(self.meta.page_size);
        if id < 2 || id >= self.meta.pages {
            return Err(damaged(format!("page {id}"), "outside the file"));
        }
        buffer.resize(self.meta.page_size as usize, 0);
        self.source.read_exact_at(&mut buffer, id * size).map_err(unreadable)?;
        if u64_at(&buffer, 0) != Some(id) {
            return Err(damaged(format!("page {id}"), "it carries another page's number"));
        }
        let overflow = u32_at(&buffer, 12).unwrap_or(0) as usize;
        if overflow > 0 {
            let pages = overflow as u64;
            if pages >= self.meta.pages - id || (pages + 1) * size > MAX_PAGE {
                return Err(damaged(format!("page {id}"), format!("overflow of {overflow} pages")));
            }
            let rest = buffer.len();
            buffer.resize(rest * (overflow + 1), 0);
            let at = id * size + rest as u64;
            self.source.read_exact_at(&mut buffer[rest..], at).map_err(unreadable)?;
        }
        Page::new(id, buffer)
    }
}

impl Meta {
    /// The meta page at `offset`, or nothing when it is not valid.
    fn read(source: &dyn ReadAt, offset: u64, length: u64) -> Result<Option<Self>> {
        if length < offset + (PAGE_HEADER + META) as u64 {
            return Ok(None);
        }
        let mut bytes = [0; PAGE_HEADER + META];
        source.read_exact_at(&mut bytes, offset).map_err(unreadable)?;
        Ok(Self::parse(&bytes))
    }

    fn parse(page: &[u8]) -> Option<Self> {
        let body = page.get(PAGE_HEADER..)?;
        let sealed = u64_at(body, 56)? == fnv64a(body.get(..56)?);
        let known = u32_at(body, 0)? == MAGIC && u32_at(body, 4)? == VERSION;
        let page_size = u32_at(body, 8)?;
        let possible = page_size.is_power_of_two() && (512..=65536).contains(&page_size);
        (sealed && known && possible && u16_at(page, 8)? == FLAG_META).then_some(())?;
        Some(Self {
            page_size,
            root: u64_at(body, 16)?,
            pages: u64_at(body, 40)?,
            transaction: u64_at(body, 48)?,
        })
    }
}

pub(super) fn unreadable(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return damaged("the database", "it ends too early");
    }
    Error::new(gardener_provider_core::ErrorKind::Unavailable, format!("cannot read the database: {error}"))
        .with_source(error)
}
