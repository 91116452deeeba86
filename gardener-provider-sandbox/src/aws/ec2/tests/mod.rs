//! The rules of EC2, each by the calls that run into it.

mod addresses;
mod faults;
mod hostile;
mod inventory;
mod launch;
mod lists;
mod machines;
mod network;
mod routes;
mod rules;
mod tokens;
mod waits;

use std::time::Duration;

use super::super::testing::{Caller, element};
use crate::{Fault, Sandbox, SandboxOptions};

/// An EC2 client of a sandbox in which nothing takes time.
fn ec2() -> Caller {
    with(SandboxOptions::instant())
}

fn with(options: SandboxOptions) -> Caller {
    Caller::with_options("ec2", "2016-11-15", options)
}

const AMI: &str = "ami-0a1b2c3d4e5f60001";

impl Caller {
    /// Calls and reads one element of the reply.
    async fn id(&self, action: &str, parameters: &[(&str, &str)], name: &str) -> String {
        element(&self.ok(action, parameters).await, name)
    }

    async fn vpc(&self) -> String {
        self.id("CreateVpc", &[("CidrBlock", "10.0.0.0/16")], "vpcId").await
    }

    async fn subnet(&self, vpc: &str, block: &str) -> String {
        let zone = ("AvailabilityZone", "eu-west-1b");
        self.id("CreateSubnet", &[("VpcId", vpc), ("CidrBlock", block), zone], "subnetId").await
    }

    /// A VPC with an internet gateway and one subnet.
    async fn network(&self) -> Network {
        let vpc = self.vpc().await;
        let gateway = self.id("CreateInternetGateway", &[], "internetGatewayId").await;
        self.ok("AttachInternetGateway", &[("InternetGatewayId", &gateway), ("VpcId", &vpc)]).await;
        let subnet = self.subnet(&vpc, "10.0.0.0/20").await;
        Network { vpc, gateway, subnet }
    }

    async fn nat(&self, subnet: &str) -> (String, String) {
        let address = self.id("AllocateAddress", &[("Domain", "vpc")], "allocationId").await;
        let parameters = [("SubnetId", subnet), ("AllocationId", &address)];
        (self.id("CreateNatGateway", &parameters, "natGatewayId").await, address)
    }

    async fn group(&self, vpc: &str, name: &str) -> String {
        let parameters = [("GroupName", name), ("GroupDescription", "for a test"), ("VpcId", vpc)];
        self.id("CreateSecurityGroup", &parameters, "groupId").await
    }

    /// Runs one machine; `more` is added to the least that is needed.
    async fn run(&self, subnet: &str, more: &[(&str, &str)]) -> String {
        let mut parameters =
            vec![("ImageId", AMI), ("InstanceType", "m5.large"), ("MinCount", "1"), ("MaxCount", "1")];
        if !more.iter().any(|(name, _)| name.starts_with("NetworkInterface.")) {
            parameters.push(("SubnetId", subnet));
        }
        parameters.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
        parameters.extend(more);
        let reply = self.call("RunInstances", &parameters).await;
        String::from_utf8(reply.body().to_vec()).unwrap()
    }

    async fn machine(&self, subnet: &str) -> String {
        element(&self.run(subnet, &[]).await, "instanceId")
    }

    async fn fails(&self, action: &str, parameters: &[(&str, &str)], code: &str) {
        let (status, found) = self.error(action, parameters).await;
        assert_eq!((found.as_str(), status), (code, 400), "{action} {parameters:?}");
    }

    async fn sleep(&self, seconds: u64) {
        self.sandbox.options().clock.sleep(Duration::from_secs(seconds)).await;
    }
}

struct Network {
    vpc: String,
    gateway: String,
    subnet: String,
}

fn code(body: &str) -> String {
    element(body, "Code")
}

fn faulty(fault: Fault) -> Caller {
    let caller = ec2();
    caller.sandbox.faults().add(fault);
    caller
}

fn left(sandbox: &Sandbox) -> Vec<&'static str> {
    sandbox.aws().inventory(None).into_iter().map(|resource| resource.kind).collect()
}
