//! `MachineDriver`: a machine is a machine and its disk, made in two calls. Between them it is half-created.

use std::{collections::BTreeSet, ops::ControlFlow, time::Duration};

use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use gardener_provider_client::poll::Poll;
use gardener_provider_core::{
    Error, ErrorKind, ListMachinesRequest, ListedMachine, MachineClass, MachineDriver, MachineRequest,
    MachineState, MachineStatus, NodeName, PersistentVolumeSpec, ProviderId, Result, VolumeId,
};
use serde::Deserialize;

use crate::{
    client::{Client, Connection, map},
    cloud::{Map, Thing},
};

/// `providerSpec` of a MachineClass.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Spec {
    cluster: String,
    subnet: String,
    size: String,
    /// False for machines that forward other machines' packets; can be switched off after creation only.
    #[serde(default = "yes")]
    guarded: bool,
}

fn yes() -> bool {
    true
}

impl Spec {
    fn of(class: &MachineClass) -> Result<Self> {
        let spec: Self = serde_json::from_value(class.provider_spec.clone())
            .map_err(|problem| Error::invalid("providerSpec", problem))?;
        for (field, value) in [("cluster", &spec.cluster), ("subnet", &spec.subnet), ("size", &spec.size)] {
            if value.is_empty() {
                return Err(Error::invalid(format!("providerSpec.{field}"), "is empty; give it a value"));
            }
        }
        Ok(spec)
    }
}

/// The machine lifecycle of cumulus.
#[derive(Debug)]
pub(crate) struct Machines(pub(crate) Connection);

/// The machines and disks that belong to one Machine object.
struct Parts {
    machines: Vec<Thing>,
    disks: Vec<Thing>,
}

impl Parts {
    /// Found by exact labels. Names are unique within a cluster, so the name finds what the provider id would.
    async fn find(client: &Client, cluster: &str, name: &str) -> Result<Self> {
        let labels = map([("cluster", cluster), ("name", name)]);
        let machines = client.list("machine", &labels).await?;
        Ok(Self { machines, disks: client.list("disk", &labels).await? })
    }

    fn all(&self) -> impl Iterator<Item = &Thing> {
        self.machines.iter().chain(&self.disks)
    }
}

fn status(machine: &Thing, spec: &Spec) -> Result<MachineStatus> {
    let name = machine.labels.get("name").cloned().unwrap_or_default();
    let initialized =
        machine.fields.get("guarded").is_some_and(|guarded| *guarded == spec.guarded.to_string());
    Ok(MachineStatus::new(provider_id(machine)?, NodeName::new(name)?)
        .with_state(MachineState::Running)
        .with_initialized(initialized))
}

fn provider_id(thing: &Thing) -> Result<ProviderId> {
    ProviderId::new(format!("cumulus:///{}", thing.id))
}

impl Machines {
    async fn find_one(&self, client: &Client, spec: &Spec, name: &str) -> Result<Thing> {
        let found = Parts::find(client, &spec.cluster, name).await?.machines;
        let mut found = gardener_provider_client::graph::only_one(name, found, |machine| machine.id.clone())?;
        found.take().ok_or_else(|| Error::not_found(format!("machine {name}")))
    }

    /// The machine, its disk first. Both creations have the machine's UID as key, so repeating them makes nothing new.
    async fn create_parts(&self, client: &Client, request: &MachineRequest, spec: &Spec) -> Result<Thing> {
        let (name, uid) = (request.machine.name.as_str(), request.machine.uid.as_str());
        let labels = map([("cluster", &spec.cluster), ("name", name), ("uid", uid)]);
        let disk = client.create("disk", uid.to_owned(), labels.clone(), Map::new()).await?;
        let user_data = request.secret.required(&["userData"])?;
        let fields = map([
            ("disk", &disk.id),
            ("subnet", &spec.subnet),
            ("size", &spec.size),
            ("guarded", "true"),
            ("userData", user_data.expose()),
        ]);
        let created = client.create("machine", uid.to_owned(), labels, fields).await;
        if created.as_ref().is_err_and(|error| error.kind() == ErrorKind::OutOfCapacity) {
            client.delete(&disk.id).await?;
        }
        created
    }
}

#[async_trait]
impl MachineDriver for Machines {
    async fn create_machine(&self, request: &MachineRequest) -> Result<MachineStatus> {
        let spec = Spec::of(&request.class)?;
        request.secret.required(&["userData"])?;
        let client = self.0.sign_in(&request.secret)?;
        let (name, uid) = (request.machine.name.as_str(), request.machine.uid.as_str());
        let parts = Parts::find(&client, &spec.cluster, name).await?;
        if parts.all().any(|part| part.labels.get("uid").is_none_or(|known| known != uid)) {
            let message = format!("another machine is named {name}; delete it first");
            return Err(Error::new(ErrorKind::AlreadyExists, message));
        }
        let machine = self.create_parts(&client, request, &spec).await?;
        // What was created shows in lists a little later; callers look there.
        let poll = Poll::new(Duration::from_secs(1), Duration::from_secs(120));
        poll.until(client.clock(), format!("{name} to show"), || async {
            Ok(match self.find_one(&client, &spec, name).await {
                Err(error) if error.is_not_found() => ControlFlow::Continue(None),
                found => ControlFlow::Break(found?),
            })
        })
        .await?;
        status(&machine, &spec)
    }

    async fn initialize_machine(&self, request: &MachineRequest) -> Result<MachineStatus> {
        let spec = Spec::of(&request.class)?;
        let client = self.0.sign_in(&request.secret)?;
        let mut machine = self.find_one(&client, &spec, request.machine.name.as_str()).await?;
        if !status(&machine, &spec)?.initialized {
            machine = client.update(&machine.id, map([("guarded", &spec.guarded.to_string())])).await?;
        }
        status(&machine, &spec)
    }

    async fn delete_machine(&self, request: &MachineRequest) -> Result<()> {
        let spec = Spec::of(&request.class)?;
        let client = self.0.sign_in(&request.secret)?;
        let parts = Parts::find(&client, &spec.cluster, request.machine.name.as_str()).await?;
        // In this order: a disk cannot go while its machine is there.
        for part in parts.all() {
            client.delete(&part.id).await?;
        }
        Ok(())
    }

    async fn get_machine_status(&self, request: &MachineRequest) -> Result<MachineStatus> {
        let spec = Spec::of(&request.class)?;
        let client = self.0.sign_in(&request.secret)?;
        let machine = self.find_one(&client, &spec, request.machine.name.as_str()).await?;
        status(&machine, &spec)
    }

    /// Disks without a machine are listed too: deleting the machine of their name removes them.
    fn list_machines(&self, request: ListMachinesRequest) -> BoxStream<'static, Result<ListedMachine>> {
        let connection = self.0.clone();
        let all = async move {
            let spec = Spec::of(&request.class)?;
            let client = connection.sign_in(&request.secret)?;
            let labels = map([("cluster", &spec.cluster)]);
            let mut things = client.list("machine", &labels).await?;
            let named: BTreeSet<_> =
                things.iter().filter_map(|thing| thing.labels.get("name").cloned()).collect();
            let disks = client.list("disk", &labels).await?;
            things.extend(
                disks
                    .into_iter()
                    .filter(|disk| !disk.labels.get("name").is_some_and(|name| named.contains(name))),
            );
            let listed = things.into_iter().map(|thing| {
                Ok(ListedMachine::new(
                    provider_id(&thing)?,
                    thing.labels.get("name").cloned().unwrap_or_default(),
                ))
            });
            Ok::<_, Error>(stream::iter(listed.collect::<Vec<_>>()))
        };
        stream::once(all).try_flatten().boxed()
    }

    async fn get_volume_ids(&self, volumes: &[PersistentVolumeSpec]) -> Result<Vec<VolumeId>> {
        let ours = volumes.iter().filter_map(|volume| volume.csi.as_ref());
        let ours = ours.filter(|csi| csi.driver == "disk.csi.cumulus.example");
        ours.map(|csi| {
            if csi.volume_handle.starts_with("disk-") {
                return VolumeId::new(csi.volume_handle.clone());
            }
            Err(Error::invalid(
                "spec.csi.volumeHandle",
                format!("{:?} must begin with disk-", csi.volume_handle),
            ))
        })
        .collect()
    }
}
