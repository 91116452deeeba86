//! What the cluster's cloud controller made and may have left behind: load balancers, which keep subnets from being
//! deleted.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::try_join_all;
use gardener_provider_client::graph::{Resource, Scope};
use gardener_provider_core::{Error, Result};

use super::context::Context;
use crate::api::{
    ResourceId,
    load_balancers::LoadBalancerProperties,
    network::{self, Properties},
};

/// The load balancers in the cluster's resource group.
#[derive(Debug)]
pub(crate) struct LoadBalancers(pub(crate) Arc<Context>);

impl LoadBalancers {
    fn id_of(&self, name: &str) -> ResourceId {
        self.0.group.network(LoadBalancerProperties::KIND, name)
    }
}

#[async_trait]
impl Resource for LoadBalancers {
    /// Their names.
    type Observed = Vec<String>;

    fn kind(&self) -> &'static str {
        "load balancers"
    }

    fn id(&self, observed: &Vec<String>) -> String {
        observed.join(",")
    }

    async fn find(&self, _: &Scope) -> Result<Option<Vec<String>>> {
        let found = self.0.list::<LoadBalancerProperties>(&self.0.group).await?;
        let names: Vec<_> = found.into_iter().map(|balancer| balancer.name).collect();
        Ok((!names.is_empty()).then_some(names))
    }

    async fn create(&self, _: &Scope) -> Result<Vec<String>> {
        Err(Error::internal("load balancers are made by the cluster's cloud controller"))
    }

    async fn delete(&self, _: &Scope, observed: &Vec<String>) -> Result<()> {
        let deletions = observed.iter().map(|name| async {
            let delete = network::delete::<LoadBalancerProperties>(&self.id_of(name));
            self.0.session.change(&delete).await
        });
        try_join_all(deletions).await.map(drop)
    }
}
