//! From an instance to a status, and where a Machine's instance is.

use std::collections::HashSet;

use gardener_provider_client::machines::only;
use gardener_provider_core::{
    AddressKind, Error, MachineAddress, MachineState, MachineStatus, NodeName, ProviderId, Result,
};

use super::{
    Job,
    fleet::{Lookup, is_in},
};
use crate::{
    api::instances::{self, Instance},
    provider_spec::is_name,
};

/// Where an instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) zone: String,
    pub(super) name: String,
}

impl Place {
    pub(super) fn of(instance: &Instance) -> Self {
        Self { zone: instance.zone().to_owned(), name: instance.name.clone() }
    }
}

impl Job<'_> {
    /// The lookup of everything of the machine's name.
    pub(super) fn lookup(&self) -> Lookup {
        Lookup { name: self.request.machine.name.to_string(), region: self.spec.region.clone() }
    }

    /// Where the machine is created.
    pub(super) fn own_place(&self) -> Place {
        Place { zone: self.spec.zone.clone(), name: self.request.machine.name.to_string() }
    }

    /// The instances of the machine's name and tags that a list shows.
    pub(super) async fn listed(&self) -> Result<Vec<Instance>> {
        let mut found = self.session.fleet().instances(self.lookup()).await?;
        found.retain(|instance| instance.has_tags(&self.tags));
        Ok(found)
    }

    /// As [`Job::listed`], and the one at the machine's own place if no list shows it yet.
    pub(super) async fn named(&self) -> Result<Vec<Instance>> {
        let mut found = self.listed().await?;
        let own = self.own_place();
        if found.iter().all(|instance| Place::of(instance) != own) {
            let at_own = self.at(&own).await?;
            found.extend(at_own.filter(|instance| instance.has_tags(&self.tags)));
        }
        Ok(found)
    }

    /// The instance at this place, whoever's it is.
    pub(super) async fn at(&self, place: &Place) -> Result<Option<Instance>> {
        self.session.find(&instances::get(self.session.project(), &place.zone, &place.name)).await
    }

    /// The place in the Machine's provider id.
    pub(super) fn place(&self) -> Result<Option<Place>> {
        let id = self.request.machine.provider_id.as_ref();
        id.map(|id| place(id, self.session.project(), &self.spec.region)).transpose()
    }

    /// The one instance of the machine.
    ///
    /// Found by name, so that duplicates come to light; also by provider id, as tags may have been changed.
    pub(super) async fn find(&self) -> Result<Instance> {
        let place = self.place()?;
        let mut found = self.named().await?;
        if let Some(place) = place.filter(|place| found.iter().all(|instance| Place::of(instance) != *place))
        {
            found.extend(self.at(&place).await?);
        }
        self.only(found)?.ok_or_else(|| Error::not_found(format!("machine {}", self.request.machine.name)))
    }

    /// The only one of these; none if there is none.
    pub(super) fn only(&self, found: Vec<Instance>) -> Result<Option<Instance>> {
        only(self.request.machine.name.as_str(), found, |found| format!("{}/{}", found.zone(), found.name))
    }
}

/// The status of an instance.
pub(super) fn of(instance: &Instance, project: &str) -> Result<MachineStatus> {
    let name = &instance.name;
    let node_name = NodeName::new(name.as_str())
        .map_err(|error| Error::internal(format!("instance {name:?}: {error}")))?;
    Ok(MachineStatus::new(provider_id(project, instance.zone(), name)?, node_name)
        .with_state(state(&instance.status))
        .with_addresses(addresses(instance, project)))
}

/// <https://cloud.google.com/compute/docs/instances/instance-lifecycle>
pub(super) fn state(status: &str) -> MachineState {
    match status {
        "PENDING" | "PROVISIONING" | "STAGING" => MachineState::Pending,
        "PENDING_STOP" | "STOPPING" | "STOPPED" | "SUSPENDING" | "SUSPENDED" | "TERMINATED" => {
            MachineState::Stopped
        }
        "DEPROVISIONING" => MachineState::Terminating,
        _ => MachineState::Running,
    }
}

fn addresses(instance: &Instance, project: &str) -> Vec<MachineAddress> {
    let interfaces = || instance.network_interfaces.iter();
    let internal = interfaces().flat_map(|one| one.network_ip.iter().chain(&one.ipv6_address));
    let external = interfaces()
        .flat_map(|one| one.access_configs.iter().chain(&one.ipv6_access_configs))
        .flat_map(|access| access.nat_ip.iter().chain(&access.external_ipv6));
    // https://cloud.google.com/compute/docs/internal-dns#instance-fully-qualified-domain-names
    let (name, zone) = (&instance.name, instance.zone());
    let domain: Vec<_> = project.rsplitn(2, ':').collect();
    let dns = format!("{name}.{zone}.c.{}.internal", domain.join("."));
    let all = internal
        .map(|ip| (AddressKind::InternalIp, ip))
        .chain(external.map(|ip| (AddressKind::ExternalIp, ip)))
        .chain([(AddressKind::InternalDns, &dns), (AddressKind::Hostname, name)]);
    let mut seen = HashSet::new();
    let once = all.filter(|(_, address)| !address.is_empty()).filter(|address| seen.insert(*address));
    once.map(|(kind, address)| MachineAddress::new(kind, address)).collect()
}

/// `gce:///<project>/<zone>/<name>`
pub(super) fn provider_id(project: &str, zone: &str, name: &str) -> Result<ProviderId> {
    ProviderId::new(format!("gce:///{project}/{zone}/{name}"))
}

/// The place in a provider id of this project and region. Those of Nodes have one `/` less, and mean the same.
pub(super) fn place(id: &ProviderId, project: &str, region: &str) -> Result<Place> {
    let wrong = |problem: &str| Err(Error::invalid("machine.spec.providerID", format!("{id} {problem}")));
    let segments: Vec<_> = id.segments().collect();
    let ("gce", [of, zone, name]) = (id.scheme(), segments.as_slice()) else {
        return wrong("is not of this provider; expected gce:///<project>/<zone>/<instance>");
    };
    if !is_name(zone) || !is_name(name) {
        return wrong("names no zone and instance; expected gce:///<project>/<zone>/<instance>");
    }
    if *of != project {
        return wrong(&format!("is in another project than the secret's, {project}"));
    }
    if !is_in(zone, region) {
        return wrong(&format!("is in another region than its class's, {region}"));
    }
    Ok(Place { zone: (*zone).to_owned(), name: (*name).to_owned() })
}
