//! The metrics over HTTP.

use std::{convert::Infallible, net::SocketAddr};

use gardener_etcd_backup::Metrics;
use gardener_provider_core::{Error, Result};
use http::{Request, Response, StatusCode};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

/// Ends with it.
pub(crate) struct Server(JoinHandle<()>);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves `/metrics` at this address.
pub(crate) async fn metrics(address: SocketAddr, metrics: Metrics) -> Result<Server> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| Error::invalid("metrics", format!("{address}: {error}")))?;
    if let Ok(address) = listener.local_addr() {
        eprintln!("metrics at http://{address}/metrics");
    }
    Ok(Server(tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let metrics = metrics.clone();
            let answer = service_fn(move |request| {
                let reply = answer(&metrics, &request);
                async move { Ok::<_, Infallible>(reply) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    })))
}

fn answer(metrics: &Metrics, request: &Request<Incoming>) -> Response<String> {
    let (status, body) = match (request.uri().path(), metrics.text()) {
        ("/metrics", Ok(text)) => (StatusCode::OK, text),
        ("/metrics", Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        _ => (StatusCode::NOT_FOUND, "there is only /metrics\n".to_owned()),
    };
    let mut reply = Response::new(body);
    *reply.status_mut() = status;
    reply
}
