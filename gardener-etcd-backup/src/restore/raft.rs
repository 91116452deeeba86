//! The write-ahead log and the raft snapshot with which a restored member boots, laid out as `etcdutl snapshot restore`
//! of etcd 3.5 writes them
//! ([record layout](https://github.com/etcd-io/etcd/blob/v3.5.0/server/wal/walpb/record.proto)).

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use gardener_provider_core::{Error, Result};
use prost::Message;
use serde_json::{Map, Value, json};

use super::cluster::{Member, cluster_id};
use crate::error::file;

/// A log segment of etcd is this long, zeroes at its end.
const SEGMENT: u64 = 64_000_000;
const RAFT_TERM: u64 = 1;
/// etcd's event history must come with this many slots, empty ones included.
const EVENT_HISTORY: usize = 1000;

#[derive(Clone, PartialEq, Eq, Message)]
struct Record {
    #[prost(int64, required, tag = "1")]
    kind: i64,
    #[prost(uint32, required, tag = "2")]
    crc: u32,
    #[prost(bytes = "vec", optional, tag = "3")]
    data: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Metadata {
    #[prost(uint64, required, tag = "1")]
    node: u64,
    #[prost(uint64, required, tag = "2")]
    cluster: u64,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct WalSnapshot {
    #[prost(uint64, required, tag = "1")]
    index: u64,
    #[prost(uint64, required, tag = "2")]
    term: u64,
    #[prost(message, optional, tag = "3")]
    conf_state: Option<ConfState>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct ConfState {
    #[prost(uint64, repeated, packed = "false", tag = "1")]
    voters: Vec<u64>,
    #[prost(bool, required, tag = "5")]
    auto_leave: bool,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct Entry {
    /// 1 is a change of the configuration.
    #[prost(uint64, required, tag = "1")]
    kind: u64,
    #[prost(uint64, required, tag = "2")]
    term: u64,
    #[prost(uint64, required, tag = "3")]
    index: u64,
    #[prost(bytes = "vec", optional, tag = "4")]
    data: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct ConfChange {
    #[prost(uint64, required, tag = "1")]
    id: u64,
    /// 0 adds a node.
    #[prost(uint64, required, tag = "2")]
    kind: u64,
    #[prost(uint64, required, tag = "3")]
    node: u64,
    #[prost(bytes = "vec", optional, tag = "4")]
    context: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct HardState {
    #[prost(uint64, required, tag = "1")]
    term: u64,
    #[prost(uint64, required, tag = "2")]
    vote: u64,
    #[prost(uint64, required, tag = "3")]
    commit: u64,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct SnapshotFile {
    #[prost(uint32, required, tag = "1")]
    crc: u32,
    #[prost(bytes = "vec", optional, tag = "2")]
    data: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct RaftSnapshot {
    #[prost(bytes = "vec", optional, tag = "1")]
    data: Option<Vec<u8>>,
    #[prost(message, required, tag = "2")]
    metadata: SnapshotMetadata,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct SnapshotMetadata {
    #[prost(message, required, tag = "1")]
    conf_state: ConfState,
    #[prost(uint64, required, tag = "2")]
    index: u64,
    #[prost(uint64, required, tag = "3")]
    term: u64,
}

/// Writes `wal/…wal` and `snap/….snap` under the `member` directory, for the member `own`, and syncs them.
pub(crate) fn write_raft_files(member_dir: &Path, own: &Member, members: &[Member]) -> Result<()> {
    let wal = member_dir.join("wal/0000000000000000-0000000000000000.wal");
    let mut out = create(&wal)?;
    out.write_all(&log(own, members)?).map_err(|error| file("write", &wal, error))?;
    out.set_len(SEGMENT).map_err(|error| file("extend", &wal, error))?;
    out.sync_all().map_err(|error| file("sync", &wal, error))?;
    let snap = member_dir.join(format!("snap/{RAFT_TERM:016x}-{:016x}.snap", members.len()));
    let mut out = create(&snap)?;
    out.write_all(&snapshot(members)?).map_err(|error| file("write", &snap, error))?;
    out.sync_all().map_err(|error| file("sync", &snap, error))
}

/// The configuration in JSON, as the `meta` bucket of etcd 3.5 holds it.
pub(crate) fn conf_state_json(members: &[Member]) -> Vec<u8> {
    let voters: Vec<_> = members.iter().map(|member| member.id.to_string()).collect();
    format!("{{\"voters\":[{}],\"auto_leave\":false}}", voters.join(",")).into_bytes()
}

fn create(path: &Path) -> Result<File> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    opened.map_err(|error| file("create", path, error))
}

fn conf_state(members: &[Member]) -> ConfState {
    ConfState { voters: members.iter().map(|member| member.id).collect(), auto_leave: false }
}

/// The records of the log in etcd's order: checksum, metadata, empty snapshot, one entry per member, state, snapshot.
fn log(own: &Member, members: &[Member]) -> Result<Vec<u8>> {
    const METADATA: i64 = 1;
    const ENTRY: i64 = 2;
    const STATE: i64 = 3;
    const CHECKSUM: i64 = 4;
    const SNAPSHOT: i64 = 5;
    let count = members.len() as u64;
    let mut log = Log::default();
    log.push(CHECKSUM, None);
    log.push(METADATA, Some(Metadata { node: own.id, cluster: cluster_id(members) }.encode_to_vec()));
    log.push(SNAPSHOT, Some(WalSnapshot::default().encode_to_vec()));
    for (index, member) in (1..).zip(members) {
        let change = ConfChange { id: 0, kind: 0, node: member.id, context: Some(member.json()?) };
        let entry = Entry { kind: 1, term: RAFT_TERM, index, data: Some(change.encode_to_vec()) };
        log.push(ENTRY, Some(entry.encode_to_vec()));
    }
    let vote = members.first().map_or(0, |member| member.id);
    log.push(STATE, Some(HardState { term: RAFT_TERM, vote, commit: count }.encode_to_vec()));
    let conf_state = Some(conf_state(members));
    log.push(SNAPSHOT, Some(WalSnapshot { index: count, term: RAFT_TERM, conf_state }.encode_to_vec()));
    Ok(log.bytes)
}

/// Frames records: length with padding, record, padding to eight bytes; each checksum continues the one before.
#[derive(Default)]
struct Log {
    bytes: Vec<u8>,
    crc: u32,
}

impl Log {
    fn push(&mut self, kind: i64, data: Option<Vec<u8>>) {
        if let Some(data) = &data {
            self.crc = crc32c::crc32c_append(self.crc, data);
        }
        let record = Record { kind, crc: self.crc, data }.encode_to_vec();
        let padding = (8 - record.len() % 8) % 8;
        let mut frame = record.len() as u64;
        if padding > 0 {
            frame |= (0x80 | padding as u64) << 56;
        }
        self.bytes.extend_from_slice(&frame.to_le_bytes());
        self.bytes.extend_from_slice(&record);
        self.bytes.extend_from_slice(&[0; 8][..padding]);
    }
}

fn snapshot(members: &[Member]) -> Result<Vec<u8>> {
    let data = serde_json::to_vec(&membership_store(members)?).map_err(internal)?;
    let metadata =
        SnapshotMetadata { conf_state: conf_state(members), index: members.len() as u64, term: RAFT_TERM };
    let data = RaftSnapshot { data: Some(data), metadata }.encode_to_vec();
    Ok(SnapshotFile { crc: crc32c::crc32c(&data), data: Some(data) }.encode_to_vec())
}

/// The v2 store, in which etcd 3.4 looks for its members and 3.5 still expects them.
fn membership_store(members: &[Member]) -> Result<Value> {
    let mut children = Map::new();
    let mut events = Vec::new();
    for (index, member) in (1..).zip(members) {
        let attributes = serde_json::to_string(&json!({ "peerURLs": member.peer_urls })).map_err(internal)?;
        let path = format!("/0/members/{}", member.hex_id());
        let leaf_path = format!("{path}/raftAttributes");
        events.push(json!({
            "action": "create",
            "node": { "key": leaf_path, "value": attributes, "modifiedIndex": index, "createdIndex": index },
        }));
        let leaf = node(&leaf_path, &attributes, &Value::Null, index);
        children.insert(member.hex_id(), node(&path, "", &json!({ "raftAttributes": leaf }), index));
    }
    let count = members.len();
    events.resize(EVENT_HISTORY.max(count), Value::Null);
    let members = node("/0/members", "", &Value::Object(children), 1);
    let zero = node("/0", "", &json!({ "members": members }), 0);
    let root = node("/", "", &json!({ "0": zero, "1": node("/1", "", &json!({}), 0) }), 0);
    let mut stats: Map<_, _> = STATISTICS.iter().map(|name| ((*name).to_owned(), json!(0))).collect();
    stats.insert("createSuccess".to_owned(), json!(count));
    let queue =
        json!({ "Events": events, "Size": count, "Front": 0, "Back": count, "Capacity": EVENT_HISTORY });
    let history = json!({ "Queue": queue, "StartIndex": 1, "LastIndex": count });
    Ok(json!({
        "Root": root,
        "WatcherHub": { "EventHistory": history },
        "CurrentIndex": count,
        "Stats": stats,
        "CurrentVersion": 2,
    }))
}

const STATISTICS: [&str; 15] = [
    "getsSuccess",
    "getsFail",
    "setsSuccess",
    "setsFail",
    "deleteSuccess",
    "deleteFail",
    "updateSuccess",
    "updateFail",
    "createFail",
    "compareAndSwapSuccess",
    "compareAndSwapFail",
    "compareAndDeleteSuccess",
    "compareAndDeleteFail",
    "expireCount",
    "watchers",
];

fn node(path: &str, value: &str, children: &Value, index: u64) -> Value {
    json!({
        "Path": path, "CreatedIndex": index, "ModifiedIndex": index, "ExpireTime": "0001-01-01T00:00:00Z",
        "Value": value, "Children": children,
    })
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn internal(error: serde_json::Error) -> Error {
    Error::internal(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InitialCluster;

    const WAL_HEAD: &[u8] = include_bytes!("../../tests/fixtures/etcdutl-3.5.1-restore.wal.head512");
    const SNAP: &[u8] = include_bytes!("../../tests/fixtures/etcdutl-3.5.1-restore.snap");

    fn members() -> Vec<Member> {
        InitialCluster::single("default", "http://127.0.0.1:23811").members().unwrap()
    }

    #[test]
    fn the_log_is_byte_for_byte_that_of_etcdutl() {
        let members = members();
        let mut log = log(&members[0], &members).unwrap();
        log.resize(WAL_HEAD.len(), 0);
        assert!(log == WAL_HEAD, "differs from etcdutl's");
    }

    #[test]
    fn the_snapshot_says_what_that_of_etcdutl_says() {
        let parse = |bytes: &[u8]| {
            let file = SnapshotFile::decode(bytes).unwrap();
            let data = file.data.unwrap();
            assert_eq!(file.crc, crc32c::crc32c(&data));
            let snapshot = RaftSnapshot::decode(data.as_slice()).unwrap();
            let store: Value = serde_json::from_slice(&snapshot.data.unwrap()).unwrap();
            (snapshot.metadata, store)
        };
        assert!(parse(&snapshot(&members()).unwrap()) == parse(SNAP), "differs from etcdutl's");
    }
}
