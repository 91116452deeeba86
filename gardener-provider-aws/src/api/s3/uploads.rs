//! Uploads in parts that nobody finished.

use gardener_provider_core::Result;
use http::Method;
use serde::Deserialize;

use super::{Target, decoded, objects::Version};
use crate::api::{ApiRequest, Operation, query};

/// An upload in parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The key of the object that it would become.
    pub key: String,
    /// Its id.
    pub id: String,
}

/// A page of uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPage {
    /// The uploads.
    pub uploads: Vec<Upload>,
    /// The last upload of the page, after which the next page begins.
    pub next: Option<Upload>,
}

/// The uploads in parts that are neither finished nor aborted.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html>
pub fn list_uploads(target: &Target, prefix: &str, page: Option<&Upload>) -> Operation<UploadPage> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reply {
        #[serde(default)]
        is_truncated: bool,
        #[serde(default, deserialize_with = "query::text")]
        encoding_type: Option<String>,
        #[serde(default, deserialize_with = "query::text")]
        next_key_marker: Option<String>,
        #[serde(default, deserialize_with = "query::text")]
        next_upload_id_marker: Option<String>,
        #[serde(default)]
        upload: Vec<Entry>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Entry {
        key: String,
        upload_id: String,
    }
    let mut request = target.get("ListMultipartUploads", "uploads");
    let mut query = |key: &str, value: &str| request.query.push((key.to_owned(), value.to_owned()));
    query("encoding-type", "url");
    query("max-uploads", "1000");
    if !prefix.is_empty() {
        query("prefix", prefix);
    }
    if let Some(page) = page {
        query("key-marker", &page.key);
        query("upload-id-marker", &page.id);
    }
    Operation::new(request, |reply| {
        let reply: Reply = query::xml(reply)?;
        let encoding = reply.encoding_type.as_deref();
        let uploads = reply
            .upload
            .into_iter()
            .map(|entry| Ok(Upload { key: decoded(entry.key, encoding)?, id: entry.upload_id }))
            .collect::<Result<_>>()?;
        let next = match (reply.is_truncated, reply.next_key_marker, reply.next_upload_id_marker) {
            (true, Some(key), Some(id)) => Some(Upload { key: decoded(key, encoding)?, id }),
            _ => None,
        };
        Ok(UploadPage { uploads, next })
    })
}

/// Throws an upload and its parts away.
///
/// # Errors
/// `InvalidArgument` if the key cannot be addressed.
///
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html>
pub fn abort_upload(target: &Target, upload: &Upload) -> Result<Operation<()>> {
    let object = Version { key: upload.key.clone(), id: None };
    let mut request = target.of_object("AbortMultipartUpload", Method::DELETE, None, &object)?;
    request.query.push(("uploadId".to_owned(), upload.id.clone()));
    Ok(Operation::new(request, query::nothing))
}

pub(super) fn samples(target: &Target) -> Vec<ApiRequest> {
    let upload = Upload { key: "etcd/a b".to_owned(), id: "u/1".to_owned() };
    let mut samples = vec![list_uploads(target, "etcd/", Some(&upload)).request];
    samples.extend(abort_upload(target, &upload).map(|op| op.request));
    samples
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    #[test]
    fn uploads_are_read_page_by_page() {
        let body = "<ListMultipartUploadsResult><Bucket>b</Bucket><NextKeyMarker>a+b</NextKeyMarker>\
            <NextUploadIdMarker>u2</NextUploadIdMarker><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
            <Upload><Key>a</Key><UploadId>u1</UploadId><Initiator><ID>1</ID></Initiator></Upload>\
            <Upload><Key>a+b</Key><UploadId>u2</UploadId></Upload></ListMultipartUploadsResult>";
        let parse = list_uploads(&Target::new("b"), "", None).parse;
        let page = parse(&Response::new(Bytes::from_static(body.as_bytes()))).unwrap();
        assert_eq!(page.uploads[1], Upload { key: "a b".into(), id: "u2".into() });
        assert_eq!(page.next, Some(Upload { key: "a b".into(), id: "u2".into() }));
        let empty =
            "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated></ListMultipartUploadsResult>";
        let page = parse(&Response::new(Bytes::from_static(empty.as_bytes()))).unwrap();
        assert_eq!(page, UploadPage { uploads: vec![], next: None });
    }

    #[test]
    fn an_upload_is_aborted_by_key_and_id() {
        let upload = Upload { key: "a/b".into(), id: "u+/=".into() };
        let request = abort_upload(&Target::new("b"), &upload).unwrap().request;
        assert_eq!((request.path.as_str(), request.method), ("a/b", Method::DELETE));
        assert_eq!(request.query, [("uploadId".to_owned(), "u+/=".to_owned())]);
    }
}
