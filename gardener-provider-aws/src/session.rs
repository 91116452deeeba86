//! The clients of one identity in one region, shared by all requests that ask with it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use gardener_provider_client::{
    client::ApiClient,
    recent::Recent,
    setup::Base,
    throttle::{Rate, Throttle},
    transport::Transport,
};
use gardener_provider_core::{Region, Result, SecretData};
use http::Response;

use crate::{
    ambient::Ambient,
    api::{Operation, family},
    credentials::{
        CredentialChain, CredentialSource, Identity, Source, WorkloadIdentity, static_credentials,
    },
    dialect::AwsDialect,
    endpoints::{Endpoint, Endpoints, Partition, Service},
    machines::Fleet,
};

/// What EC2 allows an account in a region, by kind of call: so many at once, so many per second after that. EC2 counts
/// most calls for each action alone; one bucket for all of a kind keeps well below, as others use the account too.
///
/// Sources: [EC2](https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html#throttling-limits-rate-based),
/// [objects of S3](https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html);
/// the other services do not publish theirs, so those are modest guesses that a refusal corrects.
pub const RATES: &[(&str, Rate)] = &[
    (family::EC2_READ, Rate::new(100.0, 20.0)),
    (family::EC2_READ_UNFILTERED, Rate::new(50.0, 10.0)),
    (family::EC2_WRITE, Rate::new(50.0, 5.0)),
    (family::EC2_RUN, Rate::new(5.0, 2.0)),
    (family::EC2_TERMINATE, Rate::new(100.0, 5.0)),
    (family::IAM, Rate::new(20.0, 5.0)),
    (family::STS, Rate::new(50.0, 10.0)),
    (family::S3, Rate::new(50.0, 10.0)),
    (family::S3_OBJECTS, Rate::new(500.0, 500.0)),
    (family::ELB, Rate::new(20.0, 5.0)),
    (family::EFS, Rate::new(10.0, 2.0)),
];

/// What all sessions of a provider share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) base: Base,
    pub(crate) endpoints: Endpoints,
    pub(crate) source: CredentialSource,
}

/// The clients of one identity in one region.
#[derive(Debug)]
pub struct Session {
    region: Region,
    partition: Partition,
    credentials: Arc<CredentialChain>,
    shared: Arc<Shared>,
    throttle: Throttle,
    fleet: OnceLock<Fleet>,
}

impl Session {
    fn new(shared: Arc<Shared>, identity: &Identity, region: &Region) -> Result<Self> {
        let clock = &shared.base.settings.clock;
        let throttle = Throttle::new(Arc::clone(clock), &shared.base.rates);
        let source = match identity {
            Identity::Key { id, secret, token } => {
                Source::Static(static_credentials(id, secret, token.as_ref()))
            }
            Identity::Workload { token_file, role_arn } => {
                let endpoint = shared.endpoints.resolve(Service::Sts, region)?;
                let dialect = AwsDialect::unsigned(&endpoint);
                Source::Workload(Box::new(WorkloadIdentity {
                    token_file: token_file.clone(),
                    role_arn: role_arn.clone(),
                    client: ApiClient::new(
                        Arc::clone(&shared.base.transport),
                        Arc::new(dialect),
                        throttle.clone(),
                        shared.base.settings.clone(),
                    ),
                    endpoint,
                }))
            }
            Identity::Ambient => Source::Ambient(Box::new(Ambient::new(
                Arc::clone(&shared.base.transport),
                Arc::clone(clock),
                region.clone(),
            ))),
        };
        let credentials = Arc::new(CredentialChain::new(source, Arc::clone(clock)));
        Ok(Self {
            region: region.clone(),
            partition: Partition::of(region)?,
            credentials,
            shared,
            throttle,
            fleet: OnceLock::new(),
        })
    }

    /// The region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// The partition that the region belongs to.
    pub fn partition(&self) -> Partition {
        self.partition
    }

    /// The credentials, for the object store.
    pub fn credentials(&self) -> &Arc<CredentialChain> {
        &self.credentials
    }

    /// The clock that all waits go through.
    pub fn clock(&self) -> &Arc<dyn gardener_provider_client::clock::Clock> {
        &self.shared.base.settings.clock
    }

    /// The machines of this identity in this region.
    pub(crate) fn fleet(self: &Arc<Self>) -> &Fleet {
        self.fleet.get_or_init(|| Fleet::new(Arc::downgrade(self)))
    }

    /// Where a service is reached.
    pub fn endpoint(&self, service: Service) -> Result<Endpoint> {
        self.shared.endpoints.resolve(service, &self.region)
    }

    /// Carries an operation out.
    pub async fn run<R>(&self, operation: &Operation<R>) -> Result<R> {
        let reply = self.send(operation).await?;
        (operation.parse)(&reply).map_err(|error| error.with_operation(operation.request.operation))
    }

    async fn send<R>(&self, operation: &Operation<R>) -> Result<Response<Bytes>> {
        let endpoint = self.endpoint(operation.request.service)?;
        let dialect = AwsDialect::signed(&endpoint, Arc::clone(&self.credentials), Arc::clone(self.clock()));
        let client = ApiClient::new(
            Arc::clone(&self.shared.base.transport),
            Arc::new(dialect),
            self.throttle.clone(),
            self.shared.base.settings.clone(),
        );
        client.send(&operation.request.call(&endpoint)?).await
    }
}

/// The sessions in use, by identity and region.
#[derive(Debug)]
pub struct Sessions {
    shared: Arc<Shared>,
    held: Recent<(Identity, Region), Session>,
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
    /// `InvalidArgument` naming the key of the secret, or `region`.
    pub fn get(&self, secret: &SecretData, region: &Region) -> Result<Arc<Session>> {
        let key = (Identity::of(secret, self.shared.source)?, region.clone());
        self.held
            .get_or_make(key, |(identity, region)| Session::new(Arc::clone(&self.shared), identity, region))
    }
}

#[cfg(test)]
mod tests;
