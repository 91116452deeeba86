//! What is known of the other resources while one is worked on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use gardener_provider_core::{Error, ErrorKind, InfrastructureState, Result, Retry};

use super::resource::Observed;

/// The resources of a run as far as they are known, and the state saved by the run before.
#[derive(Debug, Default)]
pub struct Scope {
    observed: Mutex<BTreeMap<String, Observed>>,
    hints: BTreeMap<String, String>,
}

impl Scope {
    /// Nothing known but the saved state.
    pub fn new(state: Option<&InfrastructureState>) -> Self {
        Self { observed: Mutex::default(), hints: state.map(|state| state.data.clone()).unwrap_or_default() }
    }

    /// The cloud's id of another resource, which must be one this resource depends on.
    ///
    /// # Errors
    /// `FailedPrecondition` if it does not exist (yet): in a plan, before the first apply.
    pub fn id(&self, node: &str) -> Result<String> {
        self.try_id(node).ok_or_else(|| missing(node))
    }

    /// The cloud's id of another resource, if it exists.
    pub fn try_id(&self, node: &str) -> Option<String> {
        self.lock().get(node).map(|observed| observed.id.clone())
    }

    /// Another resource as the cloud describes it.
    ///
    /// # Errors
    /// `FailedPrecondition` if it does not exist (yet); `Internal` if it is of another type.
    pub fn get<T: Send + Sync + 'static>(&self, node: &str) -> Result<Arc<T>> {
        let observed = self.lock().get(node).cloned().ok_or_else(|| missing(node))?;
        observed
            .value
            .downcast()
            .map_err(|_| Error::internal(format!("{node} is not of the type that was asked for")))
    }

    /// Another resource as the cloud describes it, if it exists and is of that type.
    pub fn try_get<T: Send + Sync + 'static>(&self, node: &str) -> Option<Arc<T>> {
        self.get(node).ok()
    }

    /// The id that the run before saved for a node. A hint: the cloud must be asked whether it is still true.
    pub fn hint(&self, node: &str) -> Option<&str> {
        self.hints.get(node).map(String::as_str)
    }

    /// The ids of all resources known to exist, by node.
    pub fn ids(&self) -> BTreeMap<String, String> {
        self.lock().iter().map(|(node, observed)| (node.clone(), observed.id.clone())).collect()
    }

    pub(crate) fn put(&self, node: &str, observed: Observed) {
        self.lock().insert(node.to_owned(), observed);
    }

    pub(crate) fn observed(&self, node: &str) -> Option<Observed> {
        self.lock().get(node).cloned()
    }

    pub(crate) fn remove(&self, node: &str) {
        self.lock().remove(node);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Observed>> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing(node: &str) -> Error {
    Error::new(ErrorKind::FailedPrecondition, format!("{node} does not exist yet")).with_retry(Retry::Never)
}
