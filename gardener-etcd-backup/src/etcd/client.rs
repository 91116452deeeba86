//! A client for several endpoints, with TLS and user and password.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use gardener_provider_core::{Error, ErrorKind, Redacted, Result};
use http::uri::PathAndQuery;
use prost::Message;
use tokio::{sync::RwLock, time::timeout};
use tonic::{
    Code, Request, Status, Streaming,
    client::Grpc,
    metadata::{Ascii, MetadataValue},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_prost::ProstCodec;

use super::proto::{
    AUTHENTICATE, AuthenticateRequest, AuthenticateResponse, Empty, HASH_KV, HashKvRequest, HashKvResponse,
    RANGE, RangeRequest, RangeResponse, ResponseHeader, SNAPSHOT, STATUS, SnapshotResponse, StatusResponse,
};
use crate::HashKv;

/// How to reach an etcd cluster.
///
/// ```
/// # use gardener_etcd_backup::{Etcd, EtcdOptions};
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let etcd = Etcd::new(&EtcdOptions::new(["http://127.0.0.1:2379"])).unwrap();
/// # let _ = etcd; }
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EtcdOptions {
    /// URLs of the members' client ports. They are tried in this order.
    pub endpoints: Vec<String>,
    /// Certificates, for `https` endpoints. The system's roots are trusted when there is none.
    pub tls: Option<EtcdTls>,
    /// User and password, where the cluster has authentication enabled. The user needs the role `root`.
    pub login: Option<(String, Redacted<String>)>,
    /// For making a connection; 10 s unless told.
    pub connect_timeout: Duration,
    /// For a single call, and between two pieces of a stream; 30 s unless told.
    pub call_timeout: Duration,
}

/// Certificates in PEM.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EtcdTls {
    /// Trusted besides nothing else; the system's roots when empty.
    pub ca: Vec<u8>,
    /// The client's certificate and key.
    pub identity: Option<(Vec<u8>, Redacted<Vec<u8>>)>,
    /// The name to expect in the server's certificate; the host of the URL when none.
    pub server_name: Option<String>,
}

impl EtcdTls {
    /// Trusts certificates of this authority, in PEM.
    pub fn new(ca: impl Into<Vec<u8>>) -> Self {
        Self { ca: ca.into(), ..Self::default() }
    }

    /// Sets the client's certificate and key, in PEM.
    pub fn with_identity(
        mut self,
        certificate: impl Into<Vec<u8>>,
        key: impl Into<Redacted<Vec<u8>>>,
    ) -> Self {
        self.identity = Some((certificate.into(), key.into()));
        self
    }

    /// Sets the name to expect in the server's certificate.
    pub fn with_server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    fn config(&self) -> ClientTlsConfig {
        let mut config = ClientTlsConfig::new();
        config = match &self.ca[..] {
            [] => config.with_native_roots(),
            ca => config.ca_certificate(Certificate::from_pem(ca)),
        };
        if let Some((certificate, key)) = &self.identity {
            config = config.identity(Identity::from_pem(certificate, key.expose()));
        }
        match &self.server_name {
            Some(name) => config.domain_name(name),
            None => config,
        }
    }
}

impl EtcdOptions {
    /// These endpoints, without client certificate and login.
    pub fn new<E: Into<String>>(endpoints: impl IntoIterator<Item = E>) -> Self {
        Self {
            endpoints: endpoints.into_iter().map(Into::into).collect(),
            tls: None,
            login: None,
            connect_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(30),
        }
    }

    /// Sets the certificates.
    pub fn with_tls(mut self, tls: EtcdTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets user and password.
    pub fn with_login(mut self, user: impl Into<String>, password: impl Into<Redacted<String>>) -> Self {
        self.login = Some((user.into(), password.into()));
        self
    }

    /// Sets the longest wait for a single call, and between two pieces of a stream.
    pub fn with_call_timeout(mut self, call_timeout: Duration) -> Self {
        self.call_timeout = call_timeout;
        self
    }
}

/// A client of an etcd cluster. Cloning is cheap. It connects when it is first used.
#[derive(Clone)]
pub struct Etcd(Arc<Inner>);

/// What etcd wants to see in the header `token`.
pub(super) type Token = MetadataValue<Ascii>;

struct Inner {
    members: Vec<(String, Channel)>,
    login: Option<(String, Redacted<String>)>,
    token: RwLock<Option<Redacted<Token>>>,
    call_timeout: Duration,
}

impl fmt::Debug for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints: Vec<_> = self.0.members.iter().map(|(url, _)| url).collect();
        f.debug_struct("Etcd").field("endpoints", &endpoints).finish_non_exhaustive()
    }
}

/// What a member says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EtcdStatus {
    /// The endpoint that answered.
    pub endpoint: String,
    /// The version of etcd.
    pub version: String,
    /// The cluster's id.
    pub cluster_id: u64,
    /// The member's id.
    pub member_id: u64,
    /// The member's revision, which may lag that of the cluster.
    pub revision: i64,
    /// Size of the database file in bytes, free pages included.
    pub database_size: u64,
    /// Whether it leads the cluster.
    pub is_leader: bool,
    /// Whether it is a learner, which cannot serve a backup.
    pub is_learner: bool,
}

impl Etcd {
    /// A client; nothing is connected yet. It must be made inside a tokio runtime.
    ///
    /// # Errors
    /// `InvalidArgument` for no endpoint, a malformed one, or malformed certificates.
    pub fn new(options: &EtcdOptions) -> Result<Self> {
        let members: Vec<_> = options
            .endpoints
            .iter()
            .map(|url| Ok((url.clone(), channel(url, options)?)))
            .collect::<Result<_>>()?;
        if members.is_empty() {
            return Err(Error::invalid("endpoints", "at least one is needed"));
        }
        let (login, call_timeout) = (options.login.clone(), options.call_timeout);
        Ok(Self(Arc::new(Inner { members, login, token: RwLock::new(None), call_timeout })))
    }

    /// The state of the first endpoint that answers.
    ///
    /// # Errors
    /// `Unavailable` when none answers; `Unauthenticated` and `PermissionDenied` as etcd says.
    pub async fn status(&self) -> Result<EtcdStatus> {
        self.on_any(|member| self.status_of(member).boxed()).await
    }

    /// The latest revision of the cluster, as a linearizable read answers it.
    ///
    /// # Errors
    /// As [`Etcd::status`].
    pub async fn revision(&self) -> Result<i64> {
        self.on_any(|member| self.revision_at(member).boxed()).await
    }

    /// The hash of the data at `revision`, or at the latest of the member that answers.
    ///
    /// # Errors
    /// As [`Etcd::status`]; `InvalidArgument` when the revision is compacted or not reached yet.
    pub async fn hash_kv(&self, revision: Option<i64>) -> Result<HashKv> {
        self.on_any(|member| self.hash_kv_at(member, revision).boxed()).await
    }

    /// A member that can serve a snapshot, with its state and the cluster's revision at this moment.
    pub(crate) async fn snapshot_source(&self) -> Result<SnapshotSource> {
        self.on_any(|member| self.snapshot_source_at(member).boxed()).await
    }

    /// The database of a member as it is now.
    pub(crate) async fn snapshot(&self, member: usize) -> Result<SnapshotStream> {
        let stream = self.with_login(|token| self.open_snapshot(member, token).boxed());
        let stream = stream.await.map_err(|status| self.error(member, SNAPSHOT, &status))?;
        Ok(SnapshotStream { stream, etcd: self.clone(), member })
    }

    async fn open_snapshot(
        &self,
        member: usize,
        token: Option<Token>,
    ) -> Result<Streaming<SnapshotResponse>, Status> {
        let mut client = self.client(member).await?;
        let request = authorized(Empty {}, token);
        let call =
            client.server_streaming(request, PathAndQuery::from_static(SNAPSHOT), ProstCodec::default());
        self.in_time(call).await
    }

    async fn snapshot_source_at(&self, member: usize) -> Result<SnapshotSource> {
        let status = self.status_of(member).await?;
        if status.is_learner {
            let message = format!("{} is a learner", status.endpoint);
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        let revision = self.revision_at(member).await?;
        Ok(SnapshotSource { member, status, revision })
    }

    async fn hash_kv_at(&self, member: usize, revision: Option<i64>) -> Result<HashKv> {
        let request = HashKvRequest { revision: revision.unwrap_or(0) };
        let reply: HashKvResponse = self.unary(member, HASH_KV, request).await?;
        let header = header(reply.header)?;
        Ok(HashKv::new(reply.hash, revision.unwrap_or(header.revision), reply.compact_revision))
    }

    async fn status_of(&self, member: usize) -> Result<EtcdStatus> {
        let reply: StatusResponse = self.unary(member, STATUS, Empty {}).await?;
        let header = header(reply.header)?;
        Ok(EtcdStatus {
            endpoint: self.0.members[member].0.clone(),
            version: reply.version,
            cluster_id: header.cluster_id,
            member_id: header.member_id,
            revision: header.revision,
            database_size: u64::try_from(reply.db_size).unwrap_or(0),
            is_leader: reply.leader == header.member_id,
            is_learner: reply.is_learner,
        })
    }

    async fn revision_at(&self, member: usize) -> Result<i64> {
        // The key of one zero byte is the smallest there is; only the header matters.
        let request = RangeRequest { key: Bytes::from_static(&[0]), count_only: true };
        let reply: RangeResponse = self.unary(member, RANGE, request).await?;
        Ok(header(reply.header)?.revision)
    }

    /// Runs `call` on one member after the other until one is available.
    pub(super) async fn on_any<'a, T>(
        &'a self,
        call: impl Fn(usize) -> BoxFuture<'a, Result<T>> + Send,
    ) -> Result<T> {
        let mut last = None;
        for member in 0..self.0.members.len() {
            match call(member).await {
                Err(error)
                    if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::DeadlineExceeded) =>
                {
                    tracing::debug!(%error, "trying the next endpoint");
                    last = Some(error);
                }
                other => return other,
            }
        }
        Err(last.unwrap_or_else(|| Error::invalid("endpoints", "at least one is needed")))
    }

    async fn unary<Q, A>(&self, member: usize, path: &'static str, request: Q) -> Result<A>
    where
        Q: Message + Clone + 'static,
        A: Message + Default + 'static,
    {
        let reply = self.with_login(|token| self.unary_once(member, path, request.clone(), token).boxed());
        reply.await.map_err(|status| self.error(member, path, &status))
    }

    async fn unary_once<Q, A>(
        &self,
        member: usize,
        path: &'static str,
        request: Q,
        token: Option<Token>,
    ) -> Result<A, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let mut client = self.client(member).await?;
        let call =
            client.unary(authorized(request, token), PathAndQuery::from_static(path), ProstCodec::default());
        self.in_time(call).await
    }

    /// Runs `call` with a token, with a new one when etcd has forgotten the old.
    pub(super) async fn with_login<'a, T>(
        &'a self,
        call: impl Fn(Option<Token>) -> BoxFuture<'a, Result<T, Status>> + Send,
    ) -> Result<T, Status> {
        if self.0.login.is_none() {
            return call(None).await;
        }
        let held = self.0.token.read().await.clone();
        if let Some(token) = held {
            match call(Some(token.into_exposed())).await {
                Err(status) if is_stale_token(&status) => {}
                other => return other,
            }
        }
        call(Some(self.log_in().await?)).await
    }

    async fn log_in(&self) -> Result<Token, Status> {
        let mut last = Status::unavailable("no endpoint");
        let Some((user, password)) = &self.0.login else { return Err(last) };
        for member in 0..self.0.members.len() {
            let request = AuthenticateRequest { name: user.clone(), password: password.expose().clone() };
            let mut client = self.client(member).await?;
            let path = PathAndQuery::from_static(AUTHENTICATE);
            match self.in_time(client.unary(Request::new(request), path, ProstCodec::default())).await {
                Ok(AuthenticateResponse { token }) => {
                    let token = Token::try_from(token)
                        .map_err(|_| Status::internal("the token is not one that a header can carry"))?;
                    *self.0.token.write().await = Some(Redacted::new(token.clone()));
                    return Ok(token);
                }
                Err(status) if status.code() == Code::Unavailable => last = status,
                Err(status) => return Err(status),
            }
        }
        Err(last)
    }

    pub(super) async fn client(&self, member: usize) -> Result<Grpc<Channel>, Status> {
        let channel = self.0.members[member].1.clone();
        // Answers may be as large as a transaction of the user's; etcd bounds them.
        let mut client = Grpc::new(channel).max_decoding_message_size(512 << 20);
        let ready = timeout(self.0.call_timeout, client.ready()).await;
        match ready {
            Ok(Ok(())) => Ok(client),
            Ok(Err(error)) => Err(Status::unavailable(full_text(&error))),
            Err(_) => Err(Status::deadline_exceeded("no connection in time")),
        }
    }

    pub(super) async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<tonic::Response<T>, Status>> + Send,
    ) -> Result<T, Status> {
        let reply = timeout(self.0.call_timeout, call).await;
        Ok(reply.map_err(|_| Status::deadline_exceeded("no answer in time"))??.into_inner())
    }

    pub(super) fn error(&self, member: usize, path: &'static str, status: &Status) -> Error {
        let endpoint = &self.0.members[member].0;
        let mut text = status.message().to_owned();
        if let Some(source) = std::error::Error::source(status) {
            text = format!("{text}: {}", full_text(source));
        }
        Error::new(kind_of(status), format!("etcd at {endpoint}: {text}")).with_operation(path)
    }
}

/// Who serves a snapshot, and the cluster's revision just before.
#[derive(Debug, Clone)]
pub(crate) struct SnapshotSource {
    pub(crate) member: usize,
    pub(crate) status: EtcdStatus,
    pub(crate) revision: i64,
}

/// The database as it arrives.
pub(crate) struct SnapshotStream {
    stream: Streaming<SnapshotResponse>,
    etcd: Etcd,
    member: usize,
}

impl SnapshotStream {
    /// The next piece, or nothing at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        let wait = self.etcd.0.call_timeout;
        let next = match timeout(wait, self.stream.message()).await {
            Ok(next) => next,
            Err(_) => Err(Status::deadline_exceeded("the snapshot stands still")),
        };
        let next = next.map_err(|status| self.etcd.error(self.member, SNAPSHOT, &status))?;
        Ok(next.map(|piece| piece.blob))
    }
}

fn channel(url: &str, options: &EtcdOptions) -> Result<Channel> {
    let invalid = |error: tonic::transport::Error| {
        Error::invalid("endpoints", format!("{url:?}: {}", full_text(&error)))
    };
    let mut endpoint = Endpoint::from_shared(url.to_owned()).map_err(invalid)?;
    match endpoint.uri().scheme_str() {
        Some("http") if options.tls.is_some() => {
            return Err(Error::invalid(
                "endpoints",
                format!("{url:?} is plain http, but certificates are given"),
            ));
        }
        Some("http") => {}
        Some("https") => {
            let tls = options.tls.clone().unwrap_or_default();
            endpoint = endpoint.tls_config(tls.config()).map_err(invalid)?;
        }
        _ => {
            return Err(Error::invalid(
                "endpoints",
                format!("{url:?} does not begin with http:// or https://"),
            ));
        }
    }
    let endpoint = endpoint
        .connect_timeout(options.connect_timeout)
        .http2_keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20))
        // What may be on the way while the upload is slower than etcd.
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(8 << 20);
    Ok(endpoint.connect_lazy())
}

pub(super) fn authorized<T>(message: T, token: Option<Token>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("token", token);
    }
    request
}

fn header(header: Option<ResponseHeader>) -> Result<ResponseHeader> {
    header.ok_or_else(|| Error::internal("etcd's answer has no header"))
}

fn is_stale_token(status: &Status) -> bool {
    let invalid_token = status.message().contains("invalid auth token");
    status.code() == Code::Unauthenticated
        || invalid_token
        || status.message().contains("revision of auth store is old")
}

fn kind_of(status: &Status) -> ErrorKind {
    match status.code() {
        Code::InvalidArgument | Code::OutOfRange => ErrorKind::InvalidArgument,
        Code::DeadlineExceeded => ErrorKind::DeadlineExceeded,
        Code::Unauthenticated => ErrorKind::Unauthenticated,
        Code::PermissionDenied => ErrorKind::PermissionDenied,
        Code::NotFound => ErrorKind::NotFound,
        Code::FailedPrecondition => ErrorKind::FailedPrecondition,
        Code::Unimplemented => ErrorKind::Unimplemented,
        Code::ResourceExhausted => ErrorKind::QuotaExceeded,
        Code::DataLoss => ErrorKind::DataLoss,
        // tonic reports a broken connection as Unknown or, if the server refused our certificate, as Cancelled.
        Code::Unavailable | Code::Aborted | Code::Unknown | Code::Cancelled => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    }
}

/// An error with all its causes; tonic's own text is only "transport error".
fn full_text(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
