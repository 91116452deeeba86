//! Route tables. Their routes are written by the cluster's cloud controller.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/virtualnetwork/route-tables>

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    RestRequest,
    network::{self, Properties, Resource, sample_group},
};

/// A route table.
pub type RouteTable = Resource<RouteTableProperties>;

/// The properties of a route table: all kept as they came.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteTableProperties {
    /// How it is going.
    #[serde(skip_serializing)]
    pub provisioning_state: Option<String>,
    /// What this crate does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Properties for RouteTableProperties {
    const KIND: &'static str = "routeTables";
    const GET: &'static str = "RouteTables_Get";
    const PUT: &'static str = "RouteTables_CreateOrUpdate";
    const READ_ONLY: &'static [&'static str] = &["subnets"];

    fn provisioning_state(&self) -> Option<&str> {
        self.provisioning_state.as_deref()
    }
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let id = sample_group().network("routeTables", "worker_route_table");
    vec![
        network::get::<RouteTableProperties>(&id).request,
        network::put(&id, &RouteTable::new("westeurope"), None).request,
    ]
}
