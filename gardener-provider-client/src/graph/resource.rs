//! What a cloud declares of one resource.

use std::{any::Any, fmt, marker::PhantomData, sync::Arc};

use async_trait::async_trait;
use gardener_provider_core::{Difference, Error, Result};

use super::Scope;

/// What is to be done about an existing resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Change {
    /// It is as wanted.
    #[default]
    None,
    /// It can be brought in line as it stands.
    Update(Vec<Difference>),
    /// It must be deleted and created anew.
    Replace(Vec<Difference>),
}

impl Change {
    /// An update, or none if there is no difference.
    pub fn update(differences: Vec<Difference>) -> Self {
        if differences.is_empty() { Self::None } else { Self::Update(differences) }
    }
}

/// One resource of the infrastructure: how it is found, created, compared, updated and deleted.
///
/// Every method may be interrupted anywhere and called again. The engine calls `find` first, always; `create` only if
/// there is nothing; then `differs`, and `update` if it differs. So `create` needs to make only the bare, tagged
/// resource, and `update` the rest: an interrupted creation then goes on where it stopped.
#[async_trait]
pub trait Resource: Send + Sync + fmt::Debug + 'static {
    /// The resource as the cloud describes it.
    type Observed: fmt::Debug + Send + Sync + 'static;

    /// What kind of resource, by the cloud's name for it: `NAT gateway`.
    fn kind(&self) -> &'static str;

    /// The cloud's id of what was found.
    fn id(&self, observed: &Self::Observed) -> String;

    /// Looks it up by exact tag or name. More than one match is an error ([`super::only_one`]). Makes no change.
    async fn find(&self, scope: &Scope) -> Result<Option<Self::Observed>>;

    /// Creates it, marked as the cluster's in the same call where the cloud allows it. `AlreadyExists` makes the engine look
    /// again, for a while: an attempt whose reply was lost may have made it.
    async fn create(&self, scope: &Scope) -> Result<Self::Observed>;

    /// Compares what was found with what is wanted. Makes no call.
    fn differs(&self, scope: &Scope, observed: &Self::Observed) -> Result<Change> {
        let _ = (scope, observed);
        Ok(Change::None)
    }

    /// Brings it in line and returns it as it is then. Writes only what differs.
    async fn update(&self, scope: &Scope, observed: &Self::Observed) -> Result<Self::Observed> {
        let _ = (scope, observed);
        Err(Error::internal(format!("a {} differs but cannot be updated", self.kind())))
    }

    /// Deletes it and returns once it no longer stands in the way of what it depended on. Already gone is success.
    /// For what the user gave: removes only our marks.
    async fn delete(&self, scope: &Scope, observed: &Self::Observed) -> Result<()>;

    /// True if the user gave it: it is never created and never deleted. `create` then answers the error that names the
    /// user's field.
    fn given(&self) -> bool {
        false
    }

    /// False if it should not exist: it is deleted if it is found.
    fn wanted(&self) -> bool {
        true
    }
}

/// A resource found or created, of any type.
#[derive(Clone)]
pub(crate) struct Observed {
    pub(crate) id: String,
    pub(crate) value: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observed").field(&self.id).finish()
    }
}

/// [`Resource`] without its type, so that a graph can hold all kinds.
#[async_trait]
pub(crate) trait AnyResource: Send + Sync + fmt::Debug {
    fn kind(&self) -> &'static str;
    fn given(&self) -> bool;
    fn wanted(&self) -> bool;
    async fn find(&self, scope: &Scope) -> Result<Option<Observed>>;
    async fn create(&self, scope: &Scope) -> Result<Observed>;
    fn differs(&self, scope: &Scope, observed: &Observed) -> Result<Change>;
    async fn update(&self, scope: &Scope, observed: &Observed) -> Result<Observed>;
    async fn delete(&self, scope: &Scope, observed: &Observed) -> Result<()>;
}

#[derive(Debug)]
pub(crate) struct Erased<R: Resource>(pub(crate) R, PhantomData<fn() -> R::Observed>);

impl<R: Resource> Erased<R> {
    pub(crate) fn new(resource: R) -> Self {
        Self(resource, PhantomData)
    }

    fn erase(&self, observed: R::Observed) -> Observed {
        Observed { id: self.0.id(&observed), value: Arc::new(observed) }
    }

    fn typed<'a>(&self, observed: &'a Observed) -> Result<&'a R::Observed> {
        observed
            .value
            .downcast_ref()
            .ok_or_else(|| Error::internal(format!("a {} was mixed up with another resource", self.0.kind())))
    }
}

#[async_trait]
impl<R: Resource> AnyResource for Erased<R> {
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn given(&self) -> bool {
        self.0.given()
    }

    fn wanted(&self) -> bool {
        self.0.wanted()
    }

    async fn find(&self, scope: &Scope) -> Result<Option<Observed>> {
        Ok(self.0.find(scope).await?.map(|observed| self.erase(observed)))
    }

    async fn create(&self, scope: &Scope) -> Result<Observed> {
        Ok(self.erase(self.0.create(scope).await?))
    }

    fn differs(&self, scope: &Scope, observed: &Observed) -> Result<Change> {
        self.0.differs(scope, self.typed(observed)?)
    }

    async fn update(&self, scope: &Scope, observed: &Observed) -> Result<Observed> {
        Ok(self.erase(self.0.update(scope, self.typed(observed)?).await?))
    }

    async fn delete(&self, scope: &Scope, observed: &Observed) -> Result<()> {
        self.0.delete(scope, self.typed(observed)?).await
    }
}
