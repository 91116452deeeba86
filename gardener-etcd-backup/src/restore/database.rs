//! The new database: everything of the full, then the changes of the deltas, loaded into a fresh file in one pass.

use std::{collections::BTreeMap, fs::File, ops::ControlFlow};

use gardener_provider_core::{Error, Result};
use prost::Message;

use super::{LeasePolicy, cluster::Member, raft::conf_state_json};
use crate::{
    bolt::{Bucket, DatabaseWriter, TreeWriter},
    delta::Change,
    error::damaged,
    mvcc::{
        CLUSTER, CONF_STATE, CONSISTENT_INDEX, EtcdDatabase, KEY, KeyValue, LEASE, MEMBERS, MEMBERS_REMOVED,
        META, RevisionKey, TERM,
    },
};

/// One revision is one request to etcd, whose limit is 1.5 MiB unless raised; more than this is not believed.
const MAX_REVISION: usize = 128 << 20;

/// Adds to the `key` bucket after everything of the full.
pub(crate) type Append<'a> = &'a mut dyn FnMut(&mut Appender<'_, '_>) -> Result<()>;

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
                    append(&mut Appender::new(&mut tree, base.revision.min(self.until), self.leases))?;
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

/// Adds changes to the `key` bucket. A revision is written only once all of it has been seen.
pub(crate) struct Appender<'a, 't> {
    tree: &'a mut TreeWriter<'t>,
    leases: LeasePolicy,
    /// The last revision that is written in full.
    reached: i64,
    /// The changes of the revision that may not be complete yet.
    pending: Vec<Change>,
    pending_bytes: usize,
    changes: u64,
}

impl<'a, 't> Appender<'a, 't> {
    fn new(tree: &'a mut TreeWriter<'t>, reached: i64, leases: LeasePolicy) -> Self {
        Self { tree, leases, reached, pending: Vec::new(), pending_bytes: 0, changes: 0 }
    }

    /// The last revision that is written in full.
    pub(crate) fn reached(&self) -> i64 {
        self.reached
    }

    /// How many changes were written.
    pub(crate) fn changes(&self) -> u64 {
        self.changes
    }

    /// Takes the next change. Those at or below the revision reached are known already and left out. It breaks when the
    /// change is not `within` the target.
    pub(crate) fn push(
        &mut self,
        change: Change,
        within: &dyn Fn(&Change) -> Result<bool>,
    ) -> Result<ControlFlow<()>> {
        check(&change)?;
        let revision = change.mod_revision;
        if revision <= self.reached {
            return Ok(ControlFlow::Continue(()));
        }
        if self.pending.first().is_some_and(|first| first.mod_revision != revision) {
            self.flush()?;
        }
        if revision != self.reached + 1 {
            let problem = format!("revision {revision} follows {}", self.reached);
            return Err(damaged("a delta", problem));
        }
        if self.pending.is_empty() && !within(&change)? {
            return Ok(ControlFlow::Break(()));
        }
        self.pending_bytes += change.key.len() + change.value.len() + size_of::<Change>();
        if self.pending_bytes > MAX_REVISION {
            return Err(damaged(
                "a delta",
                format!("revision {revision} has more than {MAX_REVISION} bytes"),
            ));
        }
        self.pending.push(change);
        Ok(ControlFlow::Continue(()))
    }

    /// Writes the pending revision; call it when nothing more of it can follow.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.pending_bytes = 0;
        let mut key = Vec::with_capacity(18);
        for (sub, change) in (0..).zip(self.pending.drain(..)) {
            self.reached = change.mod_revision;
            key.clear();
            RevisionKey { main: change.mod_revision, sub, tombstone: change.delete }.write(&mut key);
            self.tree.push(&key, &encode(change, self.leases))?;
            self.changes += 1;
        }
        Ok(())
    }

    /// Forgets the pending revision, because it turned out to be cut short.
    pub(crate) fn discard(&mut self) {
        self.pending_bytes = 0;
        self.pending.clear();
    }
}

fn check(change: &Change) -> Result<()> {
    let Change { key, mod_revision, create_revision, version, .. } = change;
    if key.is_empty() {
        return Err(damaged("a delta", format!("revision {mod_revision} has a change without a key")));
    }
    if !change.delete && (*version < 1 || *create_revision < 1 || create_revision > mod_revision) {
        return Err(damaged("a delta", format!("revision {mod_revision} has an impossible put")));
    }
    Ok(())
}

/// As etcd stores it: a deletion is the key alone.
fn encode(change: Change, leases: LeasePolicy) -> Vec<u8> {
    let key = change.key.into();
    if change.delete {
        return KeyValue { key, ..KeyValue::default() }.encode_to_vec();
    }
    KeyValue {
        key,
        create_revision: change.create_revision,
        mod_revision: change.mod_revision,
        version: change.version,
        value: change.value.into(),
        lease: if leases == LeasePolicy::Strip { 0 } else { change.lease },
    }
    .encode_to_vec()
}

/// Opens what a full holds.
pub(crate) fn open(what: &str, content: crate::fetch::Content) -> Result<EtcdDatabase> {
    let source: std::sync::Arc<dyn crate::bolt::ReadAt> = match content {
        crate::fetch::Content::Memory(bytes) => std::sync::Arc::new(bytes),
        crate::fetch::Content::File(file) => std::sync::Arc::new(file),
    };
    let opened = crate::bolt::Database::open(source).and_then(EtcdDatabase::open);
    opened.map_err(|error: Error| error.context(format!("reading {what}")))
}
