//! One step of a run: look, act, save; again while something stands in the way.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use gardener_provider_core::{Action, Error, ErrorKind, InfrastructureState, Result, Retry, RunOptions};
use tokio::sync::Mutex;

use super::{Change, Engine, Node, Scope, resource::Observed};

/// A key of the saved state that says: a creation was begun at this second and the cloud has not shown it since.
const INTENT: &str = "intent/";

/// How long to wait before looking again for what may not show yet.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// For how long at least a creation is repeated that is refused because there is something of the same name.
const NAMESAKE: Duration = Duration::from_secs(120);

/// The steps of one run and what they share.
pub(super) struct Steps<'a> {
    engine: &'a Engine,
    scope: &'a Scope,
    options: &'a RunOptions,
    state: Mutex<InfrastructureState>,
    /// When this run created something last, on the clock's monotonic time in milliseconds.
    created: AtomicU64,
    /// The state could not be saved: nothing is tried again.
    unsaved: AtomicBool,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        scope: &'a Scope,
        state: Option<&InfrastructureState>,
        options: &'a RunOptions,
    ) -> Self {
        let mut own = InfrastructureState::new(&engine.api_version);
        own.data = state.map(|state| state.data.clone()).unwrap_or_default();
        own.data.extend(scope.ids());
        Self {
            engine,
            scope,
            options,
            state: Mutex::new(own),
            created: AtomicU64::new(0),
            unsaved: AtomicBool::new(false),
        }
    }

    pub(super) fn into_state(self) -> InfrastructureState {
        self.state.into_inner()
    }

    /// Looks a node up and remembers it. A creation that was begun a moment ago may not show yet: then it looks again
    /// until it must.
    pub(super) async fn look(&self, node: &Node) -> Result<Option<Observed>> {
        let clock = &*self.engine.clock;
        let found = loop {
            let found = node.resource.find(self.scope).await?;
            if found.is_some() {
                break found;
            }
            let Some(left) = self.may_still_appear(node).await else { break None };
            clock.sleep(LOOK_AGAIN.min(left)).await;
        };
        match &found {
            Some(observed) => {
                self.scope.put(&node.name, observed.clone());
                // Saved with the next change; until then it does no harm.
                self.state.lock().await.data.remove(&intent(node));
            }
            None => self.scope.remove(&node.name),
        }
        Ok(found)
    }

    /// How long what was begun before may still take to show.
    async fn may_still_appear(&self, node: &Node) -> Option<Duration> {
        let begun = self.state.lock().await.data.get(&intent(node))?.parse().ok()?;
        let until = UNIX_EPOCH + Duration::from_secs(begun) + self.engine.lag;
        let left = until.duration_since(self.engine.clock.now()).ok()?;
        // A clock that was set back must not make this wait for ever.
        Some(left.min(self.engine.lag)).filter(|left| !left.is_zero())
    }

    pub(super) async fn apply(&self, node: &Node) -> Result<Action> {
        if node.only_on_destroy {
            return Ok(Action::Keep);
        }
        let start = self.engine.clock.monotonic();
        self.settled(
            node,
            |error, tries| {
                // What a step needs, or what it has just made itself, may not show yet everywhere.
                let since = start.max(Duration::from_millis(self.created.load(Ordering::Relaxed)));
                let waited = self.engine.clock.monotonic().saturating_sub(since);
                let lagging = error.is_not_found() && !node.resource.given() && waited < self.engine.lag;
                // An attempt whose reply was lost made it, or its namesake is still being deleted: the next look tells.
                let namesake =
                    error.kind() == ErrorKind::AlreadyExists && waited < self.engine.lag.max(NAMESAKE);
                lagging || namesake || (tries < 4 && is_ambiguous(error) && error.retry() == Retry::Later)
            },
            || self.apply_once(node),
        )
        .await
    }

    async fn apply_once(&self, node: &Node) -> Result<Action> {
        let Some(observed) = self.look(node).await? else {
            if !node.resource.wanted() {
                self.forget(node).await?;
                return Ok(Action::Keep);
            }
            let created = self.create(node).await?;
            self.converge(node, created).await?;
            return Ok(Action::Create);
        };
        if !node.resource.wanted() {
            node.resource.delete(self.scope, &observed).await?;
            self.forget(node).await?;
            return Ok(Action::Delete);
        }
        self.remember(node, &observed).await?;
        if let Change::Replace(differences) = node.resource.differs(self.scope, &observed)? {
            tracing::info!(node = node.name, ?differences, "replacing");
            node.resource.delete(self.scope, &observed).await?;
            self.forget(node).await?;
            let created = self.create(node).await?;
            self.converge(node, created).await?;
            return Ok(Action::Replace);
        }
        self.converge(node, observed).await
    }

    async fn create(&self, node: &Node) -> Result<Observed> {
        if !node.resource.given() {
            let now = self.engine.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            self.save(|data| {
                data.insert(intent(node), now.as_secs().to_string());
                true
            })
            .await?;
        }
        let created = match node.resource.create(self.scope).await {
            Ok(created) => created,
            Err(error) => {
                // A clear refusal: nothing was made, so nothing can appear.
                let may_exist = matches!(error.kind(), ErrorKind::Cancelled | ErrorKind::AlreadyExists);
                if !is_ambiguous(&error) && !may_exist {
                    self.save(|data| data.remove(&intent(node)).is_some()).await?;
                }
                return Err(error);
            }
        };
        let now = u64::try_from(self.engine.clock.monotonic().as_millis()).unwrap_or(u64::MAX);
        self.created.fetch_max(now, Ordering::Relaxed);
        // The intent stays until the cloud shows what was created.
        self.scope.put(&node.name, created.clone());
        self.save(|data| data.insert(node.name.clone(), created.id.clone()).as_ref() != Some(&created.id))
            .await?;
        Ok(created)
    }

    /// Updates what differs.
    async fn converge(&self, node: &Node, observed: Observed) -> Result<Action> {
        match node.resource.differs(self.scope, &observed)? {
            Change::None => Ok(Action::Keep),
            Change::Update(differences) => {
                tracing::debug!(node = node.name, ?differences, "updating");
                let updated = node.resource.update(self.scope, &observed).await?;
                self.remember(node, &updated).await?;
                Ok(Action::Update)
            }
            Change::Replace(differences) => {
                let fields: Vec<_> = differences.iter().map(|difference| difference.field.as_str()).collect();
                Err(Error::internal(format!(
                    "a new {} differs at once in {}",
                    node.resource.kind(),
                    fields.join(", ")
                )))
            }
        }
    }

    pub(super) async fn delete(&self, node: &Node) -> Result<Action> {
        if self.scope.observed(&node.name).is_none() {
            self.forget(node).await?;
            return Ok(Action::Keep);
        }
        self.settled(
            node,
            |_, _| false,
            || async {
                // Looked up when the run began; after a hindrance it may be another.
                let Some(observed) = self.scope.observed(&node.name) else { return Ok(()) };
                match node.resource.delete(self.scope, &observed).await {
                    Err(error) if !error.is_not_found() => {
                        node.resource.find(self.scope).await?.map_or_else(
                            || self.scope.remove(&node.name),
                            |again| self.scope.put(&node.name, again),
                        );
                        Err(error)
                    }
                    _ => Ok(()),
                }
            },
        )
        .await?;
        self.forget(node).await?;
        Ok(node.deletion())
    }

    /// Repeats a step while something stands in its way that should pass.
    async fn settled<T, F, Fut>(
        &self,
        node: &Node,
        passes: impl Fn(&Error, u32) -> bool,
        step: F,
    ) -> Result<T>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let clock = &*self.engine.clock;
        let (start, mut interval, mut tries) = (clock.monotonic(), self.engine.settle.interval, 0);
        loop {
            tries += 1;
            let error = match step().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let hindered = matches!(
                error.kind(),
                ErrorKind::DependencyViolation | ErrorKind::Conflict | ErrorKind::FailedPrecondition
            ) && error.retry() != Retry::Never;
            let waited = clock.monotonic().saturating_sub(start);
            let hopeless = self.unsaved.load(Ordering::Relaxed);
            if hopeless
                || !(hindered || passes(&error, tries))
                || waited + interval > self.engine.settle.timeout
            {
                return Err(error);
            }
            self.options.cancel.check(&format!("{} again, which failed: {error}", node.name))?;
            tracing::debug!(node = node.name, %error, ?interval, "something stands in the way; trying again");
            clock.sleep(interval).await;
            interval = self.engine.settle.max_interval.min(interval.mul_f32(1.5));
        }
    }

    async fn remember(&self, node: &Node, observed: &Observed) -> Result<()> {
        self.scope.put(&node.name, observed.clone());
        self.save(|data| data.insert(node.name.clone(), observed.id.clone()).as_ref() != Some(&observed.id))
            .await
    }

    async fn forget(&self, node: &Node) -> Result<()> {
        self.scope.remove(&node.name);
        self.save(|data| {
            let intended = data.remove(&intent(node)).is_some();
            data.remove(&node.name).is_some() || intended
        })
        .await
    }

    /// Changes the state and saves it if that changed something. Saves follow one another in order.
    async fn save(
        &self,
        change: impl FnOnce(&mut std::collections::BTreeMap<String, String>) -> bool,
    ) -> Result<()> {
        let mut state = self.state.lock().await;
        if change(&mut state.data) {
            let saved = self.options.state_store.save(&state).await;
            saved.map_err(|error| {
                self.unsaved.store(true, Ordering::Relaxed);
                error.context("saving the infrastructure's state")
            })?;
        }
        Ok(())
    }
}

fn intent(node: &Node) -> String {
    format!("{INTENT}{}", node.name)
}

/// True if nobody knows whether the call was carried out.
fn is_ambiguous(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::DeadlineExceeded)
        && error.retry() == Retry::Later
}
