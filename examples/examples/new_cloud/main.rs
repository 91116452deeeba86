//! A complete small provider for an imaginary cloud, passing the conformance suite: how a cloud is added out of tree.
//!
//! ```sh
//! cargo run -p gardener-provider-examples --example new_cloud
//! cargo test -p gardener-provider-examples --example new_cloud
//! ```
//!
//! The cloud lives in this process: there is no emulator and no real account to run it against, and nothing to clean up.
//!
//! Read in this order: `cloud.rs` is the vendor's side, `client.rs` the way to it, `machines.rs`, `infrastructure.rs` and
//! `storage.rs` are the provider, `testbed.rs` tells the suite how to test it. None of it knows HTTP.

mod client;
mod cloud;
mod infrastructure;
mod machines;
mod storage;
mod testbed;

use std::sync::Arc;

use client::Connection;
use cloud::{Api, Cloud};
use gardener_provider_client::clock::{Clock, SystemClock};
use gardener_provider_conformance::{self as conformance, MachineSamples, World};
use gardener_provider_core::{
    Capability, InfrastructureDriverExt, MachineDriverExt, Provider, Registry, Result, RunOptions,
};

/// The provider is data: a name and its parts. What this cloud lacks (`api`, `botanist`) answers `Unimplemented`.
pub(crate) fn provider(api: Arc<dyn Api>, clock: Arc<dyn Clock>) -> Provider {
    let connection = Connection { api, clock };
    Provider::builder("cumulus")
        .machines(machines::Machines(connection.clone()))
        .infrastructure(infrastructure::Networks(connection.clone()))
        .storage(storage::Buckets(connection))
        .build()
}

#[tokio::main(flavor = "current_thread")]
async fn tour() -> Result<()> {
    let account = testbed::Account(Cloud::new(testbed::TOKEN));
    let mut registry = Registry::new();
    registry.register(provider(Arc::new(account.0.clone()), Arc::new(SystemClock::default())))?;
    let cumulus = registry.get("cumulus")?;
    println!("{} can: {:?}\n", cumulus.name, cumulus.capabilities);
    assert!(cumulus.can(Capability::Machines));

    let Some(samples) = account.infrastructure().await else { return Ok(()) };
    let Some((_, request)) = samples.shapes.last() else { return Ok(()) };
    println!("{}", cumulus.infrastructure.plan(request).await?);
    let infrastructure = cumulus.infrastructure.apply(request, &RunOptions::default()).await?;
    println!("applied: {}\n", infrastructure.status);
    println!("again:\n{}", cumulus.infrastructure.plan(request).await?);

    let Some(samples) = account.machines().await else { return Ok(()) };
    machine(cumulus, &samples).await?;

    cumulus.infrastructure.destroy(request, &RunOptions::default()).await?;
    let left = cumulus.infrastructure.all_resources(request.clone()).await?;
    println!("destroyed; left are {} resources\n", left.len());
    Ok(())
}

async fn machine(cumulus: &Provider, samples: &MachineSamples) -> Result<()> {
    let request = samples.request(1);
    let status = cumulus.machines.ensure_machine(&request).await?;
    println!("machine {} is {:?} as {}", request.machine.name, status.state, status.provider_id);
    cumulus.machines.delete_machine(&request).await?;
    println!("machine {} is deleted", request.machine.name);
    Ok(())
}

fn main() -> Result<()> {
    tour()?;
    conformance::run(&testbed::Cumulus);
    Ok(())
}

#[test]
fn conformance() {
    conformance::run(&testbed::Cumulus);
}
