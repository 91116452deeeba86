//! The conformance suite on moto, a third party's emulator: what it cannot do is listed by name.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use bytes::Bytes;
use common::{account::Operator, describe, samples};
use gardener_provider_aws::{AwsProvider, AwsProviderBuilder, endpoints::Endpoints};
use gardener_provider_client::transport::{ReqwestTransport, Transport, TransportError};
use gardener_provider_conformance::{
    self as conformance, InfrastructureSamples, Knob, MachineSamples, Secrets, StorageSamples, Tap, Testbed,
    Time, World,
    tools::{self, Moto, MotoOptions},
};
use gardener_provider_core::{BucketName, BucketRef, BucketSpec, CloudResource, Provider, SecretData};
use http::{HeaderValue, Request, Response};

const KEY: (&str, &str) = ("AKIAMOTOMOTOMOTO0000", "moto/secret+access+key+22222222222222222");

#[derive(Debug)]
struct OnMoto {
    moto: Moto,
    accounts: AtomicUsize,
    stride: usize,
}

#[async_trait]
impl Testbed for OnMoto {
    fn name(&self) -> String {
        "aws on moto".to_owned()
    }

    async fn fresh(&self) -> Box<dyn World> {
        let number = self.accounts.fetch_add(1, Ordering::Relaxed);
        Box::new(Account { endpoint: self.moto.endpoint(), number })
    }

    fn time(&self) -> Time {
        Time::Real
    }

    fn known_gaps(&self) -> Vec<(&'static str, &'static str)> {
        let token = "moto runs an instance for every RunInstances, whatever its ClientToken";
        vec![
            ("machine/create-concurrently", token),
            ("kill/create-machine/broken", token),
            ("storage/create-foreign", "moto lets every account use every bucket"),
            ("kill/apply*", "moto makes DHCP options without tags: until they get theirs, nobody finds them"),
        ]
    }

    fn kill_stride(&self) -> usize {
        self.stride
    }
}

/// One of moto's accounts, which share nothing but the names of buckets.
#[derive(Debug)]
struct Account {
    endpoint: String,
    number: usize,
}

/// Sends everything to one of moto's accounts.
#[derive(Debug)]
struct ToAccount(ReqwestTransport, HeaderValue);

#[async_trait]
impl Transport for ToAccount {
    async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        // Not signed, as it is moto's own.
        request.headers_mut().insert("x-moto-account-id", self.1.clone());
        self.0.send(request).await
    }
}

impl Account {
    fn transport(number: usize) -> Arc<dyn Transport> {
        let number = HeaderValue::from_str(&format!("{:012}", 200_000_000_000 + number)).expect("digits");
        Arc::new(ToAccount(ReqwestTransport::new().expect("a transport"), number))
    }

    fn builder(&self, transport: Arc<dyn Transport>) -> AwsProviderBuilder {
        let endpoints = Endpoints::all_at(self.endpoint.parse().expect("a URL"));
        AwsProvider::builder().transport(transport).endpoints(endpoints).rates(Vec::new()).seed(1)
    }

    fn operator(&self) -> Operator {
        Operator::new(self.builder(Self::transport(self.number)), &Self::secret())
    }

    fn secret() -> SecretData {
        samples::key_pair(KEY.0, KEY.1)
    }
}

#[async_trait]
impl World for Account {
    async fn provider(&self, tap: &Tap) -> Provider {
        self.builder(tap.transport(Self::transport(self.number), describe)).build().expect("a provider")
    }

    async fn inventory(&self) -> Vec<CloudResource> {
        self.operator().inventory().await
    }

    fn secrets(&self) -> Secrets {
        samples::secrets(KEY.0, KEY.1)
    }

    async fn machines(&self) -> Option<MachineSamples> {
        let operator = self.operator();
        let (network, image) = (operator.network().await, operator.image().await);
        Some(samples::machines(&network, &image, Self::secret()))
    }

    async fn infrastructure(&self) -> Option<InfrastructureSamples> {
        Some(samples::infrastructure(&Self::secret()))
    }

    async fn storage(&self) -> Option<StorageSamples> {
        let mut samples = samples::storage(&Self::secret());
        let name = BucketName::new(format!("backups-{}", self.number)).expect("a name");
        samples.spec.name = name.clone();
        samples.versioned.as_mut().expect("a versioned bucket").name = name.clone();
        for bad in &mut samples.bad {
            bad.input.name = name.clone();
        }
        Some(samples)
    }

    async fn turn(&self, knob: Knob<'_>) -> bool {
        match knob {
            Knob::DuplicateMachine(request) => self.operator().duplicate_machine(request).await,
            Knob::DuplicateInfrastructure(request) => self.operator().duplicate_vpc(request).await,
            Knob::Leftover(request) => self.operator().leave_a_balancer(request).await,
            Knob::Drift(request) => self.operator().drop_rules(request).await,
            Knob::ForeignBucket(name, region) => {
                let other = self.builder(Self::transport(self.number + 500_000)).build().expect("a provider");
                let spec = BucketSpec::new(name.clone(), region.clone());
                other.storage.create_bucket(&spec, &Self::secret()).await.expect("a bucket");
                let bucket = BucketRef::new(name.clone(), region.clone(), Self::secret());
                other.storage.get_bucket(&bucket).await.expect("the bucket");
            }
            _ => return false,
        }
        true
    }
}

#[test]
fn conformance_on_moto() {
    let Some(moto) = tools::moto("conformance_on_moto", &MotoOptions::default().without_images()) else {
        return;
    };
    let stride = if std::env::var_os(tools::ALL).is_some() { 3 } else { 37 };
    conformance::run(&OnMoto { moto, accounts: AtomicUsize::new(0), stride });
}
