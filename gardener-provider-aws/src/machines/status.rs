//! From an instance to a status, and where a Machine's instance is.

use std::{collections::HashSet, sync::Arc};

use gardener_provider_client::machines::only;
use gardener_provider_core::{
    AddressKind, Error, ErrorKind, MachineAddress, MachineState, MachineStatus, NodeName, ProviderId, Region,
    Result,
};

use super::{Job, fleet::Lookup};
use crate::{
    api::instances::{AttachedInterface, Instance, device_index},
    endpoints::Partition,
    provider_spec::{NetworkInterface, ProviderSpec},
};

impl Job<'_> {
    /// The instances with the machine's name and tags, dead ones too.
    pub(super) async fn named(&self) -> Result<Vec<Instance>> {
        let name = self.request.machine.name.to_string();
        self.session.fleet().find(Lookup::Name { keys: Arc::clone(&self.keys), name }).await
    }

    /// The instance of this id, dead or not.
    pub(super) async fn by_id(&self, id: &str) -> Result<Option<Instance>> {
        let found = self.session.fleet().find(Lookup::Id(id.to_owned())).await?;
        Ok(found.into_iter().next())
    }

    /// The instance id in the Machine's provider id.
    pub(super) fn instance_id(&self) -> Result<Option<&str>> {
        let id = self.request.machine.provider_id.as_ref();
        id.map(|id| instance_id(id, self.session.region())).transpose()
    }

    /// The one instance of the machine, alive.
    ///
    /// Found by name, so that duplicates come to light; also by provider id, as tags may have been changed.
    pub(super) async fn find(&self) -> Result<Instance> {
        let id = self.instance_id()?;
        let mut alive: Vec<_> = self.named().await?.into_iter().filter(|found| !found.is_dead()).collect();
        if let Some(id) = id.filter(|id| alive.iter().all(|found| found.instance_id != *id)) {
            alive.extend(self.by_id(id).await?.filter(|found| !found.is_dead()));
        }
        self.only(alive)?.ok_or_else(|| Error::not_found(format!("machine {}", self.request.machine.name)))
    }

    /// The only one of these; none if there is none.
    pub(super) fn only(&self, found: Vec<Instance>) -> Result<Option<Instance>> {
        only(self.request.machine.name.as_str(), found, |found| found.instance_id.clone())
    }
}

/// The status of a living instance.
pub(super) fn of(instance: &Instance, spec: &ProviderSpec, region: &Region) -> Result<MachineStatus> {
    let id = &instance.instance_id;
    let Some(name) = &instance.private_dns_name else {
        let message = format!("instance {id} has no private DNS name yet, by which its node will be known");
        return Err(Error::new(ErrorKind::Unavailable, message));
    };
    let node_name =
        NodeName::new(name.as_str()).map_err(|error| Error::internal(format!("instance {id}: {error}")))?;
    Ok(MachineStatus::new(provider_id(region, id)?, node_name)
        .with_state(state(&instance.instance_state.name))
        .with_addresses(addresses(instance))
        .with_initialized(pending_work(instance, spec).is_empty()))
}

fn state(name: &str) -> MachineState {
    match name {
        "pending" => MachineState::Pending,
        "stopping" | "stopped" => MachineState::Stopped,
        "shutting-down" | "terminated" => MachineState::Terminating,
        _ => MachineState::Running,
    }
}

fn addresses(instance: &Instance) -> Vec<MachineAddress> {
    let ipv6 = instance.network_interfaces.iter().flat_map(|interface| &interface.ipv6_addresses);
    let ipv6 = instance.ipv6_address.iter().chain(ipv6.map(|address| &address.ipv6_address));
    let internal = instance.private_ip_address.iter().chain(ipv6);
    let all = internal
        .map(|ip| (AddressKind::InternalIp, ip))
        .chain(instance.ip_address.iter().map(|ip| (AddressKind::ExternalIp, ip)))
        .chain(instance.private_dns_name.iter().map(|name| (AddressKind::InternalDns, name)))
        .chain(instance.private_dns_name.iter().map(|name| (AddressKind::Hostname, name)))
        .chain(instance.dns_name.iter().map(|name| (AddressKind::ExternalDns, name)));
    let mut seen = HashSet::new();
    let once = all.filter(|address| seen.insert(*address));
    once.map(|(kind, address)| MachineAddress::new(kind, address)).collect()
}

/// One thing that initialization has left to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Work {
    /// Let this interface route packets that are not its own.
    DisableSourceDestCheck(String),
    /// Delegate this many more IPv6 prefixes to this interface.
    AssignPrefixes(String, u32),
}

/// What the spec wants of an instance and it does not have yet.
pub(super) fn pending_work(instance: &Instance, spec: &ProviderSpec) -> Vec<Work> {
    let mut work = Vec::new();
    if spec.src_and_dst_checks_enabled == Some(false) {
        let checked = instance.network_interfaces.iter().filter(|interface| is_checked(interface));
        let ids = checked.map(|interface| interface.network_interface_id.clone());
        work.extend(ids.map(Work::DisableSourceDestCheck));
    }
    for (index, wanted) in spec.network_interfaces.iter().enumerate() {
        let count = wanted.ipv6_prefix_count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        let attached = instance.network_interfaces.iter().find(|found| is_same(index, wanted, found));
        let Some(attached) = attached else { continue };
        let missing = u32::try_from(count.saturating_sub(attached.ipv6_prefixes.len())).unwrap_or(0);
        if missing > 0 {
            work.push(Work::AssignPrefixes(attached.network_interface_id.clone(), missing));
        }
    }
    work
}

/// Elastic fabric adapters have no source/destination check.
fn is_checked(interface: &AttachedInterface) -> bool {
    let kind = interface.interface_type.as_deref().unwrap_or_default();
    !kind.starts_with("efa") && interface.source_dest_check != Some(false)
}

fn is_same(index: usize, wanted: &NetworkInterface, attached: &AttachedInterface) -> bool {
    attached.attachment.device_index == device_index(index, wanted)
        && attached.attachment.network_card_index == wanted.network_card_index.unwrap_or(0)
}

/// `aws:///<region>/<instance id>`
pub(super) fn provider_id(region: &Region, instance: &str) -> Result<ProviderId> {
    ProviderId::new(format!("aws:///{region}/{instance}"))
}

/// The instance id at the end of a provider id of this region. A zone may stand in the region's place, as in the
/// provider ids of Nodes.
fn instance_id<'a>(id: &'a ProviderId, region: &Region) -> Result<&'a str> {
    let wrong = |problem: &str| Err(Error::invalid("machine.spec.providerID", format!("{id} {problem}")));
    let mut segments = id.segments().rev();
    let (Some(instance), Some(place), "aws") = (segments.next(), segments.next(), id.scheme()) else {
        return wrong("is not of this provider; expected aws:///<region>/<instance id>");
    };
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if !instance.strip_prefix("i-").is_some_and(|hex| !hex.is_empty() && hex.bytes().all(is_hex)) {
        return wrong("does not end in an instance id such as i-0123456789abcdef0");
    }
    let zone = place.strip_prefix(region.as_str()).map(str::as_bytes);
    if !matches!(zone, Some([] | [b'a'..=b'z'])) {
        let is_region = Region::new(place).and_then(|place| Partition::of(&place)).is_ok();
        return wrong(if is_region { "is in another region than its class" } else { "names no region" });
    }
    Ok(instance)
}
