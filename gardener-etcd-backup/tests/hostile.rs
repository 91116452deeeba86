//! Input that is cut, flipped or made up ends in an error or in something correct: never in a panic, a hang or
//! unbounded memory.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::{fs, sync::LazyLock};

use common::{compress, delta_bytes, etcd_34, etcd_35, put};
use gardener_etcd_backup::{
    Compression, RestoreOptions, SnapshotName, Target, hash_kv_of_file, plan, restore,
};
use gardener_provider_core::ErrorKind;
use object_store::ObjectStoreExt;
use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A change of a file's bytes.
#[derive(Debug, Clone)]
enum Mutation {
    Flip { at: prop::sample::Index, bit: u8 },
    Word { at: prop::sample::Index, value: u32 },
    Truncate { at: prop::sample::Index },
    CopyPage { from: prop::sample::Index, to: prop::sample::Index },
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = any::<prop::sample::Index>;
    let values = prop_oneof![
        Just(0),
        Just(1),
        Just(2),
        Just(16),
        Just(4096),
        Just(u32::MAX),
        Just(0x7fff_ffff),
        any::<u32>()
    ];
    prop_oneof![
        4 => (place(), 0..8_u8).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        4 => (place(), values).prop_map(|(at, value)| Mutation::Word { at, value }),
        1 => place().prop_map(|at| Mutation::Truncate { at }),
        1 => (place(), place()).prop_map(|(from, to)| Mutation::CopyPage { from, to }),
    ]
}

fn mutate(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        match mutation {
            Mutation::Flip { at, bit } if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Mutation::Word { at, value } if bytes.len() >= 4 => {
                let at = at.index(bytes.len() / 4) * 4;
                bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            }
            Mutation::Truncate { at } if !bytes.is_empty() => bytes.truncate(at.index(bytes.len())),
            Mutation::CopyPage { from, to } if bytes.len() >= 4096 => {
                let pages = bytes.len() / 4096;
                let (from, to) = (from.index(pages) * 4096, to.index(pages) * 4096);
                bytes.copy_within(from..from + 4096, to);
            }
            _ => {}
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn a_mutated_database_is_an_error_or_has_a_hash(mutations in prop::collection::vec(mutation(), 1..4)) {
        static FULL: LazyLock<Vec<u8>> = LazyLock::new(|| etcd_35().full);
        let database = mutate(FULL[..FULL.len() - 32].to_vec(), &mutations);
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), database).unwrap();
        if let Err(error) = hash_kv_of_file(file.path(), None) {
            let expected = [ErrorKind::DataLoss, ErrorKind::InvalidArgument, ErrorKind::Unimplemented];
            prop_assert!(expected.contains(&error.kind()), "{error:?}");
        }
    }

    #[test]
    fn any_name_is_read_or_refused(name in "(Full|Incr|full)?[-.0-9a-zA-Z/]{0,40}") {
        if let Ok(parsed) = name.parse::<SnapshotName>() {
            prop_assert!(parsed.start <= parsed.last);
            prop_assert_eq!(parsed.to_string().parse::<SnapshotName>().unwrap(), parsed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    /// The hash is made right again, so that what is inside has to be judged.
    #[test]
    fn a_mutated_snapshot_restores_or_is_an_error(
        in_full in prop::collection::vec(mutation(), 0..3),
        in_delta in prop::collection::vec(mutation(), 0..3),
        rehash in any::<bool>(),
        compression in prop::sample::select(vec![Compression::Gzip, Compression::Zlib, Compression::Lzw]),
    ) {
        let fixture = etcd_34();
        let rehashed = |bytes: &[u8], mutations: &[Mutation]| {
            if !rehash {
                return mutate(bytes.to_vec(), mutations);
            }
            let mut body = mutate(bytes[..bytes.len() - 32].to_vec(), mutations);
            let hash = Sha256::digest(&body);
            body.extend_from_slice(&hash);
            body
        };
        run(async {
            let store = fixture.store(0, compression).await;
            let full = plan(&store, Target::Latest).await.unwrap().full;
            put(&store, &full.name, &rehashed(&fixture.full, &in_full)).await;
            let delta = "Incr-00000005-00000025-2000.gz".parse().unwrap();
            put(&store, &delta, &rehashed(&fixture.delta(5, 25), &in_delta)).await;
            let place = tempfile::tempdir().unwrap();
            let data_dir = place.path().join("etcd");
            match restore(&store, &data_dir, &RestoreOptions::default()).await {
                Ok(report) => assert_eq!(hash_kv_of_file(&data_dir, None).unwrap().revision, report.revision),
                Err(_) => assert!(!data_dir.exists(), "a failed restore leaves nothing"),
            }
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), usize::from(data_dir.exists()));
        });
    }

    #[test]
    fn a_mutated_archive_is_an_error(
        mutations in prop::collection::vec(mutation(), 1..3),
        compression in prop::sample::select(vec![Compression::Gzip, Compression::Zlib, Compression::Lzw]),
    ) {
        let fixture = etcd_34();
        run(async {
            let store = fixture.store(0, compression).await;
            let full = plan(&store, Target::Latest).await.unwrap().full;
            let packed = mutate(compress(compression, &fixture.full), &mutations);
            store.objects().put(&full.path, packed.into()).await.unwrap();
            let place = tempfile::tempdir().unwrap();
            let data_dir = place.path().join("etcd");
            // A flipped bit may lie where it changes nothing, as in the time of a gzip header.
            if restore(&store, &data_dir, &RestoreOptions::default()).await.is_ok() {
                assert_eq!(hash_kv_of_file(&data_dir, None).unwrap().revision, fixture.full_revision);
            }
        });
    }
}

/// Restores the 3.4 fixture's full with this delta and answers what was said about it.
fn with_delta(name: &str, delta: &[u8]) -> (i64, String) {
    run(async {
        let store = etcd_34().store(0, Compression::None).await;
        put(&store, &name.parse().unwrap(), delta).await;
        let place = tempfile::tempdir().unwrap();
        let report = restore(&store, &place.path().join("etcd"), &RestoreOptions::default()).await.unwrap();
        (report.revision, report.unusable.join("; "))
    })
}

#[test]
fn impossible_deltas_are_left_out_with_a_reason() {
    let put = |revision: i64, key: &str| {
        let kv = json!({ "key": key, "create_revision": revision, "mod_revision": revision, "version": 1 });
        json!({ "etcdEvent": { "kv": kv }, "time": "2026-07-24T12:00:00Z" })
    };
    let cases = [
        (vec![put(5, "YQ=="), put(7, "YQ==")], "revision 7 follows 5"),
        (vec![put(5, "YQ=="), put(6, "")], "without a key"),
        (vec![put(5, "YQ==")], "it ends at revision 5"),
        (vec![], "it ends at revision 0"),
        (vec![put(5, "YQ=="), put(4, "YQ=="), put(6, "YQ==")], "it ends at revision 6"),
        (vec![json!(1)], "is damaged"),
    ];
    for (events, reason) in cases {
        let (_, said) = with_delta("Incr-00000005-00000008-9", &delta_bytes(events.iter()));
        assert!(said.contains(reason), "{said} does not say {reason}");
    }
}

#[test]
fn a_small_object_cannot_fill_the_disk() {
    let fixture = etcd_34();
    run(async {
        let store = fixture.store(0, Compression::Gzip).await;
        let full = plan(&store, Target::Latest).await.unwrap().full;
        put(&store, &full.name, &vec![0; 8 << 20]).await;
        let mut options = RestoreOptions::default();
        options.max_snapshot = 1 << 20;
        let place = tempfile::tempdir().unwrap();
        let error = restore(&store, &place.path().join("etcd"), &options).await.unwrap_err();
        assert!(error.to_string().contains("more than the 1048576 bytes allowed"), "{error}");
    });
}
