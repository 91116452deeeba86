//! Azure's sandbox with the blobs of its storage accounts on Azurite.
//!
//! The sandbox answers as the Resource Manager, Azurite as the blob service of the one account that an example makes. What
//! joins them in the real cloud is done here: the account's keys are Azurite's, and a container that is made through the
//! Resource Manager is there for its blobs too.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use gardener_provider_client::transport::{ReqwestTransport, Transport, TransportError, TransportErrorKind};
use gardener_provider_conformance::tools::{Azurite, AzuriteOptions};
use gardener_provider_core::Result;
use http::{Method, Request, Response, Uri, header::CONTENT_LENGTH};
use object_store::azure::{AzureAccessKey, AzureAuthorizer, AzureCredential};
use serde_json::Value;

/// Where the provider thinks that blobs are; accounts are below it by path, as Azurite has them.
pub(crate) const BLOBS: &str = "http://blobs.azurite.example/";

type Sent = std::result::Result<Response<Bytes>, TransportError>;

/// The sandbox and, once there is a storage account, Azurite.
#[derive(Debug)]
pub(crate) struct WithAzurite {
    sandbox: Arc<dyn Transport>,
    network: ReqwestTransport,
    server: Mutex<Option<Arc<Azurite>>>,
}

impl WithAzurite {
    pub(crate) fn new(sandbox: Arc<dyn Transport>) -> Result<Self> {
        Ok(Self { sandbox, network: ReqwestTransport::new()?, server: Mutex::new(None) })
    }

    async fn blobs(&self, mut request: Request<Bytes>) -> Sent {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let server = server.ok_or_else(|| {
            TransportError::new(TransportErrorKind::Connect, "there is no storage account yet")
        })?;
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
        *request.uri_mut() = uri(&format!("{}{path}", server.endpoint()))?;
        self.network.send(request).await
    }

    /// Starts Azurite for this account if it is the first.
    async fn account(&self, account: &str) -> std::result::Result<(), TransportError> {
        if self.server.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            return Ok(());
        }
        let options = AzuriteOptions::default().with_account(account, Azurite::KEY);
        let failed = |problem: String| TransportError::new(TransportErrorKind::Connect, problem);
        let server = tokio::task::spawn_blocking(move || Azurite::start(&options))
            .await
            .map_err(|error| failed(error.to_string()))?
            .map_err(|error| failed(format!("Azurite: {error}")))?;
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(server));
        Ok(())
    }

    /// Makes the container for blobs; one that is there already is fine.
    async fn container(&self, account: &str, container: &str) -> std::result::Result<(), TransportError> {
        let bad = |error: &dyn std::fmt::Display| {
            TransportError::new(TransportErrorKind::Invalid, format!("container {container}: {error}"))
        };
        let mut create = Request::new(Bytes::new().into());
        *create.method_mut() = Method::PUT;
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let base = server.as_ref().map(|server| server.endpoint()).unwrap_or_default();
        *create.uri_mut() = uri(&format!("{base}/{account}/{container}?restype=container"))?;
        create.headers_mut().insert("x-ms-version", http::HeaderValue::from_static("2023-11-03"));
        create.headers_mut().insert(CONTENT_LENGTH, http::HeaderValue::from_static("0"));
        let key = AzureCredential::AccessKey(AzureAccessKey::try_new(Azurite::KEY).map_err(|e| bad(&e))?);
        AzureAuthorizer::new(&key, account).try_authorize(&mut create).map_err(|error| bad(&error))?;
        let (head, _) = create.into_parts();
        let reply = self.network.send(Request::from_parts(head, Bytes::new())).await?;
        match reply.status().as_u16() {
            201 | 409 => Ok(()),
            status => {
                Err(bad(&format!("Azurite answers {status}: {}", String::from_utf8_lossy(reply.body()))))
            }
        }
    }
}

#[async_trait]
impl Transport for WithAzurite {
    async fn send(&self, request: Request<Bytes>) -> Sent {
        if BLOBS.contains(request.uri().host().unwrap_or("-")) {
            return self.blobs(request).await;
        }
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let reply = self.sandbox.send(request).await?;
        let Some(about) = About::of(&path).filter(|_| reply.status().is_success()) else { return Ok(reply) };
        match about {
            About::Keys => Ok(with_key_of_azurite(reply)),
            About::Account(account) if method == Method::PUT => self.account(&account).await.map(|()| reply),
            About::Container(account, container) if method == Method::PUT => {
                self.container(&account, &container).await.map(|()| reply)
            }
            _ => Ok(reply),
        }
    }
}

/// What a request to the Resource Manager is about, as far as blobs are concerned.
#[derive(Debug, PartialEq, Eq)]
enum About {
    Account(String),
    Keys,
    Container(String, String),
}

impl About {
    fn of(path: &str) -> Option<Self> {
        let (_, below) = path.split_once("/providers/Microsoft.Storage/storageAccounts/")?;
        let steps: Vec<_> = below.split('/').collect();
        match steps.as_slice() {
            [account] => Some(Self::Account((*account).to_owned())),
            [_, action] if action.eq_ignore_ascii_case("listKeys") => Some(Self::Keys),
            [_, action] if action.eq_ignore_ascii_case("regenerateKey") => Some(Self::Keys),
            [account, "blobServices", "default", "containers", container] => {
                Some(Self::Container((*account).to_owned(), (*container).to_owned()))
            }
            _ => None,
        }
    }
}

fn with_key_of_azurite(reply: Response<Bytes>) -> Response<Bytes> {
    let (head, body) = reply.into_parts();
    let mut value: Value = serde_json::from_slice(&body).unwrap_or_default();
    for key in value["keys"].as_array_mut().into_iter().flatten() {
        key["value"] = Azurite::KEY.into();
    }
    Response::from_parts(head, value.to_string().into())
}

fn uri(text: &str) -> std::result::Result<Uri, TransportError> {
    text.parse().map_err(|error| TransportError::new(TransportErrorKind::Invalid, format!("{text}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_keys_and_containers_are_seen() {
        let base = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts";
        let about = |rest: &str| About::of(&format!("{base}{rest}"));
        assert_eq!(about("/a"), Some(About::Account("a".to_owned())));
        assert_eq!(about("/a/listKeys"), Some(About::Keys));
        let container = about("/a/blobServices/default/containers/c");
        assert_eq!(container, Some(About::Container("a".to_owned(), "c".to_owned())));
        assert_eq!(about("/a/blobServices/default"), None);
        assert_eq!(About::of("/subscriptions/s/resourceGroups/g"), None);
    }

    #[test]
    fn keys_are_those_of_azurite() {
        let reply = Response::new(Bytes::from_static(br#"{"keys":[{"keyName":"key1","value":"x"}]}"#));
        let reply = with_key_of_azurite(reply);
        let value: Value = serde_json::from_slice(reply.body()).unwrap();
        assert_eq!(value["keys"][0]["value"], Azurite::KEY);
        assert_eq!(value["keys"][0]["keyName"], "key1");
    }
}
