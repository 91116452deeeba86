//! What the targets do with their bytes. An error is as good as a success; a panic, a hang or endless memory is not.

use std::{path::Path, sync::Arc};

use gardener_etcd_backup::{
    RestoreOptions, SnapshotName, StaticKeys, Store, VerifyOptions, hash_kv_of_file, restore, verify,
};
use object_store::{ObjectStoreExt, memory::InMemory};
use sha2::{Digest, Sha256};

/// A full of a real etcd 3.4, at revision 4.
const FULL: &[u8] = include_bytes!("../../tests/fixtures/etcd-3.4.23-full-rev4.db");
const MEMORY_FOR_ONE: u64 = 64 << 20;

/// A database file as etcd keeps it, of any content.
pub fn database(bytes: &[u8]) {
    let place = place();
    let path = place.path().join("db");
    std::fs::write(&path, bytes).expect("a file");
    let _ = hash_kv_of_file(&path, None);
    judge(&[("Full-00000000-00000001-1000", &with_hash(bytes))]);
}

/// A delta of any content, with the right hash, after a good full.
pub fn delta(bytes: &[u8]) {
    judge(&[("Full-00000000-00000004-1000", FULL), ("Incr-00000005-00000007-1001", &with_hash(bytes))]);
}

/// Objects of any content: not even the compression is right. The first byte chooses the kind.
pub fn object(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let suffix = ["", ".gz", ".zlib", ".Z", ".enc", ".gz.enc", ".zst"][usize::from(*kind) % 7];
    judge(&[
        ("Full-00000000-00000004-1000", FULL),
        (&format!("Full-00000000-00000009-1002{suffix}"), bytes),
        (&format!("Incr-00000005-00000007-1001{suffix}"), bytes),
    ]);
}

/// The name of an object, of any kind.
pub fn name(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(name) = text.parse::<SnapshotName>() {
        let again: SnapshotName = name.to_string().parse().expect("what was written is read");
        assert_eq!(again.to_string(), name.to_string());
    }
}

/// In memory where that is offered: a restore syncs its files.
fn place() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a directory")
}

fn with_hash(bytes: &[u8]) -> Vec<u8> {
    [bytes, &Sha256::digest(bytes)].concat()
}

fn judge(objects: &[(&str, &[u8])]) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let memory = Arc::new(InMemory::new());
        for (name, bytes) in objects {
            let path = object_store::path::Path::from(format!("p/v2/{name}"));
            memory.put(&path, bytes.to_vec().into()).await.expect("memory takes it");
        }
        let keys = Arc::new(StaticKeys::new("key", [7; 32]));
        let store = Store::new(memory, "p").expect("a prefix").with_keys(keys);
        let place = place();
        run(&store, place.path()).await;
    });
}

async fn run(store: &Store, place: &Path) {
    let mut options = VerifyOptions::default().with_everything(true);
    options.max_snapshot = MEMORY_FOR_ONE;
    let verified = verify(store, &options).await;
    let mut options = RestoreOptions::default();
    options.max_snapshot = MEMORY_FOR_ONE;
    let data_dir = place.join("etcd");
    let restored = restore(store, &data_dir, &options).await;
    assert_eq!(restored.is_ok(), data_dir.exists());
    if let (Ok(verified), Ok(restored)) = (verified, restored) {
        assert_eq!(verified.hash.revision, restored.revision);
        assert_eq!(hash_kv_of_file(&data_dir, None).expect("it is good").hash, verified.hash.hash);
    }
}
