//! Lookups and terminations of many machines in few calls.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use futures::FutureExt;
use gardener_provider_client::{
    batch::{Batcher, share_error},
    pages::all_pages,
};
use gardener_provider_core::{Error, ErrorKind, Result};

use crate::{
    api::{
        images,
        instances::{Instance, describe_instances, terminate_instances},
        network_interfaces::{NetworkInterface, describe_network_interfaces},
        query::Filter,
        volumes::{Volume, describe_volumes},
    },
    machines::NAME_TAG,
    session::Session,
};

/// How something is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// An instance, by its id.
    Id(String),
    /// What has this name and all of these tags.
    Name { keys: Arc<[String]>, name: String },
}

/// Volumes and network interfaces that carry a machine's tags.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub(crate) volumes: Vec<Volume>,
    pub(crate) interfaces: Vec<NetworkInterface>,
}

/// The machines of one session.
#[derive(Debug)]
pub(crate) struct Fleet {
    instances: Batcher<Lookup, Vec<Instance>>,
    parts: Batcher<Lookup, Parts>,
    terminations: Batcher<String, ()>,
    root_devices: Mutex<HashMap<String, String>>,
}

/// A filter takes at most 200 values
/// ([source](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html)).
const LOOKUPS: usize = 200;
/// EC2 advises batches of a thousand at most; smaller ones fail less often as a whole.
const TERMINATIONS: usize = 500;
const MOST_IMAGES: usize = 1024;

impl Fleet {
    /// The fleet of `session`, which holds it; so it must not hold the session.
    pub(crate) fn new(session: Weak<Session>) -> Self {
        let of = || session.clone();
        Self {
            instances: Batcher::of(of(), LOOKUPS, 2, |session, lookups| find_all(session, lookups).boxed()),
            parts: Batcher::of(of(), LOOKUPS, 1, |session, lookups| find_parts(session, lookups).boxed()),
            terminations: Batcher::of(of(), TERMINATIONS, 1, |session, ids| {
                terminate_all(session, ids).boxed()
            }),
            root_devices: Mutex::default(),
        }
    }

    /// The instances that a lookup finds, dead ones too.
    pub(crate) async fn find(&self, lookup: Lookup) -> Result<Vec<Instance>> {
        self.instances.call(lookup).await
    }

    /// Volumes and network interfaces with this name and these tags.
    pub(crate) async fn parts(&self, keys: &Arc<[String]>, name: &str) -> Result<Parts> {
        self.parts.call(Lookup::Name { keys: Arc::clone(keys), name: name.to_owned() }).await
    }

    /// Terminates an instance; one that is gone is success.
    pub(crate) async fn terminate(&self, id: &str) -> Result<()> {
        match self.terminations.call(id.to_owned()).await {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    /// The device name of an image's disk; asked for once, as it never changes.
    pub(crate) async fn root_device(&self, session: &Session, image: &str) -> Result<String> {
        let cache = || self.root_devices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = cache().get(image).cloned() {
            return Ok(known);
        }
        let wrong = |problem| Error::invalid("providerSpec.ami", format!("image {image} {problem}"));
        let found = session.run(&images::describe_image(image)).await?;
        let found = found.into_iter().find(|found| found.image_id == image);
        let found = found
            .ok_or_else(|| wrong("does not exist in this region, or is not shared with this account"))?;
        let device = found.root_device_name.ok_or_else(|| wrong("has no disk to start from"))?;
        let mut cache = cache();
        if cache.len() >= MOST_IMAGES {
            cache.clear();
        }
        cache.insert(image.to_owned(), device.clone());
        Ok(device)
    }
}

/// What goes into one call: lookups by id, or those by name that want the same tags.
type Group = Option<Arc<[String]>>;

impl Lookup {
    fn group(&self) -> Group {
        match self {
            Self::Id(_) => None,
            Self::Name { keys, .. } => Some(Arc::clone(keys)),
        }
    }

    fn value(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Name { name, .. } => name,
        }
    }

    /// True if what has this id and these tags is what is looked for. The server has filtered already; so a server that
    /// filters loosely does no harm.
    fn matches(&self, id: &str, tags: &BTreeMap<String, String>) -> bool {
        match self {
            Self::Id(wanted) => id == wanted,
            Self::Name { keys, name } => {
                tags.get(NAME_TAG) == Some(name) && keys.iter().all(|key| tags.contains_key(key))
            }
        }
    }
}

/// The filters of the calls that a batch needs.
fn calls(lookups: &[Lookup]) -> Vec<(Group, Vec<Filter>)> {
    let mut groups = BTreeMap::<Group, BTreeSet<&str>>::new();
    for lookup in lookups {
        groups.entry(lookup.group()).or_default().insert(lookup.value());
    }
    let filters = |(group, values): (Group, BTreeSet<&str>)| {
        let filters = match &group {
            None => vec![Filter::any("instance-id", values)],
            Some(keys) => {
                let name = Filter::any(format!("tag:{NAME_TAG}"), values);
                std::iter::once(name).chain(keys.iter().map(Filter::tag_key)).collect()
            }
        };
        (group, filters)
    };
    groups.into_iter().map(filters).collect()
}

/// Each lookup's share of what all calls found; a call that failed fails the lookups that were in it.
fn shares<T: Clone>(
    lookups: &[Lookup],
    outcomes: &BTreeMap<Group, Result<Vec<T>>>,
    is_wanted: impl Fn(&Lookup, &T) -> bool,
) -> Vec<Result<Vec<T>>> {
    let share = |lookup: &Lookup| match outcomes.get(&lookup.group()) {
        Some(Ok(all)) => Ok(all.iter().filter(|item| is_wanted(lookup, item)).cloned().collect()),
        Some(Err(error)) => Err(share_error(error)),
        None => Err(Error::internal("a lookup got into no call")),
    };
    lookups.iter().map(share).collect()
}

async fn find_all(session: Arc<Session>, lookups: Vec<Lookup>) -> Vec<Result<Vec<Instance>>> {
    let session = &session;
    let calls = calls(&lookups).into_iter().map(|(group, filters)| async move {
        let fetch = |token: Option<String>| {
            let operation = describe_instances(&filters, token.as_deref());
            async move { session.run(&operation).await }
        };
        (group, all_pages(fetch).await)
    });
    let outcomes = futures::future::join_all(calls).await.into_iter().collect();
    shares(&lookups, &outcomes, |lookup, found| lookup.matches(&found.instance_id, &found.tags))
}

async fn find_parts(session: Arc<Session>, lookups: Vec<Lookup>) -> Vec<Result<Parts>> {
    let session = &session;
    let calls = calls(&lookups).into_iter().map(|(group, filters)| async move {
        let volumes = all_pages(|token: Option<String>| {
            let operation = describe_volumes(&filters, token.as_deref());
            async move { session.run(&operation).await }
        });
        let interfaces = all_pages(|token: Option<String>| {
            let operation = describe_network_interfaces(&filters, token.as_deref());
            async move { session.run(&operation).await }
        });
        let (volumes, interfaces) = futures::future::join(volumes, interfaces).await;
        ((group.clone(), volumes), (group, interfaces))
    });
    let (volumes, interfaces): (BTreeMap<_, _>, BTreeMap<_, _>) =
        futures::future::join_all(calls).await.into_iter().unzip();
    let volumes = shares(&lookups, &volumes, |lookup, found| lookup.matches(&found.volume_id, &found.tags));
    let interfaces = shares(&lookups, &interfaces, |lookup, found| {
        lookup.matches(&found.network_interface_id, &found.tags)
    });
    let both = volumes.into_iter().zip(interfaces);
    both.map(|(volumes, interfaces)| Ok(Parts { volumes: volumes?, interfaces: interfaces? })).collect()
}

/// Terminates all that can be terminated. EC2 terminates none of a call if one of its ids is wrong: those that the reply
/// names are left out of the next call, and if it names none the call is halved.
async fn terminate_all(session: Arc<Session>, ids: Vec<String>) -> Vec<Result<()>> {
    let mut results = HashMap::new();
    let distinct: BTreeSet<_> = ids.iter().cloned().collect();
    let mut calls = vec![distinct.into_iter().collect::<Vec<_>>()];
    while let Some(mut batch) = calls.pop() {
        let Err(error) = session.run(&terminate_instances(&batch)).await else {
            results.extend(batch.into_iter().map(|id| (id, Ok(()))));
            continue;
        };
        if batch.len() == 1 || !concerns_single_ids(&error) {
            results.extend(batch.into_iter().map(|id| (id, Err(share_error(&error)))));
            continue;
        }
        let named = if error.is_not_found() { take_named(&error, &mut batch) } else { Vec::new() };
        if named.is_empty() {
            calls.push(batch.split_off(batch.len() / 2));
        }
        results.extend(named.into_iter().map(|id| (id, Err(share_error(&error)))));
        if !batch.is_empty() {
            calls.push(batch);
        }
    }
    let result = |id: &String| match results.get(id) {
        Some(Ok(())) => Ok(()),
        Some(Err(error)) => Err(share_error(error)),
        None => Err(Error::internal("a termination got into no call")),
    };
    ids.iter().map(result).collect()
}

/// Takes the ids that a reply calls unknown out of the batch: `The instance IDs 'i-1, i-2' do not exist`.
fn take_named(error: &Error, batch: &mut Vec<String>) -> Vec<String> {
    let words: BTreeSet<_> =
        error.message().split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
    batch.extract_if(.., |id| words.contains(id.as_str())).collect()
}

/// True if the same call may succeed for some of its ids.
fn concerns_single_ids(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::InvalidArgument
            | ErrorKind::PermissionDenied
            | ErrorKind::DependencyViolation
            | ErrorKind::FailedPrecondition
            | ErrorKind::Conflict
    )
}
