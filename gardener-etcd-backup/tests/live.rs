//! Backups of real etcd servers, restored and started again.
#![allow(
    clippy::cast_possible_truncation,
    clippy::unwrap_used,
    reason = "helpers of tests, with small numbers"
)]

mod common;
#[path = "common/etcd.rs"]
mod etcd;

use std::sync::Arc;

use gardener_etcd_backup::{
    Backup, Compression, Etcd, EtcdOptions, EtcdTls, InitialCluster, Kind, RestoreOptions, Snapshotter,
    SnapshotterOptions, Store, compare_hash_kv, hash_kv_of_file, restore,
};
use gardener_provider_core::ErrorKind;
use object_store::{ObjectStoreExt, local::LocalFileSystem, memory::InMemory};

const ALL: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Zlib, Compression::Lzw];

#[tokio::test(flavor = "multi_thread")]
async fn a_full_of_a_live_etcd_restores_to_the_same_hash_and_serves() {
    for server in etcd::servers("a_full_of_a_live_etcd_restores_to_the_same_hash_and_serves") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        let writer = source.writer();
        writer.variety(40).await;
        writer.compact(60).await;
        writer.variety(20).await;
        let etcd = source.client();
        for compression in ALL {
            let bucket = place.path().join(format!("bucket-{compression}"));
            std::fs::create_dir(&bucket).unwrap();
            let objects = Arc::new(LocalFileSystem::new_with_prefix(&bucket).unwrap());
            let store = Store::new(objects, common::PREFIX).unwrap();
            let backup = Backup::new(etcd.clone(), store.clone()).with_compression(compression);
            let full = backup.full().await.unwrap();
            assert_eq!(full.etcd_version, server.version);
            assert_eq!(full.snapshot.name.kind, Kind::Full);
            let listing = store.list().await.unwrap();
            assert_eq!(listing.snapshots, std::slice::from_ref(&full.snapshot));

            let data_dir = place.path().join(format!("restored-{compression}"));
            let peer = format!("http://127.0.0.1:{}", etcd::free_port());
            let cluster = InitialCluster::single("default", peer.clone());
            let options = RestoreOptions::default().with_cluster(cluster, "default");
            let report = restore(&store, &data_dir, &options).await.unwrap();
            let expected = etcd.hash_kv(Some(report.revision)).await.unwrap();
            compare_hash_kv(expected, hash_kv_of_file(&data_dir, None).unwrap()).unwrap();

            let cluster = format!("default={peer}");
            let flags = ["--initial-cluster", &cluster, "--listen-peer-urls", &peer];
            let flags = [&flags[..], &["--initial-advertise-peer-urls", &peer]].concat();
            let restored = server.start_with(&data_dir, &flags);
            let found = restored.client().hash_kv(Some(report.revision)).await.unwrap();
            compare_hash_kv(expected, found).unwrap();
            let next = restored.writer().put(b"/after", b"restore", 0).await;
            assert_eq!(next, report.revision + 1, "the restored etcd takes writes");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_without_history_is_what_etcd_has_after_a_compaction() {
    for server in etcd::servers("a_restore_without_history_is_what_etcd_has_after_a_compaction") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        let (store, client) =
            (Store::new(Arc::new(InMemory::new()), common::PREFIX).unwrap(), source.client());
        source.writer().variety(30).await;
        let (snapshotter, handle) =
            Snapshotter::new(client.clone(), store.clone(), SnapshotterOptions::default());
        let running = tokio::spawn(snapshotter.run());
        handle.wait_for(|progress| progress.full.is_some()).await.unwrap();
        source.writer().variety(30).await;
        handle.stop().await.unwrap();
        running.await.unwrap().unwrap();
        let whole = place.path().join("whole");
        let size = restore(&store, &whole, &RestoreOptions::default()).await.unwrap().database_size;
        for bump in [0, 1000] {
            let data_dir = place.path().join(bump.to_string());
            let peer = format!("http://127.0.0.1:{}", etcd::free_port());
            let options = RestoreOptions::default()
                .with_cluster(InitialCluster::single("default", peer.clone()), "default")
                .with_compact(true)
                .with_bump_revision(bump);
            let report = restore(&store, &data_dir, &options).await.unwrap();
            assert_eq!(report.compact_revision, report.revision);
            assert!(report.database_size < size, "{} < {size}", report.database_size);
            let left = std::fs::read_dir(data_dir.join("member/snap")).unwrap().count();
            assert_eq!(left, 2, "the database and the snapshot of the log");
            let cluster = format!("default={peer}");
            let flags = ["--initial-cluster", &cluster, "--listen-peer-urls", &peer];
            let flags = [&flags[..], &["--initial-advertise-peer-urls", &peer]].concat();
            let restored = server.start_with(&data_dir, &flags);
            let next = restored.writer().put(b"/after", b"restore", 0).await;
            assert_eq!(next, report.etcd_revision + 1);
            if bump == 0 {
                source.writer().compact(report.revision).await;
                source.writer().put(b"/after", b"restore", 0).await;
                let expected = client.hash_kv(None).await.unwrap();
                assert_eq!((expected.revision, expected.compact_revision), (next, report.revision));
                compare_hash_kv(expected, restored.client().hash_kv(None).await.unwrap()).unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_members_boot_from_one_backup() {
    for server in etcd::servers("three_members_boot_from_one_backup") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        source.writer().variety(20).await;
        let store = Store::new(Arc::new(InMemory::new()), common::PREFIX).unwrap();
        Backup::new(source.client(), store.clone()).full().await.unwrap();
        let expected = source.client().hash_kv(None).await.unwrap();
        drop(source);

        let peers: Vec<_> =
            (0..3).map(|n| (format!("m{n}"), format!("http://127.0.0.1:{}", etcd::free_port()))).collect();
        let list: Vec<_> = peers.iter().map(|(name, url)| format!("{name}={url}")).collect();
        let list = list.join(",");
        let cluster = InitialCluster::parse(&list, "restored").unwrap();
        let mut starting = Vec::new();
        for (name, url) in &peers {
            let data_dir = place.path().join(name);
            let options = RestoreOptions::default().with_cluster(cluster.clone(), name.clone());
            restore(&store, &data_dir, &options).await.unwrap();
            let flags = ["--name", name, "--initial-cluster", &list, "--initial-cluster-token", "restored"];
            let flags =
                [&flags[..], &["--listen-peer-urls", url, "--initial-advertise-peer-urls", url]].concat();
            let flags: Vec<_> = flags.into_iter().map(str::to_owned).collect();
            starting.push(server.spawn(&data_dir, &flags));
        }
        let members: Vec<_> = starting.into_iter().map(etcd::Starting::wait_until_ready).collect();
        let next = members[0].writer().put(b"/after", b"restore", 0).await;
        for member in &members {
            assert_eq!(member.client().revision().await.unwrap(), next);
            let found = member.client().hash_kv(Some(expected.revision)).await.unwrap();
            compare_hash_kv(expected, found).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_database_is_uploaded_in_parts() {
    for server in etcd::servers("a_large_database_is_uploaded_in_parts") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        let writer = source.writer();
        for n in 0..24_u32 {
            writer.put(format!("/large/{n}").as_bytes(), &vec![n as u8; 1 << 20], 0).await;
        }
        let objects = Arc::new(InMemory::new());
        let store = Store::new(objects.clone(), common::PREFIX).unwrap();
        let backup = Backup::new(source.client(), store.clone()).with_compression(Compression::None);
        let full = backup.with_parts(5 << 20, 3).full().await.unwrap();
        assert!(full.snapshot.size > 24 << 20);
        assert_eq!(full.snapshot.size, full.database_size + 32);
        let stored = objects.head(&full.snapshot.path).await.unwrap();
        assert_eq!(stored.size, full.snapshot.size);
        let data_dir = place.path().join("restored");
        restore(&store, &data_dir, &RestoreOptions::default()).await.unwrap();
        let expected = source.client().hash_kv(None).await.unwrap();
        compare_hash_kv(expected, hash_kv_of_file(&data_dir, None).unwrap()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_with_authentication_wants_the_right_password() {
    for server in etcd::servers("a_cluster_with_authentication_wants_the_right_password") {
        let place = tempfile::tempdir().unwrap();
        let source = server.start(&place.path().join("source"));
        source.writer().variety(5).await;
        source.writer().enable_auth("open sesame").await;
        let store = Store::new(Arc::new(InMemory::new()), common::PREFIX).unwrap();
        let login = |password: &str| {
            let options = EtcdOptions::new([source.url.clone()]).with_login("root", password.to_owned());
            Etcd::new(&options).unwrap()
        };
        for client in [source.client(), login("close sesame")] {
            let error = Backup::new(client, store.clone()).full().await.unwrap_err();
            let said = format!("{error} {error:?}");
            assert!(
                matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::PermissionDenied),
                "{said}"
            );
            assert!(!said.contains("sesame"), "{said}");
        }
        let etcd = login("open sesame");
        let (snapshotter, handle) =
            Snapshotter::new(etcd.clone(), store.clone(), SnapshotterOptions::default());
        let running = tokio::spawn(snapshotter.run());
        handle.full(false).await.unwrap();
        handle.stop().await.unwrap();
        running.await.unwrap().unwrap();
        let data_dir = place.path().join("restored");
        restore(&store, &data_dir, &RestoreOptions::default()).await.unwrap();
        let expected = etcd.hash_kv(None).await.unwrap();
        compare_hash_kv(expected, hash_kv_of_file(&data_dir, None).unwrap()).unwrap();
    }
}

/// A certificate authority, and what it signed, as PEM files.
struct Authority {
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self { issuer: rcgen::Issuer::new(parameters, key), pem }
    }

    /// Certificate and key.
    fn sign(&self, usage: rcgen::ExtendedKeyUsagePurpose) -> (String, String) {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        parameters.extended_key_usages = vec![usage, rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        (parameters.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_shown_and_checked() {
    for server in etcd::servers("certificates_are_shown_and_checked") {
        let place = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let (certificate, key) = authority.sign(rcgen::ExtendedKeyUsagePurpose::ServerAuth);
        let write = |name: &str, text: &str| {
            let path = place.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let files =
            [write("cert.pem", &certificate), write("key.pem", &key), write("ca.pem", &authority.pem)];
        let flags = [
            "--cert-file",
            &files[0],
            "--key-file",
            &files[1],
            "--trusted-ca-file",
            &files[2],
            "--client-cert-auth",
        ];
        let source = server.start_with(&place.path().join("source"), &flags);
        let etcd = |ca: &str, identity: Option<(String, String)>| {
            let mut tls = EtcdTls::new(ca);
            if let Some((certificate, key)) = identity {
                tls = tls.with_identity(certificate, key.into_bytes());
            }
            Etcd::new(&EtcdOptions::new([source.url.clone()]).with_tls(tls)).unwrap()
        };
        let client = || Some(authority.sign(rcgen::ExtendedKeyUsagePurpose::ClientAuth));
        let store = Store::new(Arc::new(InMemory::new()), common::PREFIX).unwrap();
        let full = Backup::new(etcd(&authority.pem, client()), store.clone()).full().await.unwrap();
        assert_eq!(full.etcd_version, server.version);
        let stranger = Authority::new();
        for (ca, identity) in [
            (&stranger.pem, client()),
            (&authority.pem, None),
            (&authority.pem, Some(stranger.sign(rcgen::ExtendedKeyUsagePurpose::ClientAuth))),
        ] {
            let error = etcd(ca, identity).status().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
    }
}
