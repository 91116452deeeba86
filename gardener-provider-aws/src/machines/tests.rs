use std::sync::{Arc, MutexGuard};

use gardener_provider_client::{clock::TokioClock, retry::RetryPolicy};
use gardener_provider_core::{
    ErrorKind, ListMachinesRequest, Machine, MachineClass, MachineCode, MachineDriverExt, MachineName,
    MachineRequest, MachineState, MachineUid, Provider, ProviderId, SecretData,
};
use serde_json::{Value, json};

use self::ec2::{Ec2, Fault, Form, Part, Vm, World};
use crate::{
    AwsProvider, UID_TAG,
    testing::{KEY, SECRET, day, secret},
};

mod creating;
mod deleting;
mod ec2;
mod reading;

/// A driver over a fake EC2.
struct Bench {
    ec2: Arc<Ec2>,
    provider: Provider,
}

const CLUSTER: &str = "kubernetes.io/cluster/shoot--dev--demo";
const ROLE: &str = "kubernetes.io/role/node";

impl Bench {
    fn new() -> Self {
        let ec2 = Arc::new(Ec2::default());
        Self { provider: provider(&ec2), ec2 }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.ec2.0.lock().unwrap()
    }

    fn fault(&self, action: &'static str, fault: Fault) {
        self.world().faults.push_back((action, fault));
    }

    /// An instance that is there already.
    fn vm(&self, name: &str, uid: Option<&str>) -> String {
        let mut world = self.world();
        let id = format!("i-{:04x}", 0xe000 + world.vms.len());
        let mut tags = owned(name);
        tags.extend(uid.map(|uid| (UID_TAG.to_owned(), uid.to_owned())));
        let vm = Vm {
            id: id.clone(),
            state: "running",
            tags,
            token: uid.unwrap_or_default().to_owned(),
            source_dest_check: true,
            has_dns: true,
            ..Vm::default()
        };
        world.vms.push(vm);
        id
    }
}

/// A new process: nothing is remembered.
fn provider(ec2: &Arc<Ec2>) -> Provider {
    AwsProvider::builder()
        .transport(Arc::clone(ec2) as _)
        .clock(Arc::new(TokioClock::starting_at(day())))
        .retry(RetryPolicy::none())
        .build()
        .unwrap()
}

fn owned(name: &str) -> Form {
    [("Name", name), (CLUSTER, "1"), (ROLE, "1")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
}

fn spec() -> Value {
    json!({
        "ami": "ami-1",
        "blockDevices": [{ "ebs": { "volumeSize": 50, "volumeType": "gp3" } }],
        "iam": { "name": "nodes" },
        "machineType": "m5.large",
        "networkInterfaces": [{ "subnetID": "subnet-1", "securityGroupIDs": ["sg-1"] }],
        "region": "eu-west-1",
        "tags": { CLUSTER: "1", ROLE: "1" },
    })
}

fn request(name: &str) -> MachineRequest {
    let uid = MachineUid::new(format!("uid-{name}")).unwrap();
    let machine = Machine::new(MachineName::new(name).unwrap(), uid);
    MachineRequest::new(machine, MachineClass::new("class", spec()), secret().with("userData", "#!/bin/sh"))
}

fn with_spec(mut request: MachineRequest, field: &str, value: Value) -> MachineRequest {
    request.class.provider_spec[field] = value;
    request
}

fn with_id(mut request: MachineRequest, id: &str) -> MachineRequest {
    request.machine.provider_id = Some(ProviderId::new(format!("aws:///eu-west-1/{id}")).unwrap());
    request
}
