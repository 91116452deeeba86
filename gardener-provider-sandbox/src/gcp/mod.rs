//! The GCP part of the sandbox.
//!
//! Requests are recognised by their host (`compute.googleapis.com`, `oauth2.googleapis.com`, …) or, on the loopback
//! server, by their path. Calls need a bearer token that the sandbox has issued: for a service account's key, an external
//! identity, an impersonation, or by the metadata server.

mod answer;
mod auth;
mod batch;
mod body;
pub(crate) mod compute;
mod context;
mod error;
mod identity;
mod options;
mod query;
mod route;
mod state;
mod storage;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::transport::{Transport, TransportError};
use http::{Request, Response};

pub use identity::ServiceAccountKey;
pub use options::{Durations, GcpOptions, Image, MachineType, Quotas};
use state::State;

use crate::{
    Resource,
    world::{Exchanged, World, no_service},
};

/// The GCP part of a [`Sandbox`](crate::Sandbox). Clones share it.
#[derive(Debug, Clone)]
pub struct Gcp {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) world: Arc<World>,
    state: Mutex<State>,
    pub(crate) storage: storage::Storage,
}

impl Inner {
    /// All state changes happen under this one lock; it is never held across a wait.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gcp {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let state = Mutex::new(State::new(&world.options));
        Self { inner: Arc::new(Inner { world, state, storage: storage::Storage::default() }) }
    }

    /// The settings it was made with.
    pub fn options(&self) -> &GcpOptions {
        &self.inner.world.options.gcp
    }

    /// Everything that somebody created and that still exists, in one region (its zones included) or in all of them.
    ///
    /// Left out is what a project has from the start and what the cloud creates and deletes with something else (the routes of
    /// a network, the subnetworks of an auto mode network).
    pub fn inventory(&self, region: Option<&str>) -> Vec<Resource> {
        let now = self.inner.world.options.clock.now();
        let mut found = self.inner.state().inventory(now);
        found.extend(self.inner.storage.inventory());
        found.retain(|resource| {
            region.is_none_or(|region| resource.region.is_empty() || resource.region == region)
        });
        found.sort();
        found
    }

    /// The request comes back if it goes to no host of GCP.
    pub(crate) async fn exchange(&self, request: Request<Bytes>) -> Exchanged {
        if route::recognise(&request).is_some() && batch::is_batch(&request) {
            return batch::answer(self, &request).await;
        }
        self.inner.world.exchange(&*self.inner, request).await
    }
}

#[async_trait]
impl Transport for Gcp {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.exchange(request).await.unwrap_or_else(|request| Err(no_service("GCP service", &request)))
    }
}
