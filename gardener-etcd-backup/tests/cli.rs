//! The command-line tool, on a store in a directory.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use common::{PREFIX, etcd_35};
use gardener_etcd_backup::{Compression, hash_kv_of_file};
use object_store::ObjectStoreExt;

const TOOL: &str = env!("CARGO_BIN_EXE_gardener-etcd-backup");

fn tool(arguments: &[&str]) -> Output {
    Command::new(TOOL).args(arguments).output().unwrap()
}

/// Runs it and answers what it printed.
fn good(arguments: &[&str]) -> String {
    let output = tool(arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// Puts the fixture into a directory and answers its URL.
async fn store_in(place: &Path) -> String {
    let store = etcd_35().store(4, Compression::Gzip).await;
    for snapshot in store.list().await.unwrap().snapshots {
        let bytes = store.objects().get(&snapshot.path).await.unwrap().bytes().await.unwrap();
        let path = place.join("bucket").join(snapshot.path.as_ref());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    format!("file://{}/bucket/{PREFIX}", place.display())
}

#[tokio::test]
async fn every_command_that_needs_no_etcd_does_its_work() {
    let place = tempfile::tempdir().unwrap();
    let store = store_in(place.path()).await;
    assert!(good(&["list", "--store", &store]).contains("5 snapshots, 0 leftover parts, 0 other objects"));
    let verified = good(&["verify", "--store", &store, "--all"]);
    assert!(verified.contains("restorable to revision 324 of 324") && verified.contains("HashKV 425755438"));
    let data_dir = place.path().join("etcd");
    let data_dir_text = data_dir.to_str().unwrap();
    let plan = good(&["restore", "--store", &store, "--data-dir", data_dir_text, "--dry-run"]);
    assert!(plan.contains("would restore to revision 324") && !data_dir.exists());
    good(&["restore", "--store", &store, "--data-dir", data_dir_text]);
    assert_eq!(hash_kv_of_file(&data_dir, None).unwrap().hash, 425_755_438);
    let again = tool(&["restore", "--store", &store, "--data-dir", data_dir_text]);
    assert!(
        !again.status.success() && String::from_utf8_lossy(&again.stderr).contains("nothing was touched")
    );

    let keys = good(&["get", "--store", &store]);
    assert!(keys.lines().count() > 5);
    assert!(
        keys.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["key"].is_string())
    );
    assert!(good(&["get", "--store", &store, "--since", "323"]).contains(r#""change":"#));

    let copy = format!("file://{}/other/main", place.path().display());
    assert_eq!(good(&["copy", "--from", &store, "--to", &copy]).lines().count(), 5);
    good(&["compact", "--store", &copy]);
    let dry = good(&["gc", "--store", &copy, "--policy", "LimitBased:1", "--dry-run"]);
    assert!(dry.contains("delete ") && dry.contains("0 deleted"));
    assert!(good(&["gc", "--store", &copy, "--policy", "LimitBased:1"]).contains("5 deleted, 0 left"));
    assert!(good(&["verify", "--store", &copy]).contains("restorable to revision 324"));
}

#[tokio::test]
async fn what_is_wrong_shows_in_the_exit_code() {
    let place = tempfile::tempdir().unwrap();
    let store = store_in(place.path()).await;
    let directory = place.path().join("bucket").join(PREFIX).join("v2");
    let mut names: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    fs::write(names.last().unwrap(), "damaged").unwrap();
    let output = tool(&["verify", "--store", &store]);
    assert_eq!(output.status.code(), Some(2));
    let empty = format!("file://{}/empty/main", place.path().display());
    let output = tool(&["verify", "--store", &empty]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no full snapshot"));
    for bad in ["no url", "ftp://x/y"] {
        let output = tool(&["list", "--store", bad]);
        assert!(String::from_utf8_lossy(&output.stderr).contains("store"), "{bad}");
    }
}

/// Killed at three places, found by what it has made so far; the next run finishes the work.
#[tokio::test]
async fn a_killed_restore_leaves_no_half_directory() {
    let place = tempfile::tempdir().unwrap();
    let store = store_in(place.path()).await;
    for (round, sign) in ["", "data/member/snap/db", "data/member/wal"].into_iter().enumerate() {
        let data_dir = place.path().join(format!("etcd-{round}"));
        let arguments = ["restore", "--store", &store, "--data-dir", data_dir.to_str().unwrap()];
        let mut child = Command::new(TOOL).args(arguments).stdout(Stdio::null()).spawn().unwrap();
        let sign = place.path().join(format!("etcd-{round}.part")).join(sign);
        while !sign.exists() && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if !data_dir.exists() {
            good(&arguments);
        }
        assert_eq!(hash_kv_of_file(&data_dir, None).unwrap().hash, 425_755_438);
        assert!(!place.path().join(format!("etcd-{round}.part/data")).exists());
    }
}

#[tokio::test]
async fn a_backup_is_encrypted_compacted_and_read_with_its_keys_only() {
    let place = tempfile::tempdir().unwrap();
    let store = store_in(place.path()).await;
    let keys = place.path().join("keys");
    fs::write(&keys, format!("new {}\nold {}\n", "0a".repeat(32), "0B".repeat(32))).unwrap();
    let keys = keys.to_str().unwrap();
    let wrote = good(&["compact", "--store", &store, "--keep-history", "--keys", keys]);
    assert!(wrote.contains(".gz.enc"), "{wrote}");
    let verified = good(&["verify", "--store", &store, "--keys", keys]);
    assert!(verified.contains("HashKV 425755438"), "{verified}");
    let refused = tool(&["verify", "--store", &store]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("encrypted with the key \"new\""), "{said}");
    fs::write(place.path().join("bad"), "new 0a0b\n").unwrap();
    let bad = place.path().join("bad");
    let refused = tool(&["verify", "--store", &store, "--keys", bad.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("keys") && said.contains("line 1") && !said.contains("0a0b"), "{said}");
}

#[tokio::test]
async fn a_disk_that_is_full_at_any_write_leaves_no_half_directory() {
    let place = tempfile::tempdir().unwrap();
    let store = store_in(place.path()).await;
    let data_dir = place.path().join("etcd");
    let (mut refused, mut blocks) = (0, 0);
    loop {
        // Files may not grow beyond so many blocks of 512 bytes or 1 KiB; the write fails as on a full disk.
        let script = format!(
            "trap '' XFSZ; ulimit -f {blocks}; exec {TOOL} restore --store {store} --data-dir {}",
            data_dir.display()
        );
        let output = Command::new("sh").args(["-c", &script]).output().unwrap();
        if output.status.success() {
            break;
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.starts_with("error: ") && said.contains("File too large"), "{blocks}: {said}");
        assert!(!data_dir.exists(), "{blocks}: {said}");
        refused += 1;
        blocks += 1 + blocks / 3;
    }
    assert!(refused > 5, "only {refused}");
    assert_eq!(hash_kv_of_file(&data_dir, None).unwrap().hash, 425_755_438);
}
