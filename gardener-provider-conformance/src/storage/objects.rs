//! Objects within a bucket.

use bytes::Bytes;
use futures::{TryStreamExt, future::try_join_all};
use gardener_provider_core::ObjectPrefix;
use object_store::{
    ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, WriteMultipart, path::Path,
};

use super::{
    Bench,
    bench::{fill, paths},
};
use crate::{
    Tap,
    case::{Context, During, Outcome, ensure},
};

pub(super) async fn objects(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let spec = bench.samples.spec.clone();
    let store = bench.opened(&spec).await?;
    let missing = store.get(&Path::from("absent")).await;
    ensure!(matches!(missing, Err(object_store::Error::NotFound { .. })), "an absent object: {missing:?}");
    let path = Path::from("etcd/v2/Full-000 a+b%é");
    let body = Bytes::from((0..=255u8).collect::<Vec<_>>().repeat(40));
    store.put(&path, PutPayload::from(body.clone())).await.during("put")?;
    let read = store.get(&path).await.during("get")?.bytes().await.during("reading")?;
    ensure!(read == body, "read {} bytes, wrote {}", read.len(), body.len());
    let part = store.get_range(&path, 250..260).await.during("a range")?;
    ensure!(part[..] == body[250..260], "the range holds {part:?}");
    let meta = store.head(&path).await.during("head")?;
    ensure!(meta.size == body.len() as u64 && meta.location == path, "head says {meta:?}");
    store.put(&path, PutPayload::from("new")).await.during("overwriting")?;
    let read = store.get(&path).await?.bytes().await?;
    ensure!(read == "new", "after overwriting it reads {read:?}");
    store.delete(&path).await.during("delete")?;
    let gone = store.get(&path).await;
    ensure!(matches!(gone, Err(object_store::Error::NotFound { .. })), "a deleted object: {gone:?}");
    bench.clean(&spec).await
}

pub(super) async fn conditional_put(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let spec = bench.samples.spec.clone();
    let store = bench.opened(&spec).await?;
    let path = Path::from("lock");
    let put = |body: &str| {
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        store.put_opts(&path, PutPayload::from(body.to_owned()), options)
    };
    put("first").await.during("creating")?;
    let second = put("second").await;
    let refused = matches!(second, Err(object_store::Error::AlreadyExists { .. }));
    ensure!(refused, "creating what exists: {second:?}");
    let read = store.get(&path).await?.bytes().await?;
    ensure!(read == "first", "it was overwritten with {read:?}");
    bench.clean(&spec).await
}

pub(super) async fn multipart(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let spec = bench.samples.spec.clone();
    let store = bench.opened(&spec).await?;
    let body: Vec<u8> = (0..11 * 1024 * 1024_u32).map(|n| (n % 251) as u8).collect();
    let path = Path::from("etcd/large");
    let mut writer = WriteMultipart::new_with_chunk_size(store.put_multipart(&path).await?, 5 * 1024 * 1024);
    writer.write(&body);
    writer.finish().await.during("completing")?;
    let read = store.get(&path).await?.bytes().await?;
    ensure!(read == body, "read {} bytes, wrote {}", read.len(), body.len());
    let mut given_up = store.put_multipart(&Path::from("etcd/given-up")).await?;
    given_up.put_part(PutPayload::from("half")).await.during("a part")?;
    given_up.abort().await.during("giving an upload up")?;
    let left = paths(&*store).await?;
    ensure!(left == ["etcd/large"], "left are {left:?}");
    bench.clean(&spec).await
}

pub(super) async fn list_objects(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let spec = bench.samples.spec.clone();
    let _ = bench.world.turn(crate::Knob::PageSize(7)).await;
    let store = bench.opened(&spec).await?;
    let names: Vec<_> = (0..25).map(|n| format!("p/{n:03}")).chain(["q/1".to_owned()]).collect();
    let store = &*store;
    let puts =
        names.iter().map(|name| async move { store.put(&Path::from(name.as_str()), "x".into()).await });
    try_join_all(puts).await?;
    let listed = paths(store).await?;
    ensure!(listed == names, "listed are {listed:?}");
    let below: Vec<_> = store.list(Some(&Path::from("p"))).try_collect().await?;
    ensure!(below.len() == 25, "below p/ there are {}", below.len());
    let later: Vec<_> =
        store.list_with_offset(Some(&Path::from("p")), &Path::from("p/019")).try_collect().await?;
    ensure!(later.len() == 5, "behind p/019 there are {}", later.len());
    let folders = store.list_with_delimiter(None).await?.common_prefixes;
    ensure!(folders == [Path::from("p"), Path::from("q")], "the folders are {folders:?}");
    bench.clean(&spec).await
}

pub(super) async fn open(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let tap = Tap::new();
    bench.tapped(&tap).await.open(&bench.bucket(&bench.samples.spec)).await?;
    ensure!(tap.calls() == 0, "opening made {} calls", tap.calls());
    Ok(())
}

pub(super) async fn delete_prefix(context: &Context<'_>) -> Outcome {
    let bench = Bench::new(context).await?;
    let spec = bench.samples.spec.clone();
    let bucket = bench.bucket(&spec);
    let prefix = ObjectPrefix::new("a")?;
    let driver = bench.driver().await;
    let none = driver.delete_prefix(&bucket, &prefix).await.during("in a bucket that does not exist")?;
    ensure!(none.deleted == 0, "in a bucket that does not exist, {} were deleted", none.deleted);
    let store = bench.opened(&spec).await?;
    fill(&*store, &["a/1", "a/b/2", "ab/3", "b/a/4", "a.txt"]).await?;
    let deleted = driver.delete_prefix(&bucket, &prefix).await?;
    ensure!(deleted.deleted == 2 && deleted.retained == 0, "two were to go: {deleted:?}");
    let left = paths(&*store).await?;
    ensure!(left == ["a.txt", "ab/3", "b/a/4"], "left are {left:?}");
    let again = driver.delete_prefix(&bucket, &prefix).await.during("again")?;
    ensure!(again.deleted == 0, "again: {again:?}");
    bench.clean(&spec).await
}
