//! Writing a file front to back: trees are loaded from sorted entries, so memory holds one page per level.

use std::{
    fs::File,
    io::{self, BufWriter, Seek, SeekFrom, Write},
};

use gardener_provider_core::{Error, Result};

use super::{
    ELEMENT, FLAG_BRANCH, FLAG_LEAF, FLAG_META, LEAF_IS_BUCKET, MAGIC, NO_FREELIST, PAGE_HEADER, VERSION,
    fnv64a,
};

/// Writes buckets one after the other, in the order of their names.
#[derive(Debug)]
pub(crate) struct DatabaseWriter {
    out: Out,
    page_size: u32,
    buckets: Vec<(Vec<u8>, [u8; 16])>,
}

impl DatabaseWriter {
    /// Begins a file. The first two pages stay empty until [`DatabaseWriter::finish`], so that a file cut short is not
    /// taken for a database.
    pub(crate) fn new(file: File, page_size: u32) -> Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 20, file);
        let empty = vec![0; page_size as usize * 2];
        file.write_all(&empty).map_err(unwritable)?;
        Ok(Self { out: Out { file, page_size: page_size as usize, next: 2 }, page_size, buckets: Vec::new() })
    }

    /// Begins a bucket's tree.
    pub(crate) fn bucket(&mut self) -> TreeWriter<'_> {
        TreeWriter { tree: Tree::default(), out: &mut self.out }
    }

    /// Ends the bucket whose tree has this root.
    pub(crate) fn end_bucket(&mut self, name: &[u8], sequence: u64, root: u64) {
        let mut value = [0; 16];
        value[..8].copy_from_slice(&root.to_le_bytes());
        value[8..].copy_from_slice(&sequence.to_le_bytes());
        self.buckets.push((name.to_vec(), value));
    }

    /// Writes the list of buckets and the meta pages, and puts the file on disk. Answers the file's size.
    pub(crate) fn finish(mut self) -> Result<u64> {
        self.buckets.sort();
        let mut tree = Tree::default();
        for (name, value) in &self.buckets {
            tree.push(&mut self.out, LEAF_IS_BUCKET, name, value)?;
        }
        let root = tree.finish(&mut self.out)?;
        let page_size = self.page_size;
        let Out { mut file, next, .. } = self.out;
        for id in 0..2 {
            file.seek(SeekFrom::Start(id * u64::from(page_size))).map_err(unwritable)?;
            file.write_all(&meta_page(id, page_size, root, next)).map_err(unwritable)?;
        }
        let file = file.into_inner().map_err(|error| unwritable(error.into_error()))?;
        file.sync_all().map_err(unwritable)?;
        Ok(next * u64::from(page_size))
    }
}

/// One bucket's tree.
#[derive(Debug)]
pub(crate) struct TreeWriter<'a> {
    tree: Tree,
    out: &'a mut Out,
}

impl TreeWriter<'_> {
    /// Adds an entry; keys must come in ascending order.
    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        self.tree.push(self.out, 0, key, value)
    }

    /// Writes what is left and answers the root's page.
    pub(crate) fn finish(self) -> Result<u64> {
        self.tree.finish(self.out)
    }
}

#[derive(Debug, Default)]
struct Tree {
    leaf: Level,
    /// From the lowest upward.
    branches: Vec<Level>,
}

impl Tree {
    fn push(&mut self, out: &mut Out, flags: u32, key: &[u8], value: &[u8]) -> Result<()> {
        if self.leaf.is_full(out.page_size, key.len() + value.len(), 1) {
            let (first, id) = self.leaf.write(out, FLAG_LEAF)?;
            self.push_branch(out, 0, &first, id)?;
        }
        let at = self.leaf.begin(key)?;
        self.leaf.elements.push([flags, at, length(key)?, length(value)?]);
        self.leaf.data.extend_from_slice(key);
        self.leaf.data.extend_from_slice(value);
        Ok(())
    }

    fn push_branch(&mut self, out: &mut Out, level: usize, key: &[u8], id: u64) -> Result<()> {
        if level == self.branches.len() {
            self.branches.push(Level::default());
        }
        // Two children at least, or long keys would pile up levels without end.
        if self.branches[level].is_full(out.page_size, key.len(), 2) {
            let (first, full) = self.branches[level].write(out, FLAG_BRANCH)?;
            self.push_branch(out, level + 1, &first, full)?;
        }
        let branch = &mut self.branches[level];
        let at = branch.begin(key)?;
        let (low, high) = (id & u64::from(u32::MAX), id >> 32);
        let half = |half| u32::try_from(half).map_err(too_large);
        branch.elements.push([at, length(key)?, half(low)?, half(high)?]);
        branch.data.extend_from_slice(key);
        Ok(())
    }

    /// Writes the pages still open, from the leaf upward. A level whose only entry is one page below is left out.
    fn finish(mut self, out: &mut Out) -> Result<u64> {
        let (mut first, mut id) = self.leaf.write(out, FLAG_LEAF)?;
        let mut level = 0;
        while level < self.branches.len() {
            self.push_branch(out, level, &first, id)?;
            (first, id) = self.branches[level].write(out, FLAG_BRANCH)?;
            level += 1;
        }
        Ok(id)
    }
}

/// The page that is being filled on one level.
#[derive(Debug, Default)]
struct Level {
    first: Vec<u8>,
    /// The four 32 bit words of each element; the position is relative to the data until it is written.
    elements: Vec<[u32; 4]>,
    data: Vec<u8>,
}

impl Level {
    fn is_full(&self, page_size: usize, more: usize, at_least: usize) -> bool {
        let used = PAGE_HEADER + (self.elements.len() + 1) * ELEMENT + self.data.len() + more;
        self.elements.len() >= at_least && (used > page_size || self.elements.len() == usize::from(u16::MAX))
    }

    /// Notes the first key of the page and answers where the next data goes.
    fn begin(&mut self, key: &[u8]) -> Result<u32> {
        if self.elements.is_empty() {
            self.first = key.to_vec();
        }
        length(&self.data)
    }

    /// Writes the page, empties it, and answers its first key and number.
    fn write(&mut self, out: &mut Out, flags: u16) -> Result<(Vec<u8>, u64)> {
        let count = u16::try_from(self.elements.len()).map_err(too_large)?;
        let header = PAGE_HEADER + usize::from(count) * ELEMENT;
        let pages = (header + self.data.len()).div_ceil(out.page_size);
        let id = out.next;
        let mut page = Vec::with_capacity(header);
        page.extend_from_slice(&id.to_le_bytes());
        page.extend_from_slice(&flags.to_le_bytes());
        page.extend_from_slice(&count.to_le_bytes());
        page.extend_from_slice(&u32::try_from(pages - 1).map_err(too_large)?.to_le_bytes());
        // Positions count from the element itself.
        let mut distance = u32::try_from(header - PAGE_HEADER).map_err(too_large)?;
        for element in &self.elements {
            let mut words = *element;
            let position = &mut words[usize::from(flags == FLAG_LEAF)];
            *position = position.checked_add(distance).ok_or_else(|| too_large("position"))?;
            distance -= 16;
            page.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        }
        let padding = pages * out.page_size - header - self.data.len();
        out.file.write_all(&page).map_err(unwritable)?;
        out.file.write_all(&self.data).map_err(unwritable)?;
        out.file.write_all(&vec![0; padding]).map_err(unwritable)?;
        out.next += pages as u64;
        self.elements.clear();
        self.data.clear();
        Ok((std::mem::take(&mut self.first), id))
    }
}

#[derive(Debug)]
struct Out {
    file: BufWriter<File>,
    page_size: usize,
    next: u64,
}

fn length(bytes: &[u8]) -> Result<u32> {
    u32::try_from(bytes.len()).map_err(too_large)
}

fn too_large(problem: impl std::fmt::Display) -> Error {
    Error::internal(format!("a page of more than 4 GiB: {problem}"))
}

fn meta_page(id: u64, page_size: u32, root: u64, pages: u64) -> Vec<u8> {
    let mut body = Vec::with_capacity(64);
    for word in [MAGIC, VERSION, page_size, 0] {
        body.extend_from_slice(&word.to_le_bytes());
    }
    for word in [root, 0, NO_FREELIST, pages, id] {
        body.extend_from_slice(&word.to_le_bytes());
    }
    body.extend_from_slice(&fnv64a(&body).to_le_bytes());
    let mut page = Vec::with_capacity(80);
    page.extend_from_slice(&id.to_le_bytes());
    page.extend_from_slice(&FLAG_META.to_le_bytes());
    page.extend_from_slice(&[0; 6]);
    page.extend_from_slice(&body);
    page
}

fn unwritable(error: io::Error) -> Error {
    crate::error::file("write", std::path::Path::new("the new database"), error)
}
