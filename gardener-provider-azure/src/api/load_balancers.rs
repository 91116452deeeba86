//! Load balancers, which the cluster's cloud controller makes.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/load-balancer/load-balancers>

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    RestRequest,
    network::{self, Properties, Resource, sample_group},
};

/// A load balancer.
pub type LoadBalancer = Resource<LoadBalancerProperties>;

/// The properties of a load balancer: all kept as they came.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancerProperties {
    /// How it is going.
    #[serde(skip_serializing)]
    pub provisioning_state: Option<String>,
    /// What this crate does not know.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Properties for LoadBalancerProperties {
    const KIND: &'static str = "loadBalancers";
    const GET: &'static str = "LoadBalancers_Get";
    const LIST: &'static str = "LoadBalancers_List";
    const DELETE: &'static str = "LoadBalancers_Delete";

    fn provisioning_state(&self) -> Option<&str> {
        self.provisioning_state.as_deref()
    }
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let group = sample_group();
    let id = group.network("loadBalancers", "shoot--demo--app");
    vec![
        network::list::<LoadBalancerProperties>(&group).request,
        network::delete::<LoadBalancerProperties>(&id).request,
    ]
}
