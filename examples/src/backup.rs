//! etcd's data on its way into a bucket and back.

use std::{path::Path, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use gardener_etcd_backup::{
    Backup, Etcd as Client, EtcdOptions, HashKv, InitialCluster, RestoreOptions, Store,
    restore as restore_data,
};
use gardener_provider_client::transport::{Request, ReqwestTransport, Transport};
use gardener_provider_core::{Error, ErrorKind, Result};
use object_store::ObjectStore;
use serde_json::{Value, json};

use crate::etcd::Etcd;

/// Where in the bucket the backup goes: Gardener's `<technical id>--<uid>/etcd-main`.
const PREFIX: &str = "shoot--demo--quickstart--0f7c/etcd-main";
const TRANSACTIONS: usize = 40;
const PUTS: usize = 50;

/// Writes a few thousand keys, overwrites and deletes some, and returns the revision reached.
///
/// # Errors
/// `Unavailable` if etcd does not take them.
pub async fn fill(etcd: &Etcd) -> Result<i64> {
    let transport = ReqwestTransport::new()?;
    for number in 0..TRANSACTIONS {
        let puts = (0..PUTS).map(|key| {
            let key = format!("/registry/pods/{}/{key}", number % (TRANSACTIONS / 2));
            json!({ "requestPut": { "key": base64(&key), "value": base64(&format!("value {number} ").repeat(40)) } })
        });
        let deletion =
            json!({ "requestDeleteRange": { "key": base64(&format!("/registry/pods/{}/0", number / 2)) } });
        let mut operations: Vec<Value> = puts.collect();
        if number % 2 == 1 {
            // Of one key a transaction may change only one thing.
            operations.remove(0);
            operations.push(deletion);
        }
        post(&transport, etcd, "/v3/kv/txn", &json!({ "success": operations })).await?;
    }
    client(etcd)?.revision().await
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

fn base64(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

async fn post(transport: &ReqwestTransport, etcd: &Etcd, path: &str, body: &Value) -> Result<()> {
    let request = Request::post(format!("{}{path}", etcd.endpoint())).body(Bytes::from(body.to_string()));
    let request = request.map_err(|error| Error::internal(error.to_string()))?;
    let failed = |text: String| Error::new(ErrorKind::Unavailable, format!("etcd {path}: {text}"));
    let reply = transport.send(request).await.map_err(|error| failed(error.to_string()))?;
    if reply.status().is_success() {
        return Ok(());
    }
    Err(failed(format!("{} {}", reply.status(), String::from_utf8_lossy(reply.body()))))
}
