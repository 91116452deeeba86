//! How blobs are reached: at which address, and with the account's key or a token.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::{
    call::Call,
    client::{ApiClient, Dialect, retry_after},
    rest::Operation,
};
use gardener_provider_core::{BucketRef, Error, ErrorKind, Redacted, Result, Retry, SecretData};
use http::{HeaderName, HeaderValue, Request, Response, header::AUTHORIZATION};
use object_store::{
    CredentialProvider,
    azure::{AzureAccessKey, AzureAuthorizer, AzureCredential},
};
use url::Url;

use super::AzureStorage;
use crate::{
    api::blobs,
    bucket_config::storage_account_of,
    credentials::{CredentialChain, ObjectStoreCredentials},
    endpoints::{Audience, Cloud},
    errors,
};

pub(super) const ACCOUNT: &str = "storageAccount";
pub(super) const KEY: &str = "storageKey";
pub(super) const DOMAIN: &str = "domain";

/// The version that the requests are written for.
const VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-ms-version"), HeaderValue::from_static("2023-11-03"));

/// The way to an account's blobs.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) account: String,
    /// The address of the account, without a slash at its end.
    pub(super) address: Url,
    pub(super) proof: Proof,
    pub(super) client: ApiClient,
}

/// What shows that one may.
#[derive(Clone)]
pub(super) enum Proof {
    Key(Arc<AzureCredential>),
    Token(Arc<CredentialChain>),
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key",
            Self::Token(_) => "Token",
        })
    }
}

impl AzureStorage {
    /// The way to a bucket's blobs. Makes no call.
    ///
    /// # Errors
    /// `InvalidArgument` naming the key of the secret.
    pub(super) fn access(&self, bucket: &BucketRef) -> Result<Access> {
        let cloud = Cloud::of_region(&bucket.region);
        let endpoints = self.sessions.endpoints();
        let Some(key) = bucket.secret.text(&[KEY])? else {
            let session = self.sessions.get(&bucket.secret, cloud)?;
            let account = storage_account_of(&bucket.name);
            let proof = Proof::Token(Arc::clone(session.credentials()));
            let client =
                session.client(Arc::new(BlobDialect { account: account.clone(), proof: proof.clone() }));
            return Ok(Access { address: endpoints.blob(cloud, &account)?, account, proof, client });
        };
        let account = bucket.secret.required(&[ACCOUNT])?.into_exposed();
        let cloud = domain(&bucket.secret)?.unwrap_or(cloud);
        let address = endpoints.blob(cloud, &account).map_err(|error| error.context("secret"))?;
        let proof = Proof::Key(Arc::new(AzureCredential::AccessKey(parse(&key)?)));
        let client =
            self.sessions.client(Arc::new(BlobDialect { account: account.clone(), proof: proof.clone() }));
        Ok(Access { account, address, proof, client })
    }

    /// True if a secret says who asks the Resource Manager, not only which key opens the account.
    pub(super) fn can_manage(&self, bucket: &BucketRef) -> bool {
        self.sessions.get(&bucket.secret, Cloud::of_region(&bucket.region)).is_ok()
    }
}

/// The cloud whose blob services have the domain in the secret.
fn domain(secret: &SecretData) -> Result<Option<Cloud>> {
    let Some(domain) = secret.text(&[DOMAIN])? else { return Ok(None) };
    let cloud = Cloud::ALL.into_iter().find(|cloud| cloud.blob_suffix() == *domain.expose());
    cloud.map(Some).ok_or_else(|| {
        let known = Cloud::ALL.map(Cloud::blob_suffix).join(", ");
        Error::invalid(format!("secret.{DOMAIN}"), format!("must be one of {known}"))
    })
}

fn parse(key: &Redacted<String>) -> Result<AzureAccessKey> {
    AzureAccessKey::try_new(key.expose()).map_err(|_| {
        Error::invalid(format!("secret.{KEY}"), "is no key of a storage account: it is not base64")
    })
}

impl Access {
    /// Carries out a call about a container or a blob in it.
    pub(super) async fn run<R>(&self, container: &str, operation: &Operation<R>) -> Result<R> {
        let mut base = self.address.clone();
        base.set_path(&format!("{}/{container}", base.path().trim_end_matches('/')));
        let reply = self.client.send(&operation.request.call(&base)?).await?;
        (operation.parse)(&reply).map_err(|error| error.with_operation(operation.request.operation))
    }

    /// The same proof for [`object_store`].
    pub(super) fn credentials(&self) -> Arc<dyn CredentialProvider<Credential = AzureCredential>> {
        match &self.proof {
            Proof::Key(key) => Arc::new(AccountKey(Arc::clone(key))),
            Proof::Token(chain) => Arc::new(ObjectStoreCredentials(Arc::clone(chain))),
        }
    }
}

/// As `object_store`'s own provider of what does not change, but it does not show what that is.
struct AccountKey(Arc<AzureCredential>);

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKey")
    }
}

#[async_trait]
impl CredentialProvider for AccountKey {
    type Credential = AzureCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AzureCredential>> {
        Ok(Arc::clone(&self.0))
    }
}

/// How the blob service is shown who asks, and how it words errors.
#[derive(Debug)]
struct BlobDialect {
    account: String,
    proof: Proof,
}

#[async_trait]
impl Dialect for BlobDialect {
    async fn authorize(&self, _: &Call, request: &mut Request<Bytes>) -> Result<()> {
        request.headers_mut().insert(VERSION.0, VERSION.1);
        match &self.proof {
            Proof::Key(key) => sign(request, key, &self.account),
            Proof::Token(chain) => {
                let token = chain.token(Audience::Storage).await?;
                let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
                    .map_err(|_| Error::internal("the token holds a character that no header may hold"))?;
                value.set_sensitive(true);
                request.headers_mut().insert(AUTHORIZATION, value);
                Ok(())
            }
        }
    }

    fn decode_error(&self, _: &Call, reply: &Response<Bytes>) -> Option<Error> {
        (!reply.status().is_success()).then(|| error(reply))
    }

    async fn renew(&self) -> bool {
        match &self.proof {
            Proof::Key(_) => false,
            Proof::Token(chain) => chain.renew(Audience::Storage).await,
        }
    }
}

/// Signs with the account's key, as `object_store` does; that does not look at the body.
fn sign(request: &mut Request<Bytes>, key: &AzureCredential, account: &str) -> Result<()> {
    let mut bare = Request::new(Bytes::new().into());
    bare.method_mut().clone_from(request.method());
    bare.uri_mut().clone_from(request.uri());
    bare.headers_mut().clone_from(request.headers());
    AzureAuthorizer::new(key, account)
        .try_authorize(&mut bare)
        .map_err(|error| Error::internal("the request could not be signed").with_source(error))?;
    *request.headers_mut() = std::mem::take(bare.headers_mut());
    if let Some(value) = request.headers_mut().get_mut(AUTHORIZATION) {
        value.set_sensitive(true);
    }
    Ok(())
}

fn error(reply: &Response<Bytes>) -> Error {
    let (code, message) = blobs::error_of(reply);
    let status = reply.status();
    let kind = errors::exact(&code, &message).unwrap_or_else(|| errors::vague(&code, status));
    let message = if message.is_empty() { format!("the server answered {status}") } else { message };
    let mut error = Error::new(kind, message);
    if !code.is_empty() {
        error = error.with_cloud_code(code);
    }
    if let Some(id) = reply.headers().get("x-ms-request-id").and_then(|id| id.to_str().ok()) {
        error = error.with_request_id(id);
    }
    match retry_after(reply) {
        Some(wait) if matches!(kind, ErrorKind::RateLimited | ErrorKind::Unavailable) => {
            error.with_retry(Retry::After(wait))
        }
        _ => error,
    }
}
