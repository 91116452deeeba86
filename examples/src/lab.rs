//! A cloud for the examples: its provider, and what an example asks of it.

use std::{fmt, sync::Arc};

use gardener_provider_client::observe::CallStats;
use gardener_provider_core::{
    BucketName, BucketRef, ClusterId, Error, ErrorKind, Infrastructure, InfrastructureRequest,
    ListMachinesRequest, Machine, MachineClass, MachineRequest, Networking, Provider, Region, Result,
    SecretData, Zone,
};
use gardener_provider_sandbox::{Resource, Sandbox};
use serde_json::Value;

use crate::{args::Args, aws, azure, gcp};

/// What user data an example's machines start with.
pub const USER_DATA: &str = "#cloud-config\n";

/// A provider and all that an example needs to use it.
#[derive(Debug)]
pub struct Lab {
    /// The provider.
    pub provider: Provider,
    /// Counts its calls.
    pub stats: Arc<CallStats>,
    /// The region that examples work in.
    pub region: Region,
    /// Three of its zones.
    pub zones: Vec<Zone>,
    /// The secret that requests carry.
    pub secret: SecretData,
    /// What this cloud's users write.
    pub manifests: Box<dyn Manifests>,
    /// What answers.
    pub place: Place,
}

/// What the users of a cloud write, in Gardener's words.
pub trait Manifests: fmt::Debug + Send + Sync {
    /// The cloud's name, for people.
    fn cloud(&self) -> &'static str;

    /// An `InfrastructureConfig` over these zones.
    fn infrastructure(&self, zones: &[Zone]) -> Value;

    /// The networks of the cluster, where the cloud asks for them.
    fn networking(&self) -> Networking {
        Networking::default()
    }

    /// The `providerSpec` of a machine in a zone of that infrastructure.
    ///
    /// # Errors
    /// `FailedPrecondition` if the infrastructure's status lacks what a machine needs.
    fn machine(&self, cluster: &ClusterId, infrastructure: &Infrastructure, zone: &Zone) -> Result<Value>;

    /// How to remove a bucket by hand.
    fn bucket_removal(&self, bucket: &BucketName) -> String;
}

/// Lists what was made in a sandbox.
pub type Made = fn(&Sandbox) -> Vec<Resource>;

/// What answers.
#[derive(Debug)]
pub struct Place {
    /// Where the resources are made, for people.
    pub description: String,
    /// The sandbox, if it is one, and what was made in it.
    pub sandbox: Option<(Sandbox, Made)>,
    /// A server that belongs to it: dropping it stops it.
    pub server: Option<Box<dyn fmt::Debug + Send + Sync>>,
}

impl Lab {
    /// The clouds that examples know.
    pub const CLOUDS: [&str; 3] = ["aws", "azure", "gcp"];

    /// The cloud of this name, where the command line says.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such cloud; `FailedPrecondition` saying what is missing.
    pub fn new(cloud: &str, args: &Args) -> Result<Self> {
        match cloud {
            "aws" => aws::lab(args.target),
            "azure" => azure::lab(args.target),
            "gcp" => gcp::lab(args.target),
            other => Err(unknown(other)),
        }
    }

    /// What an example makes in a real account of this cloud.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such cloud.
    pub fn creates(cloud: &str) -> Result<&'static str> {
        match cloud {
            "aws" => Ok(aws::CREATES),
            "azure" => Ok(azure::CREATES),
            "gcp" => Ok(gcp::CREATES),
            other => Err(unknown(other)),
        }
    }

    /// What there is in the cloud that the provider need not know of; `None` where only the provider can tell.
    pub fn inventory(&self) -> Option<Vec<String>> {
        let (sandbox, made) = self.place.sandbox.as_ref()?;
        Some(made(sandbox).iter().map(|thing| format!("{} {}", thing.kind, thing.id)).collect())
    }

    /// A network over three zones.
    pub fn infrastructure(&self, cluster: &ClusterId) -> InfrastructureRequest {
        let config = self.manifests.infrastructure(&self.zones);
        InfrastructureRequest::new(cluster.clone(), self.region.clone(), config, self.secret.clone())
            .with_networking(self.manifests.networking())
    }

    /// The class of the machines in a zone of that infrastructure.
    ///
    /// # Errors
    /// `FailedPrecondition` if the infrastructure's status lacks what a machine needs.
    pub fn machine_class(
        &self,
        cluster: &ClusterId,
        infrastructure: &Infrastructure,
        zone: &Zone,
    ) -> Result<MachineClass> {
        let spec = self.manifests.machine(cluster, infrastructure, zone)?;
        Ok(MachineClass::new(format!("{cluster}-worker-{zone}"), spec))
    }

    /// A machine of a class. Its UID would come from its Machine object; here the name serves.
    ///
    /// # Errors
    /// `InvalidArgument` if the name is not a good one.
    pub fn machine(&self, class: &MachineClass, number: usize) -> Result<MachineRequest> {
        let name = format!("{}-{number}", class.name);
        let machine = Machine::new(name.parse()?, format!("uid-{name}").parse()?);
        Ok(MachineRequest::new(machine, class.clone(), self.secret.clone()))
    }

    /// A request for all machines of a class's cluster.
    pub fn machines(&self, class: &MachineClass) -> ListMachinesRequest {
        ListMachinesRequest::new(class.clone(), self.secret.clone())
    }

    /// A bucket name that nobody else has: bucket names are unique over all accounts.
    ///
    /// # Errors
    /// None in practice.
    pub fn bucket_name(&self) -> Result<BucketName> {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        BucketName::new(format!("gardener-example-{}-{}", now.as_secs(), std::process::id()))
    }

    /// The bucket with all that its clients need: the secret, and what creation added to it.
    pub fn bucket(&self, name: BucketName, generated: &SecretData) -> BucketRef {
        let mut secret = self.secret.clone();
        for key in generated.keys() {
            let value = generated.get(key).map(|value| value.expose().clone()).unwrap_or_default();
            secret = secret.with(key, value);
        }
        BucketRef::new(name, self.region.clone(), secret)
    }
}

impl Place {
    /// In the embedded sandbox, with a server beside it for what the sandbox has not.
    pub fn sandbox(
        sandbox: Sandbox,
        made: Made,
        server: Option<(String, Box<dyn fmt::Debug + Send + Sync>)>,
    ) -> Self {
        let (beside, server) = match server {
            Some((what, server)) => (format!(", with {what}"), Some(server)),
            None => (String::new(), None),
        };
        let description = format!("the embedded sandbox{beside}");
        Self { description, sandbox: Some((sandbox, made)), server }
    }

    /// In a real account.
    pub fn account(description: String) -> Self {
        Self { description, sandbox: None, server: None }
    }
}

fn unknown(cloud: &str) -> Error {
    let clouds = Lab::CLOUDS.join(", ");
    Error::invalid("--cloud", format!("{cloud:?}: choose one of {clouds}; the quickstart also takes all"))
}

/// The field of the first entry of a list that matches.
pub(crate) fn find(list: &Value, matches: impl Fn(&&Value) -> bool, field: &str) -> Result<String> {
    let entry = list.as_array().into_iter().flatten().find(matches);
    let value = entry.and_then(|entry| entry[field].as_str());
    value
        .map(str::to_owned)
        .ok_or_else(|| missing(&format!("the infrastructure's status has no such {field}")))
}

pub(crate) fn from_environment(variable: &str, what: &str) -> Result<String> {
    std::env::var(variable).map_err(|_| missing(&format!("set {variable}: {what}")))
}

/// Whether a tool is where its variable says, as `cargo xtask demo` sets it.
pub(crate) fn is_installed(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|path| std::path::Path::new(&path).exists())
}

pub(crate) fn missing(message: &str) -> Error {
    Error::new(ErrorKind::FailedPrecondition, message)
}

pub(crate) fn no_emulator(cloud: &str) -> Error {
    Error::invalid(
        "--target",
        format!("emulator: nobody emulates {cloud}'s machines; choose sandbox or cloud"),
    )
}

/// Zones by their endings.
pub(crate) fn zones<const N: usize>(names: [String; N]) -> Result<Vec<Zone>> {
    names.into_iter().map(Zone::new).collect()
}

/// A URL of a server that an example started.
pub(crate) fn url(text: &str) -> Result<url::Url> {
    url::Url::parse(text).map_err(|error| missing(&format!("{text} is no URL: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_cloud_is_named_with_those_that_are_known() {
        let problem = Lab::creates("oci").unwrap_err().to_string();
        assert!(problem.contains("oci") && problem.contains("azure"), "{problem}");
        for cloud in Lab::CLOUDS {
            assert!(Lab::creates(cloud).is_ok(), "{cloud}");
        }
    }
}
