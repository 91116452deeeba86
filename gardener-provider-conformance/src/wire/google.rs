//! Google Cloud: discovery documents.

mod check;
mod document;
mod methods;

use std::path::Path;

use bytes::Bytes;
use http::{Request, Response};

use self::document::Document;
use super::{Checked, Descriptions, Problem, Unreadable};

/// The documents of the services that a provider uses.
#[derive(Debug)]
pub(super) struct Documents(Vec<Document>);

impl Documents {
    /// Reads `NAME.json` for each name.
    pub(super) fn load(folder: &Path, names: &[&str]) -> Result<Self, Unreadable> {
        let file = |name: &&str| Document::load(&folder.join(format!("{name}.json")));
        names.iter().map(file).collect::<Result<_, _>>().map(Self)
    }
}

impl Descriptions for Documents {
    fn request(&self, request: &Request<Bytes>) -> Result<Checked, Problem> {
        let found = methods::find(&self.0, request)?;
        Ok(found.checked(methods::check(&found, request)))
    }

    fn reply(&self, request: &Request<Bytes>, reply: &Response<Bytes>) -> Result<Checked, Problem> {
        let found = methods::find(&self.0, request)?;
        Ok(found.checked(methods::check_reply(&found, request, reply)))
    }
}

#[cfg(test)]
mod tests;
