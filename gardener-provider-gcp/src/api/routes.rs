//! Routes of a network
//! ([compute.routes](https://cloud.google.com/compute/docs/reference/rest/v1/routes)).

use gardener_provider_client::pages::Page;
use serde::Deserialize;

use super::{
    Mutation, Operation, RestRequest, compute,
    lists::{page, paged},
};

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Route {
    /// Its name, unique in the project.
    pub name: String,
    /// What its maker says of it.
    pub description: String,
    /// The URL of its network.
    pub network: String,
    /// Where the traffic goes to.
    pub dest_range: String,
    /// The URL of the instance that it goes through.
    pub next_hop_instance: Option<String>,
}

fn routes(operation: &'static str, project: &str) -> RestRequest {
    compute(operation, project).segments(["global", "routes"])
}

/// A page of the routes that the filter lets through.
pub fn list_routes(project: &str, filter: &str, page_token: Option<&str>) -> Operation<Page<Route>> {
    let request = routes("compute.routes.list", project);
    Operation::new(paged(request, Some(filter), page_token), page)
}

/// Deletes a route.
pub fn delete_route(project: &str, name: &str) -> Mutation {
    Operation::json(routes("compute.routes.delete", project).segments([name]))
}

pub(super) fn samples() -> Vec<RestRequest> {
    vec![
        list_routes("p", "network eq \".*/networks/n\"", Some("token")).request,
        delete_route("p", "r").request,
    ]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    #[test]
    fn routes_lead_to_instances_or_elsewhere() {
        let reply = br#"{"items":[{"name":"a","nextHopInstance":"i"},{"name":"b","nextHopGateway":"g"}],
            "nextPageToken":"t"}"#;
        let list = list_routes("p", "f", None);
        let page = (list.parse)(&Response::new(Bytes::from_static(reply))).unwrap();
        let hops: Vec<_> = page.items.iter().map(|route| route.next_hop_instance.as_deref()).collect();
        assert_eq!((hops, page.next.as_deref()), (vec![Some("i"), None], Some("t")));
    }
}
