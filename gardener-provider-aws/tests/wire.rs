//! Wire truth: every request that this crate can build, and every reply of the sandbox in its flows, against the
//! official descriptions of the services.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "what fails in a test shall fail the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use futures::TryStreamExt;
use gardener_provider_aws::{
    AwsProvider, AwsProviderBuilder,
    api::{self, ApiRequest, Operation, describe::Query, query::Filter, subnets::describe_subnets},
    endpoints::{Endpoints, Service},
};
use gardener_provider_client::{clock::TokioClock, retry::RetryPolicy};
use gardener_provider_conformance::{
    tools,
    wire::{Recorder, Wire},
};
use gardener_provider_core::{
    BucketName, BucketRef, BucketSpec, ClusterId, Encryption, InfrastructureRequest, IpFamily,
    ListMachinesRequest, Machine, MachineClass, MachineName, MachineRequest, MachineUid, Networking,
    ObjectPrefix, Provider, Region, Retention, RetentionMode, RunOptions, SecretData,
};
use gardener_provider_sandbox::{Sandbox, SandboxOptions};
use http::Request;
use object_store::{ObjectStoreExt, PutMode, PutOptions, path::Path};
use serde_json::json;
use url::Url;

const SERVICES: &[&str] = &[
    "ec2/2016-11-15",
    "iam/2010-05-08",
    "sts/2011-06-15",
    "s3/2006-03-01",
    "elb/2012-06-01",
    "elbv2/2015-12-01",
    "efs/2015-02-01",
];

/// The descriptions, or `None` after saying that `name` is skipped.
fn descriptions(name: &str) -> Option<Wire> {
    Some(Wire::botocore(&tools::botocore(name)?, SERVICES).expect("botocore's descriptions"))
}

/// The request as it goes out, addressed as in a path and marked with its service as a signature would.
fn on_the_wire(sample: &ApiRequest) -> Request<Bytes> {
    let endpoints = Endpoints::all_at(Url::parse("http://127.0.0.1:4566").unwrap());
    let region = Region::new("eu-west-1").unwrap();
    let call = sample.call(&endpoints.resolve(sample.service, &region).unwrap()).unwrap();
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(call.url.as_str())
        .body(call.body.clone())
        .unwrap();
    *request.headers_mut() = call.headers.clone();
    let scope = format!("Credential=AKID/20261122/eu-west-1/{}/aws4_request", sample.service.name());
    request.headers_mut().insert("authorization", format!("AWS4-HMAC-SHA256 {scope}").parse().unwrap());
    request
}

#[test]
fn every_request_is_as_described() {
    let Some(mut wire) = descriptions("every_request_is_as_described") else { return };
    let samples = api::samples();
    let requests = samples.iter().map(|sample| (sample.operation, on_the_wire(sample)));
    wire.review_samples(requests, &[]).assert_clean();
    println!("{wire}");
}

#[test]
fn every_service_is_sampled() {
    let samples = api::samples();
    for service in
        [Service::Ec2, Service::Iam, Service::Sts, Service::S3, Service::Elb, Service::ElbV2, Service::Efs]
    {
        assert!(samples.iter().any(|sample| sample.service == service), "no sample of {service:?}");
    }
}

/// The sandbox behind a recorder, at one address for all services.
struct Lab {
    recorder: Recorder,
    clock: TokioClock,
    secret: SecretData,
}

impl Lab {
    fn new() -> Self {
        let clock = TokioClock::default();
        let sandbox = Sandbox::new(SandboxOptions::default().with_clock(Arc::new(clock)));
        let key = sandbox.aws().access_key();
        let secret = SecretData::new()
            .with("accessKeyID", key.id.clone())
            .with("secretAccessKey", key.secret.expose().clone())
            .with("userData", "#!/bin/sh\ntrue");
        Self { recorder: Recorder::new(Arc::new(sandbox)), clock, secret }
    }

    fn builder(&self) -> AwsProviderBuilder {
        AwsProvider::builder()
            .transport(Arc::new(self.recorder.clone()))
            .clock(Arc::new(self.clock))
            .endpoints(Endpoints::all_at(Url::parse("https://localhost:4566").unwrap()))
            .rates(Vec::new())
            .seed(1)
    }

    fn provider(&self) -> Provider {
        self.builder().build().unwrap()
    }

    /// Every request there is, most of them about things that do not exist.
    async fn samples(&self) {
        let sessions = self.builder().retry(RetryPolicy::none()).sessions().unwrap();
        let session = sessions.get(&self.secret, &region()).unwrap();
        for sample in api::samples() {
            let _ = session.run(&Operation::new(sample, |_| Ok(()))).await;
        }
    }

    async fn buckets(&self) {
        let storage = self.provider().storage;
        let name = BucketName::new("wire-truth").unwrap();
        let plain = BucketSpec::new(name.clone(), region());
        let retention = Retention::new(std::time::Duration::from_secs(86_400), RetentionMode::Governance);
        let key = "arn:aws:kms:eu-west-1:123456789012:key/1".to_owned();
        let bucket = BucketRef::new(name, region(), self.secret.clone());
        storage.create_bucket(&plain, &self.secret).await.unwrap();
        storage
            .create_bucket(&plain.clone().with_encryption(Encryption::Key(key)), &self.secret)
            .await
            .unwrap();
        storage.create_bucket(&plain.with_retention(retention), &self.secret).await.unwrap();
        storage.get_bucket(&bucket).await.unwrap();
        storage.list_buckets(region(), self.secret.clone()).try_collect::<Vec<_>>().await.unwrap();
        let store = storage.open(&bucket).await.unwrap();
        let path = Path::from("a/Full-ü +&");
        store.put(&path, "data".into()).await.unwrap();
        let once = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        store.put_opts(&path, "more".into(), once).await.unwrap_err();
        assert_eq!(store.get_range(&path, 1..3).await.unwrap(), "at");
        store.head(&path).await.unwrap();
        store.list(Some(&Path::from("a"))).try_collect::<Vec<_>>().await.unwrap();
        store.list_with_delimiter(None).await.unwrap();
        store.copy(&path, &Path::from("a/copy")).await.unwrap();
        store.delete(&Path::from("a/copy")).await.unwrap();
        let mut upload = store.put_multipart(&Path::from("b/large")).await.unwrap();
        upload.put_part(vec![0; 5 << 20].into()).await.unwrap();
        upload.put_part("rest".into()).await.unwrap();
        upload.complete().await.unwrap();
        store.put_multipart(&Path::from("b/unfinished")).await.unwrap().put_part("x".into()).await.unwrap();
        let prefix = ObjectPrefix::new("a").unwrap();
        assert!(storage.delete_prefix(&bucket, &prefix).await.unwrap().retained > 0);
        storage.delete_bucket(&bucket).await.unwrap_err();
        tokio::time::advance(std::time::Duration::from_secs(3 * 86_400)).await;
        storage.delete_prefix(&bucket, &prefix).await.unwrap();
        storage.delete_bucket(&bucket).await.unwrap();
    }

    async fn machines(&self) {
        let session = self.builder().sessions().unwrap().get(&self.secret, &region()).unwrap();
        let zone = Query::matching([Filter::is("availability-zone", "eu-west-1a")]);
        let subnet = session.run(&describe_subnets(&zone)).await.unwrap().items.remove(0);
        let group =
            Query::matching([Filter::is("vpc-id", &subnet.vpc_id), Filter::is("group-name", "default")]);
        let groups = api::security_groups::describe_security_groups(&group);
        let group = session.run(&groups).await.unwrap().items.remove(0);
        let profile = api::iam::create_instance_profile("nodes", &BTreeMap::new());
        session.run(&profile).await.unwrap();
        let spec = json!({
            "apiVersion": "mcm.gardener.cloud/v1alpha1",
            "ami": "ami-0a1b2c3d4e5f60001",
            "machineType": "m5.large",
            "region": "eu-west-1",
            "iam": { "name": "nodes" },
            "srcAndDstChecksEnabled": false,
            "networkInterfaces": [{ "subnetID": subnet.subnet_id, "securityGroupIDs": [group.group_id] }],
            "blockDevices": [{ "ebs": { "volumeSize": 50, "volumeType": "gp3", "encrypted": true } }],
            "tags": { "kubernetes.io/cluster/shoot--a--b": "1", "kubernetes.io/role/node": "1" },
        });
        let class = MachineClass::new("shoot--a--b-worker", spec);
        let driver = self.provider().machines;
        for number in 0..2 {
            let name = MachineName::new(format!("machine-{number}")).unwrap();
            let machine = Machine::new(name, MachineUid::new(format!("uid-{number}")).unwrap());
            let mut request = MachineRequest::new(machine, class.clone(), self.secret.clone());
            let status = driver.create_machine(&request).await.unwrap();
            request.machine.provider_id = Some(status.provider_id);
            driver.initialize_machine(&request).await.unwrap();
            driver.get_machine_status(&request).await.unwrap();
            driver.delete_machine(&request).await.unwrap();
        }
        let list = ListMachinesRequest::new(class, self.secret.clone());
        driver.list_machines(list).try_collect::<Vec<_>>().await.unwrap();
    }

    async fn infrastructure(&self) {
        let zone = |n: u32, zone: &str| {
            json!({ "name": zone, "workers": format!("10.250.{n}.0/24"), "public": format!("10.250.{}.0/24", 96 + n),
                    "internal": format!("10.250.{}.0/24", 112 + n) })
        };
        let config = json!({
            "apiVersion": "aws.provider.extensions.gardener.cloud/v1alpha1",
            "kind": "InfrastructureConfig",
            "dualStack": { "enabled": true },
            "elasticFileSystem": { "enabled": true },
            "networks": {
                "vpc": { "cidr": "10.250.0.0/16", "gatewayEndpoints": ["s3"] },
                "zones": [zone(0, "eu-west-1a"), zone(1, "eu-west-1b")],
            },
        });
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIH2sMwJ0k6YcGZ3W8fJx0mQx3kN0lJ2bWm0o8hD5bq5W core";
        let cluster = ClusterId::new("shoot--a--wire").unwrap();
        let networking = Networking::default().with_ip_families([IpFamily::V4, IpFamily::V6]);
        let request = InfrastructureRequest::new(cluster, region(), config, self.secret.clone())
            .with_networking(networking)
            .with_ssh_public_key(key);
        let driver = self.provider().infrastructure;
        driver.plan(&request).await.unwrap();
        driver.apply(&request, &RunOptions::default()).await.unwrap();
        driver.apply(&request, &RunOptions::default()).await.unwrap();
        driver.get(&request).await.unwrap();
        driver.list(request.clone()).try_collect::<Vec<_>>().await.unwrap();
        driver.destroy(&request, &RunOptions::default()).await.unwrap();
    }
}

fn region() -> Region {
    Region::new("eu-west-1").unwrap()
}

/// What object_store asks for; all else that the flows call must be among the samples.
const DATA_PLANE: &[&str] = &[
    "CompleteMultipartUpload",
    "CopyObject",
    "CreateMultipartUpload",
    "GetObject",
    "HeadObject",
    "ListObjectsV2",
    "PutObject",
    "UploadPart",
];

/// Where the description is known to differ from the service: operation and place, numbers of items left out.
const KNOWN: &[(&str, &str)] = &[
    // object_store sets no namespace; S3 does not mind.
    ("CompleteMultipartUpload", "xmlns"),
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html shows `<return>true</return>`.
    ("CreateSecurityGroup", "return"),
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InternetGatewayAttachment.html: "available" if attached.
    ("DescribeInternetGateways", "internetGatewaySet.item.attachmentSet.item.state"),
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpcEndpoint.html: the examples are in lower case.
    ("CreateVpcEndpoint", "vpcEndpoint.state"),
    ("DescribeVpcEndpoints", "vpcEndpointSet.item.state"),
];

#[tokio::test(start_paused = true)]
async fn every_reply_of_the_sandbox_is_as_described() {
    let Some(mut wire) = descriptions("every_reply_of_the_sandbox_is_as_described") else { return };
    let lab = Lab::new();
    lab.buckets().await;
    lab.machines().await;
    lab.infrastructure().await;
    lab.samples().await;
    let review = wire.review_exchanges(&lab.recorder.take(), KNOWN);
    let sampled: BTreeSet<_> = api::samples().iter().map(|sample| sample.operation).collect();
    let called = wire.operations().iter().map(|(_, operation)| operation.as_str());
    let unsampled: BTreeSet<_> = called.filter(|operation| !sampled.contains(operation)).collect();
    assert_eq!(unsampled.into_iter().collect::<Vec<_>>(), DATA_PLANE);
    println!("{wire}, {} of them with a reply of success", review.successful.len());
    review.assert_clean();
}
