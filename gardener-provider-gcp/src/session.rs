//! The clients of one identity, shared by all requests that ask with it.

use std::{
    ops::ControlFlow,
    sync::{Arc, OnceLock},
    time::Duration,
};

use gardener_provider_client::{
    client::{ApiClient, Dialect},
    clock::Clock,
    poll::Poll,
    recent::Recent,
    rest::or_missing,
    setup::Base,
    throttle::{Rate, Throttle},
    transport::Transport,
};
use gardener_provider_core::{Error, Result, SecretData};

use crate::{
    api::{Mutation, Operation, family, operations, operations::ComputeOperation},
    credentials::{CredentialChain, Identity, Trust},
    dialect::GcpDialect,
    endpoints::{Endpoints, Service},
    machines::Fleet,
};

/// What Google allows a project, by kind of call: so many at once, so many per second after that. Compute Engine counts by
/// the minute, 1500 for most kinds in each region and 750 for those that weigh more; others use the project too.
///
/// Sources: [Compute Engine](https://cloud.google.com/compute/api-quota),
/// [IAM](https://cloud.google.com/iam/quotas),
/// [buckets](https://cloud.google.com/storage/quotas#buckets),
/// [objects](https://cloud.google.com/storage/docs/request-rate); the token services do not publish theirs.
pub const RATES: &[(&str, Rate)] = &[
    (family::COMPUTE_READ, Rate::new(200.0, 20.0)),
    (family::COMPUTE_LIST, Rate::new(200.0, 20.0)),
    (family::COMPUTE_AGGREGATED, Rate::new(100.0, 10.0)),
    (family::COMPUTE_WRITE, Rate::new(200.0, 20.0)),
    (family::COMPUTE_OPERATIONS, Rate::new(200.0, 20.0)),
    (family::IAM, Rate::new(20.0, 5.0)),
    (family::STORAGE, Rate::new(20.0, 5.0)),
    (family::STORAGE_OBJECTS, Rate::new(1000.0, 1000.0)),
    (family::TOKEN, Rate::new(50.0, 10.0)),
    (family::STS, Rate::new(50.0, 10.0)),
    (family::IAM_CREDENTIALS, Rate::new(50.0, 10.0)),
    (family::METADATA, Rate::new(50.0, 10.0)),
];

/// Instances take a minute or two to end, networks too; the caller comes back if it takes longer.
const DONE: Poll =
    Poll::new(Duration::from_secs(1), Duration::from_secs(900)).with_max_interval(Duration::from_secs(10));
/// An operation that was answered may not be known everywhere at once.
const APPEARANCE: Duration = Duration::from_secs(60);
/// The server answers a wait after two minutes at the latest.
const LONGEST_WAIT: Duration = Duration::from_secs(150);

/// What all sessions of a provider share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) base: Base,
    pub(crate) endpoints: Endpoints,
    pub(crate) trust: Trust,
}

/// Sends requests to whichever service they are for.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    client: ApiClient,
    endpoints: Endpoints,
}

impl Line {
    fn new(shared: &Shared, throttle: &Throttle, dialect: impl Dialect + 'static) -> Self {
        let Base { transport, settings, .. } = &shared.base;
        let client =
            ApiClient::new(Arc::clone(transport), Arc::new(dialect), throttle.clone(), settings.clone());
        Self { client, endpoints: shared.endpoints.clone() }
    }

    pub(crate) async fn run<R>(&self, operation: &Operation<R>) -> Result<R> {
        let request = &operation.request;
        let service = family::service(request.family)
            .ok_or_else(|| Error::internal(format!("no service has the family {}", request.family)))?;
        self.run_at(&self.endpoints.resolve(service)?, operation).await
    }

    async fn run_at<R>(&self, base: &url::Url, operation: &Operation<R>) -> Result<R> {
        let request = &operation.request;
        let mut call = request.call(base)?;
        if request.family == family::COMPUTE_OPERATIONS {
            call = call.with_timeout(LONGEST_WAIT);
        }
        let reply = self.client.send(&call).await?;
        (operation.parse)(&reply).map_err(|error| error.with_operation(request.operation))
    }
}

/// The clients of one identity in its project.
#[derive(Debug)]
pub struct Session {
    project: String,
    credentials: Arc<CredentialChain>,
    line: Line,
    shared: Arc<Shared>,
    fleet: OnceLock<Fleet>,
}

impl Session {
    fn new(shared: Arc<Shared>, identity: &Identity) -> Result<Self> {
        identity.proof.check()?;
        let clock = &shared.base.settings.clock;
        let throttle = Throttle::new(Arc::clone(clock), &shared.base.rates);
        let open = Line::new(&shared, &throttle, GcpDialect::open());
        let credentials = Arc::new(CredentialChain::new(identity.proof.clone(), open, Arc::clone(clock)));
        let line = Line::new(&shared, &throttle, GcpDialect::authorized(Arc::clone(&credentials)));
        Ok(Self { project: identity.project.clone(), credentials, line, shared, fleet: OnceLock::new() })
    }

    /// The project.
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The credentials, for the object store.
    pub fn credentials(&self) -> &Arc<CredentialChain> {
        &self.credentials
    }

    /// The clock that all waits go through.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.base.settings.clock
    }

    /// The machines of this identity in its project.
    pub(crate) fn fleet(self: &Arc<Self>) -> &Fleet {
        self.fleet.get_or_init(|| Fleet::new(Arc::downgrade(self)))
    }

    /// Where a service is reached.
    ///
    /// # Errors
    /// None for public endpoints.
    pub fn endpoint(&self, service: Service) -> Result<url::Url> {
        self.shared.endpoints.resolve(service)
    }

    /// Carries an operation out.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn run<R>(&self, operation: &Operation<R>) -> Result<R> {
        self.line.run(operation).await
    }

    /// As [`Session::run`], at another address than the service's own, such as a regional one. The token goes there.
    ///
    /// # Errors
    /// What the service answers.
    pub async fn run_at<R>(&self, base: &url::Url, operation: &Operation<R>) -> Result<R> {
        self.line.run_at(base, operation).await
    }

    /// Reads something that may not exist.
    ///
    /// # Errors
    /// All but `NotFound`.
    pub async fn find<R>(&self, operation: &Operation<R>) -> Result<Option<R>> {
        or_missing(self.run(operation).await)
    }

    /// Changes something in Compute Engine and returns when it is done. A lost reply is recovered from: the change
    /// carries a request id, a new one unless it has one, and is sent again with it.
    ///
    /// # Errors
    /// What the service answers at once, or what its long-running operation ends with; `DeadlineExceeded` if that takes
    /// more than a quarter of an hour.
    pub async fn finish(&self, mutation: &Mutation) -> Result<ComputeOperation> {
        let begun = self.begin(mutation).await?;
        self.done(begun).await.map_err(|error| error.with_operation(mutation.request.operation))
    }

    /// As [`Session::finish`], of a deletion: gone already is as good as deleted.
    ///
    /// # Errors
    /// All but `NotFound`.
    pub async fn remove(&self, mutation: &Mutation) -> Result<()> {
        or_missing(self.finish(mutation).await).map(drop)
    }

    /// The first half of [`Session::finish`]: sends the change, and does not wait for it.
    ///
    /// # Errors
    /// What the service answers at once.
    pub async fn begin(&self, mutation: &Mutation) -> Result<ComputeOperation> {
        self.run(&operations::with_request_id(mutation)).await
    }

    /// The second half of [`Session::finish`]: waits for what was begun.
    ///
    /// # Errors
    /// What it ends with.
    pub async fn done(&self, begun: ComputeOperation) -> Result<ComputeOperation> {
        let finished = if begun.is_done() { begun } else { self.wait(&begun).await? };
        match finished.failure() {
            None => Ok(finished),
            Some(failure) => Err(failure),
        }
    }

    async fn wait(&self, begun: &ComputeOperation) -> Result<ComputeOperation> {
        let clock = &**self.clock();
        let start = clock.monotonic();
        let wait = operations::wait(&self.project, begun);
        let look = || async {
            match self.run(&wait).await {
                Ok(operation) if operation.is_done() => Ok(ControlFlow::Break(operation)),
                Ok(_) => Ok(ControlFlow::Continue(None)),
                Err(error) if error.is_not_found() => {
                    let waited = clock.monotonic().saturating_sub(start);
                    if waited < APPEARANCE { Ok(ControlFlow::Continue(None)) } else { Err(lost(&error)) }
                }
                Err(error) => Err(error),
            }
        };
        DONE.until(clock, format!("operation {}", begun.name), look).await
    }
}

/// That the operation is not known does not say that its target is not.
fn lost(error: &Error) -> Error {
    let message = format!("what became of an operation is not known: {}", error.message());
    Error::new(gardener_provider_core::ErrorKind::Unavailable, message)
}

/// The sessions in use, by identity.
#[derive(Debug)]
pub struct Sessions {
    shared: Arc<Shared>,
    held: Recent<Identity, Session>,
}

/// More sessions than this are not kept; the one unused for longest goes.
const MOST: usize = 256;

impl Sessions {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared), held: Recent::new(MOST) }
    }

    /// The transport that everything goes through.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.shared.base.transport
    }

    /// How endpoints are chosen.
    pub fn endpoints(&self) -> &Endpoints {
        &self.shared.endpoints
    }

    /// The session for the identity in this secret. Makes no call.
    ///
    /// # Errors
    /// `InvalidArgument` naming the key of the secret.
    pub fn get(&self, secret: &SecretData) -> Result<Arc<Session>> {
        let identity = self.shared.trust.identity(secret)?;
        self.held.get_or_make(identity, |identity| Session::new(Arc::clone(&self.shared), identity))
    }
}

#[cfg(test)]
mod tests;
