//! Lookups of many machines in few calls, and what is asked for once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use futures::FutureExt;
use gardener_provider_client::batch::{Batcher, share_error};
use gardener_provider_core::{Error, Result};

use super::Names;
use crate::{
    api::{
        ResourceId,
        disks::{self, Disk},
        images::Urn,
        network_interfaces::{self, NetworkInterface},
        virtual_machines::{self, VirtualMachine},
    },
    machines::image::Offer,
    session::Session,
};

/// What there is by the names of a machine and its network interface, whoever's they are.
#[derive(Debug, Clone, Default)]
pub(super) struct Sighting {
    pub(super) machine: Option<VirtualMachine>,
    pub(super) interface: Option<NetworkInterface>,
}

/// What a deletion may leave: a network interface and the group's disks.
#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    pub(super) interface: Option<NetworkInterface>,
    pub(super) disks: Arc<Vec<Disk>>,
}

/// The machines of one session.
#[derive(Debug)]
pub(crate) struct Fleet {
    machines: Batcher<Lookup, Sighting>,
    parts: Batcher<Lookup, Parts>,
    offers: Mutex<HashMap<(String, Urn), Offer>>,
}

/// A machine by its group and name.
#[derive(Debug, Clone)]
struct Lookup {
    group: String,
    machine: ResourceId,
    interface: ResourceId,
}

/// More machines than these are read as lists of their group.
const FEW: usize = 4;
/// So many are looked up together at most.
const MOST: usize = 1_000;
const MOST_OFFERS: usize = 1_024;

impl Fleet {
    /// The fleet of `session`, which holds it; so it must not hold the session.
    pub(crate) fn new(session: Weak<Session>) -> Self {
        let of = || session.clone();
        Self {
            machines: Batcher::of(of(), MOST, 2, |session, lookups| find_all(session, lookups).boxed()),
            parts: Batcher::of(of(), MOST, 1, |session, lookups| find_parts(session, lookups).boxed()),
            offers: Mutex::default(),
        }
    }

    /// A machine and its network interface.
    pub(super) async fn find(&self, group: &ResourceId, names: &Names) -> Result<Sighting> {
        self.machines.call(Lookup::new(group, names)).await
    }

    /// What may be left of a machine that is gone.
    pub(super) async fn parts(&self, group: &ResourceId, names: &Names) -> Result<Parts> {
        self.parts.call(Lookup::new(group, names)).await
    }

    /// What was found out about an image of the marketplace.
    pub(super) fn offer(&self, location: &str, urn: &Urn) -> Option<Offer> {
        self.offers().get(&(location.to_owned(), urn.clone())).cloned()
    }

    pub(super) fn remember_offer(&self, location: &str, urn: &Urn, offer: &Offer) {
        let mut offers = self.offers();
        if offers.len() >= MOST_OFFERS {
            offers.clear();
        }
        offers.insert((location.to_owned(), urn.clone()), offer.clone());
    }

    /// Terms may be withdrawn: they are asked for again.
    pub(super) fn forget_offers(&self) {
        self.offers().clear();
    }

    fn offers(&self) -> std::sync::MutexGuard<'_, HashMap<(String, Urn), Offer>> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lookup {
    fn new(group: &ResourceId, names: &Names) -> Self {
        Self {
            group: group.to_string().to_ascii_lowercase(),
            machine: group.compute("virtualMachines", &names.machine),
            interface: group.network("networkInterfaces", &names.interface),
        }
    }
}

/// What was read of one group: everything by lower-case name, or the error that all its lookups share.
type Listed<T> = Result<HashMap<String, T>>;

struct Group {
    machines: Listed<VirtualMachine>,
    interfaces: Listed<NetworkInterface>,
}

async fn find_all(session: Arc<Session>, lookups: Vec<Lookup>) -> Vec<Result<Sighting>> {
    let mut sizes = HashMap::<&str, usize>::new();
    for lookup in &lookups {
        *sizes.entry(&lookup.group).or_default() += 1;
    }
    let session = &*session;
    let large = lookups.iter().filter(|lookup| sizes[lookup.group.as_str()] > FEW);
    let mut groups: Vec<_> = large.map(|lookup| (&lookup.group, &lookup.machine)).collect();
    groups.sort_by_key(|(group, _)| *group);
    groups.dedup_by_key(|(group, _)| *group);
    let read = groups
        .into_iter()
        .map(|(name, id)| async move { (name.as_str(), Group::read(session, &id.resource_group()).await) });
    let groups: HashMap<_, _> = futures::future::join_all(read).await.into_iter().collect();
    let results = lookups.iter().map(|lookup| async {
        match groups.get(lookup.group.as_str()) {
            Some(group) => group.find(lookup),
            None => find_one(session, lookup).await,
        }
    });
    futures::future::join_all(results).await
}

impl Group {
    async fn read(session: &Session, group: &ResourceId) -> Self {
        let (machines, interfaces) = (virtual_machines::list_in(group), network_interfaces::list_in(group));
        let (machines, interfaces) =
            futures::future::join(session.all(&machines), session.all(&interfaces)).await;
        Self {
            machines: listed(machines, |machine| &machine.name),
            interfaces: listed(interfaces, |interface| &interface.name),
        }
    }

    fn find(&self, lookup: &Lookup) -> Result<Sighting> {
        let machines = self.machines.as_ref().map_err(share_error)?;
        let interfaces = self.interfaces.as_ref().map_err(share_error)?;
        let by_name = |id: &ResourceId| id.name().to_ascii_lowercase();
        Ok(Sighting {
            machine: machines.get(&by_name(&lookup.machine)).cloned(),
            interface: interfaces.get(&by_name(&lookup.interface)).cloned(),
        })
    }
}

async fn find_one(session: &Session, lookup: &Lookup) -> Result<Sighting> {
    let machine = virtual_machines::get(&lookup.machine);
    let interface = network_interfaces::get(&lookup.interface);
    let (machine, interface) =
        futures::future::try_join(session.find(&machine), session.find(&interface)).await?;
    Ok(Sighting { machine, interface })
}

fn listed<T>(items: Result<Vec<T>>, name: fn(&T) -> &String) -> Listed<T> {
    let items = items.or_else(empty_if_missing)?;
    Ok(items.into_iter().map(|item| (name(&item).to_ascii_lowercase(), item)).collect())
}

/// Network interfaces one by one or as a list; disks always as a list, as a class that was changed may have named them
/// otherwise.
async fn find_parts(session: Arc<Session>, lookups: Vec<Lookup>) -> Vec<Result<Parts>> {
    let mut groups = HashMap::<String, ResourceId>::new();
    for lookup in &lookups {
        groups.entry(lookup.group.clone()).or_insert_with(|| lookup.machine.resource_group());
    }
    let session = &*session;
    let few = lookups.len() <= FEW;
    let read = groups.into_iter().map(|(name, id)| async move {
        let disks = async {
            let disks = session.all(&disks::list_in(&id)).await;
            disks.or_else(empty_if_missing).map(Arc::new)
        };
        let interfaces = async {
            if few {
                return Ok(None);
            }
            let interfaces = session.all(&network_interfaces::list_in(&id)).await;
            listed(interfaces, |interface| &interface.name).map(Some)
        };
        (name, futures::future::join(disks, interfaces).await)
    });
    let groups: HashMap<_, _> = futures::future::join_all(read).await.into_iter().collect();
    let results = lookups.iter().map(|lookup| async {
        let (disks, interfaces) =
            groups.get(&lookup.group).ok_or_else(|| Error::internal("a lookup got into no call"))?;
        let disks = Arc::clone(disks.as_ref().map_err(share_error)?);
        let interface = match interfaces.as_ref().map_err(share_error)? {
            Some(interfaces) => interfaces.get(&lookup.interface.name().to_ascii_lowercase()).cloned(),
            None => session.find(&network_interfaces::get(&lookup.interface)).await?,
        };
        Ok(Parts { interface, disks })
    });
    futures::future::join_all(results).await
}

/// Where there is no resource group, nothing is left in it.
pub(super) fn empty_if_missing<T>(error: Error) -> Result<Vec<T>> {
    if error.is_not_found() { Ok(Vec::new()) } else { Err(error) }
}
