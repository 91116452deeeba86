//! Lists of versions and delete markers.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>

use s3s::{S3ErrorCode, S3Request, S3Result, dto};

use super::{
    Cx, buckets,
    list::{encoded, group, page_size, prefixes},
    state::{Bucket, Version, error},
};

struct Entry<'a> {
    key: &'a str,
    version: &'a Version,
    latest: bool,
}

/// All versions, by key and for one key the newest first.
fn all<'a>(bucket: &'a Bucket, prefix: &str) -> impl Iterator<Item = Entry<'a>> {
    bucket.objects.iter().filter(move |(key, _)| key.starts_with(prefix)).flat_map(|(key, versions)| {
        let newest_first = versions.iter().rev().enumerate();
        newest_first.map(|(age, version)| Entry { key, version, latest: age == 0 })
    })
}

pub(super) fn page(
    cx: &mut Cx<'_>,
    request: S3Request<dto::ListObjectVersionsInput>,
) -> S3Result<dto::ListObjectVersionsOutput> {
    let input = request.input;
    let key_marker = input.key_marker.clone().filter(|marker| !marker.is_empty());
    let version_marker = input.version_id_marker.clone().filter(|marker| !marker.is_empty());
    if key_marker.is_none() && version_marker.is_some() {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(error(S3ErrorCode::InvalidArgument, message));
    }
    let owner = buckets::owner(cx);
    let limit = page_size(input.max_keys)?;
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let bucket = cx.bucket(&input.bucket)?;
    let url = input.encoding_type.is_some();
    let mut out = Found::default();
    let mut start = Start::new(bucket, key_marker.as_deref(), version_marker.as_deref());
    for entry in all(bucket, &prefix) {
        if !start.reached(&entry) {
            continue;
        }
        let group = delimiter.as_ref().and_then(|delimiter| group(entry.key, &prefix, delimiter));
        if group
            .as_ref()
            .is_some_and(|group| out.prefixes.last() == Some(group) || key_marker.as_ref() == Some(group))
        {
            continue;
        }
        if out.count() == limit {
            out.more = limit > 0;
            break;
        }
        out.add(&entry, group, &owner, url);
    }
    let (next_key, next_version) = out.last.filter(|_| out.more).unzip();
    Ok(dto::ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: Some(encoded(&prefix, url)),
        delimiter: delimiter.map(|delimiter| encoded(&delimiter, url)),
        encoding_type: input.encoding_type,
        key_marker: Some(encoded(&key_marker.unwrap_or_default(), url)),
        version_id_marker: Some(version_marker.unwrap_or_default()),
        next_key_marker: next_key.map(|key: String| encoded(&key, url)),
        next_version_id_marker: next_version.flatten(),
        max_keys: i32::try_from(limit).ok(),
        is_truncated: Some(out.more),
        versions: Some(out.versions),
        delete_markers: Some(out.markers),
        common_prefixes: Some(prefixes(out.prefixes, url)),
        request_charged: None,
    })
}

/// Finds the place after the markers.
struct Start<'a> {
    key: Option<&'a str>,
    version: Option<&'a str>,
    /// The marker's version is still there.
    exists: bool,
    passed: bool,
}

impl<'a> Start<'a> {
    fn new(bucket: &Bucket, key: Option<&'a str>, version: Option<&'a str>) -> Self {
        let exists = key.zip(version).is_some_and(|(key, version)| bucket.version(key, version).is_some());
        Self { key, version, exists, passed: false }
    }

    fn reached(&mut self, entry: &Entry<'_>) -> bool {
        let Some(key) = self.key else { return true };
        if entry.key != key {
            return entry.key > key;
        }
        let Some(version) = self.version else { return false };
        if !self.exists {
            return entry.version.id.as_str() > version;
        }
        let reached = self.passed;
        self.passed |= entry.version.id == version;
        reached
    }
}

#[derive(Default)]
struct Found {
    versions: Vec<dto::ObjectVersion>,
    markers: Vec<dto::DeleteMarkerEntry>,
    prefixes: Vec<String>,
    last: Option<(String, Option<String>)>,
    more: bool,
}

impl Found {
    fn count(&self) -> usize {
        self.versions.len() + self.markers.len() + self.prefixes.len()
    }

    fn add(&mut self, entry: &Entry<'_>, group: Option<String>, owner: &dto::Owner, url: bool) {
        if let Some(group) = group {
            self.last = Some((group.clone(), None));
            self.prefixes.push(group);
            return;
        }
        let version = entry.version;
        self.last = Some((entry.key.to_owned(), Some(version.id.clone())));
        match &version.content {
            None => self.markers.push(dto::DeleteMarkerEntry {
                is_latest: Some(entry.latest),
                key: Some(encoded(entry.key, url)),
                last_modified: Some(version.modified.into()),
                owner: Some(owner.clone()),
                version_id: Some(version.id.clone()),
            }),
            Some(content) => self.versions.push(dto::ObjectVersion {
                e_tag: Some(dto::ETag::Strong(content.e_tag.clone())),
                is_latest: Some(entry.latest),
                key: Some(encoded(entry.key, url)),
                last_modified: Some(version.modified.into()),
                owner: Some(owner.clone()),
                size: i64::try_from(content.data.len()).ok(),
                storage_class: Some(dto::ObjectVersionStorageClass::from_static(
                    dto::ObjectVersionStorageClass::STANDARD,
                )),
                version_id: Some(version.id.clone()),
                ..dto::ObjectVersion::default()
            }),
        }
    }
}
