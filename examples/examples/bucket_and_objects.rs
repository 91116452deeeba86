//! A bucket: created, filled, emptied below a prefix and deleted.
//!
//! ```text
//! cargo run -p gardener-provider-examples --example bucket_and_objects              # in the embedded sandbox
//! cargo run … -- --cloud azure                                                      # or gcp
//! cargo xtask tools && cargo run -p gardener-provider-examples --example bucket_and_objects -- --target emulator
//! AWS_REGION=… cargo run … -- --target cloud --yes                                  # in a real account
//! ```
//!
//! It deletes the bucket at its end.

use std::process::ExitCode;

use futures::TryStreamExt;
use gardener_provider_core::{BucketSpec, CancelToken, Error, ObjectPrefix, Result};
use gardener_provider_examples::{
    args::Args,
    finish,
    interrupt::{self, Leftovers},
    lab::Lab,
    refused,
};
use object_store::{ObjectStore, ObjectStoreExt, PutMode, path::Path};

#[tokio::main]
async fn main() -> ExitCode {
    finish(example().await)
}

async fn example() -> Result<()> {
    let args = Args::read()?.confirmed("a bucket with three small objects")?;
    let lab = Lab::new(&args.cloud, &args)?;
    let (leftovers, cancel) = (Leftovers::new(), CancelToken::new());
    interrupt::run(&leftovers, &cancel, bucket_and_objects(&lab, &leftovers)).await
}

async fn bucket_and_objects(lab: &Lab, leftovers: &Leftovers) -> Result<()> {
    let storage = &lab.provider.storage;
    let name = lab.bucket_name()?;
    leftovers.add("a bucket", lab.manifests.bucket_removal(&name));
    let spec = BucketSpec::new(name.clone(), lab.region.clone());
    let created = storage.create_bucket(&spec, &lab.secret).await?;
    println!("created {created:?}");
    let bucket = lab.bucket(name, &created.generated_secret);

    // From here on it is the ObjectStore that the rest of the ecosystem uses.
    let store = storage.open(&bucket).await?;
    for name in ["etcd/v2/first", "etcd/v2/second", "etcd-events/v2/first"] {
        let options = PutMode::Create.into();
        store.put_opts(&Path::from(name), name.into(), options).await.map_err(of_store)?;
    }
    let twice = store.put_opts(&Path::from("etcd/v2/first"), "again".into(), PutMode::Create.into()).await;
    println!("a conditional put of the same name: {}", refused("a second creation", twice)?);
    println!(
        "read back: {:?}",
        store.get(&Path::from("etcd/v2/second")).await.map_err(of_store)?.bytes().await
    );

    let deleted = storage.delete_prefix(&bucket, &ObjectPrefix::new("etcd")?).await?;
    let left: Vec<_> =
        store.list(None).map_ok(|object| object.location).try_collect().await.map_err(of_store)?;
    println!("deleted {} below etcd/; left: {left:?}", deleted.deleted);
    storage.delete_bucket(&bucket).await?;
    leftovers.gone("a bucket");
    Ok(())
}

fn of_store(error: object_store::Error) -> Error {
    Error::internal(error.to_string()).with_source(error)
}
