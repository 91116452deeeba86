//! Wire truth: every request that this crate can build, and every reply of the sandbox in its flows, against the
//! official descriptions of the services.

use bytes::Bytes;
use gardener_provider_aws::{
    api::{self, ApiRequest},
    endpoints::{Endpoints, Service},
};
use gardener_provider_conformance::{tools, wire::Wire};
use gardener_provider_core::Region;
use http::Request;
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
    let mut wrong = Vec::new();
    for sample in &samples {
        match wire.request(&on_the_wire(sample)) {
            Ok((operation, problems)) => {
                if operation != sample.operation {
                    wrong.push(format!("{}: is taken for {operation}", sample.operation));
                }
                wrong.extend(problems.iter().map(|problem| format!("{}: {problem}", sample.operation)));
            }
            Err(problem) => wrong.push(format!("{}: {problem}", sample.operation)),
        }
    }
    assert!(wrong.is_empty(), "{} of {} samples:\n{}", wrong.len(), samples.len(), wrong.join("\n"));
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
