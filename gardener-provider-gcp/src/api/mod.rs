//! The calls that this crate makes: one file per family of resources, a request builder and a reply parser per call.
//!
//! Every operation is a plain function that answers an [`Operation`]: the request, complete but for its address and
//! token, and the parser of its reply. Both can be tested without a server. Each file's `samples` builds all of its
//! operations with every parameter set; [`samples`] gathers them, so that a test can hold every request that this crate
//! can make against the official description of the API. An operation's name is its id in that description
//! (`compute.instances.insert`).

pub mod addresses;
pub mod disks;
pub mod firewalls;
pub mod instances;
pub mod lists;
pub mod network_interfaces;
pub mod networks;
pub mod operations;
pub mod routers;
pub mod routes;
pub mod service_accounts;
pub mod storage;
pub mod subnetworks;
pub mod token;

use gardener_provider_client::call::Idempotency;
pub use gardener_provider_client::rest::{Operation, RestRequest};
use http::Method;

/// API families: each has its own rate limit, and belongs to one service.
pub mod family {
    use crate::endpoints::Service;

    /// Compute Engine: one resource by its name.
    pub const COMPUTE_READ: &str = "compute/read";
    /// Compute Engine: lists of one zone, region or project.
    pub const COMPUTE_LIST: &str = "compute/list";
    /// Compute Engine: lists over all zones.
    pub const COMPUTE_AGGREGATED: &str = "compute/aggregated-list";
    /// Compute Engine: calls that change something.
    pub const COMPUTE_WRITE: &str = "compute/write";
    /// Compute Engine: long-running operations.
    pub const COMPUTE_OPERATIONS: &str = "compute/operations";
    /// Service accounts and policies.
    pub const IAM: &str = "iam";
    /// Administration of buckets.
    pub const STORAGE: &str = "storage";
    /// Objects and their versions.
    pub const STORAGE_OBJECTS: &str = "storage/objects";
    /// Access tokens for keys.
    pub const TOKEN: &str = "oauth2";
    /// Access tokens for workload identities.
    pub const STS: &str = "sts";
    /// Access tokens of others.
    pub const IAM_CREDENTIALS: &str = "iamcredentials";
    /// Access tokens of the metadata server.
    pub const METADATA: &str = "metadata";

    /// The service of a family.
    pub fn service(family: &str) -> Option<Service> {
        Some(match family {
            COMPUTE_READ | COMPUTE_LIST | COMPUTE_AGGREGATED | COMPUTE_WRITE | COMPUTE_OPERATIONS => {
                Service::Compute
            }
            IAM => Service::Iam,
            STORAGE | STORAGE_OBJECTS => Service::Storage,
            TOKEN => Service::OAuth,
            STS => Service::Sts,
            IAM_CREDENTIALS => Service::IamCredentials,
            METADATA => Service::Metadata,
            _ => return None,
        })
    }
}

/// A change in Compute Engine: it answers a long-running operation, which
/// [`Session::finish`](crate::session::Session::finish) waits for.
pub type Mutation = Operation<operations::ComputeOperation>;

/// A request to Compute Engine about a project, by its operation's id. The id's verb says method and family: `get`,
/// `list`, `aggregatedList`, `insert`, `delete`, `patch`, `update`, `wait`; all other verbs are posted.
pub fn compute(operation: &'static str, project: &str) -> RestRequest {
    let (resource, verb) = operation.rsplit_once('.').unwrap_or(("", operation));
    let method = match verb {
        "get" | "getFromFamily" | "list" | "aggregatedList" => Method::GET,
        "delete" => Method::DELETE,
        "patch" => Method::PATCH,
        "update" => Method::PUT,
        _ => Method::POST,
    };
    let family = match verb {
        _ if resource.ends_with("Operations") => family::COMPUTE_OPERATIONS,
        "get" | "getFromFamily" => family::COMPUTE_READ,
        "list" => family::COMPUTE_LIST,
        "aggregatedList" => family::COMPUTE_AGGREGATED,
        _ => family::COMPUTE_WRITE,
    };
    RestRequest::new(operation, family, method).segments(["compute", "v1", "projects", project])
}

/// A request to IAM, below its version.
pub fn iam(operation: &'static str, method: Method) -> RestRequest {
    RestRequest::new(operation, family::IAM, method).segments(["v1"])
}

/// A request to Cloud Storage's JSON API, below its version.
pub fn storage(operation: &'static str, family: &'static str, method: Method) -> RestRequest {
    let request = RestRequest::new(operation, family, method.clone()).segments(["storage", "v1"]);
    // Without a condition a change by PUT or PATCH is the same when it is made twice.
    let idempotency =
        if method == Method::PATCH { Idempotency::Idempotent } else { Idempotency::of(&method) };
    request.idempotency(idempotency)
}

/// The name at the end of a resource's address.
pub fn last_segment(address: &str) -> &str {
    address.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// Every request that this crate can make, with every parameter set.
pub fn samples() -> Vec<RestRequest> {
    [
        addresses::samples(),
        disks::samples(),
        firewalls::samples(),
        instances::samples(),
        network_interfaces::samples(),
        networks::samples(),
        operations::samples(),
        routers::samples(),
        routes::samples(),
        service_accounts::samples(),
        storage::samples(),
        subnetworks::samples(),
        token::samples(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_of_another_operation_or_other_parameters() {
        let samples = samples();
        for (index, sample) in samples.iter().enumerate() {
            assert!(!samples[..index].contains(sample), "{sample:?} is there twice");
            assert!(family::service(sample.family).is_some(), "{sample:?} is of no service");
        }
    }

    #[test]
    fn an_operations_id_says_how_it_is_called() {
        for (operation, method, family) in [
            ("compute.routers.get", Method::GET, family::COMPUTE_READ),
            ("compute.instances.aggregatedList", Method::GET, family::COMPUTE_AGGREGATED),
            ("compute.routers.patch", Method::PATCH, family::COMPUTE_WRITE),
            ("compute.disks.delete", Method::DELETE, family::COMPUTE_WRITE),
            ("compute.instances.setLabels", Method::POST, family::COMPUTE_WRITE),
            ("compute.zoneOperations.wait", Method::POST, family::COMPUTE_OPERATIONS),
        ] {
            let request = compute(operation, "my-project");
            assert_eq!((request.method, request.family), (method, family), "{operation}");
            assert_eq!(request.path, "/compute/v1/projects/my-project");
        }
    }

    #[test]
    fn the_last_segment_is_the_name() {
        assert_eq!(last_segment("https://x/compute/v1/projects/p/zones/europe-west1-b"), "europe-west1-b");
        assert_eq!(
            (last_segment("europe-west1-b"), last_segment("a/b/"), last_segment("")),
            ("europe-west1-b", "b", "")
        );
    }
}
