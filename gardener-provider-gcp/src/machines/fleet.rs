//! Lookups of many machines in few calls.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use futures::FutureExt;
use gardener_provider_client::{
    batch::{Batcher, share_error},
    pages::{Page, all_pages},
};
use gardener_provider_core::{Error, ErrorKind, Result};

use super::{CLUSTER_LABEL, MACHINE_LABEL};
use crate::{
    api::{
        Operation,
        disks::{self, Disk},
        instances::{self, Instance},
        lists::{self, Aggregated},
    },
    provider_spec::ProviderSpec,
    session::Session,
};

/// What is looked for: everything of this name in this region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lookup {
    pub(crate) name: String,
    pub(crate) region: String,
}

/// The machines of one session.
#[derive(Debug)]
pub(crate) struct Fleet {
    instances: Batcher<Lookup, Vec<Instance>>,
    disks: Batcher<Lookup, Vec<Disk>>,
}

/// Names are up to 63 letters long; this many make an address of about five thousand.
const LOOKUPS: usize = 50;

impl Fleet {
    /// The fleet of `session`, which holds it; so it must not hold the session.
    pub(crate) fn new(session: Weak<Session>) -> Self {
        Self {
            instances: Batcher::of(session.clone(), LOOKUPS, 2, |session, lookups| {
                find_instances(session, lookups).boxed()
            }),
            disks: Batcher::of(session, LOOKUPS, 2, |session, lookups| find_disks(session, lookups).boxed()),
        }
    }

    /// The instances of this name, whoever's they are.
    pub(crate) async fn instances(&self, lookup: Lookup) -> Result<Vec<Instance>> {
        self.instances.call(lookup).await
    }

    /// The disks that go with the machine of this name, in whichever cluster.
    pub(crate) async fn disks(&self, lookup: Lookup) -> Result<Vec<Disk>> {
        self.disks.call(lookup).await
    }
}

/// What a list over all zones found, and the zones that did not answer.
type Found<T> = Result<(Vec<T>, Vec<String>)>;

async fn find_instances(session: Arc<Session>, lookups: Vec<Lookup>) -> Vec<Result<Vec<Instance>>> {
    let filter = lists::any("name", names(&lookups));
    let found = everywhere(&session, &filter, instances::aggregated_list).await;
    shares(&lookups, &found, |lookup, found| found.name == lookup.name && is_in(found.zone(), &lookup.region))
}

async fn find_disks(session: Arc<Session>, lookups: Vec<Lookup>) -> Vec<Result<Vec<Disk>>> {
    let filter = lists::any(&format!("labels.{MACHINE_LABEL}"), names(&lookups));
    let found = everywhere(&session, &filter, disks::aggregated_list).await;
    shares(&lookups, &found, |lookup, found| {
        found.labels.get(MACHINE_LABEL) == Some(&lookup.name) && is_in(found.zone(), &lookup.region)
    })
}

fn names(lookups: &[Lookup]) -> BTreeSet<&str> {
    lookups.iter().map(|lookup| lookup.name.as_str()).collect()
}

/// True if the zone is one of the region's: `europe-west1-b` is of `europe-west1`, and `europe-west12-a` is not.
pub(crate) fn is_in(zone: &str, region: &str) -> bool {
    zone.rsplit_once('-').is_some_and(|(of, _)| of == region)
}

/// A list over all zones: of a project, by a filter, at a token.
type List<T> = fn(&str, Option<&str>, Option<&str>) -> Operation<Aggregated<T>>;

/// All pages of a list over all zones.
async fn everywhere<T>(session: &Session, filter: &str, list: List<T>) -> Found<T> {
    let silent = Mutex::new(Vec::new());
    let fetch = |token: Option<String>| {
        let (operation, silent) = (list(session.project(), Some(filter), token.as_deref()), &silent);
        async move {
            let page = session.run(&operation).await.map_err(no_list)?;
            silent.lock().unwrap_or_else(PoisonError::into_inner).extend(page.silent);
            Ok(Page::new(page.items, page.next))
        }
    };
    let items = all_pages(fetch).await?;
    Ok((items, silent.into_inner().unwrap_or_else(PoisonError::into_inner)))
}

/// What does not exist is the project then, and not the machines.
fn no_list(error: Error) -> Error {
    if !error.is_not_found() {
        return error;
    }
    Error::new(ErrorKind::InvalidArgument, format!("secret.projectID: {}", error.message()))
}

/// Each lookup's share of what was found; a region of which a zone did not answer is not known.
fn shares<T: Clone>(
    lookups: &[Lookup],
    found: &Found<T>,
    is_wanted: impl Fn(&Lookup, &T) -> bool,
) -> Vec<Result<Vec<T>>> {
    let share = |lookup: &Lookup| match found {
        Ok((items, silent)) => {
            let items = items.iter().filter(|item| is_wanted(lookup, item)).cloned().collect();
            complete(items, silent.clone(), &lookup.region)
        }
        Err(error) => Err(share_error(error)),
    };
    lookups.iter().map(share).collect()
}

fn complete<T>(items: Vec<T>, silent: Vec<String>, region: &str) -> Result<Vec<T>> {
    let page = Aggregated { items, next: None, silent };
    page.complete_in(|zone| is_in(zone, region)).map(|page| page.items)
}

/// The instances of the cluster of `spec` in its region; others may be among them.
///
/// Machines of older versions of Gardener have no label of the cluster, but the label `name` of their class.
pub(super) async fn instances_of_cluster(session: &Session, spec: &ProviderSpec) -> Result<Vec<Instance>> {
    let name = spec.labels.get("name").map(|name| lists::is("labels.name", name));
    let cluster = lists::is(&format!("labels.{CLUSTER_LABEL}"), spec.cluster()?);
    let filter = name.into_iter().fold(cluster, |filter, name| format!("{filter} OR {name}"));
    let (mut items, silent) = everywhere(session, &filter, instances::aggregated_list).await?;
    items.retain(|instance| is_in(instance.zone(), &spec.region));
    complete(items, silent, &spec.region)
}

/// The disks that go with machines of the cluster of `spec` in its region.
pub(super) async fn disks_of_cluster(session: &Session, spec: &ProviderSpec) -> Result<Vec<Disk>> {
    let cluster = spec.cluster()?;
    let filter = lists::is(&format!("labels.{CLUSTER_LABEL}"), cluster);
    let (mut items, silent) = everywhere(session, &filter, disks::aggregated_list).await?;
    let is_ours = |disk: &Disk| disk.labels.get(CLUSTER_LABEL).map(String::as_str) == Some(cluster);
    items.retain(|disk| {
        is_ours(disk) && disk.labels.contains_key(MACHINE_LABEL) && is_in(disk.zone(), &spec.region)
    });
    complete(items, silent, &spec.region)
}
