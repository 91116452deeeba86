//! Lists of a cluster's machines, and of what is left of machines.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use futures::{StreamExt, TryStreamExt, future, stream::BoxStream};
use gardener_provider_client::{pages::Page, rest::Operation};
use gardener_provider_core::{Error, ListedMachine, Result};

use super::{NAME_TAG, names, owns, status, tag};
use crate::{
    api::{disks, network_interfaces, virtual_machines},
    provider_spec::ProviderSpec,
    session::Session,
};

/// The cluster's machines in the group of this class, each once. What has neither a machine nor its name in a tag is known
/// by its own name.
pub(super) fn list(session: &Arc<Session>, spec: ProviderSpec) -> BoxStream<'static, Result<ListedMachine>> {
    let group = session.group(&spec.resource_group);
    let spec = Arc::new(spec);
    let machines = stream(session, virtual_machines::list_in(&group))
        .map_ok(|machine| Candidate { machine: Some(machine.name), tags: machine.tags });
    let interfaces = stream(session, network_interfaces::list_in(&group)).map_ok(|found| {
        let machine = names::machine_of_interface(&found.name).map(str::to_owned);
        Candidate { machine: named(&found.tags).or(machine), tags: found.tags }
    });
    let class = Arc::clone(&spec);
    let disks = stream(session, disks::list_in(&group)).map_ok(move |found| {
        let machine = names::machine_of_disk(&found.name, &class).map(str::to_owned);
        Candidate { machine: named(&found.tags).or(machine), tags: found.tags }
    });
    let keys = spec.ownership_keys();
    let mut seen = HashSet::new();
    let all = machines.chain(interfaces).chain(disks);
    let listed = all.try_filter_map(move |candidate| {
        let ours = candidate.machine.filter(|_| owns(&keys, &candidate.tags));
        let new = ours.filter(|name| seen.insert(name.to_ascii_lowercase()));
        future::ready(new.map(|name| listed(&spec, &name)).transpose())
    });
    // What came before an error is true; what would come after it is not all.
    let mut failed = false;
    let until_error = listed.take_while(move |item| {
        let go_on = !failed;
        failed |= item.is_err();
        future::ready(go_on)
    });
    until_error.boxed()
}

/// Something that may be a machine, or a part of one.
struct Candidate {
    machine: Option<String>,
    tags: BTreeMap<String, String>,
}

fn named(tags: &BTreeMap<String, String>) -> Option<String> {
    tag(tags, NAME_TAG).map(str::to_owned)
}

fn listed(spec: &ProviderSpec, name: &str) -> Result<ListedMachine> {
    Ok(ListedMachine::new(status::provider_id(&spec.location, &name.to_ascii_lowercase())?, name))
}

/// Where there is no resource group, nothing is in it.
fn stream<T: Send + 'static>(
    session: &Arc<Session>,
    list: Operation<Page<T>>,
) -> impl futures::Stream<Item = Result<T>> + Send + 'static {
    let is_there = |item: &Result<T>| future::ready(!item.as_ref().is_err_and(Error::is_not_found));
    session.stream(list).filter(is_there)
}
