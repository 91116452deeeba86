//! One machine: created, looked up, listed and deleted.
//!
//! ```text
//! cargo run -p gardener-provider-examples --example create_machine                  # in the embedded sandbox
//! cargo run … -- --cloud azure                                                      # or gcp
//! cargo xtask tools && cargo run -p gardener-provider-examples --example create_machine -- --target emulator
//! AWS_REGION=… GARDENER_EXAMPLE_IMAGE=ami-… cargo run … -- --target cloud --yes     # in a real account; costs money
//! ```
//!
//! It makes a small network first, as a machine needs one, and removes everything at its end.

use std::process::ExitCode;

use gardener_provider_core::{CancelToken, ClusterId, MachineDriverExt, Result, RunOptions};
use gardener_provider_examples::{
    args::Args,
    finish,
    interrupt::{self, Leftovers},
    lab::Lab,
    refused,
};

#[tokio::main]
async fn main() -> ExitCode {
    finish(example().await)
}

async fn example() -> Result<()> {
    let args = Args::read()?.confirmed("a VPC with three NAT gateways, and one m5.large instance")?;
    let lab = Lab::new(&args.cloud, &args)?;
    let (leftovers, cancel) = (Leftovers::new(), CancelToken::new());
    interrupt::run(&leftovers, &cancel, create_machine(&lab, &leftovers, &cancel)).await
}

async fn create_machine(lab: &Lab, leftovers: &Leftovers, cancel: &CancelToken) -> Result<()> {
    let (machines, infrastructure) = (&lab.provider.machines, &lab.provider.infrastructure);
    let cluster = ClusterId::new("shoot--demo--machine")?;
    let network = lab.infrastructure(&cluster);
    let options = RunOptions::default().with_cancel(cancel.clone());
    leftovers.add(format!("everything of {cluster}"), "run this example again: it goes on where it stopped");
    let applied = infrastructure.apply(&network, &options).await?;

    let class = lab.machine_class(&cluster, &applied, &lab.zones[0])?;
    let mut request = lab.machine(&class, 1)?;
    let created = machines.create_machine(&request).await?;
    println!("created {}: joins as {}", created.provider_id, created.node_name);

    // A second call, as after a crash, adopts the machine of the same UID.
    let again = machines.create_machine(&request).await?;
    assert_eq!(again.provider_id, created.provider_id);

    request.machine = request.machine.with_provider_id(created.provider_id);
    let ready = machines.initialize_machine(&request).await?;
    println!("initialized: {:?}, addresses {:?}", ready.state, ready.addresses);
    for machine in machines.all_machines(lab.machines(&class)).await? {
        println!("listed {} ({})", machine.provider_id, machine.name);
    }

    machines.delete_machine(&request).await?;
    let gone = machines.get_machine_status(&request).await;
    println!("deleted: {}", refused("finding a deleted machine", gone)?);
    infrastructure.destroy(&network, &options).await?;
    leftovers.gone(&format!("everything of {cluster}"));
    Ok(())
}
