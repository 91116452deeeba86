//! All types of resources that the sandbox knows.

use super::{
    arm::{id::ResourceId, kind::Kind},
    compute, identity, marketplace, network, resources, storage,
};

/// The kinds of all services.
pub(crate) fn all() -> impl Iterator<Item = &'static Kind> {
    let services: [&[&'static Kind]; 6] = [
        resources::KINDS,
        network::KINDS,
        compute::KINDS,
        identity::KINDS,
        marketplace::KINDS,
        storage::KINDS,
    ];
    services.into_iter().flatten().copied()
}

/// The kind of this name, whatever the case.
pub(crate) fn named(name: &str) -> Option<&'static Kind> {
    all().find(|kind| kind.is(name))
}

/// The kind of a resource.
pub(crate) fn of(id: &ResourceId) -> Option<&'static Kind> {
    if id.provider.is_empty() {
        return id.group.as_ref().map(|_| &resources::GROUP);
    }
    named(&id.kind())
}
