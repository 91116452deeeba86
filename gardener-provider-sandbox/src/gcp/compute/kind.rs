//! The kinds of resources and where they live.

/// How far a collection reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    Global,
    Region,
    Zone,
}

/// A kind of resource that the sandbox plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Kind {
    Network,
    Subnetwork,
    Router,
    Address,
    Firewall,
    Route,
    Instance,
    Disk,
    Image,
    MachineType,
    DiskType,
    AcceleratorType,
    ResourcePolicy,
    Reservation,
    ForwardingRule,
    TargetPool,
    InstanceGroup,
    BackendService,
    HealthCheck,
    Operation,
}

/// Kind, collection in paths, word in messages and in the inventory, levels.
type Row = (Kind, &'static str, &'static str, &'static [Level]);

const ROWS: [Row; 20] = [
    (Kind::Network, "networks", "network", &[Level::Global]),
    (Kind::Subnetwork, "subnetworks", "subnetwork", &[Level::Region]),
    (Kind::Router, "routers", "router", &[Level::Region]),
    (Kind::Address, "addresses", "address", &[Level::Region, Level::Global]),
    (Kind::Firewall, "firewalls", "firewall", &[Level::Global]),
    (Kind::Route, "routes", "route", &[Level::Global]),
    (Kind::Instance, "instances", "instance", &[Level::Zone]),
    (Kind::Disk, "disks", "disk", &[Level::Zone]),
    (Kind::Image, "images", "image", &[Level::Global]),
    (Kind::MachineType, "machineTypes", "machineType", &[Level::Zone]),
    (Kind::DiskType, "diskTypes", "diskType", &[Level::Zone]),
    (Kind::AcceleratorType, "acceleratorTypes", "acceleratorType", &[Level::Zone]),
    (Kind::ResourcePolicy, "resourcePolicies", "resourcePolicy", &[Level::Region]),
    (Kind::Reservation, "reservations", "reservation", &[Level::Zone]),
    (Kind::ForwardingRule, "forwardingRules", "forwardingRule", &[Level::Region, Level::Global]),
    (Kind::TargetPool, "targetPools", "targetPool", &[Level::Region]),
    (Kind::InstanceGroup, "instanceGroups", "instanceGroup", &[Level::Zone]),
    (Kind::BackendService, "backendServices", "backendService", &[Level::Global, Level::Region]),
    (Kind::HealthCheck, "healthChecks", "healthCheck", &[Level::Global, Level::Region]),
    (Kind::Operation, "operations", "operation", &[Level::Zone, Level::Region, Level::Global]),
];

impl Kind {
    /// The kind by the name of its collection.
    pub(crate) fn of_collection(collection: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.1 == collection).map(|row| row.0)
    }

    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    pub(crate) fn collection(self) -> &'static str {
        self.row().1
    }

    pub(crate) fn word(self) -> &'static str {
        self.row().2
    }

    pub(crate) fn levels(self) -> &'static [Level] {
        self.row().3
    }

    /// The `kind` of its resources: `compute#network`.
    pub(crate) fn tag(self) -> String {
        format!("compute#{}", self.word())
    }

    /// The name of the resource in the discovery document.
    pub(crate) fn service(self, level: Level) -> &'static str {
        match (self, level) {
            (Self::Address, Level::Global) => "globalAddresses",
            (Self::ForwardingRule, Level::Global) => "globalForwardingRules",
            (Self::BackendService, Level::Region) => "regionBackendServices",
            (Self::HealthCheck, Level::Region) => "regionHealthChecks",
            (Self::Operation, Level::Global) => "globalOperations",
            (Self::Operation, Level::Region) => "regionOperations",
            (Self::Operation, Level::Zone) => "zoneOperations",
            _ => self.collection(),
        }
    }

    /// True for what belongs to the cloud and is only looked at.
    pub(crate) fn is_catalog(self) -> bool {
        matches!(self, Self::Image | Self::MachineType | Self::DiskType | Self::AcceleratorType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_at_its_kind() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.0 as usize, index);
            assert_eq!(Kind::of_collection(row.1), Some(row.0));
        }
    }
}
