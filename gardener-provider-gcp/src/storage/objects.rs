//! Objects: read, listed and deleted by [`object_store`], written by ourselves.
//!
//! `object_store` writes large objects in parts through the XML API. Parts that were never completed stay there, and are
//! paid for, until a rule of the bucket throws them away; and no server for tests has that API (fake-gcs-server and
//! gcp-storage-emulator both refuse its uploads). The JSON API's resumable uploads leave nothing behind, go on where they
//! broke off, and take a stream as it comes, so that is how objects are written here: in sequence, not in parallel.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use async_trait::async_trait;
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use futures::stream::BoxStream;
use gardener_provider_client::object_http::store_error;
use gardener_provider_core::{Error, ErrorKind, Result};
use object_store::{
    Attribute, Attributes, CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, gcp::GoogleCloudStorage,
    path::Path,
};
use serde_json::{Map, Value};

use super::{CHANGED, Scope, has_code, upload::Upload};
use crate::api::storage::{objects::Object, uploads};

const STORE: &str = "GCS";

/// The objects of a bucket.
pub(super) struct Objects {
    reads: GoogleCloudStorage,
    scope: Arc<Scope>,
}

impl Objects {
    pub(super) fn new(reads: GoogleCloudStorage, scope: Scope) -> Self {
        Self { reads, scope: Arc::new(scope) }
    }

    async fn insert(&self, path: &Path, payload: &PutPayload, options: &PutOptions) -> Result<Object> {
        let metadata = metadata(path, &options.attributes)?;
        let generation = match &options.mode {
            PutMode::Overwrite => None,
            PutMode::Create => Some(0),
            PutMode::Update(version) => {
                let version = version.version.as_deref().and_then(|version| version.parse().ok());
                Some(version.ok_or_else(|| Error::invalid("version", "must be the generation to replace"))?)
            }
        };
        let parts: &[Bytes] = payload.as_ref();
        let boundary = format!("gardener-{:032x}", uuid::Uuid::new_v4().as_u128());
        let insert = uploads::insert(self.scope.name.as_str(), &metadata, generation, parts, &boundary);
        self.scope.run(&insert).await
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("bucket", &self.scope.name).finish_non_exhaustive()
    }
}

impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.reads, f)
    }
}

/// What an error of a write at `path` is to an object store.
pub(super) fn told(path: &Path, error: Error) -> object_store::Error {
    store_error(STORE, path.as_ref(), error)
}

/// What the cloud shall know of an object besides its bytes.
fn metadata(path: &Path, attributes: &Attributes) -> Result<Value> {
    let mut all = Map::new();
    let mut own = Map::new();
    all.insert("name".to_owned(), path.as_ref().into());
    for (attribute, value) in attributes {
        let name = match attribute {
            Attribute::CacheControl => "cacheControl",
            Attribute::ContentDisposition => "contentDisposition",
            Attribute::ContentEncoding => "contentEncoding",
            Attribute::ContentLanguage => "contentLanguage",
            Attribute::ContentType => "contentType",
            Attribute::StorageClass => "storageClass",
            Attribute::Metadata(key) => {
                own.insert(key.to_string(), value.as_ref().into());
                continue;
            }
            other => {
                let message = format!("Cloud Storage cannot keep the attribute {other:?}");
                return Err(Error::new(ErrorKind::Unimplemented, message));
            }
        };
        all.insert(name.to_owned(), value.as_ref().into());
    }
    if !own.is_empty() {
        all.insert("metadata".to_owned(), Value::Object(own));
    }
    Ok(Value::Object(all))
}

/// What a write answers. Reads tell the digest as the tag.
pub(super) fn written(object: &Object) -> PutResult {
    let digest = object.md5_hash.as_ref().and_then(|text| BASE64_STANDARD.decode(text).ok());
    let hex = |digest: Vec<u8>| {
        digest.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    };
    PutResult {
        e_tag: digest.map(|digest| format!("\"{}\"", hex(digest))),
        version: Some(object.generation.to_string()),
        extensions: http::Extensions::new(),
    }
}

#[async_trait]
impl ObjectStore for Objects {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let create = matches!(options.mode, PutMode::Create);
        match self.insert(location, &payload, &options).await {
            Ok(object) => Ok(written(&object)),
            Err(error) if create && (has_code(&error, CHANGED) || error.kind() == ErrorKind::Conflict) => {
                let path = location.to_string();
                Err(object_store::Error::AlreadyExists { path, source: error.into() })
            }
            Err(error) => Err(told(location, error)),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        let begun = async {
            let metadata = metadata(location, &options.attributes)?;
            let begin = uploads::begin(self.scope.name.as_str(), &metadata);
            self.scope.run(&begin).await?.session(&self.scope.base)
        };
        let session = begun.await.map_err(|error| told(location, error))?;
        Ok(Box::new(Upload::new(Arc::clone(&self.scope), location.clone(), session)))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> object_store::Result<GetResult> {
        self.reads.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.reads.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.reads.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.reads.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.reads.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> object_store::Result<()> {
        self.reads.copy_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_become_metadata() {
        let attributes = Attributes::from_iter([
            (Attribute::ContentType, "text/plain"),
            (Attribute::Metadata("revision".into()), "7"),
        ]);
        let expected = serde_json::json!({
            "name": "a/b", "contentType": "text/plain", "metadata": { "revision": "7" } });
        assert_eq!(metadata(&Path::from("a/b"), &attributes).unwrap(), expected);
    }

    #[test]
    fn a_write_answers_the_tag_that_a_read_will_tell() {
        let object = Object {
            generation: 7,
            md5_hash: Some("XUFAKrxLKna5cZ2REBfFkg==".to_owned()),
            ..Object::default()
        };
        let result = written(&object);
        assert_eq!(result.e_tag.as_deref(), Some("\"5d41402abc4b2a76b9719d911017c592\""));
        assert_eq!(result.version.as_deref(), Some("7"));
    }
}
