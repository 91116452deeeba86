//! Microsoft.Storage: storage accounts and what belongs to them, and the blobs in them.
//!
//! <https://learn.microsoft.com/en-us/rest/api/storagerp/>

mod accounts;
mod batch;
pub(crate) mod blobs;
mod containers;
mod key;
mod list;
mod policies;
mod store;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Map, Value};

pub(crate) use blobs::BlobTarget;
pub(crate) use store::Blobs;

use super::{
    Azure,
    arm::{
        Arm,
        id::ResourceId,
        kind::{Kind, unknown_type},
    },
    context::Reply,
    error::Answer,
    state::State,
};

/// The types of resources of this service.
pub(crate) const KINDS: &[&Kind] = &[
    &accounts::ACCOUNT,
    &containers::SERVICE,
    &containers::CONTAINER,
    &policies::IMMUTABILITY,
    &policies::MANAGEMENT,
];

/// True for what is rather a setting of its parent than a resource: there is one of it at the most.
pub(crate) fn is_setting(kind: &Kind) -> bool {
    [&containers::SERVICE, &policies::IMMUTABILITY, &policies::MANAGEMENT]
        .iter()
        .any(|setting| setting.is(kind.name))
}

impl Azure {
    /// Lets somebody else own a storage account of this name: it cannot be had, and is not seen.
    pub fn plant_foreign_storage_account(&self, name: &str) {
        self.inner.state().blobs.foreign.insert(name.to_owned());
    }
}

impl Arm<'_> {
    /// Actions on what belongs to storage.
    pub(crate) fn storage_action(
        &mut self,
        method: &Method,
        id: &ResourceId,
        kind: &'static Kind,
        action: &str,
        request: &Request<Bytes>,
    ) -> Answer<Reply> {
        let body = || match serde_json::from_slice(request.body()) {
            Ok(Value::Object(body)) => body,
            _ => Map::new(),
        };
        match (kind.short(), action.to_ascii_lowercase().as_str()) {
            _ if *method != Method::POST => {}
            ("storageAccounts", "listkeys") => return self.list_keys(id),
            ("storageAccounts", "regeneratekey") => return self.regenerate_key(id, &body()),
            ("immutabilityPolicies", "lock") => return self.lock_policy(id),
            ("immutabilityPolicies", "extend") => return self.extend_policy(id, &body()),
            _ => {}
        }
        Err(unknown_type(kind.provider(), &format!("{}/{action}", kind.name)))
    }
}

impl State {
    /// What time does to blobs.
    pub(crate) fn settle_blobs(&mut self, now: std::time::SystemTime) {
        policies::expire(self, now);
    }
}
