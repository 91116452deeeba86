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
    async fn look(cx: &Context) -> Result<Option<ServiceAccount>> {
        cx.look(get_service_account(cx.project(), &Self::email(cx))).await
    }

    fn email(cx: &Context) -> String {
        email(cx.project(), cx.cluster.as_str())
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
        Self::look(&self.0).await
    }

    async fn create(&self, _: &Scope) -> Result<ServiceAccount> {
        self.0.run(create_service_account(self.0.project(), self.0.cluster.as_str())).await
    }

    async fn delete(&self, _: &Scope, _: &ServiceAccount) -> Result<()> {
        or_gone(self.0.run(delete_service_account(self.0.project(), &Self::email(&self.0))).await)
    }
}

/// The service account of a cluster from before clusters got none: its nodes may have it, so it stays until the cluster goes.
#[derive(Debug)]
pub(crate) struct KeptAccount(pub(crate) Arc<Context>);

/// The account, if there is one.
#[derive(Debug)]
pub(crate) struct Kept(pub(crate) Option<ServiceAccount>);

#[async_trait]
impl Resource for KeptAccount {
    type Observed = Kept;

    fn kind(&self) -> &'static str {
        "service account"
    }

    fn id(&self, observed: &Kept) -> String {
        observed.0.as_ref().map_or_else(|| "none".to_owned(), |account| account.email.clone())
    }

    async fn find(&self, _: &Scope) -> Result<Option<Kept>> {
        NodesAccount::look(&self.0).await.map(|account| Some(Kept(account)))
    }

    async fn create(&self, _: &Scope) -> Result<Kept> {
        Ok(Kept(None))
    }

    async fn delete(&self, _: &Scope, _: &Kept) -> Result<()> {
        Ok(())
    }
}
