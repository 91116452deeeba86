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
        let config = self.seam.config(region.clone());
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

impl Seam {
    fn config(&self, region: aws_config::Region) -> ProviderConfig {
        ProviderConfig::empty()
            .with_region(Some(region))
            .with_http_client(self.clone())
            .with_time_source(self.clone())
            .with_sleep_impl(self.clone())
    }
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

#[cfg(test)]
mod tests {
    use aws_config::{
        ecs::EcsCredentialsProvider,
        imds::credentials::ImdsCredentialsProvider,
        web_identity_token::{StaticConfiguration, WebIdentityTokenCredentialsProvider},
    };
    use aws_credential_types::provider::ProvideCredentials;
    use gardener_provider_client::clock::TokioClock;
    use gardener_provider_client::fake::FakeTransport;

    use super::*;
    use crate::testing::{day, forms};

    fn config(script: &FakeTransport) -> ProviderConfig {
        let seam =
            Seam { transport: Arc::new(script.clone()), clock: Arc::new(TokioClock::starting_at(day())) };
        seam.config(aws_config::Region::from_static("eu-west-1"))
    }

    const KEYS: &str = r#"{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"ASIA1","SecretAccessKey":"s",
        "Token":"t","Expiration":"2026-11-22T14:00:00Z","LastUpdated":"2026-11-22T07:00:00Z"}"#;

    #[tokio::test(start_paused = true)]
    async fn the_instances_metadata_is_asked_through_our_transport_with_a_session_token() {
        let script = FakeTransport::new()
            .reply_with(200, ("x-aws-ec2-metadata-token-ttl-seconds", "21600"), "imds-token")
            .reply(200, "node-role")
            .reply(200, KEYS);
        let provider = ImdsCredentialsProvider::builder().configure(&config(&script)).build();
        let credentials = provider.provide_credentials().await.unwrap();
        assert_eq!((credentials.access_key_id(), credentials.session_token()), ("ASIA1", Some("t")));
        let requests = script.requests();
        assert_eq!((requests[0].method().as_str(), requests[0].uri().path()), ("PUT", "/latest/api/token"));
        assert_eq!(requests[2].headers()["x-aws-ec2-metadata-token"], "imds-token");
    }

    #[tokio::test(start_paused = true)]
    async fn a_web_identity_is_exchanged_through_our_transport() {
        let path = std::env::temp_dir().join(format!("gardener-provider-aws-ambient-{}", std::process::id()));
        std::fs::write(&path, "jwt").unwrap();
        let script = FakeTransport::new().reply(
            200,
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
             <AccessKeyId>ASIA2</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
             <Expiration>2026-11-22T09:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>\
             </AssumeRoleWithWebIdentityResponse>",
        );
        let provider = WebIdentityTokenCredentialsProvider::builder()
            .configure(&config(&script))
            .static_configuration(StaticConfiguration {
                web_identity_token_file: path.clone(),
                role_arn: "arn:aws:iam::123456789012:role/r".to_owned(),
                session_name: "s".to_owned(),
            })
            .build();
        let credentials = provider.provide_credentials().await;
        std::fs::remove_file(path).unwrap();
        assert_eq!(credentials.unwrap().access_key_id(), "ASIA2");
        assert_eq!(script.requests()[0].uri().host(), Some("sts.eu-west-1.amazonaws.com"));
        assert_eq!(forms(&script)[0]["WebIdentityToken"], "jwt");
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_is_silent_ends_in_an_error() {
        #[derive(Debug)]
        struct Silent;
        #[async_trait::async_trait]
        impl Transport for Silent {
            async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
                std::future::pending().await
            }
        }
        let seam = Seam { transport: Arc::new(Silent), clock: Arc::new(TokioClock::starting_at(day())) };
        let config = seam.config(aws_config::Region::from_static("eu-west-1"));
        assert!(
            ImdsCredentialsProvider::builder()
                .configure(&config)
                .build()
                .provide_credentials()
                .await
                .is_err()
        );
        assert!(
            EcsCredentialsProvider::builder().configure(&config).build().provide_credentials().await.is_err()
        );
    }
}
