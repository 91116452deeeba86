//! Azure: operations and types as its SDK for JavaScript knows them.

mod check;
mod description;
mod operations;

use std::path::Path;

use bytes::Bytes;
use http::{Request, Response};

use self::description::Package;
use super::{Checked, Descriptions, Problem, Unreadable};

/// The packages that a provider uses, each the API of one resource provider.
#[derive(Debug)]
pub(super) struct Packages(Vec<Package>);

impl Packages {
    /// Reads `NAME.json` for each name.
    pub(super) fn load(folder: &Path, names: &[&str]) -> Result<Self, Unreadable> {
        let file = |name: &&str| Package::load(&folder.join(format!("{name}.json")));
        names.iter().map(file).collect::<Result<_, _>>().map(Self)
    }
}

impl Descriptions for Packages {
    fn request(&self, request: &Request<Bytes>) -> Result<Checked, Problem> {
        if let Some(operation) = operations::poll(request) {
            return Ok(operation.checked(Vec::new()));
        }
        let found = operations::find(&self.0, request)?;
        Ok(found.checked(operations::check(&found, request)))
    }

    fn reply(&self, request: &Request<Bytes>, reply: &Response<Bytes>) -> Result<Checked, Problem> {
        if let Some(operation) = operations::poll(request) {
            return Ok(operation.checked(operation.check_reply(reply)));
        }
        let found = operations::find(&self.0, request)?;
        Ok(found.checked(operations::check_reply(&found, request, reply)))
    }
}

#[cfg(test)]
mod tests;
