//! The service account of the nodes.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::{
    graph::{Resource, Scope},
    rest::or_gone,
};
use gardener_provider_core::Result;

use super::Context;
use crate::api::service_accounts::{
    ServiceAccount, create_service_account, delete_service_account, email, get_service_account,
};

/// The service account, by its email, which has the cluster's name.
#[derive(Debug)]
pub(crate) struct NodesAccount(pub(crate) Arc<Context>);

impl NodesAccount {
    fn email(&self) -> String {
        email(self.0.project(), self.0.cluster.as_str())
    }
}

#[async_trait]
impl Resource for NodesAccount {
    type Observed = ServiceAccount;

    fn kind(&self) -> &'static str {
        "service account"
    }

    fn id(&self, observed: &ServiceAccount) -> String {
        observed.email.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<ServiceAccount>> {
        self.0.look(get_service_account(self.0.project(), &self.email())).await
    }

    async fn create(&self, _: &Scope) -> Result<ServiceAccount> {
        self.0.run(create_service_account(self.0.project(), self.0.cluster.as_str())).await
    }

    async fn delete(&self, _: &Scope, _: &ServiceAccount) -> Result<()> {
        or_gone(self.0.run(delete_service_account(self.0.project(), &self.email())).await)
    }
}
