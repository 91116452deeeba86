//! What there is to know about a type of resource, as data and a few functions.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::{
    Arm,
    draft::Draft,
    shape::{Field, Tone},
    store::Stored,
};
use crate::azure::{
    error::{Answer, ArmError},
    options::Durations,
    state::State,
};

/// A type of resource.
#[derive(Debug)]
pub(crate) struct Kind {
    /// `Microsoft.Network/virtualNetworks/subnets`.
    pub(crate) name: &'static str,
    /// The name of the operation group in the vendor's description, such as `Subnets`.
    pub(crate) operations: &'static str,
    /// The names of its operations: of one resource group (or parent), of the whole subscription, and of PATCH.
    pub(crate) list: &'static str,
    pub(crate) list_all: &'static str,
    pub(crate) update: &'static str,
    /// Everything that may stand in its JSON.
    pub(crate) fields: &'static [Field],
    pub(crate) tone: Tone,
    pub(crate) style: Style,
    /// The status of a creation that is over with the call.
    pub(crate) created: u16,
    /// True if it has a location of its own.
    pub(crate) placed: bool,
    /// Whether it shows an ETag.
    pub(crate) etag: bool,
    /// Whether it shows `properties.provisioningState`.
    pub(crate) state: bool,
    /// Properties that list children, and their types.
    pub(crate) children: &'static [(&'static str, &'static str)],
    /// Which lists in the properties have members with ids of their own, though they are no resources.
    pub(crate) parts: &'static [&'static str],
    /// Checks what is asked for and fills in what the cloud decides.
    pub(crate) prepare: fn(&mut Arm<'_>, &mut Draft) -> Answer<()>,
    /// Adds what follows from other resources.
    pub(crate) show: fn(&State, &Stored, &mut Map<String, Value>),
    /// Why it cannot be deleted now.
    pub(crate) hinders: fn(&State, &Stored) -> Answer<()>,
    /// What happens when a write has ended; the flag says whether well.
    pub(crate) written: fn(&mut State, &str, bool, SystemTime),
    /// What happens after its removal.
    pub(crate) removed: fn(&mut State, &Stored, SystemTime),
    /// How long a write and a deletion take.
    pub(crate) takes: fn(&Durations) -> (Duration, Duration),
}

/// How a service answers writes that go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Everything is over with the call.
    Prompt,
    /// 201 or 200 with `Azure-AsyncOperation`; deletions 202 with `Location` as well.
    Tracked,
    /// 202 with both headers.
    Accepted,
}

impl Kind {
    /// A kind that needs no more than storing.
    pub(crate) const fn new(name: &'static str, operations: &'static str, fields: &'static [Field]) -> Self {
        Self {
            name,
            operations,
            list: "List",
            list_all: "ListAll",
            update: "UpdateTags",
            fields,
            tone: Tone::Network,
            style: Style::Tracked,
            created: 201,
            placed: true,
            etag: true,
            state: true,
            children: &[],
            parts: &[],
            prepare: |_, _| Ok(()),
            show: |_, _, _| {},
            hinders: |_, _| Ok(()),
            written: |_, _, _, _| {},
            removed: |_, _, _| {},
            takes: |durations| (durations.network, durations.network),
        }
    }

    /// The namespace.
    pub(crate) fn provider(&self) -> &'static str {
        self.name.split_once('/').map_or(self.name, |(provider, _)| provider)
    }

    /// The type without its namespace and parents.
    pub(crate) fn short(&self) -> &'static str {
        self.name.rsplit_once('/').map_or(self.name, |(_, short)| short)
    }

    pub(crate) fn is_child(&self) -> bool {
        self.name.matches('/').count() > 1
    }

    /// The service's name in journal and faults.
    pub(crate) fn service(&self) -> &'static str {
        service_of(self.provider())
    }

    /// True for this type, whatever the case.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// The name of a namespace's service in journal and faults.
pub(crate) fn service_of(provider: &str) -> &'static str {
    const NAMES: [(&str, &str); 8] = [
        ("Microsoft.Authorization", "authorization"),
        ("Microsoft.Compute", "compute"),
        ("Microsoft.ManagedIdentity", "identity"),
        ("Microsoft.MarketplaceOrdering", "marketplace"),
        ("Microsoft.Network", "network"),
        ("Microsoft.ResourceGraph", "resourcegraph"),
        ("Microsoft.Storage", "storage"),
        ("Microsoft.ContainerRegistry", "containerregistry"),
    ];
    let known = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(provider));
    known.map_or("resources", |(_, service)| service)
}

/// The error for a type that no service has.
pub(crate) fn unknown_type(provider: &str, kind: &str) -> ArmError {
    if service_of(provider) == "resources" && !provider.eq_ignore_ascii_case("Microsoft.Resources") {
        return ArmError::missing(
            "InvalidResourceNamespace",
            format!("The resource namespace '{provider}' is invalid."),
        );
    }
    ArmError::missing(
        "InvalidResourceType",
        format!("The resource type '{kind}' could not be found in the namespace '{provider}'."),
    )
}
