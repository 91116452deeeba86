//! AWS's own credential chain (`aws-config`) over our transport and clock.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_config::{default_provider::credentials::DefaultCredentialsChain, provider_config::ProviderConfig};
use aws_smithy_async::{
    rt::sleep::{AsyncSleep, Sleep},
    time::TimeSource,
};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    shared::IntoShared,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use futures::future::{Either, select};
use gardener_provider_client::{
    clock::Clock,
    transport::{Transport, TransportError, TransportErrorKind},
};
use gardener_provider_core::Region;
use tokio::sync::OnceCell;

/// The credentials of the environment that this process runs in.
pub(crate) struct Ambient {
    seam: Seam,
    region: Region,
    chain: OnceCell<DefaultCredentialsChain>,
}

impl Ambient {
    pub(crate) fn new(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>, region: Region) -> Self {
        Self { seam: Seam { transport, clock }, region, chain: OnceCell::new() }
    }

    /// The chain, set up when first asked for.
    pub(crate) async fn chain(&self) -> &DefaultCredentialsChain {
        self.chain.get_or_init(|| self.build()).await
    }

    async fn build(&self) -> DefaultCredentialsChain {
        let region = aws_config::Region::new(self.region.as_str().to_owned());
        let config = ProviderConfig::empty()
            .with_region(Some(region.clone()))
            .with_http_client(self.seam.clone())
            .with_time_source(self.seam.clone())
            .with_sleep_impl(self.seam.clone());
        DefaultCredentialsChain::builder().configure(config).region(region).build().await
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ambient").field("region", &self.region).finish_non_exhaustive()
    }
}

/// One seam for both: whatever stands in for the network and the time stands in here too.
#[derive(Debug, Clone)]
struct Seam {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl TimeSource for Seam {
    fn now(&self) -> SystemTime {
        self.clock.now()
    }
}

impl AsyncSleep for Seam {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(SyncFuture(self.clock.sleep(duration).into()))
    }
}

/// A sleep has to be `Sync`. It is only ever polled through `&mut`, so the lock is never contended.
struct SyncFuture(std::sync::Mutex<futures::future::BoxFuture<'static, ()>>);

impl Future for SyncFuture {
    type Output = ();
    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<()> {
        let future = self.0.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        future.as_mut().poll(context)
    }
}

impl HttpClient for Seam {
    fn http_connector(&self, settings: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        let limit = match (settings.connect_timeout(), settings.read_timeout()) {
            (None, None) => None,
            (connect, read) => Some(connect.unwrap_or_default() + read.unwrap_or_default()),
        };
        Connector { seam: self.clone(), limit }.into_shared()
    }
}

#[derive(Debug)]
struct Connector {
    seam: Seam,
    limit: Option<Duration>,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Seam { transport, clock } = self.seam.clone();
        let limit = self.limit;
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .map_err(|error| ConnectorError::user(error.into()))?
                .map(|body| body.bytes().map(Bytes::copy_from_slice).unwrap_or_default());
            let reply = match limit {
                None => transport.send(request).await,
                Some(limit) => match select(transport.send(request), clock.sleep(limit)).await {
                    Either::Left((reply, _)) => reply,
                    Either::Right(_) => {
                        Err(TransportError::new(TransportErrorKind::Timeout, "no reply in time"))
                    }
                },
            };
            let reply = reply.map_err(connector_error)?.map(SdkBody::from);
            HttpResponse::try_from(reply).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}

fn connector_error(error: TransportError) -> ConnectorError {
    match error.kind {
        TransportErrorKind::Timeout => ConnectorError::timeout(error.into()),
        TransportErrorKind::Invalid => ConnectorError::user(error.into()),
        _ => ConnectorError::io(error.into()),
    }
}
