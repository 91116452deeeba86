//! One page of a tree: a branch or a leaf.

use gardener_provider_core::Result;

use super::{ELEMENT, FLAG_BRANCH, FLAG_LEAF, PAGE_HEADER, u16_at, u32_at, u64_at};
use crate::error::damaged;

/// A page with its overflow pages. The header was checked; elements are checked when they are read.
#[derive(Debug)]
pub(crate) struct Page {
    id: u64,
    bytes: Vec<u8>,
    branch: bool,
    count: usize,
}

impl Page {
    /// Checks the header and takes the page. `id` is only for messages when the page was inline.
    pub(crate) fn new(id: u64, bytes: Vec<u8>) -> Result<Self> {
        let header = (u16_at(&bytes, 8), u16_at(&bytes, 10));
        let (Some(flags), Some(count)) = header else {
            return Err(damaged(format!("page {id}"), "shorter than its header"));
        };
        let branch = match flags {
            FLAG_BRANCH => true,
            FLAG_LEAF => false,
            other => {
                return Err(damaged(format!("page {id}"), format!("flags {other:#x} in a tree")));
            }
        };
        let count = usize::from(count);
        if PAGE_HEADER + count * ELEMENT > bytes.len() {
            return Err(damaged(format!("page {id}"), format!("{count} elements do not fit")));
        }
        if branch && count == 0 {
            return Err(damaged(format!("page {id}"), "a branch without children"));
        }
        Ok(Self { id, bytes, branch, count })
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// With its overflow.
    pub(crate) fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn is_branch(&self) -> bool {
        self.branch
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Gives the buffer back for the next page.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Flags, key and value of an element of a leaf.
    pub(crate) fn leaf(&self, index: usize) -> Result<(u32, &[u8], &[u8])> {
        self.leaf_parts(index).ok_or_else(|| self.outside(index))
    }

    /// Key and child page of an element of a branch.
    pub(crate) fn child(&self, index: usize) -> Result<(&[u8], u64)> {
        self.child_parts(index).ok_or_else(|| self.outside(index))
    }

    fn leaf_parts(&self, index: usize) -> Option<(u32, &[u8], &[u8])> {
        let at = PAGE_HEADER + index * ELEMENT;
        let flags = u32_at(&self.bytes, at)?;
        let position = at.checked_add(u32_at(&self.bytes, at + 4)? as usize)?;
        let middle = position.checked_add(u32_at(&self.bytes, at + 8)? as usize)?;
        let end = middle.checked_add(u32_at(&self.bytes, at + 12)? as usize)?;
        Some((flags, self.bytes.get(position..middle)?, self.bytes.get(middle..end)?))
    }

    fn child_parts(&self, index: usize) -> Option<(&[u8], u64)> {
        let at = PAGE_HEADER + index * ELEMENT;
        let position = at.checked_add(u32_at(&self.bytes, at)? as usize)?;
        let end = position.checked_add(u32_at(&self.bytes, at + 4)? as usize)?;
        Some((self.bytes.get(position..end)?, u64_at(&self.bytes, at + 8)?))
    }

    fn outside(&self, index: usize) -> gardener_provider_core::Error {
        damaged(format!("page {}", self.id), format!("element {index} reaches outside the page"))
    }
}
