//! The sandbox on a loopback port.

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
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

use crate::Sandbox;

/// A running server. Dropping it closes the port and all connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(sandbox: Sandbox, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(accept(listener, Arc::new(sandbox))) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL for clients: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes the port and all connections.
    pub fn stop(self) {}
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, sandbox: Arc<Sandbox>) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(converse(stream, Arc::clone(&sandbox)));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn converse(stream: TcpStream, sandbox: Arc<Sandbox>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| respond(request, Arc::clone(&sandbox)));
    let served = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection closed");
    }
}

/// An error makes hyper close the connection without a reply, which is what a lost reply looks like to a client.
async fn respond(
    request: Request<Incoming>,
    sandbox: Arc<Sandbox>,
) -> Result<Response<Full<Bytes>>, TransportError> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|error| {
        TransportError::new(TransportErrorKind::Broken, "the request was cut short").with_source(error)
    })?;
    let request = Request::from_parts(parts, body.to_bytes());
    let request = match absolute(request) {
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
fn absolute(mut request: Request<Bytes>) -> Result<Request<Bytes>, &'static str> {
    if request.uri().authority().is_some() {
        return Ok(request);
    }
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<Authority>().ok()).ok_or("a Host header is needed")?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri = Uri::builder().scheme("http").authority(host).path_and_query(path).build();
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
