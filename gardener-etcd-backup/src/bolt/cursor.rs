//! Walking a tree in order, forward or backward.

use gardener_provider_core::Result;

use super::{Database, LEAF_IS_BUCKET, Root, page::Page};
use crate::error::damaged;

/// Deeper than any tree that fits in a file: a page has at least two children.
const MAX_DEPTH: usize = 64;

/// Flags, key and value.
pub(super) type Element<'a> = (u32, &'a [u8], &'a [u8]);

/// In which order a tree is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

/// A walk over the entries of one tree. Keys are checked to be in order, and no page is entered twice.
#[derive(Debug)]
pub(crate) struct Cursor<'a> {
    database: &'a Database,
    order: Order,
    stack: Vec<Frame>,
    visited: Visited,
    previous: Option<Vec<u8>>,
    spare: Vec<u8>,
}

#[derive(Debug)]
struct Frame {
    page: Page,
    /// How many elements were taken already.
    taken: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(database: &'a Database, root: &Root, order: Order, visited: Visited) -> Result<Self> {
        let mut cursor =
            Self { database, order, stack: Vec::new(), visited, previous: None, spare: Vec::new() };
        match root {
            Root::Page(id) => cursor.enter(*id)?,
            Root::Inline(bytes) => {
                let page = Page::new(0, bytes.clone())?;
                if page.is_branch() {
                    return Err(damaged("an inline bucket", "it holds a branch"));
                }
                cursor.stack.push(Frame { page, taken: 0 });
            }
        }
        Ok(cursor)
    }

    /// The pages that were entered, for the walk of another tree that must share none of them.
    pub(crate) fn into_visited(self) -> Visited {
        self.visited
    }

    /// The next key and value, or nothing at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(&[u8], &[u8])>> {
        match self.next_element()? {
            Some((flags, _, _)) if flags & LEAF_IS_BUCKET != 0 => {
                Err(damaged("the database", "a bucket inside a bucket, which etcd does not make"))
            }
            Some((_, key, value)) => Ok(Some((key, value))),
            None => Ok(None),
        }
    }

    /// As [`Cursor::next`], with the element's flags.
    pub(super) fn next_element(&mut self) -> Result<Option<Element<'_>>> {
        loop {
            let Some(frame) = self.stack.last_mut() else { return Ok(None) };
            if frame.taken == frame.page.count() {
                if let Some(done) = self.stack.pop() {
                    self.spare = done.page.into_bytes();
                }
                continue;
            }
            let index = match self.order {
                Order::Ascending => frame.taken,
                Order::Descending => frame.page.count() - 1 - frame.taken,
            };
            frame.taken += 1;
            if frame.page.is_branch() {
                let (_, child) = frame.page.child(index)?;
                self.enter(child)?;
                continue;
            }
            self.check_order(index)?;
            let Some(frame) = self.stack.last() else { return Ok(None) };
            return frame.page.leaf(index).map(Some);
        }
    }

    fn enter(&mut self, id: u64) -> Result<()> {
        let page = self.database.load(id, std::mem::take(&mut self.spare))?;
        let end = id + page.length() / u64::from(self.database.page_size());
        if self.stack.len() == MAX_DEPTH || !(id..end).all(|page| self.visited.insert(page)) {
            return Err(damaged(format!("page {id}"), "it belongs to two places"));
        }
        self.stack.push(Frame { page, taken: 0 });
        Ok(())
    }

    fn check_order(&mut self, index: usize) -> Result<()> {
        let Some(frame) = self.stack.last() else { return Ok(()) };
        let (_, key, _) = frame.page.leaf(index)?;
        let previous = self.previous.get_or_insert_default();
        // Keys are never empty in bbolt, so an empty one means that there was none before.
        let in_order = previous.is_empty()
            || match self.order {
                Order::Ascending => previous.as_slice() < key,
                Order::Descending => previous.as_slice() > key,
            };
        if !in_order || key.is_empty() {
            return Err(damaged(format!("page {}", frame.page.id()), "keys out of order"));
        }
        previous.clear();
        previous.extend_from_slice(key);
        Ok(())
    }
}

/// One bit per page of the file.
#[derive(Debug)]
pub(crate) struct Visited(Vec<u64>);

impl Visited {
    pub(super) fn new(pages: u64) -> Self {
        Self(vec![0; usize::try_from(pages / 64 + 1).unwrap_or(0)])
    }

    /// False when the page was there already, or lies outside the file.
    fn insert(&mut self, page: u64) -> bool {
        let word = usize::try_from(page / 64).ok().and_then(|index| self.0.get_mut(index));
        let Some(word) = word else { return false };
        let bit = 1 << (page % 64);
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }
}
