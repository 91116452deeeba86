//! The main job, from an empty account to an empty account: a Shoot's infrastructure and machines, and a backup of a
//! real etcd with its restore.
//!
//! ```text
//! cargo xtask demo                                   # AWS in the embedded sandbox
//! cargo xtask demo --cloud azure                     # Azure in the sandbox, its blobs on Azurite
//! cargo xtask demo --cloud gcp                       # Google Cloud in the sandbox, its objects on fake-gcs-server
//! cargo xtask demo --cloud all                       # the three, and a Shoot on one cloud whose Seed is on another
//! cargo xtask demo --target emulator                 # AWS on moto
//! AWS_REGION=… GARDENER_EXAMPLE_IMAGE=ami-… cargo xtask demo --target cloud --yes   # in a real account; costs money
//! ```
//!
//! It removes what it made, also when a step fails; on Ctrl-C it says what is left.

use std::{process::ExitCode, sync::Arc, time::Instant};

use gardener_provider_core::{
    BucketRef, BucketSpec, CancelToken, ClusterId, Error, ErrorKind, Infrastructure, InfrastructureDriverExt,
    InfrastructureRequest, MachineDriverExt, MachineRequest, Result, RunOptions,
};
use gardener_provider_examples::{
    args::{Args, Target},
    backup, etcd, finish,
    interrupt::{self, Leftovers},
    lab::Lab,
    show::{LiveProgress, Row, table},
};

#[tokio::main]
async fn main() -> ExitCode {
    finish(demo().await)
}

async fn demo() -> Result<()> {
    let args = Args::read()?;
    let binaries = etcd::binaries()?;
    if args.cloud != "all" {
        let args = args.clone().confirmed(Lab::creates(&args.cloud)?)?;
        return alone(&Lab::new(&args.cloud, &args)?, &binaries).await;
    }
    if args.target != Target::Sandbox {
        return Err(Error::invalid("--cloud", "all is for the sandbox; choose one cloud for this target"));
    }
    for cloud in Lab::CLOUDS {
        alone(&Lab::new(cloud, &args)?, &binaries).await?;
    }
    let (shoot, seed) = (Lab::new("azure", &args)?, Lab::new("gcp", &args)?);
    println!("\nNow a Shoot on {}, whose Seed is on {}.", shoot.manifests.cloud(), seed.manifests.cloud());
    run(&shoot, &seed, &binaries).await
}

/// Shoot and Seed on one cloud.
async fn alone(lab: &Lab, binaries: &std::path::Path) -> Result<()> {
    println!("\n{} is {}.\n", lab.manifests.cloud(), lab.place.description);
    run(lab, lab, binaries).await
}

/// Infrastructure and machines on one cloud, the backup of etcd on another or the same.
async fn run(shoot: &Lab, seed: &Lab, binaries: &std::path::Path) -> Result<()> {
    let (leftovers, cancel) = (Leftovers::new(), CancelToken::new());
    let cluster = ClusterId::new("shoot--demo--quickstart")?;
    let mut demo = Demo { cluster, shoot, seed, cancel, leftovers, rows: Vec::new() };
    let (left, cancel) = (demo.leftovers.clone(), demo.cancel.clone());
    interrupt::run(&left, &cancel, demo.run(binaries)).await
}

struct Demo<'a> {
    cluster: ClusterId,
    /// Has the nodes.
    shoot: &'a Lab,
    /// Has the control planes, and the bucket of their backups.
    seed: &'a Lab,
    cancel: CancelToken,
    leftovers: Leftovers,
    rows: Vec<Row>,
}

impl Demo<'_> {
    async fn run(&mut self, binaries: &std::path::Path) -> Result<()> {
        let request = self.shoot.infrastructure(&self.cluster);
        let mut machines = Vec::new();
        let worked = match self.build(&request).await.and_then(|built| self.machines(&built)) {
            Ok(wanted) => {
                machines = wanted;
                self.work(&machines, binaries).await
            }
            Err(error) => Err(error),
        };
        // What failed is the news; that its traces could not be removed either is said by what is left.
        let removed = self.remove(&machines, &request).await;
        worked.and(removed)?;
        println!("\n{}", table(&self.rows));
        Ok(())
    }

    /// Infrastructure: what would be done, then done.
    async fn build(&mut self, request: &InfrastructureRequest) -> Result<Infrastructure> {
        let driver = Arc::clone(&self.shoot.provider.infrastructure);
        self.step("plan the infrastructure", async || {
            let plan = driver.plan(request).await?;
            println!("{plan}");
            Ok(((), format!("{} resources to create", plan.changes().count())))
        })
        .await?;
        let again = "run this again: it goes on where it stopped and removes everything at its end";
        self.leftovers.add(format!("infrastructure of {}", self.cluster), again);
        let options = self.options();
        let applied = self
            .step("apply the infrastructure", async || {
                let applied = driver.apply(request, &options).await?;
                let result = format!("leaves through {}", applied.egress_cidrs.join(", "));
                Ok((applied, result))
            })
            .await?;
        let options = self.options();
        let shoot = self.shoot;
        self.step("apply it again", async || {
            let before = shoot.stats.mutating();
            driver.apply(request, &options).await?;
            match shoot.stats.mutating() - before {
                0 => Ok(((), "nothing changed".to_owned())),
                calls => Err(Error::internal(format!("{calls} calls of a second apply changed something"))),
            }
        })
        .await?;
        Ok(applied)
    }

    fn machines(&self, infrastructure: &Infrastructure) -> Result<Vec<MachineRequest>> {
        let machine = |zone| {
            let class = self.shoot.machine_class(&self.cluster, infrastructure, zone)?;
            self.shoot.machine(&class, 1)
        };
        self.shoot.zones.iter().map(machine).collect()
    }

    /// Machines in all zones, and etcd's backup.
    async fn work(&mut self, machines: &[MachineRequest], binaries: &std::path::Path) -> Result<()> {
        let driver = Arc::clone(&self.shoot.provider.machines);
        self.leftovers.add("its machines", "run this again, or terminate the instances with its cluster tag");
        self.step("create machines", async || {
            let created = machines.iter().map(|machine| driver.ensure_machine(machine));
            for status in futures::future::try_join_all(created).await? {
                println!("  {} joins as {}", status.provider_id, status.node_name);
            }
            Ok(((), format!("{} in {} zones", machines.len(), machines.len())))
        })
        .await?;
        let shoot = self.shoot;
        self.step("list machines", async || {
            let listed = driver.all_machines(shoot.machines(&machines[0].class)).await?;
            for machine in &listed {
                println!("  {}  {}", machine.provider_id, machine.name);
            }
            if listed.len() == machines.len() {
                return Ok(((), format!("{} found", listed.len())));
            }
            Err(Error::internal(format!(
                "{} machines were created and {} are listed",
                machines.len(),
                listed.len()
            )))
        })
        .await?;
        self.back_up(binaries).await
    }

    /// A real etcd into a bucket, out of it again, and the proof that nothing is missing.
    async fn back_up(&mut self, binaries: &std::path::Path) -> Result<()> {
        let seed = self.seed;
        let name = seed.bucket_name()?;
        let storage = Arc::clone(&seed.provider.storage);
        let left = format!("bucket {name}");
        self.leftovers.add(&left, seed.manifests.bucket_removal(&name));
        let created = self
            .step("create a bucket", async || {
                let spec = BucketSpec::new(name.clone(), seed.region.clone());
                Ok((storage.create_bucket(&spec, &seed.secret).await?, name.to_string()))
            })
            .await?;
        let bucket = seed.bucket(name, &created.generated_secret);
        let saved = self.round_trip(&bucket, binaries).await;
        self.step("delete the bucket", async || {
            storage.delete_bucket(&bucket).await?;
            Ok(((), "gone with all in it".to_owned()))
        })
        .await?;
        self.leftovers.gone(&left);
        saved
    }

    async fn round_trip(&mut self, bucket: &BucketRef, binaries: &std::path::Path) -> Result<()> {
        let folder =
            tempfile::tempdir().map_err(|error| Error::internal(format!("no temporary folder: {error}")))?;
        let source = etcd::start(binaries, &folder.path().join("source")).await?;
        let store = self.seed.provider.storage.open(bucket).await?;
        let written = self
            .step("fill a real etcd", async || {
                let revision = backup::fill(&source, binaries).await?;
                Ok((revision, format!("revision {revision}")))
            })
            .await?;
        self.step("take a full snapshot", async || {
            let taken = backup::take(&source, Arc::clone(&store)).await?;
            Ok(((), taken))
        })
        .await?;
        let data_dir = folder.path().join("restored");
        self.step("restore it", async || Ok(((), backup::restore(store, &data_dir).await?))).await?;
        self.step("compare the two etcds", async || {
            let restored = etcd::start(binaries, &data_dir).await?;
            let (here, there) =
                (backup::hash(&source, written).await?, backup::hash(&restored, written).await?);
            etcd::stop(restored).await?;
            if here == there {
                return Ok(((), format!("both have HashKV {} at revision {written}", here.hash)));
            }
            Err(Error::new(
                ErrorKind::DataLoss,
                format!("HashKV is {here:?} at the source and {there:?} restored"),
            ))
        })
        .await?;
        etcd::stop(source).await
    }

    async fn remove(&mut self, machines: &[MachineRequest], request: &InfrastructureRequest) -> Result<()> {
        let (driver, infrastructure) =
            (Arc::clone(&self.shoot.provider.machines), Arc::clone(&self.shoot.provider.infrastructure));
        self.step("delete the machines", async || {
            futures::future::try_join_all(machines.iter().map(|machine| driver.delete_machine(machine)))
                .await?;
            Ok(((), format!("{} gone", machines.len())))
        })
        .await?;
        self.leftovers.gone("its machines");
        let options = self.options();
        self.step("destroy the infrastructure", async || {
            infrastructure.destroy(request, &options).await?;
            Ok(((), "destroyed".to_owned()))
        })
        .await?;
        let (shoot, seed) = (self.shoot, self.seed);
        self.step("look for anything left", async || {
            let marked = infrastructure.all_resources(request.clone()).await?;
            let mut left: Vec<_> = marked.iter().map(ToString::to_string).collect();
            left.extend(shoot.inventory().unwrap_or_default());
            left.extend(seed.inventory().unwrap_or_default());
            if left.is_empty() {
                println!("  nothing is left");
                return Ok(((), "nothing is left".to_owned()));
            }
            Err(Error::internal(format!("left behind: {}", left.join(", "))))
        })
        .await?;
        self.leftovers.gone(&format!("infrastructure of {}", self.cluster));
        Ok(())
    }

    fn options(&self) -> RunOptions {
        RunOptions::default()
            .with_progress(Arc::new(LiveProgress::default()))
            .with_cancel(self.cancel.clone())
    }

    /// Runs one step and notes what came of it.
    async fn step<T>(&mut self, what: &str, work: impl AsyncFnOnce() -> Result<(T, String)>) -> Result<T> {
        println!("- {what}");
        let (start, before) = (Instant::now(), self.calls());
        let (value, result) = work().await.map_err(|error| error.context(what.to_owned()))?;
        let calls = self.calls() - before;
        self.rows.push(Row { what: what.to_owned(), result, calls, took: start.elapsed() });
        Ok(value)
    }

    fn calls(&self) -> u64 {
        let seed = if std::ptr::eq(self.shoot, self.seed) { 0 } else { self.seed.stats.attempts() };
        self.shoot.stats.attempts() + seed
    }
}
