//! The sandbox on its loopback port, driven by clients that know nothing of it: boto3 and the `aws` command.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{env, path::PathBuf, process::Command};

use gardener_provider_conformance::tools;
use gardener_provider_sandbox::{Sandbox, SandboxOptions, Server};

struct Clients {
    sandbox: Sandbox,
    server: Server,
    venv: PathBuf,
}

impl Clients {
    /// `None` where the clients are not installed.
    async fn new(test: &str) -> Option<Self> {
        let venv = tools::venv(test)?;
        let sandbox = Sandbox::new(SandboxOptions::instant());
        let server = sandbox.serve().await.unwrap();
        Some(Self { sandbox, server, venv })
    }

    /// Runs a program of the virtual environment against the server and returns what it printed.
    async fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(self.venv.join("bin").join(program));
        command.env_clear().args(arguments);
        for name in ["PATH", "HOME", "LANG", "SYSTEMROOT"] {
            if let Some(value) = env::var_os(name) {
                command.env(name, value);
            }
        }
        let key = self.sandbox.aws().access_key();
        command
            .env("AWS_ENDPOINT_URL", self.server.endpoint())
            .env("AWS_ACCESS_KEY_ID", &key.id)
            .env("AWS_SECRET_ACCESS_KEY", key.secret.expose())
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_CONFIG_FILE", "/nonexistent")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("NO_PROXY", "127.0.0.1,localhost");
        let shown = format!("{program} {}", arguments.join(" "));
        let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{shown}\n{}\n{out}\n{err}", output.status);
        out.into_owned()
    }

    async fn python(&self, script: &str, arguments: &[&str]) -> String {
        self.run("python", &[&["-c", script], arguments].concat()).await
    }

    async fn aws(&self, arguments: &str) -> String {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        self.run("aws", &arguments).await
    }

    fn nothing_is_left(&self) {
        assert_eq!(self.sandbox.aws().inventory(None), Vec::new());
    }
}

#[tokio::test]
async fn boto3_makes_a_network_with_instances_and_removes_it() {
    let Some(clients) = Clients::new("boto3_makes_a_network_with_instances_and_removes_it").await else {
        return;
    };
    let image = clients.sandbox.aws().options().images[0].id.clone();
    clients.python(include_str!("clients/network.py"), &[&image]).await;
    clients.nothing_is_left();
}

#[tokio::test]
async fn boto3_makes_a_role_and_assumes_it() {
    let Some(clients) = Clients::new("boto3_makes_a_role_and_assumes_it").await else { return };
    clients.python(include_str!("clients/identity.py"), &[]).await;
    clients.nothing_is_left();
}

#[tokio::test]
async fn boto3_stores_objects() {
    let Some(clients) = Clients::new("boto3_stores_objects").await else { return };
    clients.python(include_str!("clients/objects.py"), &[]).await;
    clients.nothing_is_left();
}

#[tokio::test]
async fn boto3_makes_file_systems_and_load_balancers() {
    let Some(clients) = Clients::new("boto3_makes_file_systems_and_load_balancers").await else { return };
    clients.python(include_str!("clients/attached.py"), &[]).await;
    clients.nothing_is_left();
}

#[tokio::test]
async fn the_aws_command_works() {
    let Some(clients) = Clients::new("the_aws_command_works").await else { return };
    let identity = clients.aws("sts get-caller-identity --query Account --output text").await;
    assert_eq!(identity.trim(), clients.sandbox.aws().options().account);
    let vpc = clients.aws("ec2 create-vpc --cidr-block 10.0.0.0/16 --query Vpc.VpcId --output text").await;
    let shown = clients
        .aws("ec2 describe-vpcs --filters Name=cidr,Values=10.0.0.0/16 --query Vpcs[].VpcId --output text")
        .await;
    assert_eq!(shown, vpc);
    clients.aws(&format!("ec2 delete-vpc --vpc-id {}", vpc.trim())).await;

    let folder = env::temp_dir().join(format!("gardener-sandbox-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (there, back) = (folder.join("there"), folder.join("back"));
    // Above the size from which the command uploads in parts.
    let data: Vec<u8> = (0..9 * 1024 * 1024_u32).map(|n| n.to_le_bytes()[n as usize % 4]).collect();
    std::fs::write(&there, &data).unwrap();
    clients.aws("s3 mb s3://a-bucket").await;
    clients.aws(&format!("s3 cp --no-progress {} s3://a-bucket/dir/object", there.display())).await;
    assert!(clients.aws("s3 ls s3://a-bucket/dir/").await.contains("9437184 object"));
    clients.aws(&format!("s3 cp --no-progress s3://a-bucket/dir/object {}", back.display())).await;
    assert!(std::fs::read(&back).unwrap() == data, "the object came back changed");
    std::fs::remove_dir_all(&folder).unwrap();
    clients.aws("s3 rb --force s3://a-bucket").await;
    clients.nothing_is_left();
}
