//! Lists of blobs. <https://learn.microsoft.com/en-us/rest/api/storageservices/list-blobs>

use std::fmt::Write as _;

use bytes::Bytes;
use http::Response;
use quick_xml::escape::escape;

use super::{
    blobs::{Cx, date, ok},
    store::Version,
};

pub(super) fn list(cx: &Cx<'_>, container: &str) -> Response<Bytes> {
    let prefix = cx.parameter("prefix").unwrap_or_default();
    let delimiter = cx.parameter("delimiter").filter(|delimiter| !delimiter.is_empty());
    let versions =
        cx.parameter("include").is_some_and(|include| include.split(',').any(|what| what == "versions"));
    let from = cx.parameter("startFrom").unwrap_or_default();
    let start = cx.parameter("marker").and_then(|marker| marker.parse::<usize>().ok()).unwrap_or(0);
    let asked = cx.parameter("maxresults").and_then(|most| most.parse::<usize>().ok());
    let limit = asked.unwrap_or(5000).min(cx.max_page);

    let mut entries: Vec<Entry<'_>> = Vec::new();
    let all = cx.state.blobs.all(container).filter(|(_, version)| versions || version.is_current);
    for (name, version) in all.filter(|(name, _)| name.starts_with(prefix) && *name >= from) {
        let group = delimiter.and_then(|delimiter| {
            let end = name[prefix.len()..].find(delimiter)? + delimiter.len();
            Some(name[..prefix.len() + end].to_owned())
        });
        match (group, entries.last()) {
            (Some(group), Some(Entry::Prefix(last))) if *last == group => {}
            (Some(group), _) => entries.push(Entry::Prefix(group)),
            (None, _) => entries.push(Entry::Blob(name, version)),
        }
    }
    let page = entries.iter().skip(start).take(limit);
    let mut body =
        String::from("\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>");
    for entry in page {
        match entry {
            Entry::Prefix(name) => {
                let _ = write!(body, "<BlobPrefix><Name>{}</Name></BlobPrefix>", escape(name.as_str()));
            }
            Entry::Blob(name, version) => body.push_str(&blob(name, version, cx.keeps_versions(container))),
        }
    }
    body.push_str("</Blobs>");
    let end = start + limit;
    let next = if end < entries.len() { end.to_string() } else { String::new() };
    let _ = write!(body, "<NextMarker>{next}</NextMarker></EnumerationResults>");
    ok(200, Bytes::from(body))
}

enum Entry<'a> {
    Prefix(String),
    Blob(&'a str, &'a Version),
}

fn blob(name: &str, version: &Version, versions: bool) -> String {
    let mut text = format!("<Blob><Name>{}</Name>", escape(name));
    // A blob that was written while versions were kept remains a version.
    if versions || !version.is_current {
        let _ = write!(text, "<VersionId>{}</VersionId>", version.id);
        if version.is_current {
            text.push_str("<IsCurrentVersion>true</IsCurrentVersion>");
        }
    }
    let date = date(version.created);
    let _ = write!(
        text,
        "<Properties><Creation-Time>{date}</Creation-Time><Last-Modified>{date}</Last-Modified><Etag>{}</Etag>\
         <Content-Length>{}</Content-Length><Content-Type>application/octet-stream</Content-Type>\
         <BlobType>BlockBlob</BlobType></Properties></Blob>",
        escape(version.etag.trim_matches('"')),
        version.data.len(),
    );
    text
}
