//! Exchanges with real clouds that others recorded, as `cargo xtask tools` installs them.
//!
//! A crate's own readers are held against what a cloud really said: [`tools::recordings`](crate::tools::recordings)
//! answers the folder.

use std::{fs, io, path::Path};

use bytes::Bytes;
use http::{Request, Response};
use serde::Deserialize;

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
