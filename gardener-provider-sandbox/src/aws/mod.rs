//! The AWS part of the sandbox.
//!
//! Requests are recognised by their host (`ec2.eu-west-1.amazonaws.com`, also in the China and GovCloud partitions, FIPS
//! and dual-stack) or, on the loopback server, by the credential scope of their signature. They are authenticated as AWS does
//! it: the access key must be known, its session token valid and the signature right.

mod answer;
mod auth;
mod context;
pub(crate) mod ec2;
mod efs;
mod elb;
mod error;
mod iam;
mod managed;
mod options;
mod query;
mod route;
mod s3;
mod signature;
mod state;
mod sts;
#[cfg(test)]
pub(crate) mod testing;
mod text;
mod xml;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::transport::{Transport, TransportError};
use http::{Request, Response};

pub use auth::AccessKey;
pub use elb::{Leftover, Planted};
pub use options::{AwsOptions, Durations, Image, InstanceType, Quotas};
use state::State;

use crate::{
    Resource,
    world::{Exchanged, World, no_service},
};

/// The AWS part of a [`Sandbox`](crate::Sandbox). Clones share it.
#[derive(Debug, Clone)]
pub struct Aws {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) world: Arc<World>,
    state: Mutex<State>,
    pub(crate) s3: s3::S3,
}

impl Inner {
    /// All state changes happen under this one lock; it is never held across a wait.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Aws {
    pub(crate) fn new(world: Arc<World>) -> Self {
        let state = Mutex::new(State::new(&world.options));
        Self { inner: Arc::new(Inner { world, state, s3: s3::S3::default() }) }
    }

    /// The settings it was made with.
    pub fn options(&self) -> &AwsOptions {
        &self.inner.world.options.aws
    }

    /// An access key that the sandbox accepts: the first of [`AwsOptions::access_keys`].
    pub fn access_key(&self) -> AccessKey {
        self.options().access_keys.first().cloned().unwrap_or_else(AccessKey::sandbox)
    }

    /// Accepts a further access key; one with the same id is replaced.
    pub fn add_access_key(&self, key: AccessKey) {
        self.inner.state().keys.add(key);
    }

    /// Accepts this access key no longer; true if it did.
    pub fn remove_access_key(&self, id: &str) -> bool {
        self.inner.state().keys.remove(id)
    }

    /// Everything that somebody created and that still exists, in one region or in all of them.
    ///
    /// Left out is what an account has from the start, what the cloud deletes with something else (a VPC's default security
    /// group, main route table), and what is only still shown (terminated instances, deleted NAT gateways).
    pub fn inventory(&self, region: Option<&str>) -> Vec<Resource> {
        let now = self.inner.world.options.clock.now();
        let mut found = self.inner.state().inventory(now, &self.options().durations);
        found.extend(self.inner.s3.inventory());
        found.retain(|resource| {
            region.is_none_or(|region| resource.region.is_empty() || resource.region == region)
        });
        found.sort();
        found
    }
}

#[async_trait]
impl Transport for Aws {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        self.exchange(request).await.unwrap_or_else(|request| Err(no_service("AWS service", &request)))
    }
}

impl Aws {
    /// The request comes back if it goes to no host of AWS.
    pub(crate) async fn exchange(&self, request: Request<Bytes>) -> Exchanged {
        self.inner.world.exchange(&*self.inner, request).await
    }
}
