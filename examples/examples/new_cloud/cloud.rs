//! The imaginary cloud, "cumulus": what a vendor would run. Nothing in here is part of a provider.
//!
//! Its API knows things of several kinds, with labels to find them by and fields that say how they are. A field may hold
//! the id of another thing, which then cannot be deleted. Creating is idempotent by a key of the caller's choice.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use gardener_provider_client::clock::{Clock, TokioClock};
use object_store::{ObjectStore, memory::InMemory};

/// Names and values.
pub(crate) type Map = BTreeMap<String, String>;

/// Something that exists in the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thing {
    /// The kind: `machine`, `disk`, `network`, …
    pub(crate) kind: String,
    /// The id.
    pub(crate) id: String,
    /// What it is found by.
    pub(crate) labels: Map,
    /// How it is.
    pub(crate) fields: Map,
    key: String,
    born: Duration,
}

/// One call of the API.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    /// Creates a thing, or answers the one that was created with this key and still exists.
    Create { kind: String, key: String, labels: Map, fields: Map },
    /// Sets fields of a thing.
    Update { id: String, fields: Map },
    /// Deletes a thing.
    Delete { id: String },
    /// One page of the things of a kind that have all these labels.
    List { kind: String, labels: Map, cursor: String },
}

/// What the API answers.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// The thing created or updated.
    Thing(Thing),
    /// A page, and where the next one begins; empty for the last.
    Page(Vec<Thing>, String),
    /// Deleted.
    Done,
}

/// Why the API refuses a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The token is not known.
    BadToken,
    /// Too many calls.
    TooManyRequests,
    /// No room for another machine.
    NoRoom,
    /// There is no such thing.
    NoSuchThing(String),
    /// Another thing needs it.
    InUse(String),
    /// Bucket names are unique over all customers.
    NameTaken(String),
    /// Nobody answered.
    NoAnswer,
}

/// The way to the cloud. A provider makes all its calls through this, so that a test can stand in between.
#[async_trait]
pub(crate) trait Api: Send + Sync + fmt::Debug {
    /// Makes one call.
    async fn call(&self, token: &str, request: Request) -> Result<Reply, Refusal>;

    /// The data of a bucket.
    fn objects(&self, bucket: &str) -> Arc<dyn ObjectStore>;
}

/// The cloud. Clones are the same cloud.
#[derive(Clone)]
pub(crate) struct Cloud {
    state: Arc<Mutex<State>>,
    clock: TokioClock,
}

/// Everything the cloud remembers, and how it behaves.
pub(crate) struct State {
    things: Vec<Thing>,
    objects: BTreeMap<String, Arc<InMemory>>,
    next: u32,
    /// The tokens that are accepted.
    pub(crate) tokens: BTreeSet<String>,
    /// What is created does not show in lists for so long.
    pub(crate) lag: Duration,
    /// So many calls are refused as too many.
    pub(crate) throttled: u64,
    /// No room for machines.
    pub(crate) full: bool,
    /// How many things fit on a page.
    pub(crate) page: usize,
}

impl Cloud {
    /// An empty cloud that accepts one token.
    pub(crate) fn new(token: &str) -> Self {
        let state = State {
            things: Vec::new(),
            objects: BTreeMap::new(),
            next: 1,
            tokens: BTreeSet::from([token.to_owned()]),
            lag: Duration::ZERO,
            throttled: 0,
            full: false,
            page: 100,
        };
        Self { state: Arc::new(Mutex::new(state)), clock: TokioClock::default() }
    }

    /// Looks into the machine room.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, token: &str, request: Request) -> Result<Reply, Refusal> {
        let now = self.clock.monotonic();
        let mut state = self.state();
        if state.throttled > 0 {
            state.throttled -= 1;
            return Err(Refusal::TooManyRequests);
        }
        if !state.tokens.contains(token) {
            return Err(Refusal::BadToken);
        }
        match request {
            Request::Create { kind, key, labels, fields } => state.create(kind, key, labels, fields, now),
            Request::Update { id, fields } => {
                let thing = state.things.iter_mut().find(|thing| thing.id == id);
                let thing = thing.ok_or(Refusal::NoSuchThing(id))?;
                thing.fields.extend(fields);
                Ok(Reply::Thing(thing.clone()))
            }
            Request::Delete { id } => state.delete(&id),
            Request::List { kind, labels, cursor } => Ok(state.list(&kind, &labels, &cursor, now)),
        }
    }
}

impl fmt::Debug for Cloud {
    /// Shows no token and no field of a machine.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cloud").field("things", &self.state().things.len()).finish_non_exhaustive()
    }
}

impl State {
    /// Everything there is.
    pub(crate) fn things(&self) -> &[Thing] {
        &self.things
    }

    /// Puts a thing there, behind everybody's back.
    pub(crate) fn plant(&mut self, kind: &str, labels: Map, fields: Map) {
        let id = format!("{kind}-{:04}", self.next);
        self.next += 1;
        let (kind, key) = (kind.to_owned(), id.clone());
        self.things.push(Thing { kind, id, labels, fields, key, born: Duration::ZERO });
    }

    /// Changes things behind everybody's back; those for which the answer is false are gone.
    pub(crate) fn tamper(&mut self, change: impl FnMut(&mut Thing) -> bool) {
        self.things.retain_mut(change);
    }

    fn create(
        &mut self,
        kind: String,
        key: String,
        labels: Map,
        fields: Map,
        born: Duration,
    ) -> Result<Reply, Refusal> {
        if let Some(known) = self.things.iter().find(|thing| thing.kind == kind && thing.key == key) {
            return Ok(Reply::Thing(known.clone()));
        }
        if kind == "machine" && self.full {
            return Err(Refusal::NoRoom);
        }
        if kind == "bucket" {
            let name = labels.get("name").cloned().unwrap_or_default();
            if self.things.iter().any(|thing| thing.kind == kind && thing.labels.get("name") == Some(&name)) {
                return Err(Refusal::NameTaken(name));
            }
            self.objects.remove(&name);
        }
        let needed = ["network", "subnet", "disk"].iter().filter_map(|field| fields.get(*field));
        if let Some(missing) = needed.into_iter().find(|id| !self.things.iter().any(|thing| thing.id == **id))
        {
            return Err(Refusal::NoSuchThing(missing.clone()));
        }
        let id = format!("{kind}-{:04}", self.next);
        self.next += 1;
        let thing = Thing { kind, id, labels, fields, key, born };
        self.things.push(thing.clone());
        Ok(Reply::Thing(thing))
    }

    fn delete(&mut self, id: &str) -> Result<Reply, Refusal> {
        let Some(at) = self.things.iter().position(|thing| thing.id == id) else {
            return Err(Refusal::NoSuchThing(id.to_owned()));
        };
        if let Some(user) = self.things.iter().find(|thing| thing.fields.values().any(|value| value == id)) {
            return Err(Refusal::InUse(user.id.clone()));
        }
        self.things.remove(at);
        Ok(Reply::Done)
    }

    fn list(&self, kind: &str, labels: &Map, cursor: &str, now: Duration) -> Reply {
        let fits = |thing: &&Thing| {
            let shown = thing.born.is_zero() || thing.born + self.lag <= now;
            let labelled = labels.iter().all(|(name, value)| thing.labels.get(name) == Some(value));
            thing.kind == kind && labelled && shown && thing.id.as_str() > cursor
        };
        let mut found: Vec<_> = self.things.iter().filter(fits).cloned().collect();
        found.sort_by(|one, other| one.id.cmp(&other.id));
        let more = found.len() > self.page;
        found.truncate(self.page);
        let next = if more { found.last().map(|thing| thing.id.clone()) } else { None };
        Reply::Page(found, next.unwrap_or_default())
    }
}

#[async_trait]
impl Api for Cloud {
    async fn call(&self, token: &str, request: Request) -> Result<Reply, Refusal> {
        self.clock.sleep(Duration::from_millis(20)).await;
        self.answer(token, request)
    }

    fn objects(&self, bucket: &str) -> Arc<dyn ObjectStore> {
        Arc::clone(self.state().objects.entry(bucket.to_owned()).or_default()) as _
    }
}
