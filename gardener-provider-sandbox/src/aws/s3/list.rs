//! Lists of objects.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, dto};

use super::{
    Cx, buckets,
    state::{Bucket, Content, Version, error},
};

const PAGE: usize = 1000;

/// How many entries a page may have.
pub(super) fn page_size(asked: Option<i32>) -> S3Result<usize> {
    let asked = asked.map_or(Ok(PAGE), usize::try_from);
    asked.map(|asked| asked.min(PAGE)).map_err(|_| {
        error(S3ErrorCode::InvalidArgument, "Argument maxKeys must be an integer between 0 and 2147483647")
    })
}

/// What `encoding-type=url` does to names.
pub(super) fn encoded(name: &str, url: bool) -> String {
    const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.').remove(b'*');
    if url { utf8_percent_encode(name, &KEPT).to_string() } else { name.to_owned() }
}

/// The common prefix that a key is listed under.
pub(super) fn group(key: &str, prefix: &str, delimiter: &str) -> Option<String> {
    let rest = key.strip_prefix(prefix)?;
    let end = rest.find(delimiter)? + delimiter.len();
    Some(format!("{prefix}{}", &rest[..end]))
}

pub(super) fn prefixes(names: Vec<String>, url: bool) -> Vec<dto::CommonPrefix> {
    names.into_iter().map(|name| dto::CommonPrefix { prefix: Some(encoded(&name, url)) }).collect()
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
enum After {
    Start,
    Key(String),
    /// After all keys with this prefix.
    Prefix(String),
}

impl After {
    fn skips(&self, key: &str) -> bool {
        match self {
            Self::Start => false,
            Self::Key(after) => key <= after.as_str(),
            Self::Prefix(after) => key.starts_with(after.as_str()) || key < after.as_str(),
        }
    }

    /// Tokens are opaque to clients; the first letter says what the rest is.
    fn token(&self) -> String {
        let (kind, name) = match self {
            Self::Start => ('s', ""),
            Self::Key(name) => ('k', name.as_str()),
            Self::Prefix(name) => ('p', name.as_str()),
        };
        format!("{kind}{}", hex::encode(name))
    }

    fn of_token(token: &str) -> S3Result<Self> {
        let invalid = || -> S3Error {
            error(S3ErrorCode::InvalidArgument, "The continuation token provided is incorrect")
        };
        let (kind, hex) = token.split_at_checked(1).ok_or_else(invalid)?;
        let name =
            hex::decode(hex).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(invalid)?;
        match kind {
            "k" => Ok(Self::Key(name)),
            "p" => Ok(Self::Prefix(name)),
            _ => Err(invalid()),
        }
    }
}

/// One page of a list.
struct Page<'a> {
    objects: Vec<(&'a str, &'a Version, &'a Content)>,
    prefixes: Vec<String>,
    /// Where the next page begins, if there is one.
    next: Option<After>,
}

impl<'a> Page<'a> {
    fn of(bucket: &'a Bucket, prefix: &str, delimiter: Option<&str>, after: &After, limit: usize) -> Self {
        let mut page = Page { objects: Vec::new(), prefixes: Vec::new(), next: None };
        let mut last = after.clone();
        let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty());
        if limit == 0 {
            return page;
        }
        for key in bucket.objects.range(prefix.to_owned()..).map(|(key, _)| key) {
            if !key.starts_with(prefix) {
                break;
            }
            let Some((version, content)) = bucket.current(key) else { continue };
            if after.skips(key) {
                continue;
            }
            let group = delimiter.and_then(|delimiter| group(key, prefix, delimiter));
            if group.is_some() && page.prefixes.last() == group.as_ref() {
                continue;
            }
            if page.objects.len() + page.prefixes.len() == limit {
                page.next = Some(last);
                break;
            }
            if let Some(group) = group {
                last = After::Prefix(group.clone());
                page.prefixes.push(group);
            } else {
                last = After::Key(key.clone());
                page.objects.push((key, version, content));
            }
        }
        page
    }

    fn contents(&self, url: bool, owner: Option<&dto::Owner>) -> Vec<dto::Object> {
        self.objects.iter().map(|(key, version, content)| object(key, version, content, url, owner)).collect()
    }
}

fn object(
    key: &str,
    version: &Version,
    content: &Content,
    url: bool,
    owner: Option<&dto::Owner>,
) -> dto::Object {
    dto::Object {
        key: Some(encoded(key, url)),
        e_tag: Some(dto::ETag::Strong(content.e_tag.clone())),
        last_modified: Some(version.modified.into()),
        owner: owner.cloned(),
        size: i64::try_from(content.data.len()).ok(),
        storage_class: Some(dto::ObjectStorageClass::from(
            content.attributes.storage_class.clone().unwrap_or_else(|| "STANDARD".to_owned()),
        )),
        checksum_type: content.checksum.checksum_type.clone(),
        ..dto::Object::default()
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
pub(super) fn v2(
    cx: &mut Cx<'_>,
    request: S3Request<dto::ListObjectsV2Input>,
) -> S3Result<dto::ListObjectsV2Output> {
    let input = request.input;
    let owner = (input.fetch_owner == Some(true)).then(|| buckets::owner(cx));
    let limit = page_size(input.max_keys)?;
    let after = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => After::of_token(token)?,
        (None, Some(key)) if !key.is_empty() => After::Key(key.clone()),
        _ => After::Start,
    };
    let prefix = input.prefix.clone().unwrap_or_default();
    let bucket = cx.bucket(&input.bucket)?;
    let page = Page::of(bucket, &prefix, input.delimiter.as_deref(), &after, limit);
    let url = input.encoding_type.is_some();
    Ok(dto::ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encoded(&prefix, url)),
        delimiter: input.delimiter.map(|delimiter| encoded(&delimiter, url)),
        start_after: input.start_after.map(|start| encoded(&start, url)),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        max_keys: i32::try_from(limit).ok(),
        key_count: i32::try_from(page.objects.len() + page.prefixes.len()).ok(),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.as_ref().map(After::token),
        contents: Some(page.contents(url, owner.as_ref())),
        common_prefixes: Some(prefixes(page.prefixes, url)),
        request_charged: None,
    })
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html>
pub(super) fn v1(
    cx: &mut Cx<'_>,
    request: S3Request<dto::ListObjectsInput>,
) -> S3Result<dto::ListObjectsOutput> {
    let input = request.input;
    let owner = buckets::owner(cx);
    let limit = page_size(input.max_keys)?;
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let marker = input.marker.clone().unwrap_or_default();
    let after = match &delimiter {
        _ if marker.is_empty() => After::Start,
        Some(delimiter) if marker.ends_with(delimiter) => After::Prefix(marker.clone()),
        _ => After::Key(marker.clone()),
    };
    let prefix = input.prefix.clone().unwrap_or_default();
    let bucket = cx.bucket(&input.bucket)?;
    let page = Page::of(bucket, &prefix, delimiter.as_deref(), &after, limit);
    let url = input.encoding_type.is_some();
    let next = match &page.next {
        Some(After::Key(name) | After::Prefix(name)) if delimiter.is_some() => Some(encoded(name, url)),
        _ => None,
    };
    Ok(dto::ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(encoded(&prefix, url)),
        marker: Some(encoded(&marker, url)),
        delimiter: delimiter.map(|delimiter| encoded(&delimiter, url)),
        encoding_type: input.encoding_type,
        max_keys: i32::try_from(limit).ok(),
        is_truncated: Some(page.next.is_some()),
        next_marker: next,
        contents: Some(page.contents(url, Some(&owner))),
        common_prefixes: Some(prefixes(page.prefixes, url)),
        request_charged: None,
    })
}
