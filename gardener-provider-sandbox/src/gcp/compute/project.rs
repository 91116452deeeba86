//! What one project has, and how it changes with time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::SystemTime,
};

use serde_json::{Map, Value};

use super::{
    kind::{Kind, Level},
    links::{Key, Scope, path_of, url},
    operations::Operation,
    routes,
};
use crate::{
    Resource,
    gcp::{
        body::{Fields, Object},
        context::timestamp,
    },
};

/// One project.
pub(crate) struct Project {
    pub(crate) id: String,
    pub(crate) resources: BTreeMap<Key, Stored>,
    pub(crate) operations: BTreeMap<(Scope, String), Operation>,
    /// By request id: what was asked, and the operation that it started.
    pub(crate) requests: BTreeMap<String, (String, (Scope, String))>,
    /// The metadata that all instances have.
    pub(crate) metadata: Object,
    /// How many addresses were given out, apart from a subnetwork's IPv4 addresses.
    pub(crate) ips: u32,
    events: BTreeMap<(SystemTime, u64), Event>,
    count: u64,
}

/// A resource.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) id: u64,
    /// As it is shown, except for what follows from other resources.
    pub(crate) body: Object,
    /// From when on lists have it.
    pub(crate) listed_from: SystemTime,
    pub(crate) phase: Phase,
    /// What it comes and goes with, if the cloud made it.
    pub(crate) owner: Option<Key>,
}

/// How a resource begins.
#[derive(Debug)]
pub(crate) struct Birth {
    pub(crate) id: u64,
    pub(crate) at: SystemTime,
    pub(crate) listed_from: SystemTime,
    pub(crate) owner: Option<Key>,
    pub(crate) phase: Phase,
}

/// Whether something is going on with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Creating,
    Ready,
    Changing,
    Deleting,
}

/// What happens at some time.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// Whatever was going on with it is over.
    Ready(Key),
    /// The change is made.
    Replaced(Key, Object),
    /// It is gone, with what belongs to it.
    Removed(Key),
    /// An instance has this status.
    Status(Key, &'static str),
    ForgetRequest(String),
    ForgetOperation((Scope, String)),
}

/// Bodies hold user data, so only their number is shown.
impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Project")
            .field("id", &self.id)
            .field("resources", &self.resources.len())
            .field("operations", &self.operations.len())
            .finish_non_exhaustive()
    }
}

impl Project {
    pub(crate) fn new(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            resources: BTreeMap::new(),
            operations: BTreeMap::new(),
            requests: BTreeMap::new(),
            metadata: Object::new(),
            ips: 0,
            events: BTreeMap::new(),
            count: 0,
        }
    }

    /// Lets everything happen that is due.
    pub(crate) fn settle(&mut self, now: SystemTime) {
        while let Some(entry) = self.events.first_entry() {
            if entry.key().0 > now {
                return;
            }
            let at = entry.key().0;
            let event = entry.remove();
            self.happen(at, event);
        }
    }

    pub(crate) fn schedule(&mut self, at: SystemTime, event: Event) {
        self.count += 1;
        self.events.insert((at, self.count), event);
    }

    fn happen(&mut self, at: SystemTime, event: Event) {
        match event {
            Event::Ready(key) => {
                if let Some(stored) = self.resources.get_mut(&key) {
                    stored.phase = Phase::Ready;
                }
            }
            Event::Replaced(key, body) => {
                if let Some(stored) = self.resources.get_mut(&key) {
                    stored.body = body;
                    stored.phase = Phase::Ready;
                }
                if key.kind == Kind::Subnetwork {
                    routes::follow(self, &key, at);
                }
            }
            Event::Removed(key) => self.remove(&key),
            Event::Status(key, status) => {
                if let Some(stored) = self.resources.get_mut(&key) {
                    stored.body.insert("status".to_owned(), status.into());
                }
            }
            Event::ForgetRequest(id) => {
                self.requests.remove(&id);
            }
            Event::ForgetOperation(name) => {
                self.operations.remove(&name);
            }
        }
    }

    fn remove(&mut self, key: &Key) {
        self.resources.remove(key);
        if matches!(key.kind, Kind::Network | Kind::Subnetwork) {
            let owned: Vec<Key> = self.owned_by(key).cloned().collect();
            for key in owned {
                self.remove(&key);
            }
        }
    }

    /// Stores a new resource, with the fields that all have.
    pub(crate) fn store(&mut self, key: &Key, mut body: Object, birth: Birth) {
        let Birth { id, at, listed_from, owner, phase } = birth;
        let place = url(&format!("projects/{}/{}", self.id, key.scope.path()));
        match key.scope.level() {
            Level::Global => {}
            Level::Region => {
                body.insert("region".to_owned(), place.into());
            }
            Level::Zone => {
                body.insert("zone".to_owned(), place.into());
            }
        }
        for (name, value) in [
            ("kind", key.kind.tag()),
            ("id", id.to_string()),
            ("name", key.name.clone()),
            ("creationTimestamp", timestamp(at)),
            ("selfLink", key.url(&self.id)),
        ] {
            body.insert(name.to_owned(), value.into());
        }
        self.resources.insert(key.clone(), Stored { id, body, listed_from, phase, owner });
    }

    /// What comes and goes with `owner`.
    pub(crate) fn owned_by<'a>(&'a self, owner: &'a Key) -> impl Iterator<Item = &'a Key> {
        self.resources
            .iter()
            .filter(move |(_, stored)| stored.owner.as_ref() == Some(owner))
            .map(|(key, _)| key)
    }

    /// All of one kind.
    pub(crate) fn all(&self, kind: Kind) -> impl Iterator<Item = (&Key, &Stored)> {
        let first = Key::new(kind, Scope::Global, "");
        self.resources.range(first..).take_while(move |(key, _)| key.kind == kind)
    }

    /// The path of a resource that uses the one with this URL.
    pub(crate) fn user_of(&self, key: &Key) -> Option<String> {
        // A deleted instance leaves its groups, pools and routes by itself.
        if key.kind == Kind::Instance {
            return None;
        }
        let url = key.url(&self.id);
        let other = |other: &Key, stored: &Stored| other != key && stored.owner.is_none();
        let mut users = self.resources.iter().filter(|(key, stored)| other(key, stored));
        let by_url =
            users.find(|(_, stored)| mentions(&stored.body, &url)).map(|(key, _)| key.path(&self.id));
        match key.kind {
            Kind::Address if by_url.is_none() => {
                let users = self.derived(&BTreeSet::from([Kind::Address]));
                users.users.get(&url).and_then(|users| users.first()).map(|user| path_of(user).to_owned())
            }
            _ => by_url,
        }
    }

    /// What resources of these kinds show of others.
    pub(crate) fn derived(&self, kinds: &BTreeSet<Kind>) -> Derived {
        let mut derived = Derived::default();
        if kinds.contains(&Kind::Network) {
            for (key, stored) in self.all(Kind::Subnetwork) {
                derived.add_subnetwork(&stored.body, key.url(&self.id));
            }
        }
        if kinds.contains(&Kind::Disk) {
            for (key, stored) in self.all(Kind::Instance) {
                for disk in stored.body.list("disks").iter().filter_map(Value::as_object) {
                    derived.add_user(disk.text("source"), &key.url(&self.id));
                }
            }
        }
        if kinds.contains(&Kind::Address) {
            self.derive_address_users(&mut derived);
        }
        derived
    }

    fn derive_address_users(&self, derived: &mut Derived) {
        let mut by_ip: BTreeMap<&str, String> = BTreeMap::new();
        for (key, stored) in self.all(Kind::Address) {
            if let Some(ip) = stored.body.text("address") {
                by_ip.insert(ip, key.url(&self.id));
            }
        }
        for kind in [Kind::Instance, Kind::ForwardingRule] {
            for (key, stored) in self.all(kind) {
                let user = key.url(&self.id);
                for ip in used_ips(&stored.body) {
                    derived.add_user(by_ip.get(ip).map(String::as_str), &user);
                }
            }
        }
        for (key, stored) in self.all(Kind::Router) {
            for nat in stored.body.list("nats").iter().filter_map(Value::as_object) {
                for ip in nat.texts("natIps").into_iter().chain(nat.texts("drainNatIps")) {
                    derived.add_user(Some(ip), &key.url(&self.id));
                }
            }
        }
    }

    /// What somebody created.
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        let created = self.resources.iter().filter(|(_, stored)| stored.owner.is_none());
        let shown = created.map(|(key, stored)| {
            let id = stored.id.to_string();
            let mut resource = Resource::new("compute", key.kind.word(), key.scope.region(), &id);
            resource.name.clone_from(&key.name);
            let labels = stored.body.object("labels").into_iter().flatten();
            let labels = labels.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
            resource.tags = labels.collect();
            resource
        });
        shown.collect()
    }
}

/// The external and internal addresses that an instance or a forwarding rule uses.
pub(crate) fn used_ips(body: &Object) -> Vec<&str> {
    let mut found: Vec<&str> = body.text("IPAddress").into_iter().collect();
    for interface in body.list("networkInterfaces").iter().filter_map(Value::as_object) {
        found.extend(interface.text("networkIP"));
        let access = interface.list("accessConfigs").iter().filter_map(Value::as_object);
        found.extend(access.filter_map(|access| access.text("natIP")));
    }
    found
}

/// What follows from other resources.
#[derive(Debug, Default)]
pub(crate) struct Derived {
    /// Who uses the resource, by its URL.
    pub(crate) users: BTreeMap<String, Vec<String>>,
    /// The subnetworks, by their network's URL.
    pub(crate) subnetworks: BTreeMap<String, Vec<String>>,
}

impl Derived {
    fn add_user(&mut self, resource: Option<&str>, user: &str) {
        if let Some(resource) = resource {
            let users = self.users.entry(resource.to_owned()).or_default();
            if users.last().is_none_or(|last| last != user) {
                users.push(user.to_owned());
            }
        }
    }

    fn add_subnetwork(&mut self, body: &Object, url: String) {
        if let Some(network) = body.text("network") {
            self.subnetworks.entry(network.to_owned()).or_default().push(url);
        }
    }
}

/// True if a text somewhere in `object` is `url`.
fn mentions(object: &Map<String, Value>, url: &str) -> bool {
    object.values().any(|value| value_mentions(value, url))
}

fn value_mentions(value: &Value, url: &str) -> bool {
    match value {
        Value::String(text) => text == url,
        Value::Array(list) => list.iter().any(|value| value_mentions(value, url)),
        Value::Object(object) => mentions(object, url),
        _ => false,
    }
}
