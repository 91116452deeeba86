//! Calls per CPU-second and the parsing of a large page, against `aws-sdk-ec2`, on one loopback server in a process of
//! its own.
//!
//! ```text
//! cargo xtask bench --peers
//! ```
//!
//! CPU time is that of this process: both clients share it, one after the other, over several interleaved rounds; the
//! best round of each counts. Both sign every request, speak plain HTTP and keep their connection.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region as SdkRegion};
use cpu_time::ProcessTime;
use gardener_provider_aws::{
    AwsProvider,
    api::{instances, query::Filter},
    endpoints::Endpoints,
    session::Session,
};
use gardener_provider_core::{Region, SecretData};
use gardener_provider_sandbox::{Sandbox, SandboxOptions, aws::AccessKey};

const REGION: &str = "eu-west-1";
const ROUNDS: usize = 5;
const SMALL_CALLS: usize = 1000;
const LARGE_CALLS: usize = 20;
const LARGE_PAGE: usize = 1000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if std::env::args().any(|word| word == "--serve") {
        return runtime.block_on(serve());
    }
    runtime.block_on(compare())
}

/// The server, with an instance in one place and a thousand in another.
async fn serve() -> Result<(), Failure> {
    let sandbox = Sandbox::new(SandboxOptions::instant());
    let server = sandbox.serve().await?;
    println!("{}", server.endpoint());
    // Ends with the process that started it.
    tokio::task::spawn_blocking(|| std::io::stdin().lines().count()).await?;
    drop(server);
    Ok(())
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start() -> Result<(Server, String), Failure> {
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let output = child.stdout.take().ok_or("the server has no output")?;
    let mut endpoint = String::new();
    BufReader::new(output).read_line(&mut endpoint)?;
    Ok((Server(child), endpoint.trim().to_owned()))
}

async fn compare() -> Result<(), Failure> {
    let (_server, endpoint) = start()?;
    let key = AccessKey::sandbox();
    let secret = SecretData::new()
        .with("accessKeyID", key.id.as_str())
        .with("secretAccessKey", key.secret.expose().as_str());
    let sessions =
        AwsProvider::builder().endpoints(Endpoints::all_at(endpoint.parse()?)).rates(Vec::new()).sessions()?;
    let ours = sessions.get(&secret, &Region::new(REGION)?)?;
    let config = aws_sdk_ec2::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(SdkRegion::new(REGION))
        .credentials_provider(Credentials::from_keys(&key.id, key.secret.expose(), None))
        .endpoint_url(&endpoint)
        .build();
    let sdk = aws_sdk_ec2::Client::from_conf(config);
    plant(&sdk).await?;

    for (what, tag, calls, expected) in [
        ("DescribeInstances, one instance", "one", SMALL_CALLS, 1),
        ("DescribeInstances, a page of 1,000", "many", LARGE_CALLS, LARGE_PAGE),
    ] {
        let (mut our_best, mut sdk_best) = (Duration::MAX, Duration::MAX);
        for _ in 0..ROUNDS {
            our_best = our_best.min(measure(calls, async || describe_ours(&ours, tag, expected).await).await?);
            sdk_best = sdk_best.min(measure(calls, async || describe_sdk(&sdk, tag, expected).await).await?);
        }
        let rate = |time: Duration| calls as f64 / time.as_secs_f64();
        println!(
            "{what}: {:.0} calls per CPU-second, aws-sdk-ec2 {:.0}: ratio {:.2}",
            rate(our_best),
            rate(sdk_best),
            rate(our_best) / rate(sdk_best)
        );
    }
    Ok(())
}

async fn measure(calls: usize, call: impl AsyncFn() -> Result<(), Failure>) -> Result<Duration, Failure> {
    let start = ProcessTime::now();
    for _ in 0..calls {
        call().await?;
    }
    Ok(start.elapsed())
}

async fn describe_ours(session: &Session, tag: &str, expected: usize) -> Result<(), Failure> {
    let filters = [Filter::tag("set", tag)];
    let page = session.run(&instances::describe_instances(&filters, None)).await?;
    check(page.items.len(), expected)
}

async fn describe_sdk(client: &aws_sdk_ec2::Client, tag: &str, expected: usize) -> Result<(), Failure> {
    let filter = aws_sdk_ec2::types::Filter::builder().name("tag:set").values(tag).build();
    let reply = client.describe_instances().filters(filter).max_results(1000).send().await?;
    check(reply.reservations().iter().map(|reservation| reservation.instances().len()).sum(), expected)
}

fn check(found: usize, expected: usize) -> Result<(), Failure> {
    if found == expected { Ok(()) } else { Err(format!("{found} instances, expected {expected}").into()) }
}

async fn plant(client: &aws_sdk_ec2::Client) -> Result<(), Failure> {
    let vpc = client.create_vpc().cidr_block("10.0.0.0/16").send().await?;
    let vpc = vpc.vpc().and_then(|vpc| vpc.vpc_id()).ok_or("no VPC")?.to_owned();
    let subnet = client.create_subnet().vpc_id(vpc).cidr_block("10.0.0.0/18").send().await?;
    let subnet = subnet.subnet().and_then(|subnet| subnet.subnet_id()).ok_or("no subnet")?.to_owned();
    for (tag, count) in [("one", 1), ("many", LARGE_PAGE as i32)] {
        let mut tags = aws_sdk_ec2::types::TagSpecification::builder()
            .resource_type(aws_sdk_ec2::types::ResourceType::Instance);
        for (key, value) in [("set", tag), ("Name", "worker"), ("kubernetes.io/cluster/shoot--a--b", "1")] {
            tags = tags.tags(aws_sdk_ec2::types::Tag::builder().key(key).value(value).build());
        }
        client
            .run_instances()
            .image_id("ami-0a1b2c3d4e5f60001")
            .instance_type(aws_sdk_ec2::types::InstanceType::M5Large)
            .subnet_id(&subnet)
            .min_count(count)
            .max_count(count)
            .tag_specifications(tags.build())
            .send()
            .await?;
    }
    Ok(())
}
