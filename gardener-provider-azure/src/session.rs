//! The client of one identity in one subscription, shared by all requests that ask with it.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures::{FutureExt, stream::BoxStream};
use gardener_provider_client::{
    client::{ApiClient, ClientSettings},
    clock::Clock,
    pages::{Page, all_pages, pages},
    recent::Recent,
    rest::{Operation, RestRequest, or_missing},
    setup::Base,
    throttle::{Rate, Throttle},
    transport::Transport,
};
use gardener_provider_core::{Error, Result, SecretData};
use http::Response;
use url::Url;

use crate::{
    api::{ResourceId, family, operations::Change},
    credentials::{CredentialChain, CredentialSource, Identity, Principal, TokenApi},
    dialect::{AzureDialect, TokenDialect},
    endpoints::{Audience, Cloud, Endpoints, Service},
    machines::Fleet,
};

mod changes;

/// What Azure allows a subscription, by kind of call: so many at once, so many per second after that.
///
/// Sources: [Resource Manager](https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling#migrating-to-regional-throttling-and-token-bucket-algorithm),
/// [networks](https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling#network-throttling)
/// (1,000 changes in five minutes), [storage](https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/request-limits-and-throttling#storage-throttling)
/// (1,200 changes in an hour, 100 lists in five minutes),
/// [blobs](https://learn.microsoft.com/en-us/azure/storage/common/scalability-targets-standard-account),
/// [instance metadata](https://learn.microsoft.com/en-us/azure/virtual-machines/instance-metadata-service#rate-limiting);
/// Entra ID does not publish its own.
pub const RATES: &[(&str, Rate)] = &[
    (family::READ, Rate::new(250.0, 25.0)),
    (family::WRITE, Rate::new(200.0, 10.0)),
    (family::DELETE, Rate::new(200.0, 10.0)),
    (family::NETWORK_WRITE, Rate::new(200.0, 3.0)),
    (family::STORAGE_WRITE, Rate::new(10.0, 0.33)),
    (family::STORAGE_LIST, Rate::new(50.0, 0.33)),
    (family::BLOB, Rate::new(500.0, 500.0)),
    (family::LOGIN, Rate::new(20.0, 5.0)),
    (family::INSTANCE_METADATA, Rate::new(5.0, 5.0)),
];

/// What all sessions of a provider share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) base: Base,
    pub(crate) endpoints: Endpoints,
    pub(crate) source: CredentialSource,
}

impl Shared {
    fn settings(&self) -> &ClientSettings {
        &self.base.settings
    }
}

/// The client of one identity in one subscription.
#[derive(Debug)]
pub struct Session {
    subscription: String,
    cloud: Cloud,
    credentials: Arc<CredentialChain>,
    manager: ApiClient,
    address: Url,
    throttle: Throttle,
    shared: Arc<Shared>,
    fleet: OnceLock<Fleet>,
}

impl Session {
    fn new(shared: Arc<Shared>, identity: &Identity, cloud: Cloud) -> Result<Self> {
        let settings = shared.settings().clone();
        let throttle = Throttle::new(Arc::clone(&settings.clock), &shared.base.rates);
        let service = match identity.principal {
            Principal::ManagedIdentity { .. } => Service::InstanceMetadata,
            _ => Service::Login,
        };
        let transport = || Arc::clone(&shared.base.transport);
        let tokens = TokenApi {
            client: ApiClient::new(transport(), Arc::new(TokenDialect), throttle.clone(), settings.clone()),
            url: shared.endpoints.resolve(service, cloud)?,
        };
        let clock = Arc::clone(&settings.clock);
        let credentials = Arc::new(CredentialChain::new(&identity.principal, cloud, tokens, clock)?);
        let dialect = AzureDialect::new(Arc::clone(&credentials), Audience::ResourceManager);
        Ok(Self {
            subscription: identity.subscription.clone(),
            cloud,
            manager: ApiClient::new(transport(), Arc::new(dialect), throttle.clone(), settings),
            address: shared.endpoints.resolve(Service::ResourceManager, cloud)?,
            credentials,
            throttle,
            shared,
            fleet: OnceLock::new(),
        })
    }

    /// The subscription.
    pub fn subscription(&self) -> &str {
        &self.subscription
    }

    /// A resource group of the subscription.
    pub fn group(&self, name: &str) -> ResourceId {
        ResourceId::group(&self.subscription, name)
    }

    /// The cloud.
    pub fn cloud(&self) -> Cloud {
        self.cloud
    }

    /// The credentials, for the object store.
    pub fn credentials(&self) -> &Arc<CredentialChain> {
        &self.credentials
    }

    /// The clock that all waits go through.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.settings().clock
    }

    /// The transport that everything goes through.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.shared.base.transport
    }

    /// How endpoints are chosen.
    pub fn endpoints(&self) -> &Endpoints {
        &self.shared.endpoints
    }

    /// A client with another dialect, under the same rates.
    pub fn client(&self, dialect: Arc<dyn gardener_provider_client::client::Dialect>) -> ApiClient {
        let settings = self.shared.settings().clone();
        ApiClient::new(Arc::clone(self.transport()), dialect, self.throttle.clone(), settings)
    }

    /// The machines of this identity in this subscription.
    pub(crate) fn fleet(self: &Arc<Self>) -> &Fleet {
        self.fleet.get_or_init(|| Fleet::new(Arc::downgrade(self)))
    }

    /// Carries out an operation that answers at once.
    pub async fn run<R>(&self, operation: &Operation<R>) -> Result<R> {
        let reply = self.send(&operation.request).await?;
        (operation.parse)(&reply).map_err(|error| error.with_operation(operation.request.operation))
    }

    /// As [`Session::run`]; none if there is no such thing.
    pub async fn find<R>(&self, operation: &Operation<R>) -> Result<Option<R>> {
        or_missing(self.run(operation).await)
    }

    /// All items of a list.
    pub async fn all<T>(&self, list: &Operation<Page<T>>) -> Result<Vec<T>> {
        all_pages(|next| self.page(list, next)).await
    }

    /// The items of a list, page by page.
    pub fn stream<T: Send + 'static>(
        self: &Arc<Self>,
        list: Operation<Page<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let (session, list) = (Arc::clone(self), Arc::new(list));
        pages(move |next| {
            let (session, list) = (Arc::clone(&session), Arc::clone(&list));
            async move { session.page(&list, next).await }.boxed()
        })
    }

    async fn page<T>(&self, list: &Operation<Page<T>>, next: Option<String>) -> Result<Page<T>> {
        let reply = match next {
            None => self.send(&list.request).await,
            Some(url) => self.send_to(&list.request, &url).await,
        };
        (list.parse)(&reply?).map_err(|error| error.with_operation(list.request.operation))
    }

    /// Carries a change out and returns when it is done.
    ///
    /// - A reply that was lost does no harm: the same request goes out again, byte for byte, and if Azure is still busy with
    ///   the first, the resource is looked at until it is not.
    /// - Another change of the same resource under way is waited for.
    /// - A deletion of what is gone is a success.
    ///
    /// # Errors
    /// That of the request, or that with which the change ended; `DeadlineExceeded` if it takes longer than the change's
    /// limit.
    pub async fn change<R>(&self, change: &Change<R>) -> Result<R> {
        changes::carry_out(self, change).await
    }

    async fn send(&self, request: &RestRequest) -> Result<Response<Bytes>> {
        self.manager.send(&request.call(&self.address)?).await
    }

    /// Sends a GET to an address that the server gave. The token goes along, so to no other server.
    async fn send_to(&self, request: &RestRequest, url: &str) -> Result<Response<Bytes>> {
        let operation = request.operation;
        let given = Url::parse(url).map_err(|error| {
            Error::internal(format!("the server gave no address: {error}")).with_operation(operation)
        })?;
        if given.origin() != self.address.origin() {
            let host = given.host_str().unwrap_or_default();
            let message =
                format!("the server sends us to another one, {host:?}, which gets no token of ours");
            return Err(Error::internal(message).with_operation(operation));
        }
        let mut call = RestRequest::new(operation, family::READ, http::Method::GET).call(&self.address)?;
        call.url = given;
        self.manager.send(&call).await
    }
}

/// The sessions in use, by identity and cloud.
#[derive(Debug)]
pub struct Sessions {
    shared: Arc<Shared>,
    held: Recent<(Identity, Cloud), Session>,
}

/// More sessions than this are not kept.
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

    /// A client with another dialect, of whoever has no identity but a key of its own.
    pub fn client(&self, dialect: Arc<dyn gardener_provider_client::client::Dialect>) -> ApiClient {
        let Base { transport, settings, rates, .. } = &self.shared.base;
        let throttle = Throttle::new(Arc::clone(&settings.clock), rates);
        ApiClient::new(Arc::clone(transport), dialect, throttle, settings.clone())
    }

    /// The session for the identity in this secret. Makes no call.
    ///
    /// # Errors
    /// `InvalidArgument` naming the key of the secret.
    pub fn get(&self, secret: &SecretData, cloud: Cloud) -> Result<Arc<Session>> {
        let identity = Identity::of(secret, &self.shared.source)?;
        self.held.get_or_make((identity, cloud), |(identity, cloud)| {
            Session::new(Arc::clone(&self.shared), identity, *cloud)
        })
    }
}

#[cfg(test)]
mod tests;
