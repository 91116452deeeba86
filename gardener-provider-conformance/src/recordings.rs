//! Exchanges with real clouds that others recorded, as `cargo xtask tools` installs them.
//!
//! A crate's own readers are held against what a cloud really said: [`tools::recordings`](crate::tools::recordings)
//! answers the folder.

use std::{fs, io, path::Path};

use bytes::Bytes;
use http::{Request, Response};
use serde::Deserialize;
use serde_json::Value;

use crate::wire::Exchange;

#[derive(Deserialize)]
struct Line {
    method: String,
    uri: String,
    request: Option<String>,
    status: u16,
    headers: std::collections::BTreeMap<String, String>,
    body: Option<String>,
}

/// What the tests of Azure's SDK for Python recorded, in the order of time within each recording's file.
///
/// # Errors
/// If the folder holds no such recordings.
pub fn azure(folder: &Path) -> io::Result<Vec<Exchange>> {
    let mut exchanges = Vec::new();
    for package in sorted(&folder.join("azure"))? {
        for file in sorted(&package)? {
            let lines: Vec<Line> = serde_json::from_slice(&fs::read(&file)?)?;
            for line in lines {
                exchanges.push(line.exchange().map_err(io::Error::other)?);
            }
        }
    }
    Ok(exchanges)
}

/// The replies of Google's Compute Engine in libcloud's tests, by their names.
///
/// # Errors
/// If the folder holds no such replies.
pub fn compute_engine(folder: &Path) -> io::Result<Vec<(String, Bytes)>> {
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    sorted(&folder.join("gce"))?.iter().map(|path| Ok((name(path), fs::read(path)?.into()))).collect()
}

/// What was read other than it was recorded, as path and both values. What was not recorded may be read as nothing: null,
/// false, zero, or empty.
pub fn distortions(read: &Value, recorded: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", read, recorded, &mut found);
    found
}

fn compare(path: &str, read: &Value, recorded: &Value, found: &mut Vec<String>) {
    match (read, recorded) {
        (Value::Object(read), Value::Object(recorded)) => {
            for (name, value) in read {
                compare(&format!("{path}/{name}"), value, recorded.get(name).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(read), Value::Array(recorded)) if read.len() == recorded.len() => {
            for (index, (read, recorded)) in read.iter().zip(recorded).enumerate() {
                compare(&format!("{path}/{index}"), read, recorded, found);
            }
        }
        (read, Value::Null) if is_nothing(read) => {}
        (read, recorded) if read == recorded => {}
        _ => found.push(format!("{path}: {recorded} was read as {read}")),
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_nothing),
    }
}

fn sorted(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

impl Line {
    fn exchange(self) -> http::Result<Exchange> {
        // Some recorders wrote the characters of a URL out.
        let uri = self.uri.replace(' ', "%20");
        let request = Request::builder().method(self.method.as_str()).uri(uri);
        let request = request.body(Bytes::from(self.request.unwrap_or_default()))?;
        let mut reply = Response::builder().status(self.status);
        for (name, value) in self.headers {
            reply = reply.header(name, value);
        }
        Ok(Exchange { request, reply: reply.body(Bytes::from(self.body.unwrap_or_default()))? })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_read_wrong_is_told_and_what_was_left_out_is_not() {
        let recorded = json!({ "name": "a", "size": 3, "parts": [{ "x": 1, "y": 2 }], "more": {} });
        let good = json!({ "name": "a", "parts": [{ "y": 2, "z": "" }], "flag": false });
        assert_eq!(distortions(&good, &recorded), Vec::<String>::new());
        let bad = json!({ "name": "b", "size": null, "parts": [], "other": "x" });
        assert_eq!(
            distortions(&bad, &recorded),
            [
                "/name: \"a\" was read as \"b\"",
                "/other: null was read as \"x\"",
                "/parts: [{\"x\":1,\"y\":2}] was read as []",
                "/size: 3 was read as null",
            ]
        );
    }
}
