//! The main job, from an empty account to an empty account: a Shoot's infrastructure and machines, and a backup of a
//! real etcd with its restore.
//!
//! ```text
//! cargo xtask demo                                   # in the embedded sandbox
//! cargo xtask demo --target emulator                 # on moto
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
    args::Args,
    aws::Aws,
    backup, etcd, finish,
    interrupt::{self, Leftovers},
    show::{LiveProgress, Row, table},
};

#[tokio::main]
async fn main() -> ExitCode {
    finish(demo().await)
}

async fn demo() -> Result<()> {
    let args = Args::read()?;
    if args.cloud != "aws" {
        return Err(Error::invalid("--cloud", format!("{:?} is not written yet; choose aws", args.cloud)));
    }
    let args = args.confirmed(CREATES)?;
    let binaries = etcd::binaries()?;
    let aws = Aws::new(&args)?;
    println!("AWS is {}.\n", aws.describe());
    let (leftovers, cancel) = (Leftovers::new(), CancelToken::new());
    let mut demo = Demo {
        cluster: ClusterId::new("shoot--demo--quickstart")?,
        aws,
        cancel,
        leftovers,
        rows: Vec::new(),
    };
    let (left, cancel) = (demo.leftovers.clone(), demo.cancel.clone());
    interrupt::run(&left, &cancel, demo.run(&binaries)).await
}

const CREATES: &str = "a VPC with nine subnets, three NAT gateways with elastic IPs, three m5.large instances, an IAM \
    role with an instance profile, and a bucket, for about ten minutes and one dollar";

struct Demo {
    cluster: ClusterId,
    aws: Aws,
    cancel: CancelToken,
    leftovers: Leftovers,
    rows: Vec<Row>,
}

impl Demo {
    async fn run(&mut self, binaries: &std::path::Path) -> Result<()> {
        let request = self.aws.infrastructure(&self.cluster);
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
        let driver = Arc::clone(&self.aws.provider.infrastructure);
        self.step("plan the infrastructure", async |_| {
            let plan = driver.plan(request).await?;
            println!("{plan}");
            Ok(((), format!("{} resources to create", plan.changes().count())))
        })
        .await?;
        let again = "run this again: it goes on where it stopped and removes everything at its end";
        self.leftovers.add(format!("infrastructure of {}", self.cluster), again);
        let options = self.options();
        let applied = self
            .step("apply the infrastructure", async |_| {
                let applied = driver.apply(request, &options).await?;
                let result = format!("leaves through {}", applied.egress_cidrs.join(", "));
                Ok((applied, result))
            })
            .await?;
        let options = self.options();
        self.step("apply it again", async |aws| {
            let before = aws.stats.mutating();
            driver.apply(request, &options).await?;
            match aws.stats.mutating() - before {
                0 => Ok(((), "nothing changed".to_owned())),
                calls => Err(Error::internal(format!("{calls} calls of a second apply changed something"))),
            }
        })
        .await?;
        Ok(applied)
    }

    fn machines(&self, infrastructure: &Infrastructure) -> Result<Vec<MachineRequest>> {
        let machine = |zone| {
            let class = self.aws.machine_class(&self.cluster, infrastructure, zone)?;
            self.aws.machine(&class, 1)
        };
        self.aws.zones.iter().map(machine).collect()
    }

    /// Machines in all zones, and etcd's backup.
    async fn work(&mut self, machines: &[MachineRequest], binaries: &std::path::Path) -> Result<()> {
        let driver = Arc::clone(&self.aws.provider.machines);
        self.leftovers.add("its machines", "run this again, or terminate the instances with its cluster tag");
        self.step("create machines", async |_| {
            let created = machines.iter().map(|machine| driver.ensure_machine(machine));
            for status in futures::future::try_join_all(created).await? {
                println!("  {} joins as {}", status.provider_id, status.node_name);
            }
            Ok(((), format!("{} in {} zones", machines.len(), machines.len())))
        })
        .await?;
        self.step("list machines", async |aws| {
            let listed = driver.all_machines(aws.machines(&machines[0].class)).await?;
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
        let name = self.aws.bucket_name()?;
        let bucket = BucketRef::new(name.clone(), self.aws.region.clone(), self.aws.secret.clone());
        let storage = Arc::clone(&self.aws.provider.storage);
        let left = format!("bucket {name}");
        self.leftovers.add(&left, format!("aws s3 rb --force s3://{name}"));
        self.step("create a bucket", async |aws| {
            let spec = BucketSpec::new(name.clone(), aws.region.clone());
            storage.create_bucket(&spec, &aws.secret).await?;
            Ok(((), name.to_string()))
        })
        .await?;
        let saved = self.round_trip(&bucket, binaries).await;
        self.step("delete the bucket", async |_| {
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
        let store = self.aws.provider.storage.open(bucket).await?;
        let written = self
            .step("fill a real etcd", async |_| {
                let revision = backup::fill(&source, binaries).await?;
                Ok((revision, format!("revision {revision}")))
            })
            .await?;
        self.step("take a full snapshot", async |_| {
            let taken = backup::take(&source, Arc::clone(&store)).await?;
            Ok(((), taken))
        })
        .await?;
        let data_dir = folder.path().join("restored");
        self.step("restore it", async |_| Ok(((), backup::restore(store, &data_dir).await?))).await?;
        self.step("compare the two etcds", async |_| {
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
            (Arc::clone(&self.aws.provider.machines), Arc::clone(&self.aws.provider.infrastructure));
        self.step("delete the machines", async |_| {
            futures::future::try_join_all(machines.iter().map(|machine| driver.delete_machine(machine)))
                .await?;
            Ok(((), format!("{} gone", machines.len())))
        })
        .await?;
        self.leftovers.gone("its machines");
        let options = self.options();
        self.step("destroy the infrastructure", async |_| {
            infrastructure.destroy(request, &options).await?;
            Ok(((), "destroyed".to_owned()))
        })
        .await?;
        self.step("look for anything left", async |aws| {
            let marked = infrastructure.all_resources(request.clone()).await?;
            let mut left: Vec<_> = marked.iter().map(ToString::to_string).collect();
            left.extend(aws.inventory().unwrap_or_default());
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
    async fn step<T>(
        &mut self,
        what: &str,
        work: impl AsyncFnOnce(&Aws) -> Result<(T, String)>,
    ) -> Result<T> {
        println!("- {what}");
        let (start, before) = (Instant::now(), self.aws.stats.attempts());
        let (value, result) = work(&self.aws).await.map_err(|error| error.context(what.to_owned()))?;
        let calls = self.aws.stats.attempts() - before;
        self.rows.push(Row { what: what.to_owned(), result, calls, took: start.elapsed() });
        Ok(value)
    }
}
