//! What the resources of one run share.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use gardener_provider_client::{
    graph::Scope,
    pages::{Page, all_pages},
};
use gardener_provider_core::{
    ClusterId, Error, ErrorKind, InfrastructureRequest, Networking, Region, Result, Retry,
};
use serde_json::Value;

use super::{links, nodes};
use crate::{
    api::{Mutation, Operation},
    infrastructure_config::{InfrastructureConfig, is_dual_stack},
    session::Session,
};

/// The lengths that the id of a service account may have
/// ([source](https://cloud.google.com/iam/docs/service-accounts-create#creating)).
const ACCOUNT_ID: std::ops::RangeInclusive<usize> = 6..=30;

/// One infrastructure, one run.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) session: Arc<Session>,
    pub(crate) cluster: ClusterId,
    pub(crate) config: InfrastructureConfig,
    pub(crate) networking: Networking,
    region: Region,
    pub(crate) common: Arc<Common>,
}

/// What all runs of a provider share.
#[derive(Debug, Default)]
pub(crate) struct Common {
    /// True if clusters get no service account of their own; one that is there already is kept.
    pub(crate) no_service_accounts: bool,
    locks: RouterLocks,
}

impl Common {
    pub(crate) fn new(no_service_accounts: bool) -> Self {
        Self { no_service_accounts, ..Self::default() }
    }
}

/// A router has no fingerprint and its NAT gateways are written all at once: two clusters that share a router and are
/// applied by the same provider take turns.
#[derive(Debug, Default)]
struct RouterLocks(Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl RouterLocks {
    fn of(&self, router: String) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that nobody holds or waits for are of no use any more.
        locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(locks.entry(router).or_default())
    }
}

impl Context {
    /// Makes no call.
    pub(crate) fn new(
        session: Arc<Session>,
        request: &InfrastructureRequest,
        config: InfrastructureConfig,
        common: Arc<Common>,
    ) -> Result<Self> {
        let id = request.cluster.as_str();
        let has_account = !config.networks.uses_given_subnets() && !common.no_service_accounts;
        if has_account && !ACCOUNT_ID.contains(&id.len()) {
            let (least, most) = (ACCOUNT_ID.start(), ACCOUNT_ID.end());
            return Err(Error::invalid(
                "cluster",
                format!("{id:?} must have {least} to {most} characters: it names a service account"),
            ));
        }
        Ok(Self {
            session,
            cluster: request.cluster.clone(),
            networking: request.networking.clone(),
            region: request.region.clone(),
            config,
            common,
        })
    }

    pub(crate) fn project(&self) -> &str {
        self.session.project()
    }

    pub(crate) fn region(&self) -> &str {
        self.region.as_str()
    }

    pub(crate) fn is_dual_stack(&self) -> bool {
        is_dual_stack(&self.networking)
    }

    /// `<cluster>-<suffix>`
    pub(crate) fn name(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.cluster)
    }

    /// The name of the VPC, the user's or ours.
    pub(crate) fn vpc(&self) -> &str {
        self.config.networks.given_vpc().unwrap_or(self.cluster.as_str())
    }

    /// The URL of the VPC.
    pub(crate) fn vpc_link(&self) -> String {
        format!("projects/{}/global/networks/{}", self.project(), self.vpc())
    }

    /// The name of the router, the user's or ours.
    pub(crate) fn router(&self) -> String {
        self.config.networks.given_router().map_or_else(|| self.name("cloud-router"), str::to_owned)
    }

    /// The URL of the router.
    pub(crate) fn router_link(&self) -> String {
        format!("projects/{}/regions/{}/routers/{}", self.project(), self.region(), self.router())
    }

    pub(crate) fn nat(&self) -> String {
        self.name("cloud-nat")
    }

    /// True if this URL is the VPC's.
    pub(crate) fn is_in_vpc(&self, network: &str) -> bool {
        links::same(network, &self.vpc_link())
    }

    /// True if a VPC of ours is not there: then there is nothing in it either.
    pub(crate) fn lacks_vpc(&self, scope: &Scope) -> bool {
        self.config.networks.vpc.is_none() && scope.try_id(nodes::VPC).is_none()
    }

    /// The filter for what is in the VPC. Other VPCs may pass it: look at the URL.
    pub(crate) fn in_vpc(&self) -> String {
        format!("network eq \".*/networks/{}\"", self.vpc())
    }

    /// The error for something that has the name of ours and stands in another network: it is another's.
    pub(crate) fn elsewhere(&self, kind: &str, name: &str, network: &str) -> Error {
        let message = format!(
            "the {kind} {name} is in the network {}, not in {}: it is not this cluster's, and its name is \
             taken; delete or rename it",
            links::name(network),
            self.vpc()
        );
        Error::new(ErrorKind::FailedPrecondition, message).with_retry(Retry::Never)
    }

    /// Waits for its turn to write the NAT gateways of the router.
    pub(crate) async fn turn_at_router(&self) -> tokio::sync::OwnedMutexGuard<()> {
        self.common.locks.of(self.router_link()).lock_owned().await
    }

    pub(crate) async fn run<R>(&self, operation: Operation<R>) -> Result<R> {
        self.session.run(&operation).await
    }

    /// None if there is no such thing.
    pub(crate) async fn look<R>(&self, operation: Operation<R>) -> Result<Option<R>> {
        self.session.find(&operation).await
    }

    /// Starts it and waits until it is done.
    pub(crate) async fn complete(&self, mutation: Mutation) -> Result<()> {
        self.session.finish(&mutation).await.map(drop)
    }

    /// Deletes something and waits until it is gone; gone already is as good.
    pub(crate) async fn remove(&self, mutation: Mutation) -> Result<()> {
        self.session.remove(&mutation).await
    }

    /// All pages of a list.
    pub(crate) async fn all<T>(
        &self,
        filter: &str,
        list: fn(&str, &str, Option<&str>) -> Operation<Page<T>>,
    ) -> Result<Vec<T>> {
        all_pages(|next| {
            let operation = list(self.project(), filter, next.as_deref());
            async move { self.run(operation).await }
        })
        .await
    }
}

/// A value as a plan shows it.
pub(crate) fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if !items.is_empty() => {
            items.iter().fold(String::new(), |mut text, item| {
                let comma = if text.is_empty() { "" } else { "," };
                let _ = write!(text, "{comma}{}", shown(Some(item)));
                text
            })
        }
        Some(other) => other.to_string(),
    }
}
