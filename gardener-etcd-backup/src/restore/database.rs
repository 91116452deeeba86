//! The new database: everything of the full, then the changes of the deltas, loaded into a fresh file in one pass.

use std::{collections::BTreeMap, fs::File};

use gardener_provider_core::{Error, Result};
use prost::Message;

use super::{LeasePolicy, cluster::Member, raft::conf_state_json};
use crate::{
    bolt::{Bucket, DatabaseWriter, TreeWriter},
    hash_kv::Kept,
    mvcc::{
        ALARM, CLUSTER, CONF_STATE, CONSISTENT_INDEX, EtcdDatabase, FINISHED_COMPACT, KEY, KeyValue, LEASE,
        MEMBERS, MEMBERS_REMOVED, META, RevisionKey, SCHEDULED_COMPACT, TERM,
    },
    replay::Appender,
};

/// Adds to the `key` bucket after everything of the full.
pub(crate) type Append<'a> = &'a mut dyn FnMut(&mut Appender<'_>) -> Result<()>;

/// What goes into the new database.
#[derive(Debug)]
pub(crate) struct Rebuild<'a> {
    pub(crate) base: &'a EtcdDatabase,
    /// The members of the new cluster; without any, the database stays that of the old one.
    pub(crate) members: Option<&'a [Member]>,
    pub(crate) leases: LeasePolicy,
    /// History after this revision is left out.
    pub(crate) until: i64,
    /// The revision goes up by this much at the end, and all before counts as compacted.
    pub(crate) bump: i64,
    /// History that nothing needs any more is left out: entries that are not among these, and not newer than the
    /// revision.
    pub(crate) compact: Option<(Kept, i64)>,
}

impl Rebuild<'_> {
    /// Writes the full, then what `append` adds, to `file`. Answers the file's size.
    pub(crate) fn run(&self, file: File, append: Append<'_>) -> Result<u64> {
        let base = self.base;
        let mut writer = DatabaseWriter::new(file, base.bolt.page_size())?;
        let mut buckets: BTreeMap<&[u8], Option<&Bucket>> =
            base.buckets.iter().map(|bucket| (bucket.name.as_slice(), Some(bucket))).collect();
        if self.members.is_some() {
            for name in [CLUSTER, MEMBERS, MEMBERS_REMOVED] {
                buckets.entry(name).or_default();
            }
        }
        let mut compacted = self.compact.as_ref().map(|(_, revision)| *revision);
        for (name, bucket) in buckets {
            let mut tree = writer.bucket();
            match (name, self.members) {
                (MEMBERS, Some(members)) => write_members(&mut tree, members)?,
                (MEMBERS_REMOVED | ALARM, Some(_)) => {}
                // Comes after the key bucket.
                (META, members) => write_meta(&mut tree, base, members, compacted)?,
                (LEASE, _) if self.leases == LeasePolicy::Strip => {}
                (KEY, _) => {
                    self.copy_keys(&mut tree, bucket)?;
                    let reached = self.append_keys(&mut tree, append)?;
                    if self.bump > 0 {
                        compacted = Some(push_bump(&mut tree, reached, self.bump)?);
                    }
                }
                _ => copy(&mut tree, base, bucket)?,
            }
            let root = tree.finish()?;
            writer.end_bucket(name, bucket.map_or(0, |bucket| bucket.sequence), root);
        }
        writer.finish()
    }

    /// Answers the last revision.
    fn append_keys(&self, tree: &mut TreeWriter<'_>, append: Append<'_>) -> Result<i64> {
        let reached = self.base.revision.min(self.until);
        let mut sink = |key: &[u8], value: &[u8]| tree.push(key, value);
        let mut appender = Appender::new(reached, self.leases, &mut sink);
        append(&mut appender)?;
        Ok(appender.reached())
    }

    fn copy_keys(&self, tree: &mut TreeWriter<'_>, bucket: Option<&Bucket>) -> Result<()> {
        let Some(bucket) = bucket else { return Ok(()) };
        let mut cursor = self.base.bolt.walk(bucket)?;
        let mut place = 0;
        while let Some((key, value)) = cursor.next()? {
            let at = RevisionKey::parse(key)?;
            if at.main > self.until {
                break;
            }
            place += 1;
            if self.compact.as_ref().is_some_and(|(kept, to)| at.main <= *to && !kept.contains(place - 1)) {
                continue;
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

/// Writes an entry without a key so many revisions ahead, as `etcdutl snapshot restore --bump-revision` does.
fn push_bump(tree: &mut TreeWriter<'_>, reached: i64, bump: i64) -> Result<i64> {
    let main = reached.checked_add(bump).ok_or_else(|| Error::invalid("bump-revision", "it is too large"))?;
    let mut key = Vec::new();
    RevisionKey { main, sub: 0, tombstone: false }.write(&mut key);
    tree.push(&key, &[])?;
    Ok(main)
}

/// As the full has it, except for what ties the database to the old cluster's log.
fn write_meta(
    tree: &mut TreeWriter<'_>,
    base: &EtcdDatabase,
    members: Option<&[Member]>,
    compacted: Option<i64>,
) -> Result<()> {
    let mut meta = base.meta.clone();
    if let Some(members) = members {
        meta.insert(CONSISTENT_INDEX.to_vec(), (members.len() as u64).to_be_bytes().to_vec());
        meta.insert(TERM.to_vec(), 1_u64.to_be_bytes().to_vec());
        if let Some(conf_state) = meta.get_mut(CONF_STATE) {
            *conf_state = conf_state_json(members);
        }
    }
    if let Some(main) = compacted {
        let mut revision = Vec::new();
        RevisionKey { main, sub: 0, tombstone: false }.write(&mut revision);
        // Only scheduled after a bump: etcd carries it out when it starts.
        if members.is_none() {
            meta.insert(FINISHED_COMPACT.to_vec(), revision.clone());
        }
        meta.insert(SCHEDULED_COMPACT.to_vec(), revision);
    }
    meta.iter().try_for_each(|(key, value)| tree.push(key, value))
}
