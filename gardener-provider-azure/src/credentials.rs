//! Who asks: one chain of credentials for the Resource Manager and for the data of storage accounts.
//!
//! Credentials come from the secret of the request. Those of the environment (managed identity, `az` CLI) are used only
//! if the provider was built for them: were they a fallback, a user with an empty secret would act with the operator's
//! rights.
//!
//! The token requests are made here and not by `azure_identity`: that reads expiry dates off the machine's clock, cannot
//! drop a token that was refused, accepts no sandbox without TLS, signs with certificates only where OpenSSL is built,
//! and brings a second HTTP pipeline with retries of its own. The requests are one form each ([`crate::api::oauth`]).

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use gardener_provider_client::{
    client::ApiClient,
    clock::Clock,
    object_http::store_error,
    rest::Operation,
    token::{Expiring, TokenCache, read_token_file},
};
use gardener_provider_core::{Error, Redacted, Result, SecretData};
use object_store::{CredentialProvider, azure::AzureCredential};
use url::Url;

use crate::{
    ambient::AzureCli,
    api::oauth::{self, Token},
    endpoints::{Audience, Cloud},
};

mod certificate;

use certificate::Certificate;

/// Where credentials come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum CredentialSource {
    /// The secret of each request: `clientID`, `tenantID` and one of `clientSecret`, `clientCertificate` (PEM, the
    /// certificate and its RSA key in one) and `workloadIdentityTokenFile`.
    #[default]
    Secret,
    /// The managed identity of the machine that this process runs on, for all requests; a user-assigned one by its client
    /// id. Credentials in a request's secret are refused.
    ManagedIdentity {
        /// The user-assigned identity; the system-assigned one if none.
        client_id: Option<String>,
    },
    /// Whoever is logged in with the `az` command, for all requests. Credentials in a request's secret are refused.
    AzureCli,
}

pub(crate) const CLIENT_ID: &[&str] = &["clientID", "azureClientId", "AZURE_CLIENT_ID"];
pub(crate) const CLIENT_SECRET: &[&str] = &["clientSecret", "azureClientSecret", "AZURE_CLIENT_SECRET"];
pub(crate) const CERTIFICATE: &[&str] = &["clientCertificate", "azureClientCertificate"];
pub(crate) const TOKEN_FILE: &[&str] = &["workloadIdentityTokenFile"];
pub(crate) const TENANT_ID: &[&str] = &["tenantID", "azureTenantId", "AZURE_TENANT_ID"];
pub(crate) const SUBSCRIPTION_ID: &[&str] =
    &["subscriptionID", "azureSubscriptionId", "AZURE_SUBSCRIPTION_ID"];

/// Whose credentials, in which subscription. Requests of the same identity share clients and tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) subscription: String,
    pub(crate) principal: Principal,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Principal {
    Secret { tenant: String, client: String, secret: Redacted<String> },
    Certificate { tenant: String, client: String, pem: Redacted<String> },
    Workload { tenant: String, client: String, token_file: PathBuf },
    ManagedIdentity { client: Option<String> },
    AzureCli { tenant: Option<String> },
}

impl Identity {
    /// The identity that a request asks with.
    pub(crate) fn of(secret: &SecretData, source: &CredentialSource) -> Result<Self> {
        let principal = match source {
            CredentialSource::Secret => Principal::of(secret)?,
            CredentialSource::ManagedIdentity { client_id } => {
                refuse_credentials(secret)?;
                Principal::ManagedIdentity { client: client_id.clone() }
            }
            CredentialSource::AzureCli => {
                refuse_credentials(secret)?;
                Principal::AzureCli { tenant: guid(secret, TENANT_ID)? }
            }
        };
        Ok(Self { subscription: required_guid(secret, SUBSCRIPTION_ID)?, principal })
    }
}

impl Principal {
    fn of(secret: &SecretData) -> Result<Self> {
        let given = |keys: &[&'static str]| keys.iter().copied().find(|key| secret.get(key).is_some());
        let proofs: Vec<_> = [CLIENT_SECRET, CERTIFICATE, TOKEN_FILE].into_iter().filter_map(given).collect();
        let client = required_guid(secret, CLIENT_ID)?;
        let tenant = required_guid(secret, TENANT_ID)?;
        match proofs.as_slice() {
            [] => Err(Error::invalid(
                "secret.clientSecret",
                "is missing; add it to the secret, or workloadIdentityTokenFile or clientCertificate in its place",
            )),
            [only] if TOKEN_FILE.contains(only) => {
                let token_file = secret.required(TOKEN_FILE)?.into_exposed().into();
                Ok(Self::Workload { tenant, client, token_file })
            }
            [only] if CERTIFICATE.contains(only) => {
                let pem = secret.required(CERTIFICATE)?;
                Certificate::parse(&pem)
                    .map_err(|problem| Error::invalid(format!("secret.{only}"), problem))?;
                Ok(Self::Certificate { tenant, client, pem })
            }
            [_] => Ok(Self::Secret { tenant, client, secret: secret.required(CLIENT_SECRET)? }),
            [kept, other, ..] => Err(Error::invalid(
                format!("secret.{other}"),
                format!("stands beside secret.{kept}; keep one of them"),
            )),
        }
    }
}

fn refuse_credentials(secret: &SecretData) -> Result<()> {
    let keys = [CLIENT_ID, CLIENT_SECRET, CERTIFICATE, TOKEN_FILE].concat();
    match keys.into_iter().find(|key| secret.get(key).is_some()) {
        None => Ok(()),
        Some(key) => Err(Error::invalid(
            format!("secret.{key}"),
            "must not be there, as this provider was set up to use the credentials of its environment",
        )),
    }
}

fn required_guid(secret: &SecretData, keys: &[&str]) -> Result<String> {
    secret.required(keys)?;
    guid(secret, keys)?.ok_or_else(|| Error::internal("a key of the secret went missing"))
}

/// An id of Entra ID or of a subscription. It goes into addresses, so nothing else may be in it.
fn guid(secret: &SecretData, keys: &[&str]) -> Result<Option<String>> {
    let Some(text) = secret.text(keys)? else { return Ok(None) };
    let text = text.into_exposed();
    let groups: Vec<_> = text.split('-').collect();
    let is_hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    if groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(is_hex) {
        return Ok(Some(text.to_ascii_lowercase()));
    }
    let key = keys.iter().find(|key| secret.get(key).is_some()).unwrap_or(&keys[0]);
    Err(Error::invalid(
        format!("secret.{key}"),
        "is no GUID such as 01234567-89ab-cdef-0123-456789abcdef; copy it from the portal",
    ))
}

/// Gives the tokens of one identity, fetched once for all who ask and again before they expire.
pub struct CredentialChain {
    source: Source,
    cloud: Cloud,
    clock: Arc<dyn Clock>,
    manager: TokenCache<Redacted<String>>,
    storage: TokenCache<Redacted<String>>,
}

enum Source {
    /// Entra ID exchanges a proof for tokens.
    Entra {
        api: TokenApi,
        tenant: String,
        client: String,
        proof: Proof,
    },
    ManagedIdentity {
        api: TokenApi,
        client: Option<String>,
    },
    AzureCli(AzureCli),
}

/// What shows that somebody is who they say.
enum Proof {
    Secret(Redacted<String>),
    Certificate(Certificate),
    TokenFile(PathBuf),
}

/// Where token requests go, and through which client.
pub(crate) struct TokenApi {
    pub(crate) client: ApiClient,
    pub(crate) url: Url,
}

/// How long before their expiry tokens are renewed. They live for an hour at least.
const MARGIN: Duration = Duration::from_secs(5 * 60);

impl CredentialChain {
    /// The chain of this principal; `api` is Entra ID, or the instance metadata for a managed identity.
    pub(crate) fn new(
        principal: &Principal,
        cloud: Cloud,
        api: TokenApi,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let entra = |api, tenant: &String, client: &String, proof| Source::Entra {
            api,
            tenant: tenant.clone(),
            client: client.clone(),
            proof,
        };
        let source = match principal {
            Principal::Secret { tenant, client, secret } => {
                entra(api, tenant, client, Proof::Secret(secret.clone()))
            }
            Principal::Certificate { tenant, client, pem } => {
                let certificate = Certificate::parse(pem)
                    .map_err(|problem| Error::invalid("secret.clientCertificate", problem))?;
                entra(api, tenant, client, Proof::Certificate(certificate))
            }
            Principal::Workload { tenant, client, token_file } => {
                entra(api, tenant, client, Proof::TokenFile(token_file.clone()))
            }
            Principal::ManagedIdentity { client } => Source::ManagedIdentity { api, client: client.clone() },
            Principal::AzureCli { tenant } => {
                Source::AzureCli(AzureCli::new(tenant.clone(), Arc::clone(&clock)))
            }
        };
        let cache = || TokenCache::new(Arc::clone(&clock), MARGIN);
        let (manager, storage) = (cache(), cache());
        Ok(Self { source, cloud, clock, manager, storage })
    }

    /// A token that is good now.
    ///
    /// # Errors
    /// `Unauthenticated` if none can be had, `Unavailable` if its source does not answer.
    pub async fn token(&self, audience: Audience) -> Result<Redacted<String>> {
        self.cache(audience).get(|| self.fetch(audience)).await
    }

    /// The token was refused. True if another may be had.
    pub(crate) async fn renew(&self, audience: Audience) -> bool {
        self.cache(audience).forget().await
    }

    fn cache(&self, audience: Audience) -> &TokenCache<Redacted<String>> {
        match audience {
            Audience::ResourceManager => &self.manager,
            Audience::Storage => &self.storage,
        }
    }

    async fn fetch(&self, audience: Audience) -> Result<Expiring<Redacted<String>>> {
        let resource = self.cloud.resource(audience);
        let token = match &self.source {
            Source::Entra { api, tenant, client, proof } => {
                let proof = proof.present(&api.token_url(tenant), client, &*self.clock).await?;
                api.fetch(&oauth::token(tenant, client, &proof, resource)).await?
            }
            Source::ManagedIdentity { api, client } => {
                api.fetch(&oauth::managed_identity_token(client.as_deref(), resource)).await?
            }
            Source::AzureCli(cli) => cli.token(resource).await?,
        };
        let expires = token.expires(self.clock.now());
        Ok(Expiring::new(token.access_token, Some(expires)))
    }
}

impl fmt::Debug for CredentialChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            Source::Entra { proof: Proof::Secret(_), .. } => "client secret",
            Source::Entra { proof: Proof::Certificate(_), .. } => "client certificate",
            Source::Entra { proof: Proof::TokenFile(_), .. } => "workload identity",
            Source::ManagedIdentity { .. } => "managed identity",
            Source::AzureCli(_) => "az",
        };
        f.debug_struct("CredentialChain").field("source", &source).finish_non_exhaustive()
    }
}

impl TokenApi {
    async fn fetch(&self, operation: &Operation<Token>) -> Result<Token> {
        let reply = self.client.send(&operation.request.call(&self.url)?).await?;
        (operation.parse)(&reply).map_err(|error| error.with_operation(operation.request.operation))
    }

    fn token_url(&self, tenant: &str) -> String {
        format!("{}{}", self.url.as_str().trim_end_matches('/'), oauth::token_path(tenant))
    }
}

impl Proof {
    /// The proof as the token request carries it.
    async fn present(&self, audience: &str, client: &str, clock: &dyn Clock) -> Result<oauth::Proof> {
        match self {
            Self::Secret(secret) => Ok(oauth::Proof::Secret(secret.clone())),
            Self::Certificate(certificate) => {
                certificate.assertion(audience, client, clock.now()).map(oauth::Proof::Assertion)
            }
            Self::TokenFile(path) => {
                let token = read_token_file("secret.workloadIdentityTokenFile", path).await;
                token.map(oauth::Proof::Assertion)
            }
        }
    }
}

/// The same chain for [`object_store`].
#[derive(Debug)]
pub struct ObjectStoreCredentials(pub Arc<CredentialChain>);

#[async_trait]
impl CredentialProvider for ObjectStoreCredentials {
    type Credential = AzureCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AzureCredential>> {
        let token = self
            .0
            .token(Audience::Storage)
            .await
            .map_err(|error| store_error("MicrosoftAzure", "", error))?;
        Ok(Arc::new(AzureCredential::BearerToken(token.into_exposed())))
    }
}

#[cfg(test)]
mod tests;
