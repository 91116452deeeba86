//! A cloud that misbehaves on demand: throttling, lost replies, no capacity, lag.
//!
//! ```text
//! cargo run -p gardener-provider-examples --example fault_injection                 # in the embedded sandbox
//! ```
//!
//! Faults are the sandbox's to inject; an emulator or a real account cannot be asked to fail. The sandbox lives in this
//! process, so nothing is left when it is interrupted.

use std::{process::ExitCode, sync::Arc, time::Duration};

use gardener_provider_client::clock::TokioClock;
use gardener_provider_core::{ClusterId, MachineDriverExt, Result, RunOptions};
use gardener_provider_examples::{aws, finish, refused};
use gardener_provider_sandbox::{Fault, Sandbox, SandboxOptions};

// Paused time: every wait is over at once, and the clock shows what it would have taken.
#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> ExitCode {
    finish(example().await)
}

async fn example() -> Result<()> {
    let clock = Arc::new(TokioClock::default());
    let lag = Duration::from_secs(5);
    let sandbox = Sandbox::new(SandboxOptions::default().with_clock(clock.clone()).with_lag(lag));
    let lab = aws::in_sandbox_at(sandbox.clone(), clock)?;
    let cluster = ClusterId::new("shoot--demo--faults")?;
    let (network, options) = (lab.infrastructure(&cluster), RunOptions::default());
    let start = tokio::time::Instant::now();

    sandbox.faults().add(Fault::throttled().on("ec2", "Create*").times(5));
    sandbox.faults().add(Fault::reply_lost().on("ec2", "CreateNatGateway").times(1));
    let applied = lab.provider.infrastructure.apply(&network, &options).await?;
    let took = start.elapsed();
    println!("the infrastructure stands after {took:.0?}, though the cloud lags, throttles and lost a reply");

    let class = lab.machine_class(&cluster, &applied, &lab.zones[0])?;
    let machine = lab.machine(&class, 1)?;
    let no_capacity = sandbox.faults().add(Fault::no_capacity("m5.large", lab.zones[0].as_str()));
    let error = refused("a machine without capacity", lab.provider.machines.create_machine(&machine).await)?;
    println!("without capacity: {error}; machine code {}", error.machine_code());
    sandbox.faults().remove(no_capacity);

    sandbox.faults().add(Fault::reply_lost().on("ec2", "RunInstances").times(1));
    lab.provider.machines.ensure_machine(&machine).await?;
    let machines = lab.provider.machines.all_machines(lab.machines(&class)).await?;
    println!("the reply to RunInstances was lost, and there is exactly one machine: {machines:?}");

    lab.provider.machines.delete_machine(&machine).await?;
    lab.provider.infrastructure.destroy(&network, &options).await?;
    println!("left: {:?}", lab.inventory().unwrap_or_default());
    Ok(())
}
