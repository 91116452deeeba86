//! Who asks: one chain of credentials for the management APIs and the object store.
//!
//! Credentials come from the secret of the request. Those of the environment (application default credentials) are used
//! only if the provider was built for them with [`CredentialSource::Ambient`]: were they a fallback, a user with an empty
//! secret would act with the operator's rights.
//!
//! # Why tokens are fetched here
//! Google's own crate (google-cloud-auth) brings an HTTP client of its own, follows the addresses that a key file names,
//! and takes the machine's time. Here tokens are fetched through the same transport, clock, retries and limits as all
//! other calls, so that faults and tests reach them too; what that takes is a handful of requests
//! (`api::token`) and one signature, which aws-lc-rs makes, the library that TLS uses already.

mod jwt;
pub(crate) mod key_file;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures::{FutureExt, future::BoxFuture};
use gardener_provider_client::{
    clock::Clock,
    config::violation_of,
    object_http::store_error,
    token::{Expiring, TokenCache},
};
use gardener_provider_core::{Error, ErrorKind, Redacted, Result, SecretData, Violation};
use object_store::{CredentialProvider, gcp::GcpCredential};

use self::{
    jwt::Signer,
    key_file::{Author, ExternalAccount, KeyFile, Named, Proof},
};
use crate::{ambient::Environment, api::token, session::Line};

/// Where credentials come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum CredentialSource {
    /// The secret of each request: the key file of a service account (`serviceAccountJSON` or `serviceaccount.json`), or
    /// the configuration of a workload identity (`credentialsConfig`); with `projectID` if neither names the project.
    #[default]
    Secret,
    /// Google's application default credentials, for all requests: the file that `GOOGLE_APPLICATION_CREDENTIALS` names,
    /// that of `gcloud auth application-default login`, the metadata server (at `GCE_METADATA_HOST`, if that is set). The
    /// project is the secret's `projectID`, or
    /// `GOOGLE_CLOUD_PROJECT`. Credentials in a request's secret are refused.
    Ambient,
}

/// Where Gardener mounts the token of a workload identity.
pub const WORKLOAD_IDENTITY_TOKEN: &str = "/var/run/secrets/gardener.cloud/workload-identity/token";

/// The right to use all of Google Cloud's APIs, as far as IAM allows.
pub(crate) const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

const KEY_FILE: &[&str] = &["serviceAccountJSON", "serviceaccount.json"];
const WORKLOAD: &[&str] = &["credentialsConfig"];
const PROJECT: &[&str] = &["projectID"];

/// Which credentials a provider accepts.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    pub(crate) source: CredentialSource,
    /// The only file that a workload identity may read.
    pub(crate) token_file: PathBuf,
    /// Where application default credentials are looked for.
    pub(crate) environment: Environment,
}

impl Default for Trust {
    fn default() -> Self {
        Self {
            source: CredentialSource::Secret,
            token_file: PathBuf::from(WORKLOAD_IDENTITY_TOKEN),
            environment: Environment::of_process(),
        }
    }
}

/// Whose credentials, in which project. Requests of the same identity share clients and tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) project: String,
    pub(crate) proof: Proof,
}

impl Trust {
    /// The identity that a request asks with.
    pub(crate) fn identity(&self, secret: &SecretData) -> Result<Identity> {
        let given = |keys: &[&'static str]| keys.iter().copied().find(|key| secret.get(key).is_some());
        let (key, workload) = (given(KEY_FILE), given(WORKLOAD));
        let file = match (self.source, key.or(workload)) {
            (CredentialSource::Ambient, None) => {
                let named =
                    |value: &String| Named { field: "GOOGLE_CLOUD_PROJECT".to_owned(), value: value.clone() };
                let project = self.environment.project.as_ref().map(named);
                KeyFile { proof: Proof::Ambient(self.environment.clone()), project }
            }
            (CredentialSource::Ambient, Some(key)) => {
                return Err(Error::invalid(
                    format!("secret.{key}"),
                    "must not be there, as this provider was set up to use the credentials of its environment",
                ));
            }
            (CredentialSource::Secret, None) => {
                let keys = [KEY_FILE, WORKLOAD].concat().join(" or secret.");
                return Err(Error::invalid(format!("secret.{keys}"), "is missing; add it to the secret"));
            }
            (CredentialSource::Secret, Some(_)) if key.is_some() && workload.is_some() => {
                return Err(Error::invalid(
                    "secret.credentialsConfig",
                    "stands beside a service-account key; keep one of them",
                ));
            }
            (CredentialSource::Secret, Some(key)) => {
                let text = secret.required(&[key])?;
                let author = Author::User { token_file: &self.token_file };
                key_file::read(&format!("secret.{key}"), text.expose(), author)?
            }
        };
        Ok(Identity { project: project(secret, file.project)?, proof: file.proof })
    }

    /// All that is wrong with a secret.
    pub(crate) fn violations(&self, secret: &SecretData) -> Vec<Violation> {
        let checked = self.identity(secret).and_then(|identity| identity.proof.check());
        checked.err().map(|error| violation_of("secret", &error)).into_iter().collect()
    }
}

/// <https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin>
fn project(secret: &SecretData, of_file: Option<Named>) -> Result<String> {
    let field = || "secret.projectID".to_owned();
    let of_secret = secret.text(PROJECT)?;
    let of_secret = of_secret.map(|value| Named { field: field(), value: value.into_exposed() });
    let Some(Named { field, value: project }) = of_file.or(of_secret) else {
        return Err(Error::invalid(field(), "is missing; add it to the secret"));
    };
    // The part behind the domain, for the projects of a domain.
    let id = project.rsplit(':').next().unwrap_or_default().as_bytes();
    let is_good = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    let is_good = (6..=30).contains(&id.len())
        && id.iter().all(is_good)
        && id.first().is_some_and(u8::is_ascii_lowercase)
        && id.last() != Some(&b'-')
        && project.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte));
    if is_good {
        return Ok(project);
    }
    let problem = "is no project id; expected 6 to 30 lower-case letters, digits and '-', a letter first";
    Err(Error::invalid(field, problem))
}

impl Proof {
    /// Checks what takes more than reading.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Key(key) => Signer::new(key).map(drop),
            Self::Impersonated { source, .. } => source.check(),
            _ => Ok(()),
        }
    }

    const fn name(&self) -> &'static str {
        match self {
            Self::Key(_) => "service-account key",
            Self::External(_) => "workload identity",
            Self::User(_) => "user",
            Self::Impersonated { .. } => "impersonation",
            Self::Metadata => "metadata server",
            Self::Ambient(_) => "application default credentials",
        }
    }
}

/// An access token.
pub type AccessToken = Redacted<String>;

/// Gives the access tokens of one identity, fetched once for all who ask and again before they expire.
pub struct CredentialChain {
    proof: Proof,
    issuer: Issuer,
    cache: TokenCache<AccessToken>,
}

/// How long before their expiry tokens are renewed. The metadata server gives a new one when the old has less than four
/// minutes left ([source](https://cloud.google.com/compute/docs/access/authenticate-workloads#applications)).
const MARGIN: Duration = Duration::from_secs(225);

impl CredentialChain {
    pub(crate) fn new(proof: Proof, line: Line, clock: Arc<dyn Clock>) -> Self {
        let issuer = Issuer { line, clock: Arc::clone(&clock) };
        Self { proof, issuer, cache: TokenCache::new(clock, MARGIN) }
    }

    /// A token that is good now.
    ///
    /// # Errors
    /// `Unauthenticated` if none can be had, `Unavailable` if their source does not answer.
    pub async fn get(&self) -> Result<AccessToken> {
        self.cache.get(|| async { self.issuer.token(&self.proof).await.map_err(refused) }).await
    }

    /// The token was refused. True if another may be had.
    pub(crate) async fn renew(&self) -> bool {
        self.cache.forget().await
    }
}

impl fmt::Debug for CredentialChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialChain").field("proof", &self.proof.name()).finish_non_exhaustive()
    }
}

/// Who asks is the question here, whatever the token's source answers: a service account that does not exist must not
/// look as if the machine did not exist.
fn refused(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Unauthenticated
        | ErrorKind::PermissionDenied
        | ErrorKind::RateLimited
        | ErrorKind::Unavailable
        | ErrorKind::DeadlineExceeded => error,
        _ => {
            let mut refused = Error::new(ErrorKind::Unauthenticated, error.message());
            if let Some(operation) = error.operation() {
                refused = refused.with_operation(operation.to_owned());
            }
            match error.cloud_code() {
                Some(code) => refused.with_cloud_code(code),
                None => refused,
            }
        }
    }
}

/// Gets tokens for proofs.
struct Issuer {
    line: Line,
    clock: Arc<dyn Clock>,
}

impl Issuer {
    fn token<'a>(&'a self, proof: &'a Proof) -> BoxFuture<'a, Result<Expiring<AccessToken>>> {
        async move {
            match proof {
                Proof::Key(key) => {
                    let assertion = Signer::new(key)?.assertion(self.clock.now())?;
                    self.issued(token::for_assertion(&assertion)).await
                }
                Proof::User(user) => self.issued(token::for_refresh_token(user)).await,
                Proof::External(account) => self.external(account).await,
                Proof::Impersonated { source, email, delegates } => {
                    let source = self.token(source).await?.value;
                    self.acting_as(&source, email, delegates).await
                }
                Proof::Metadata => self.issued(token::of_metadata_server()).await,
                Proof::Ambient(environment) => {
                    let found = environment.discover().await?;
                    self.token(&found).await
                }
            }
        }
        .boxed()
    }

    async fn issued(&self, operation: crate::api::Operation<token::Issued>) -> Result<Expiring<AccessToken>> {
        let issued = self.line.run(&operation).await?;
        let expires = self.clock.now() + Duration::from_secs(issued.expires_in);
        Ok(Expiring::new(issued.access_token, Some(expires)))
    }

    async fn external(&self, account: &ExternalAccount) -> Result<Expiring<AccessToken>> {
        let subject = subject_token(&account.token_file, account.token_field.as_deref()).await?;
        let federated = self.issued(token::for_subject_token(account, &subject)).await?;
        match &account.email {
            None => Ok(federated),
            Some(email) => self.acting_as(&federated.value, email, &[]).await,
        }
    }

    async fn acting_as(
        &self,
        source: &AccessToken,
        email: &str,
        delegates: &[String],
    ) -> Result<Expiring<AccessToken>> {
        let generated = self.line.run(&token::for_account(source, email, delegates)).await?;
        Ok(Expiring::new(generated.access_token, Some(generated.expire_time.into())))
    }
}

async fn subject_token(path: &Path, field: Option<&str>) -> Result<Redacted<String>> {
    let wrong = |problem: String| {
        let message = format!("credential_source.file: {}: {problem}", path.display());
        Error::new(ErrorKind::Unauthenticated, message)
    };
    let text = tokio::fs::read_to_string(path).await.map_err(|error| wrong(error.to_string()))?;
    let token = match field {
        None => text.trim().to_owned(),
        Some(field) => serde_json::from_str::<serde_json::Value>(&text)
            .ok()
            .and_then(|value| value.get(field)?.as_str().map(str::to_owned))
            .ok_or_else(|| wrong(format!("is no JSON with a field {field}")))?,
    };
    if token.is_empty() {
        return Err(wrong("is empty".to_owned()));
    }
    Ok(Redacted::new(token))
}

/// The same chain for [`object_store`].
#[derive(Debug)]
pub struct ObjectStoreCredentials(pub Arc<CredentialChain>);

#[async_trait]
impl CredentialProvider for ObjectStoreCredentials {
    type Credential = GcpCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<GcpCredential>> {
        let token = self.0.get().await.map_err(|error| store_error("GCS", "", error))?;
        Ok(Arc::new(GcpCredential { bearer: token.into_exposed() }))
    }
}

#[cfg(test)]
mod tests;
