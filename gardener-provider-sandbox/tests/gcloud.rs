//! The sandbox on its loopback port, driven by `gcloud compute`, which knows nothing of it.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    env, fs,
    path::PathBuf,
    process::{self, Command},
};

use gardener_provider_conformance::tools;
use gardener_provider_sandbox::{Fault, Resource, Sandbox, SandboxOptions, Server};

const ZONE: &str = "--zone=europe-west1-b";
const REGION: &str = "--region=europe-west1";

struct Gcloud {
    sandbox: Sandbox,
    server: Server,
    program: PathBuf,
    /// What `gcloud` writes down between commands.
    folder: PathBuf,
}

impl Gcloud {
    /// `None` where `gcloud` is not installed.
    async fn new(test: &str) -> Option<Self> {
        let program = tools::gcloud(test)?;
        let sandbox = Sandbox::new(SandboxOptions::instant());
        let server = sandbox.serve().await.unwrap();
        let folder = env::temp_dir().join(format!("gardener-sandbox-{test}-{}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        Some(Self { sandbox, server, program, folder })
    }

    /// Runs one command; true if it succeeds, and what it printed.
    async fn try_run(&self, arguments: &str) -> (bool, String) {
        let mut command = Command::new(&self.program);
        command.env_clear().arg("compute").args(arguments.split(' '));
        for name in ["PATH", "LANG", "SYSTEMROOT", "CLOUDSDK_PYTHON"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("HOME", &self.folder)
            .env("CLOUDSDK_CONFIG", &self.folder)
            .env("CLOUDSDK_CORE_PROJECT", &self.sandbox.gcp().options().projects[0])
            .env("CLOUDSDK_CORE_DISABLE_PROMPTS", "1")
            .env("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "1")
            .env("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "1")
            .env("CLOUDSDK_AUTH_ACCESS_TOKEN", self.sandbox.gcp().access_token())
            .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE", format!("{}/compute/v1/", self.server.endpoint()))
            .env("NO_PROXY", "127.0.0.1,localhost");
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let text = if output.status.success() { output.stdout } else { output.stderr };
        (output.status.success(), String::from_utf8_lossy(&text).trim().to_owned())
    }

    async fn run(&self, arguments: &str) -> String {
        let (good, text) = self.try_run(arguments).await;
        assert!(good, "gcloud compute {arguments}\n{text}");
        text
    }

    /// The message of a command that fails.
    async fn fail(&self, arguments: &str) -> String {
        let (good, text) = self.try_run(arguments).await;
        assert!(!good, "gcloud compute {arguments} succeeded\n{text}");
        text
    }

    fn names(&self) -> Vec<String> {
        let name = |resource: Resource| format!("{} {}", resource.kind, resource.name);
        self.sandbox.gcp().inventory(None).into_iter().map(name).collect()
    }

    /// A network `net` with a subnetwork `nodes`.
    async fn network(&self) {
        self.run("networks create net --subnet-mode=custom").await;
        let ranges = "--range=10.0.0.0/24 --secondary-range=pods=10.1.0.0/16 --enable-flow-logs";
        self.run(&format!("networks subnets create nodes --network=net {REGION} {ranges}")).await;
    }

    async fn remove_network(&self) {
        self.run(&format!("networks subnets delete nodes {REGION}")).await;
        self.run("networks delete net").await;
        assert_eq!(self.names(), [""; 0]);
    }
}

impl Drop for Gcloud {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn gcloud_makes_a_network_with_nat_and_removes_it() {
    let Some(gcloud) = Gcloud::new("gcloud_makes_a_network_with_nat_and_removes_it").await else { return };
    gcloud.network().await;
    gcloud.run(&format!("networks subnets expand-ip-range nodes {REGION} --prefix-length=20")).await;
    let update = "--add-secondary-ranges=services=10.2.0.0/20";
    gcloud.run(&format!("networks subnets update nodes {REGION} {update}")).await;
    let shown = "--format=value(ipCidrRange,secondaryIpRanges[].rangeName,logConfig.enable)";
    let shown = gcloud.run(&format!("networks subnets describe nodes {REGION} {shown}")).await;
    assert_eq!(shown, "10.0.0.0/20\tpods;services\tTrue");

    gcloud.run(&format!("routers create router --network=net {REGION}")).await;
    gcloud.run(&format!("addresses create address {REGION}")).await;
    let nat = "--nat-external-ip-pool=address --nat-all-subnet-ip-ranges";
    gcloud.run(&format!("routers nats create nat --router=router {REGION} {nat}")).await;
    gcloud.run(&format!("routers nats update nat --router=router {REGION} --min-ports-per-vm=128")).await;
    let address = gcloud.run("addresses list --format=value(status,address)").await;
    let (status, address) = address.split_once('\t').unwrap();
    assert_eq!(status, "IN_USE");
    let used = "--format=value(result.natStatus[0].userAllocatedNatIps)";
    assert_eq!(gcloud.run(&format!("routers get-status router {REGION} {used}")).await, address);
    let refused = gcloud.fail(&format!("addresses delete address {REGION}")).await;
    assert!(refused.contains("is already being used by"), "{refused}");

    let rule = "--network=net --allow=tcp:22,icmp --source-ranges=10.0.0.0/8";
    gcloud.run(&format!("firewall-rules create rule {rule}")).await;
    gcloud.run("firewall-rules update rule --priority=900").await;
    let rules = gcloud.run("firewall-rules list --filter=network:net --format=value(name,priority)").await;
    assert_eq!(rules, "rule\t900");
    let everything = ["address address", "firewall rule", "network net", "router router", "subnetwork nodes"];
    assert_eq!(gcloud.names(), everything);

    gcloud.run("firewall-rules delete rule").await;
    gcloud.run(&format!("routers nats delete nat --router=router {REGION}")).await;
    gcloud.run(&format!("routers delete router {REGION}")).await;
    gcloud.run(&format!("addresses delete address {REGION}")).await;
    gcloud.remove_network().await;
}

#[tokio::test]
async fn gcloud_makes_machines_and_removes_them() {
    let Some(gcloud) = Gcloud::new("gcloud_makes_machines_and_removes_them").await else { return };
    gcloud.network().await;
    let image = "--image-family=debian-12 --image-project=debian-cloud";
    let what = "--subnet=nodes --machine-type=n2-standard-2 --labels=role=node --tags=node --no-address";
    gcloud.run(&format!("instances create one two {ZONE} {image} {what} --metadata=a=b")).await;
    let spot = "--provisioning-model=SPOT --instance-termination-action=DELETE";
    let data = "--create-disk=name=data,size=20GB,auto-delete=no";
    gcloud.run(&format!("instances create three {ZONE} --subnet=nodes {spot} {data}")).await;
    let nodes = gcloud.run("instances list --filter=labels.role=node --format=value(name,status)").await;
    assert_eq!(nodes, "one\tRUNNING\ntwo\tRUNNING");
    let shown = "--format=value(scheduling.provisioningModel,networkInterfaces[0].networkIP,disks.len())";
    let shown = gcloud.run(&format!("instances describe three {ZONE} {shown}")).await;
    assert_eq!(shown, "SPOT\t10.0.0.4\t2");
    let again = gcloud.fail(&format!("instances create one {ZONE} {image} {what}")).await;
    assert!(again.contains("already exists"), "{again}");

    gcloud.run(&format!("instances add-labels one {ZONE} --labels=more=x")).await;
    gcloud.run(&format!("instances add-tags one {ZONE} --tags=more")).await;
    gcloud.run(&format!("instances add-metadata one {ZONE} --metadata=more=x")).await;
    let shown = "--format=value(labels.more,tags.items,metadata.items[0].key,metadata.items[1].key)";
    let shown = gcloud.run(&format!("instances describe one {ZONE} {shown}")).await;
    assert_eq!(shown, "x\tmore;node\ta\tmore");
    gcloud.run(&format!("instances stop one {ZONE}")).await;
    gcloud.run(&format!("instances start one {ZONE}")).await;

    gcloud.run(&format!("instances delete one two three {ZONE}")).await;
    assert_eq!(gcloud.run("disks list --format=value(name,sizeGb)").await, "data\t20");
    gcloud.run(&format!("disks delete data {ZONE}")).await;
    gcloud.remove_network().await;
}

#[tokio::test]
async fn gcloud_shows_the_errors_of_operations_and_calls() {
    let Some(gcloud) = Gcloud::new("gcloud_shows_the_errors_of_operations_and_calls").await else { return };
    gcloud.network().await;
    let machine = format!("instances create one {ZONE} --subnet=nodes");
    let faults = gcloud.sandbox.faults();
    faults.add(Fault::no_capacity("*", "europe-west1-*").times(1));
    let exhausted = gcloud.fail(&machine).await;
    assert!(exhausted.contains("code: ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS"), "{exhausted}");
    faults.add(
        Fault::operation_error("QUOTA_EXCEEDED", "Quota 'CPUS' exceeded.").on("compute", "*.insert").times(1),
    );
    let quota = gcloud.fail(&machine).await;
    assert!(quota.contains("Quota 'CPUS' exceeded"), "{quota}");
    let denied = faults.add(Fault::denied().on("compute", "instances.*"));
    let refused = gcloud.fail(&machine).await;
    assert!(refused.contains("permission"), "{refused}");
    faults.remove(denied);
    let missing = gcloud.fail(&format!("{machine} --machine-type=no-such-type")).await;
    assert!(missing.contains("does not exist in zone 'europe-west1-b'"), "{missing}");
    gcloud.remove_network().await;
}
