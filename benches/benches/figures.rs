//! API calls and waiting, counted on virtual time where every call takes 100 ms: the same on every machine.
//!
//! ```text
//! cargo xtask bench --bench figures
//! cargo xtask bench --bench figures -- machines
//! ```
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{TryStreamExt, future::try_join_all};
use gardener_provider_benches::{Cloud, Pace, longest};
use gardener_provider_client::clock::TokioClock;
use gardener_provider_core::{
    InfrastructureRequest, ListMachinesRequest, Progress, ProgressSink, RunOptions,
};
use gardener_provider_sandbox::SandboxOptions;
use tokio::{runtime::Builder, time::Instant};

/// How long every call takes.
const LATENCY: Duration = Duration::from_millis(100);
const MACHINES: usize = 1000;

type Done<T> = Result<T, Box<dyn Error>>;

fn main() -> Done<()> {
    let words: Vec<_> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_asked =
        |section: &str| words.is_empty() || words.iter().any(|word| section.contains(word.as_str()));
    let runtime = Builder::new_current_thread().enable_all().start_paused(true).build()?;
    if is_asked("infrastructure") {
        runtime.block_on(infrastructure())?;
    }
    if is_asked("machines") {
        runtime.block_on(machines(Pace::Unlimited))?;
        runtime.block_on(machines(Pace::Documented))?;
    }
    Ok(())
}

fn cloud(pace: Pace) -> Done<Cloud> {
    let clock = Arc::new(TokioClock::default());
    Ok(Cloud::new(SandboxOptions::instant().with_clock(clock).with_latency(LATENCY), pace)?)
}

fn pace_of(pace: Pace) -> &'static str {
    match pace {
        Pace::Documented => "at the rates that AWS documents",
        Pace::Unlimited => "without rate limits",
    }
}

/// What a piece of work cost.
struct Cost {
    took: Duration,
    calls: usize,
    mutating: usize,
    operations: BTreeMap<String, usize>,
}

/// Does some work and counts its calls as the cloud saw them.
async fn cost<T, E>(cloud: &Cloud, work: impl Future<Output = Result<T, E>>) -> Result<(T, Cost), E> {
    cloud.sandbox.journal().clear();
    let start = Instant::now();
    let value = work.await?;
    let took = start.elapsed();
    let calls = cloud.sandbox.journal().calls();
    let mut operations = BTreeMap::new();
    for call in &calls {
        let failed = call.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        *operations.entry(format!("{}{failed}", call.operation)).or_default() += 1;
    }
    let mutating = calls.iter().filter(|call| call.mutating).count();
    Ok((value, Cost { took, calls: calls.len(), mutating, operations }))
}

impl Cost {
    fn print(&self, what: &str, extra: &str) {
        let levels = self.took.as_secs_f64() / LATENCY.as_secs_f64();
        println!(
            "{what:<22}{:>6} calls, {:>5} changing{:>9.1} s = {levels:>6.1} round trips{extra}",
            self.calls,
            self.mutating,
            self.took.as_secs_f64(),
        );
        let operations: Vec<_> =
            self.operations.iter().map(|(operation, count)| format!("{operation} {count}")).collect();
        println!("{:<24}{}", "", operations.join(", "));
    }
}

async fn infrastructure() -> Done<()> {
    println!("A VPC over three zones, {} ms per call", LATENCY.as_millis());
    let cloud = cloud(Pace::Documented)?;
    let driver = &cloud.provider.infrastructure;
    let request = cloud.infrastructure()?;
    let options = RunOptions::default();
    let (made, fresh) = cost(&cloud, driver.apply(&request, &options)).await?;
    fresh.print("fresh apply", "");
    critical_path(&fresh, &request).await?;
    let request = request.with_state(made.state);
    cost(&cloud, driver.plan(&request)).await?.1.print("plan, nothing to do", "");
    cost(&cloud, driver.apply(&request, &options)).await?.1.print("apply, nothing to do", "");
    cost(&cloud, driver.get(&request)).await?.1.print("get", "");
    cost(&cloud, driver.list(request.clone()).try_collect::<Vec<_>>()).await?.1.print("list", "");
    // The rates are per account and were used up by the apply a moment ago.
    tokio::time::sleep(Duration::from_secs(60)).await;
    cost(&cloud, driver.destroy(&request, &options)).await?.1.print("destroy", "");
    nothing_left(&cloud)
}

/// The critical path: what comes before the graph, and every node's own time, taken where no two run at once, along the
/// longest way through the graph.
async fn critical_path(fresh: &Cost, request: &InfrastructureRequest) -> Done<()> {
    let cloud = cloud(Pace::Unlimited)?;
    let driver = &cloud.provider.infrastructure;
    let stopwatch = Arc::new(Stopwatch::default());
    let options = RunOptions::default().with_parallelism(1).with_progress(Arc::clone(&stopwatch) as _);
    let (_, alone) = cost(&cloud, driver.apply(request, &options)).await?;
    alone.print("one step at a time", "");
    let took = stopwatch.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let before = alone.took.saturating_sub(took.values().sum());
    let (way_time, way) = longest(&driver.picture(request)?, &took);
    let length = before + way_time;
    println!(
        "{:<22}{:.1} s; a fresh apply takes {:.2} times as long",
        "critical path",
        length.as_secs_f64(),
        fresh.took.as_secs_f64() / length.as_secs_f64()
    );
    let way: Vec<_> = way.iter().map(|node| format!("{node} {} ms", took[node].as_millis())).collect();
    println!("{:<24}before the graph {} ms -> {}", "", before.as_millis(), way.join(" -> "));
    Ok(())
}

/// How long each node took.
#[derive(Debug, Default)]
struct Stopwatch(Mutex<BTreeMap<String, Duration>>);

impl ProgressSink for Stopwatch {
    fn on(&self, progress: &Progress) {
        if let Progress::StepFinished { node, took, .. } = progress {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(node.clone(), *took);
        }
    }
}

async fn machines(pace: Pace) -> Done<()> {
    println!("\n{MACHINES} machines at once, {} ms per call, {}", LATENCY.as_millis(), pace_of(pace));
    let cloud = cloud(pace)?;
    let driver = &cloud.provider.machines;
    let class = cloud.machine_class().await?;
    let mut requests = cloud.machines(&class, MACHINES)?;

    let (statuses, create) =
        cost(&cloud, try_join_all(requests.iter().map(|one| driver.create_machine(one)))).await?;
    for (request, status) in requests.iter_mut().zip(statuses) {
        request.machine.provider_id = Some(status.provider_id);
    }
    let per_machine = |cost: Cost, what: &str| {
        let each = cost.calls as f64 / MACHINES as f64;
        cost.print(what, &format!(", {each:.3} calls per machine"));
    };
    per_machine(create, "create");
    let initialize = requests.iter().map(|request| driver.initialize_machine(request));
    per_machine(cost(&cloud, try_join_all(initialize)).await?.1, "initialize");
    let read = requests.iter().map(|request| driver.get_machine_status(request));
    per_machine(cost(&cloud, try_join_all(read)).await?.1, "read status");
    let all = ListMachinesRequest::new(class, cloud.secret());
    let (listed, list) = cost(&cloud, driver.list_machines(all).try_collect::<Vec<_>>()).await?;
    if listed.len() != MACHINES {
        return Err(format!("{} machines are listed", listed.len()).into());
    }
    per_machine(list, "list");
    let delete = requests.iter().map(|request| driver.delete_machine(request));
    per_machine(cost(&cloud, try_join_all(delete)).await?.1, "delete");
    nothing_left(&cloud)
}

fn nothing_left(cloud: &Cloud) -> Done<()> {
    match cloud.sandbox.aws().inventory(None).len() {
        0 => Ok(()),
        left => Err(format!("{left} resources are left").into()),
    }
}
