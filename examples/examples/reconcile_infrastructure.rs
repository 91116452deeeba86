//! An infrastructure: planned, applied, applied again, damaged, repaired and destroyed.
//!
//! ```text
//! cargo run -p gardener-provider-examples --example reconcile_infrastructure        # in the embedded sandbox
//! cargo run … -- --cloud azure                                                      # or gcp
//! cargo xtask tools && cargo run -p gardener-provider-examples --example reconcile_infrastructure -- --target emulator
//! AWS_REGION=… cargo run … -- --target cloud --yes                                  # in a real account; costs money
//! ```
//!
//! It keeps the state in a file, as a controller keeps it in the Infrastructure object, and removes everything at its
//! end.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use async_trait::async_trait;
use gardener_provider_core::{
    CancelToken, ClusterId, Error, InfrastructureDriverExt, InfrastructureState, Result, RunOptions,
    StateStore,
};
use gardener_provider_examples::{
    args::Args,
    finish,
    interrupt::{self, Leftovers},
    lab::Lab,
    show::LiveProgress,
};

/// Keeps the state in a file that is replaced as a whole.
#[derive(Debug)]
struct StateFile(PathBuf);

#[async_trait]
impl StateStore for StateFile {
    async fn save(&self, state: &InfrastructureState) -> Result<()> {
        let text = serde_json::to_vec_pretty(state).map_err(|error| Error::internal(error.to_string()))?;
        let fresh = self.0.with_extension("new");
        let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, &self.0));
        written.map_err(|error| Error::internal(format!("{}: {error}", self.0.display())).with_source(error))
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    finish(example().await)
}

async fn example() -> Result<()> {
    let args = Args::read()?.confirmed("a VPC with nine subnets, three NAT gateways and an IAM role")?;
    let lab = Lab::new(&args.cloud, &args)?;
    let (leftovers, cancel) = (Leftovers::new(), CancelToken::new());
    interrupt::run(&leftovers, &cancel, reconcile(&lab, &leftovers, &cancel)).await
}

async fn reconcile(lab: &Lab, leftovers: &Leftovers, cancel: &CancelToken) -> Result<()> {
    let driver = &lab.provider.infrastructure;
    let folder = tempfile::tempdir().map_err(|error| Error::internal(error.to_string()))?;
    let options = RunOptions::default()
        .with_state_store(Arc::new(StateFile(folder.path().join("state.json"))))
        .with_progress(Arc::new(LiveProgress::default()))
        .with_cancel(cancel.clone());
    let request = lab.infrastructure(&ClusterId::new("shoot--demo--network")?);

    println!("The graph, for a Mermaid viewer:\n{}", driver.picture(&request)?);
    println!("What would be done:\n{}", driver.plan(&request).await?);
    leftovers.add("the infrastructure", "run this example again: it goes on where it stopped");
    let applied = driver.apply(&request, &options).await?;
    println!("What Gardener reads:\n{:#}", applied.status);

    // The saved state is a hint only: without it, everything is found by tag and nothing is created twice.
    let again = driver.apply(&request, &options).await?;
    assert_eq!(again.status, applied.status);
    println!(
        "After a second apply: {}",
        if driver.plan(&request).await?.is_empty() { "no change" } else { "?" }
    );

    driver.destroy(&request.clone().with_state(again.state), &options).await?;
    leftovers.gone("the infrastructure");
    println!("{} resources are left", driver.all_resources(request).await?.len());
    Ok(())
}
