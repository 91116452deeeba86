//! The Azure part of the sandbox.
//!
//! Requests are recognised by their host (`management.azure.com`, `login.microsoftonline.com`, also those of the China and
//! US Government clouds, and the address of the instance metadata service) or, on the loopback server, by their path. Calls to
//! Resource Manager need a token that the sandbox has handed out, for the right audience and not too old.
//!
//! In the journal and in fault rules the services are `compute`, `identity`, `imds`, `login`, `marketplace`, `network`,
//! `operations` (looks at long-running ones), `resources` and `storage`; operations have the names of the vendor's description,
//! such as `VirtualMachines_CreateOrUpdate`. Parameters are those of path and query (`name`, `resourceGroupName`) and the
//! members of the body by their ways: `properties.hardwareProfile.vmSize`.

mod answer;
pub(crate) mod arm;
mod catalog;
mod compute;
mod context;
mod endpoints;
mod error;
mod identity;
mod kinds;
mod login;
mod marketplace;
mod network;
mod options;
mod resources;
mod route;
mod state;
mod storage;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod text;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::transport::{Transport, TransportError};
use gardener_provider_core::Redacted;
use http::{Request, Response};

pub use options::{AzureOptions, Client, Durations, Image, Quotas, VmSize};
use state::State;

use crate::{
    Resource,
    world::{Exchanged, World, no_service},
};

/// The Azure part of a [`Sandbox`](crate::Sandbox). Clones share it.
#[derive(Debug, Clone)]
pub struct Azure {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) world: Arc<World>,
    state: Mutex<State>,
}

impl Inner {
    /// All state changes happen under this one lock; it is never held across a wait.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Azure {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let state = Mutex::new(State::new(world.options.seed, world.options.azure.clone()));
        Self { inner: Arc::new(Inner { world, state }) }
    }

    /// The settings it was made with.
    pub fn options(&self) -> &AzureOptions {
        &self.inner.world.options.azure
    }

    /// The first of [`AzureOptions::subscriptions`].
    pub fn subscription(&self) -> &str {
        self.options().subscriptions.first().map_or("", String::as_str)
    }

    /// An application that may log in: the first of [`AzureOptions::clients`].
    pub fn client(&self) -> Client {
        self.options().clients.first().cloned().unwrap_or_else(Client::sandbox)
    }

    /// An access token for an audience such as `https://management.azure.com`, as if somebody had logged in.
    pub fn access_token(&self, audience: &str) -> Redacted<String> {
        let now = self.inner.world.options.clock.now();
        let client = self.client().id;
        Redacted::new(self.inner.state().grant(&client, audience, now).0)
    }

    /// Lets another application log in from now on; one with the same id is replaced.
    pub fn add_client(&self, client: Client) {
        let clients = &mut self.inner.state().options.clients;
        clients.retain(|known| known.id != client.id);
        clients.push(client);
    }

    /// Everything that somebody created and that still exists, in one location or in all of them.
    ///
    /// The kind is the last part of the type (`virtualMachines`), the service as in the journal (`compute`).
    pub fn inventory(&self, location: Option<&str>) -> Vec<Resource> {
        let now = self.inner.world.options.clock.now();
        let mut found = self.inner.state().inventory(now);
        found.retain(|resource| {
            location.is_none_or(|wanted| resource.region.is_empty() || resource.region == wanted)
        });
        found.sort();
        found
    }
}

#[async_trait]
impl Transport for Azure {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.exchange(request).await.unwrap_or_else(|request| Err(no_service("Azure service", &request)))
    }
}

impl Azure {
    /// The request comes back if it goes to no host of Azure.
    pub(crate) async fn exchange(&self, request: Request<Bytes>) -> Exchanged {
        self.inner.world.exchange(&*self.inner, request).await
    }
}
