//! etcd's data on its way into a bucket and back.

use std::{fmt::Write, path::Path, process::Stdio, sync::Arc, time::Duration};

use gardener_etcd_backup::{
    Backup, Etcd as Client, EtcdOptions, HashKv, InitialCluster, RestoreOptions, Store,
    restore as restore_data,
};
use gardener_provider_core::{Error, ErrorKind, Result};
use object_store::ObjectStore;
use tokio::{io::AsyncWriteExt, process::Command};

use crate::etcd::Etcd;

/// Where in the bucket the backup goes: Gardener's `<technical id>--<uid>/etcd-main`.
const PREFIX: &str = "shoot--demo--quickstart--0f7c/etcd-main";
const TRANSACTIONS: usize = 40;
const PUTS: usize = 50;

/// Writes a few thousand keys, overwrites and deletes some, and returns the revision reached.
///
/// # Errors
/// `Unavailable` if etcd does not take them.
pub async fn fill(etcd: &Etcd, binaries: &Path) -> Result<i64> {
    for number in 0..TRANSACTIONS {
        let folder = number % (TRANSACTIONS / 2);
        // Of one key a transaction may change only one thing.
        let mut changes =
            if number % 2 == 1 { format!("del /registry/pods/{folder}/0\n") } else { String::new() };
        let value = format!("value-{number}-").repeat(40);
        for key in 1..PUTS {
            // Writing to a String cannot fail.
            let _ = writeln!(changes, "put /registry/pods/{folder}/{key} {value}");
        }
        // No conditions, the changes, nothing otherwise.
        etcdctl(etcd, binaries, "txn", format!("\n{changes}\n\n")).await?;
    }
    client(etcd)?.revision().await
}

async fn etcdctl(etcd: &Etcd, binaries: &Path, command: &str, input: String) -> Result<()> {
    let failed = |text: String| Error::new(ErrorKind::Unavailable, format!("etcdctl {command}: {text}"));
    let mut child = Command::new(binaries.join("etcdctl"))
        .env("ETCDCTL_API", "3")
        .args(["--endpoints", &etcd.endpoint(), command])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await.map_err(|error| failed(error.to_string()))?;
    }
    let output = child.wait_with_output().await.map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// Takes a full snapshot into the bucket.
///
/// # Errors
/// Those of etcd and of the store.
pub async fn take(etcd: &Etcd, store: Arc<dyn ObjectStore>) -> Result<String> {
    let taken = Backup::new(client(etcd)?, Store::new(store, PREFIX)?).full().await?;
    Ok(format!(
        "{} ({} kB of {} kB)",
        taken.snapshot.name,
        taken.snapshot.size / 1000,
        taken.database_size / 1000
    ))
}

/// Restores the newest state in the bucket into an empty folder, without etcd.
///
/// # Errors
/// Those of the store; `DataLoss` if what is there is damaged.
pub async fn restore(store: Arc<dyn ObjectStore>, data_dir: &Path) -> Result<String> {
    let cluster = InitialCluster::single(Etcd::NAME, Etcd::PEER_URL);
    let options = RestoreOptions::default().with_cluster(cluster, Etcd::NAME);
    let report = restore_data(&Store::new(store, PREFIX)?, data_dir, &options).await?;
    Ok(format!("revision {}, without etcd", report.revision))
}

/// The hash that a running etcd gives its data at a revision.
///
/// # Errors
/// Those of etcd.
pub async fn hash(etcd: &Etcd, revision: i64) -> Result<HashKv> {
    client(etcd)?.hash_kv(Some(revision)).await
}

fn client(etcd: &Etcd) -> Result<Client> {
    Client::new(&EtcdOptions::new([etcd.endpoint()]).with_call_timeout(Duration::from_secs(10)))
}
