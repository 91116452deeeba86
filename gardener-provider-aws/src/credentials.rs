//! Who asks: one chain of credentials for the management API and the object store.
//!
//! Credentials come from the secret of the request. Those of the environment (variables, profile, container, instance)
//! are used only if the provider was built for them with [`CredentialSource::Ambient`]: were they a fallback, a user with
//! an empty secret would act with the operator's rights.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_credential_types::{Credentials, provider::ProvideCredentials};
use gardener_provider_client::{
    client::ApiClient,
    object_http::store_error,
    token::{Expiring, TokenCache, read_token_file},
};
use gardener_provider_core::{Error, ErrorKind, Redacted, Result, SecretData};
use object_store::{CredentialProvider, aws::AwsCredential};

use crate::{ambient::Ambient, api::sts, endpoints::Endpoint};

/// Where credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum CredentialSource {
    /// The secret of each request: a key pair (`accessKeyID` and `secretAccessKey`, or `providerAccessKeyId` and
    /// `providerSecretAccessKey`, with an optional `sessionToken`), or a workload identity (`workloadIdentityTokenFile`
    /// and `roleARN`).
    #[default]
    Secret,
    /// AWS's own chain, for all requests: environment variables, shared profile, web identity, ECS or EKS container,
    /// instance metadata (IMDSv2). Credentials in a request's secret are refused.
    Ambient,
}

const KEY_ID: &[&str] = &["providerAccessKeyId", "accessKeyID"];
const SECRET_KEY: &[&str] = &["providerSecretAccessKey", "secretAccessKey"];
const SESSION_TOKEN: &[&str] = &["providerSessionToken", "sessionToken"];
const TOKEN_FILE: &[&str] = &["workloadIdentityTokenFile"];
const ROLE_ARN: &[&str] = &["roleARN"];

/// Whose credentials. Requests of the same identity share clients and tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    Key { id: Redacted<String>, secret: Redacted<String>, token: Option<Redacted<String>> },
    Workload { token_file: PathBuf, role_arn: String },
    Ambient,
}

impl Identity {
    /// The identity that a request asks with.
    pub(crate) fn of(secret: &SecretData, source: CredentialSource) -> Result<Self> {
        let given = |keys: &[&'static str]| keys.iter().copied().find(|key| secret.get(key).is_some());
        let key = given(KEY_ID).or_else(|| given(SECRET_KEY)).or_else(|| given(SESSION_TOKEN));
        let workload = given(TOKEN_FILE).or_else(|| given(ROLE_ARN));
        match (source, key, workload) {
            (CredentialSource::Ambient, None, None) => Ok(Self::Ambient),
            (CredentialSource::Ambient, Some(key), _) | (CredentialSource::Ambient, None, Some(key)) => {
                Err(Error::invalid(
                    format!("secret.{key}"),
                    "must not be there, as this provider was set up to use the credentials of its environment",
                ))
            }
            (CredentialSource::Secret, Some(key), Some(workload)) => Err(Error::invalid(
                format!("secret.{workload}"),
                format!("stands beside secret.{key}; keep either the key pair or the workload identity"),
            )),
            (CredentialSource::Secret, None, Some(_)) => Ok(Self::Workload {
                token_file: PathBuf::from(secret.required(TOKEN_FILE)?.into_exposed()),
                role_arn: role_arn(secret)?,
            }),
            (CredentialSource::Secret, _, None) => Ok(Self::Key {
                id: header_safe(KEY_ID, secret.required(KEY_ID)?)?,
                secret: secret.required(SECRET_KEY)?,
                token: secret
                    .text(SESSION_TOKEN)?
                    .map(|token| header_safe(SESSION_TOKEN, token))
                    .transpose()?,
            }),
        }
    }
}

fn role_arn(secret: &SecretData) -> Result<String> {
    let arn = secret.required(ROLE_ARN)?.into_exposed();
    if !arn.starts_with("arn:") || !arn.contains(":role/") {
        return Err(Error::invalid(
            "secret.roleARN",
            "is not the ARN of a role; expected arn:aws:iam::<account>:role/<name>",
        ));
    }
    Ok(arn)
}

/// What goes into a header must be printable ASCII; checked here so that the error names the key of the secret.
fn header_safe(keys: &[&str], value: Redacted<String>) -> Result<Redacted<String>> {
    if value.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(value);
    }
    Err(Error::invalid(
        format!("secret.{}", keys.join(" or secret.")),
        "holds a character that is not printable ASCII",
    ))
}

/// Gives the credentials of one identity, fetched once for all who ask and again before they expire.
pub struct CredentialChain {
    source: Source,
    cache: TokenCache<Credentials>,
}

pub(crate) enum Source {
    Static(Credentials),
    Workload(Box<WorkloadIdentity>),
    Ambient(Box<Ambient>),
}

/// Exchanges a token in a file for temporary credentials of a role.
pub(crate) struct WorkloadIdentity {
    pub(crate) token_file: PathBuf,
    pub(crate) role_arn: String,
    pub(crate) client: ApiClient,
    pub(crate) endpoint: Endpoint,
}

/// How long before their expiry credentials are renewed. Temporary ones live for 15 minutes at least.
const MARGIN: Duration = Duration::from_secs(5 * 60);

impl CredentialChain {
    pub(crate) fn new(source: Source, clock: Arc<dyn gardener_provider_client::clock::Clock>) -> Self {
        Self { source, cache: TokenCache::new(clock, MARGIN) }
    }

    /// Credentials that are good now.
    ///
    /// # Errors
    /// `Unauthenticated` if none can be had, `Unavailable` if their source does not answer.
    pub async fn get(&self) -> Result<Credentials> {
        match &self.source {
            Source::Static(credentials) => Ok(credentials.clone()),
            Source::Workload(identity) => self.cache.get(|| identity.fetch()).await,
            Source::Ambient(chain) => self.cache.get(|| ambient(chain)).await,
        }
    }

    /// The credentials were refused. True if others may be had.
    pub(crate) async fn renew(&self) -> bool {
        match &self.source {
            Source::Static(_) => false,
            Source::Workload(_) | Source::Ambient(_) => self.cache.forget().await,
        }
    }
}

impl fmt::Debug for CredentialChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            Source::Static(_) => "key",
            Source::Workload(_) => "workload identity",
            Source::Ambient(_) => "ambient",
        };
        f.debug_struct("CredentialChain").field("source", &source).finish_non_exhaustive()
    }
}

pub(crate) fn static_credentials(
    id: &Redacted<String>,
    secret: &Redacted<String>,
    token: Option<&Redacted<String>>,
) -> Credentials {
    Credentials::new(id.expose(), secret.expose(), token.map(|token| token.expose().clone()), None, "secret")
}

async fn ambient(chain: &Ambient) -> Result<Expiring<Credentials>> {
    let chain = chain.chain().await;
    let credentials = chain.provide_credentials().await.map_err(|error| {
        use aws_credential_types::provider::error::CredentialsError as E;
        let kind = match &error {
            E::ProviderTimedOut(_) | E::ProviderError(_) => ErrorKind::Unavailable,
            _ => ErrorKind::Unauthenticated,
        };
        Error::new(kind, format!("the environment gives no credentials: {error}")).with_source(error)
    })?;
    let expires = credentials.expiry();
    Ok(Expiring::new(credentials, expires))
}

impl WorkloadIdentity {
    async fn fetch(&self) -> Result<Expiring<Credentials>> {
        let token = read_token_file("secret.workloadIdentityTokenFile", &self.token_file).await?;
        let operation = sts::assume_role_with_web_identity(&self.role_arn, SESSION_NAME, &token);
        let reply = self.client.send(&operation.request.call(&self.endpoint)?).await?;
        let assumed = (operation.parse)(&reply)?;
        let credentials = Credentials::new(
            assumed.access_key_id.into_exposed(),
            assumed.secret_access_key.into_exposed(),
            Some(assumed.session_token.into_exposed()),
            Some(assumed.expiration),
            "workload identity",
        );
        Ok(Expiring::new(credentials, Some(assumed.expiration)))
    }
}

/// The name under which assumed roles show in audit logs.
const SESSION_NAME: &str = "gardener-provider";

/// The same chain for [`object_store`].
#[derive(Debug)]
pub struct ObjectStoreCredentials(pub Arc<CredentialChain>);

#[async_trait]
impl CredentialProvider for ObjectStoreCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let credentials = self.0.get().await.map_err(|error| store_error("S3", "", error))?;
        Ok(Arc::new(AwsCredential {
            key_id: credentials.access_key_id().to_owned(),
            secret_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(str::to_owned),
        }))
    }
}

#[cfg(test)]
mod tests;
