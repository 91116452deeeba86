//! The sandbox on a loopback port, with TLS if wanted.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use gardener_provider_client::transport::{Transport, TransportError, TransportErrorKind};
use http::{Request, Response, StatusCode, Uri, header, uri::Authority};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::TlsAcceptor;

mod tls;

use crate::Sandbox;

/// How a sandbox is served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServeOptions {
    /// The port; 0 for one that is free.
    pub port: u16,
    /// Speak TLS, with a certificate for `localhost` and `127.0.0.1` made at the start.
    pub tls: bool,
}

impl ServeOptions {
    /// Sets the port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Speaks TLS.
    #[must_use]
    pub fn with_tls(mut self) -> Self {
        self.tls = true;
        self
    }
}

/// A running server. Dropping it closes the port and all connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    certificate: Option<String>,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(sandbox: Sandbox, options: ServeOptions) -> io::Result<Self> {
        let identity = options.tls.then(tls::Identity::new).transpose()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let address = listener.local_addr()?;
        let (certificate, acceptor) =
            identity.map(|identity| (identity.certificate, identity.acceptor)).unzip();
        let task = tokio::spawn(accept(listener, acceptor, Arc::new(sandbox)));
        Ok(Self { address, certificate, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL for clients: `http://127.0.0.1:PORT`, and with TLS `https://localhost:PORT`.
    pub fn endpoint(&self) -> String {
        match self.certificate {
            Some(_) => format!("https://localhost:{}", self.address.port()),
            None => format!("http://{}", self.address),
        }
    }

    /// The certificate that clients have to trust, as PEM; `None` without TLS.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// Closes the port and all connections.
    pub fn stop(self) {}
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>, sandbox: Arc<Sandbox>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(meet(stream, acceptor.clone(), Arc::clone(&sandbox)));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn meet(stream: TcpStream, acceptor: Option<TlsAcceptor>, sandbox: Arc<Sandbox>) {
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = acceptor else { return converse(stream, "http", sandbox).await };
    match acceptor.accept(stream).await {
        Ok(stream) => converse(stream, "https", sandbox).await,
        Err(error) => tracing::debug!(%error, "no TLS came about"),
    }
}

async fn converse<S>(stream: S, scheme: &'static str, sandbox: Arc<Sandbox>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let service = service_fn(|request| respond(request, scheme, Arc::clone(&sandbox)));
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection closed");
    }
}

/// An error makes hyper close the connection without a reply, which is what a lost reply looks like to a client.
async fn respond(
    request: Request<Incoming>,
    scheme: &'static str,
    sandbox: Arc<Sandbox>,
) -> Result<Response<Full<Bytes>>, TransportError> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| {
        TransportError::new(TransportErrorKind::Broken, "the request was cut short").with_source(error)
    })?;
    let request = Request::from_parts(parts, body.to_bytes());
    let request = match absolute(request, scheme) {
        Ok(request) => request,
        Err(problem) => {
            let mut reply = Response::new(Full::new(Bytes::from_static(problem.as_bytes())));
            *reply.status_mut() = StatusCode::BAD_REQUEST;
            return Ok(reply);
        }
    };
    Ok(sandbox.send(request).await?.map(Full::new))
}

/// The request with scheme and host in its URI, as a client that calls in process makes it.
fn absolute(mut request: Request<Bytes>, scheme: &str) -> Result<Request<Bytes>, &'static str> {
    if request.uri().authority().is_some() {
        return Ok(request);
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<Authority>().ok()).ok_or("a Host header is needed")?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri = Uri::builder().scheme(scheme).authority(host).path_and_query(path).build();
    *request.uri_mut() = uri.map_err(|_| "the request target is no path")?;
    Ok(request)
}

#[cfg(test)]
mod tests {
    use gardener_provider_client::transport::ReqwestTransport;

    use super::*;
    use crate::{Fault, SandboxOptions};

    /// A sandbox that looks at keys but not at signatures, served.
    async fn served() -> (Sandbox, Server) {
        let mut options = SandboxOptions::instant();
        options.aws.verify_signatures = false;
        let sandbox = Sandbox::new(options);
        let server = sandbox.serve().await.unwrap();
        (sandbox, server)
    }

    fn create_vpc(sandbox: &Sandbox, endpoint: &str) -> Request<Bytes> {
        let credential = format!("{}/20270115/eu-west-1/ec2/aws4_request", sandbox.aws().access_key().id);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
        Request::post(endpoint)
            .header("x-amz-date", "20270115T080000Z")
            .header("authorization", authorization)
            .body(Bytes::from_static(b"Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0%2F16"))
            .unwrap()
    }

    #[tokio::test]
    async fn the_scope_of_the_signature_finds_the_service() {
        let (sandbox, server) = served().await;
        let transport = ReqwestTransport::new().unwrap();
        let reply = transport.send(create_vpc(&sandbox, &server.endpoint())).await.unwrap();
        assert_eq!(reply.status(), 200);
        assert_eq!(sandbox.aws().inventory(Some("eu-west-1")).len(), 1);
    }

    #[tokio::test]
    async fn a_lost_reply_breaks_the_connection_after_the_change() {
        let (sandbox, server) = served().await;
        sandbox.faults().add(Fault::reply_lost().on("ec2", "CreateVpc").times(1));
        let transport = ReqwestTransport::new().unwrap();
        let error = transport.send(create_vpc(&sandbox, &server.endpoint())).await.unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Broken);
        assert!(sandbox.journal().calls()[0].reply_lost);
        assert_eq!(sandbox.aws().inventory(None).len(), 1);
        let reply = transport.send(create_vpc(&sandbox, &server.endpoint())).await.unwrap();
        assert_eq!(reply.status(), 200);
    }

    #[tokio::test]
    async fn a_client_that_trusts_the_certificate_speaks_tls() {
        let sandbox = Sandbox::new(SandboxOptions::instant());
        let server = sandbox.serve_with(ServeOptions::default().with_tls()).await.unwrap();
        let certificate = reqwest::Certificate::from_pem(server.certificate().unwrap().as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([certificate]).build().unwrap();
        let url = format!("{}/metadata/endpoints?api-version=2022-09-01", server.endpoint());
        let clouds = client.get(&url).send().await.unwrap().bytes().await.unwrap();
        let clouds: serde_json::Value = serde_json::from_slice(&clouds).unwrap();
        assert_eq!(clouds["resourceManager"], server.endpoint(), "links lead back the same way");
        let stranger = reqwest::Client::builder().tls_certs_only([]).build().unwrap();
        assert!(stranger.get(&url).send().await.is_err());
    }

    #[tokio::test]
    async fn stopping_closes_the_port() {
        let (sandbox, server) = served().await;
        let endpoint = server.endpoint();
        server.stop();
        let gone = async {
            loop {
                let sent = ReqwestTransport::new().unwrap().send(create_vpc(&sandbox, &endpoint)).await;
                match sent {
                    Err(error) if error.kind == TransportErrorKind::Connect => break,
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    }
}
