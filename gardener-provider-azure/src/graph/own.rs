//! Resources of ours in the network: found by exact name, written whole, in the state that was read and no other.

use std::fmt;

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Resource, Scope};
use gardener_provider_core::{Difference, Error, ErrorKind, Result};

use super::context::Context;
use crate::api::{
    ResourceId,
    network::{self, Properties, Resource as NetworkResource},
};

/// A resource of ours: where it is, what it should be, and what of that it is not.
#[async_trait]
pub(crate) trait Own: Send + Sync + fmt::Debug + 'static {
    type Properties: Properties + Send + Sync + 'static;

    fn kind(&self) -> &'static str;
    fn context(&self) -> &Context;
    async fn id(&self) -> Result<ResourceId>;

    async fn look(&self, id: &ResourceId) -> Result<Option<NetworkResource<Self::Properties>>> {
        self.context().session.find(&network::get(id)).await
    }

    /// Makes of what is there what should be, and touches nothing else of it.
    fn shape(&self, scope: &Scope, resource: &mut NetworkResource<Self::Properties>) -> Result<()>;

    /// What is not as it should be.
    fn compare(&self, scope: &Scope, resource: &NetworkResource<Self::Properties>) -> Result<Change>;

    /// Takes it off what uses it, so that it can be deleted.
    async fn take_off(&self, _observed: &NetworkResource<Self::Properties>) -> Result<()> {
        Ok(())
    }

    fn wanted(&self) -> bool {
        true
    }

    /// What to add to a refusal: the user's field.
    fn field(&self) -> Option<&str> {
        None
    }
}

/// Makes an [`Own`] a resource of the graph.
#[derive(Debug)]
pub(crate) struct Ours<O>(pub(crate) O);

impl<O: Own> Ours<O> {
    async fn put(
        &self,
        scope: &Scope,
        mut resource: NetworkResource<O::Properties>,
    ) -> Result<NetworkResource<O::Properties>> {
        self.0.shape(scope, &mut resource)?;
        let put = network::put(&self.0.id().await?, &resource, resource.etag.as_deref());
        self.0.context().session.change(&put).await.map_err(|error| match self.0.field() {
            Some(field) if error.kind() == ErrorKind::InvalidArgument => error.context(field),
            _ => error,
        })
    }
}

#[async_trait]
impl<O: Own> Resource for Ours<O> {
    type Observed = NetworkResource<O::Properties>;

    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn id(&self, observed: &Self::Observed) -> String {
        observed.id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Self::Observed>> {
        self.0.look(&self.0.id().await?).await
    }

    async fn create(&self, scope: &Scope) -> Result<Self::Observed> {
        self.put(scope, NetworkResource::default()).await
    }

    fn differs(&self, scope: &Scope, observed: &Self::Observed) -> Result<Change> {
        let mut differences = match self.0.compare(scope, observed)? {
            Change::None => Vec::new(),
            Change::Update(differences) => differences,
            replace @ Change::Replace(_) => return Ok(replace),
        };
        if !observed.is_settled() {
            differences.push(Difference::new("provisioningState", observed.state(), "Succeeded"));
        }
        Ok(Change::update(differences))
    }

    /// Reads it again, so that what is written back is what is there now.
    async fn update(&self, scope: &Scope, _: &Self::Observed) -> Result<Self::Observed> {
        let current = self.0.context().settled(&self.0.id().await?).await?;
        match self.differs(scope, &current)? {
            Change::None => Ok(current),
            Change::Update(_) => self.put(scope, current).await,
            Change::Replace(_) => {
                let message = format!("the {} was changed by somebody else", self.0.kind());
                Err(Error::new(ErrorKind::Conflict, message))
            }
        }
    }

    async fn delete(&self, _: &Scope, observed: &Self::Observed) -> Result<()> {
        self.0.take_off(observed).await?;
        let delete = network::delete::<O::Properties>(&self.0.id().await?);
        self.0.context().session.change(&delete).await
    }

    fn wanted(&self) -> bool {
        self.0.wanted()
    }
}
