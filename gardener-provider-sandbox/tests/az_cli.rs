//! The sandbox on its loopback port, driven by the `az` command: a strict client that knows nothing of it.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use gardener_provider_conformance::tools;
use gardener_provider_sandbox::{Sandbox, SandboxOptions, ServeOptions, Server};

/// The `az` command, logged in with the sandbox's managed identity.
struct Az {
    sandbox: Sandbox,
    tls: Server,
    plain: Server,
    program: PathBuf,
    folder: PathBuf,
}

impl Az {
    /// `None` where it is not installed.
    async fn new(test: &str, options: SandboxOptions) -> Option<Self> {
        let program = tools::az(test)?;
        let sandbox = Sandbox::new(options);
        let plain = sandbox.serve().await.unwrap();
        let tls = sandbox.serve_with(ServeOptions::default().with_tls()).await.unwrap();
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("ca.pem"), tls.certificate().unwrap()).unwrap();
        let az = Self { sandbox, tls, plain, program, folder };
        let endpoint = az.tls.endpoint();
        az.run(&["cloud", "register", "-n", "sandbox", "--endpoint-resource-manager", &endpoint]).await;
        az.run(&["cloud", "set", "-n", "sandbox"]).await;
        az.run(&["login", "--identity"]).await;
        Some(az)
    }

    async fn output(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        command.env_clear().args(arguments);
        for name in ["PATH", "HOME", "LANG", "SYSTEMROOT"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        let header = self.sandbox.azure().options().identity_header.expose();
        command
            .env("REQUESTS_CA_BUNDLE", self.folder.join("ca.pem"))
            .env("AZURE_CONFIG_DIR", &self.folder)
            .env("AZURE_CORE_COLLECT_TELEMETRY", "no")
            .env("AZURE_CORE_OUTPUT", "tsv")
            .env("AZURE_CORE_DISPLAY_REGION_IDENTIFIED", "false")
            // Else the public cloud is asked whether it knows this place to log in.
            .env("AZURE_CORE_INSTANCE_DISCOVERY", "false")
            .env("IDENTITY_ENDPOINT", format!("{}/msi/token", self.plain.endpoint()))
            .env("IDENTITY_HEADER", header)
            .env("NO_PROXY", "127.0.0.1,localhost");
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
    }

    /// What the command prints; it must succeed.
    async fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments).await;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "az {}\n{}\n{out}\n{err}", arguments.join(" "), output.status);
        out.trim().to_owned()
    }

    /// As [`Az::run`], with the arguments in one text.
    async fn az(&self, arguments: &str) -> String {
        self.run(&arguments.split(' ').collect::<Vec<_>>()).await
    }

    /// The error that the command must end with.
    async fn fails(&self, arguments: &str) -> String {
        let output = self.output(&arguments.split(' ').collect::<Vec<_>>()).await;
        assert!(!output.status.success(), "az {arguments} succeeded");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    fn left(&self) -> Vec<&'static str> {
        self.sandbox.azure().inventory(None).into_iter().map(|resource| resource.kind).collect()
    }
}

impl Drop for Az {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn az_makes_a_network_and_removes_it() {
    // The shortest durations that are still worth an operation, so that `az` polls.
    let mut options = SandboxOptions::instant();
    options.azure.durations.network = std::time::Duration::from_millis(1);
    let Some(az) = Az::new("az_makes_a_network_and_removes_it", options).await else { return };
    assert_eq!(
        az.az("group create -n g -l westeurope --query properties.provisioningState").await,
        "Succeeded"
    );
    az.az("network vnet create -g g -n v --address-prefixes 10.0.0.0/16").await;
    az.az("network nsg create -g g -n n").await;
    az.az("network nsg rule create -g g --nsg-name n -n r --priority 100 --access Allow --protocol Tcp")
        .await;
    az.az("network route-table create -g g -n t").await;
    az.az("network route-table route create -g g --route-table-name t -n r --address-prefix 10.9.0.0/16 \
         --next-hop-type VirtualAppliance --next-hop-ip-address 10.0.0.4")
        .await;
    let address = az.az("network public-ip create -g g -n a --zone 1 --query publicIp.ipAddress").await;
    assert!(address.parse::<std::net::Ipv4Addr>().is_ok(), "{address}");
    az.az("network nat gateway create -g g -n nat --public-ip-addresses a --zone 1 --idle-timeout 10").await;
    az.az("network vnet subnet create -g g --vnet-name v -n s --address-prefixes 10.0.0.0/24 \
         --network-security-group n --route-table t --nat-gateway nat")
        .await;
    az.az("network nic create -g g -n i --vnet-name v --subnet s").await;
    assert_eq!(
        az.az("network nic show -g g -n i --query ipConfigurations[0].privateIPAddress").await,
        "10.0.0.4"
    );
    assert!(
        az.fails("network vnet subnet delete -g g --vnet-name v -n s")
            .await
            .contains("InUseSubnetCannotBeDeleted")
    );
    assert!(
        az.fails("network nat gateway delete -g g -n nat").await.contains("InUseNatGatewayCannotBeDeleted")
    );
    for command in [
        "network nic delete -g g -n i",
        "network vnet subnet delete -g g --vnet-name v -n s",
        "network nat gateway delete -g g -n nat",
        "network public-ip delete -g g -n a",
        "network route-table delete -g g -n t",
        "network nsg delete -g g -n n",
        "network vnet delete -g g -n v",
    ] {
        az.az(command).await;
    }
    assert_eq!(az.left(), ["resourceGroups"]);
    az.az("group delete -n g --yes").await;
    assert_eq!(az.az("group exists -n g").await, "false");
}

#[tokio::test]
async fn az_logs_in_with_a_secret() {
    let Some(az) = Az::new("az_logs_in_with_a_secret", SandboxOptions::instant()).await else { return };
    let (client, tenant) = (az.sandbox.azure().client(), az.sandbox.azure().options().tenant.clone());
    let login = format!("login --service-principal -u {} --tenant {tenant} -p", client.id);
    assert!(az.fails(&format!("{login} wrong")).await.contains("AADSTS7000215"));
    let secret = client.secret.unwrap();
    let subscription = az.az(&format!("{login} {} --query [].id", secret.expose())).await;
    assert_eq!(subscription, az.sandbox.azure().subscription());
    assert_eq!(az.sandbox.journal().count("login", "Token"), 2);
}

/// A public key of the right form; nobody has the private one.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

#[tokio::test]
async fn az_makes_a_machine_and_removes_it() {
    let Some(az) = Az::new("az_makes_a_machine_and_removes_it", SandboxOptions::instant()).await else {
        return;
    };
    az.az("group create -n g -l westeurope").await;
    az.az("network vnet create -g g -n v --address-prefixes 10.0.0.0/16 --subnet-name s --subnet-prefixes 10.0.0.0/24")
        .await;
    az.az("network nic create -g g -n i --vnet-name v --subnet s").await;
    az.az("disk create -g g -n d --size-gb 10").await;
    let create = "vm create -g g -n m --nics i --image Canonical:ubuntu-24_04-lts:server:latest --size Standard_D2s_v5 \
                  --admin-username core --nic-delete-option delete --os-disk-delete-option delete --query powerState";
    let mut create: Vec<&str> = create.split(' ').collect();
    create.extend(["--ssh-key-values", KEY]);
    assert_eq!(az.run(&create).await, "VM running");
    assert_eq!(az.az("vm list -g g --query [].name").await, "m");
    az.az("vm disk attach -g g --vm-name m --name d").await;
    assert!(az.az("disk show -g g -n d --query managedBy").await.ends_with("/virtualMachines/m"));
    az.az("vm disk detach -g g --vm-name m --name d").await;
    az.az("vm deallocate -g g -n m").await;
    let states = az.az("vm get-instance-view -g g -n m --query instanceView.statuses[].code").await;
    assert!(states.contains("PowerState/deallocated"), "{states}");
    az.az("vm delete -g g -n m --yes").await;
    assert_eq!(az.left(), ["disks", "subnets", "virtualNetworks", "resourceGroups"]);
    az.az("group delete -n g --yes").await;
    assert_eq!(az.left(), Vec::<&str>::new());
}
