//! The new database: everything of the full, then the changes of the deltas, loaded into a fresh file in one pass.

use std::{collections::BTreeMap, fs::File};

use gardener_provider_core::Result;
use prost::Message;

use super::{LeasePolicy, cluster::Member, raft::conf_state_json};
use crate::{
    bolt::{Bucket, DatabaseWriter, TreeWriter},
    mvcc::{
        CLUSTER, CONF_STATE, CONSISTENT_INDEX, EtcdDatabase, KEY, KeyValue, LEASE, MEMBERS, MEMBERS_REMOVED,
        META, RevisionKey, TERM,
    },
    replay::Appender,
};

/// Adds to the `key` bucket after everything of the full.
pub(crate) type Append<'a> = &'a mut dyn FnMut(&mut Appender<'_>) -> Result<()>;

/// What goes into the new database.
#[derive(Debug)]
pub(crate) struct Rebuild<'a> {
    pub(crate) base: &'a EtcdDatabase,
    pub(crate) members: &'a [Member],
    pub(crate) leases: LeasePolicy,
    /// History after this revision is left out.
    pub(crate) until: i64,
}

impl Rebuild<'_> {
    /// Writes the full, then what `append` adds, to `file`. Answers the file's size.
    pub(crate) fn run(&self, file: File, append: Append<'_>) -> Result<u64> {
        let base = self.base;
        let mut writer = DatabaseWriter::new(file, base.bolt.page_size())?;
        let mut buckets: BTreeMap<&[u8], Option<&Bucket>> =
            base.buckets.iter().map(|bucket| (bucket.name.as_slice(), Some(bucket))).collect();
        for name in [CLUSTER, MEMBERS, MEMBERS_REMOVED] {
            buckets.entry(name).or_default();
        }
        for (name, bucket) in buckets {
            let mut tree = writer.bucket();
            match name {
                MEMBERS => write_members(&mut tree, self.members)?,
                MEMBERS_REMOVED => {}
                META => write_meta(&mut tree, base, self.members)?,
                LEASE if self.leases == LeasePolicy::Strip => {}
                KEY => {
                    self.copy_keys(&mut tree, bucket)?;
                    let reached = base.revision.min(self.until);
                    let mut sink = |key: &[u8], value: &[u8]| tree.push(key, value);
                    append(&mut Appender::new(reached, self.leases, &mut sink))?;
                }
                _ => copy(&mut tree, base, bucket)?,
            }
            let root = tree.finish()?;
            writer.end_bucket(name, bucket.map_or(0, |bucket| bucket.sequence), root);
        }
        writer.finish()
    }

    fn copy_keys(&self, tree: &mut TreeWriter<'_>, bucket: Option<&Bucket>) -> Result<()> {
        let Some(bucket) = bucket else { return Ok(()) };
        let mut cursor = self.base.bolt.walk(bucket)?;
        while let Some((key, value)) = cursor.next()? {
            if RevisionKey::parse(key)?.main > self.until {
                break;
            }
            if self.leases == LeasePolicy::Strip {
                let mut parsed = KeyValue::parse(value)?;
                if parsed.lease != 0 {
                    parsed.lease = 0;
                    tree.push(key, &parsed.encode_to_vec())?;
                    continue;
                }
            }
            tree.push(key, value)?;
        }
        Ok(())
    }
}

fn copy(tree: &mut TreeWriter<'_>, base: &EtcdDatabase, bucket: Option<&Bucket>) -> Result<()> {
    let Some(bucket) = bucket else { return Ok(()) };
    let mut cursor = base.bolt.walk(bucket)?;
    while let Some((key, value)) = cursor.next()? {
        tree.push(key, value)?;
    }
    Ok(())
}

fn write_members(tree: &mut TreeWriter<'_>, members: &[Member]) -> Result<()> {
    let mut entries: Vec<_> = members.iter().map(|member| (member.hex_id(), member)).collect();
    entries.sort_by(|one, other| one.0.cmp(&other.0));
    entries.iter().try_for_each(|(id, member)| tree.push(id.as_bytes(), &member.json()?))
}

/// As the full has it, except for what ties the database to the old cluster's log.
fn write_meta(tree: &mut TreeWriter<'_>, base: &EtcdDatabase, members: &[Member]) -> Result<()> {
    let mut meta = base.meta.clone();
    meta.insert(CONSISTENT_INDEX.to_vec(), (members.len() as u64).to_be_bytes().to_vec());
    meta.insert(TERM.to_vec(), 1_u64.to_be_bytes().to_vec());
    if let Some(conf_state) = meta.get_mut(CONF_STATE) {
        *conf_state = conf_state_json(members);
    }
    meta.iter().try_for_each(|(key, value)| tree.push(key, value))
}
