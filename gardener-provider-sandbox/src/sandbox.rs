//! The sandbox as a whole.

use std::{io, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::transport::{Transport, TransportError};
use http::{Request, Response};

use crate::{
    Faults, Journal, Resource, SandboxOptions, ServeOptions, Server,
    aws::Aws,
    azure::Azure,
    gcp::Gcp,
    world::{World, no_service},
};

/// A cloud in memory. Clones share it.
#[derive(Debug, Clone)]
pub struct Sandbox {
    world: Arc<World>,
    aws: Aws,
    azure: Azure,
    gcp: Gcp,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self::new(SandboxOptions::default())
    }
}

impl Sandbox {
    /// A new cloud, empty but for what an account has from the start.
    pub fn new(options: SandboxOptions) -> Self {
        let world = Arc::new(World::new(options));
        Self {
            aws: Aws::new(Arc::clone(&world)),
            azure: Azure::new(Arc::clone(&world)),
            gcp: Gcp::new(Arc::clone(&world)),
            world,
        }
    }

    /// The AWS part.
    pub fn aws(&self) -> &Aws {
        &self.aws
    }

    /// The Azure part.
    pub fn azure(&self) -> &Azure {
        &self.azure
    }

    /// The GCP part.
    pub fn gcp(&self) -> &Gcp {
        &self.gcp
    }

    /// The fault rules.
    pub fn faults(&self) -> &Faults {
        &self.world.faults
    }

    /// The record of all calls.
    pub fn journal(&self) -> &Journal {
        &self.world.journal
    }

    /// The settings it was made with.
    pub fn options(&self) -> &SandboxOptions {
        &self.world.options
    }

    /// Changes the eventual-consistency lag, for what is created from now on.
    pub fn set_lag(&self, lag: Duration) {
        self.world.set_lag(lag);
    }

    /// Changes the largest page of lists, in all clouds.
    pub fn set_max_page(&self, items: usize) {
        self.world.set_max_page(items);
    }

    /// Everything that somebody created in any of the clouds and that still exists.
    pub fn inventory(&self) -> Vec<Resource> {
        let mut found = self.aws.inventory(None);
        found.extend(self.azure.inventory(None));
        found.extend(self.gcp.inventory(None));
        found.sort();
        found
    }

    /// Serves the sandbox over HTTP on a free port of 127.0.0.1, until the [`Server`] is stopped or dropped.
    ///
    /// # Errors
    /// If no port can be bound.
    pub async fn serve(&self) -> io::Result<Server> {
        self.serve_on(0).await
    }

    /// As [`Sandbox::serve`], on a port of the caller's choice.
    ///
    /// # Errors
    /// If the port cannot be bound.
    pub async fn serve_on(&self, port: u16) -> io::Result<Server> {
        self.serve_with(ServeOptions::default().with_port(port)).await
    }

    /// As [`Sandbox::serve`], with settings: the port, and TLS for clients that insist on it.
    ///
    /// # Errors
    /// If the port cannot be bound or no certificate can be made.
    pub async fn serve_with(&self, options: ServeOptions) -> io::Result<Server> {
        Server::start(self.clone(), options).await
    }
}

#[async_trait]
impl Transport for Sandbox {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        // AWS comes last: on a loopback port it takes what no other cloud knows for a call to S3.
        let request = match self.azure.exchange(request).await {
            Ok(outcome) => return outcome,
            Err(request) => request,
        };
        let request = match self.gcp.exchange(request).await {
            Ok(outcome) => return outcome,
            Err(request) => request,
        };
        let request = match self.aws.exchange(request).await {
            Ok(outcome) => return outcome,
            Err(request) => request,
        };
        Err(no_service("service", &request))
    }
}
