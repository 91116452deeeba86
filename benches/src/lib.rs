//! What the benches share: AWS in the sandbox, in process, and requests for it.

mod path;
mod recorder;

use std::sync::Arc;

use gardener_provider_aws::{
    AwsProvider, AwsProviderBuilder,
    api::{
        describe::Query, instances::describe_instances, query::Filter,
        security_groups::describe_security_groups, subnets::describe_subnets,
    },
    session::Session,
};
use gardener_provider_client::clock::Clock;
use gardener_provider_core::{
    ClusterId, Error, InfrastructureRequest, Machine, MachineClass, MachineRequest, Provider, Region, Result,
    SecretData,
};
use gardener_provider_sandbox::{Sandbox, SandboxOptions};
use http::Response;
use serde_json::json;

pub use path::longest;
pub use recorder::Recorder;

const REGION: &str = "eu-west-1";
const CLUSTER: &str = "shoot--bench--app";
const SSH_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH2sMwJ0k6YcGZ3W8fJx0mQx3kN0lJ2bWm0o8hD5bq5W bench";

/// How fast the provider makes its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As AWS documents it, the provider's default.
    Documented,
    /// As fast as one can.
    Unlimited,
}

/// AWS in the sandbox and a provider for it.
#[derive(Debug)]
pub struct Cloud {
    /// The cloud.
    pub sandbox: Sandbox,
    /// The provider.
    pub provider: Provider,
    clock: Arc<dyn Clock>,
    secret: SecretData,
}

impl Cloud {
    /// A cloud of these settings, on their clock.
    ///
    /// # Errors
    /// A fault of the provider's set-up.
    pub fn new(options: SandboxOptions, pace: Pace) -> Result<Self> {
        let clock = Arc::clone(&options.clock);
        let sandbox = Sandbox::new(options);
        let key = sandbox.aws().access_key();
        let secret = SecretData::new()
            .with("accessKeyID", key.id.as_str())
            .with("secretAccessKey", key.secret.expose().as_str())
            .with("userData", "#cloud-config\n");
        let builder =
            AwsProvider::builder().transport(Arc::new(sandbox.clone())).clock(Arc::clone(&clock)).seed(1);
        let provider = match pace {
            Pace::Documented => builder.build()?,
            Pace::Unlimited => builder.rates(Vec::new()).build()?,
        };
        Ok(Self { sandbox, provider, clock, secret })
    }

    /// A VPC over three zones with a NAT gateway in each, an endpoint for S3 and a key pair.
    ///
    /// # Errors
    /// None in practice.
    pub fn infrastructure(&self) -> Result<InfrastructureRequest> {
        let zone = |(index, letter): (usize, char)| {
            json!({
                "name": format!("{REGION}{letter}"),
                "workers": format!("10.250.{}.0/19", index * 64),
                "public": format!("10.250.{}.0/20", index * 64 + 32),
                "internal": format!("10.250.{}.0/20", index * 64 + 48),
            })
        };
        let zones: Vec<_> = ('a'..='c').enumerate().map(zone).collect();
        let config = json!({
            "apiVersion": "aws.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureConfig",
            "networks": { "vpc": { "cidr": "10.250.0.0/16", "gatewayEndpoints": ["s3"] }, "zones": zones },
        });
        let (cluster, region) = (ClusterId::new(CLUSTER)?, Region::new(REGION)?);
        Ok(InfrastructureRequest::new(cluster, region, config, self.secret.clone())
            .with_ssh_public_key(SSH_KEY))
    }

    /// A class of machines in the default network, which every account has.
    ///
    /// # Errors
    /// What the calls that look for the network fail with.
    pub async fn machine_class(&self) -> Result<MachineClass> {
        let sessions = self.calls().transport(Arc::new(self.sandbox.clone())).sessions()?;
        let session = sessions.get(&self.secret, &Region::new(REGION)?)?;
        let (subnet, group) = default_network(&session).await?;
        let spec = json!({
            "ami": "ami-0a1b2c3d4e5f60001",
            "region": REGION,
            "machineType": "m5.large",
            "iam": { "name": format!("{CLUSTER}-nodes") },
            "networkInterfaces": [{ "subnetID": subnet, "securityGroupIDs": [group] }],
            "blockDevices": [{ "ebs": { "volumeSize": 20, "volumeType": "gp3", "encrypted": true, "deleteOnTermination": true } }],
            "srcAndDstChecksEnabled": false,
            "tags": { format!("kubernetes.io/cluster/{CLUSTER}"): "1", "kubernetes.io/role/node": "1" },
        });
        Ok(MachineClass::new(format!("{CLUSTER}-worker"), spec))
    }

    /// So many machines of a class.
    ///
    /// # Errors
    /// None in practice.
    pub fn machines(&self, class: &MachineClass, count: usize) -> Result<Vec<MachineRequest>> {
        let machine = |number: usize| {
            let name = format!("{}-{number:04}", class.name);
            let machine = Machine::new(name.parse()?, format!("uid-{name}").parse()?);
            Ok(MachineRequest::new(machine, class.clone(), self.secret.clone()))
        };
        (0..count).map(machine).collect()
    }

    /// The secret that requests carry.
    pub fn secret(&self) -> SecretData {
        self.secret.clone()
    }

    /// The reply to a call for the first page of all instances.
    ///
    /// # Errors
    /// What the call fails with.
    pub async fn page_of_instances(&self) -> Result<Response<bytes::Bytes>> {
        let recorder = Arc::new(Recorder::new(Arc::new(self.sandbox.clone())));
        let sessions = self.calls().transport(Arc::clone(&recorder) as _).sessions()?;
        let session = sessions.get(&self.secret, &Region::new(REGION)?)?;
        session.run(&describe_instances(&[], None)).await?;
        recorder.last().ok_or_else(|| Error::internal("nothing was recorded"))
    }

    fn calls(&self) -> AwsProviderBuilder {
        AwsProvider::builder().clock(Arc::clone(&self.clock)).rates(Vec::new())
    }
}

async fn default_network(session: &Session) -> Result<(String, String)> {
    let zone = Query::matching([Filter::is("availability-zone", format!("{REGION}a"))]);
    let subnets = session.run(&describe_subnets(&zone)).await?.items;
    let subnet = subnets.into_iter().next().ok_or_else(|| Error::not_found("the default subnet"))?;
    let query = [Filter::is("vpc-id", &subnet.vpc_id), Filter::is("group-name", "default")];
    let groups = session.run(&describe_security_groups(&Query::matching(query))).await?.items;
    let group = groups.into_iter().next().ok_or_else(|| Error::not_found("the default security group"))?;
    Ok((subnet.subnet_id, group.group_id))
}
