//! Disks ([reference](https://cloud.google.com/compute/docs/reference/rest/v1/disks)).

use serde::Deserialize;

use super::{
    Mutation, Operation, RestRequest, compute,
    instances::Labels,
    last_segment,
    lists::{self, Aggregated},
    operations::REQUEST_ID,
};

/// A disk, as far as anybody here looks.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Disk {
    pub name: String,
    /// The address of its zone; none for a regional disk.
    pub zone: String,
    /// `CREATING`, `READY`, `DELETING`, …
    pub status: String,
    pub labels: Labels,
    /// The addresses of the instances that it is attached to.
    pub users: Vec<String>,
}

impl Disk {
    /// The name of its zone.
    pub fn zone(&self) -> &str {
        last_segment(&self.zone)
    }
}

/// One page of the disks of all zones that match a filter.
pub fn aggregated_list(
    project: &str,
    filter: Option<&str>,
    token: Option<&str>,
) -> Operation<Aggregated<Disk>> {
    let request = compute("compute.disks.aggregatedList", project).segments(["aggregated", "disks"]);
    Operation::new(lists::paged(request, filter, token), lists::aggregated)
}

/// Deletes a disk.
pub fn delete(project: &str, zone: &str, name: &str) -> Mutation {
    Operation::json(compute("compute.disks.delete", project).segments(["zones", zone, "disks", name]))
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<RestRequest> {
    let filter = lists::is("labels.gardener-machine", "m");
    vec![
        aggregated_list("my-project", Some(&filter), Some("token")).request,
        delete("my-project", "europe-west1-b", "d")
            .request
            .query(REQUEST_ID, "7c0f3d6e-0001-4a51-9a3b-00005eed0001"),
    ]
}
