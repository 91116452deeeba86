//! The calls that this crate makes: one file per family of resources, a request builder and a reply parser per call.
//!
//! Every operation is a plain function that answers an [`Operation`]: the request, complete but for its address and
//! signature, and the parser of its reply. Both can be tested without a server. Each file's `samples` builds all of its
//! operations with every parameter set; [`samples`] gathers them, so that a test can hold every request that this crate
//! can make against the official description of the API.

pub mod addresses;
pub mod describe;
pub mod efs;
pub mod elb;
pub mod endpoints;
pub mod gateways;
pub mod iam;
pub mod images;
pub mod instances;
pub mod keypairs;
pub mod nat;
pub mod network_interfaces;
pub mod query;
pub mod routes;
pub mod s3;
pub mod security_groups;
pub mod sts;
pub mod subnets;
pub mod tags;
pub mod volumes;
pub mod vpcs;

use std::fmt;

use bytes::Bytes;
use gardener_provider_client::{
    call::{Call, Idempotency},
    rest::{self, encode, encode_path},
};
use gardener_provider_core::{Error, Result};
use http::{HeaderName, HeaderValue, Method};
use url::Url;

use crate::endpoints::{Endpoint, Service};

/// API families: each has its own rate limit.
pub mod family {
    /// EC2 calls that change nothing.
    pub const EC2_READ: &str = "ec2/read";
    /// EC2 calls that change nothing and carry neither filter nor page size; EC2 gives them half the rate.
    pub const EC2_READ_UNFILTERED: &str = "ec2/read-unfiltered";
    /// EC2 calls that change something.
    pub const EC2_WRITE: &str = "ec2/write";
    /// `RunInstances`.
    pub const EC2_RUN: &str = "ec2/run-instances";
    /// `TerminateInstances`.
    pub const EC2_TERMINATE: &str = "ec2/terminate-instances";
    /// All of IAM.
    pub const IAM: &str = "iam";
    /// All of STS.
    pub const STS: &str = "sts";
    /// Administration of S3 buckets.
    pub const S3: &str = "s3";
    /// S3 calls about objects and their versions; S3 allows thousands of them a second.
    pub const S3_OBJECTS: &str = "s3/objects";
    /// Load balancers, both generations.
    pub const ELB: &str = "elb";
    /// All of EFS.
    pub const EFS: &str = "efs";
}

/// A request, complete but for its address and signature.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiRequest {
    /// The service.
    pub service: Service,
    /// The operation, by the service's name for it.
    pub operation: &'static str,
    /// The rate limit it counts against; one of [`family`].
    pub family: &'static str,
    /// Whether it may be repeated.
    pub idempotency: Idempotency,
    /// The method.
    pub method: Method,
    /// S3: the bucket, which goes into the host name or the path.
    pub bucket: Option<String>,
    /// The path below the endpoint, or below the bucket, not yet percent-encoded, without the first `/`.
    pub path: String,
    /// The query string's pairs; an empty value makes a bare `?key`… `key=`.
    pub query: Vec<(String, String)>,
    /// Headers, without authorization.
    pub headers: Vec<(HeaderName, String)>,
    /// The body: a form for EC2, IAM, STS and ELB, XML for S3, JSON for EFS.
    pub body: Bytes,
}

impl ApiRequest {
    /// A request without path, query, headers and body.
    pub fn new(
        service: Service,
        operation: &'static str,
        family: &'static str,
        method: Method,
        idempotency: Idempotency,
    ) -> Self {
        Self {
            service,
            operation,
            family,
            idempotency,
            method,
            bucket: None,
            path: String::new(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// The pairs of the body, for those services whose body is a form.
    pub fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The call at this endpoint.
    ///
    /// # Errors
    /// `InvalidArgument` or `Internal` if the parts make no address or header.
    pub fn call(&self, endpoint: &Endpoint) -> Result<Call> {
        let url = self.url(endpoint)?;
        let mut call = Call::new(self.operation, self.family, self.method.clone(), url)
            .with_idempotency(self.idempotency);
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value).map_err(|_| {
                Error::invalid(name, "holds a character that no header may hold")
                    .with_operation(self.operation)
            })?;
            call = call.with_header(name.clone(), value);
        }
        call.body = self.body.clone();
        Ok(call)
    }

    fn url(&self, endpoint: &Endpoint) -> Result<Url> {
        let mut url = endpoint.url.clone();
        let bucket = self.bucket.as_deref();
        let in_path = endpoint.path_style || bucket.is_some_and(|bucket| bucket.contains('.'));
        if let (Some(bucket), false) = (bucket, in_path) {
            let host = format!("{bucket}.{}", endpoint.url.host_str().unwrap_or_default());
            url.set_host(Some(&host)).map_err(|error| {
                Error::invalid("bucket.name", format!("{bucket:?} makes no host name: {error}"))
            })?;
        }
        let base = endpoint.url.path().trim_end_matches('/');
        let mut path = format!("{base}/");
        if let (Some(bucket), true) = (bucket, in_path) {
            path.push_str(&encode_path(bucket));
            if !self.path.is_empty() {
                path.push('/');
            }
        }
        path.push_str(&encode_path(&self.path));
        url.set_path(&path);
        if !self.query.is_empty() {
            let pairs: Vec<_> =
                self.query.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect();
            url.set_query(Some(&pairs.join("&")));
        }
        Ok(url)
    }
}

/// The body may hold secrets (user data, tokens), so it is shown by its length only.
impl fmt::Debug for ApiRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiRequest")
            .field("service", &self.service)
            .field("operation", &self.operation)
            .field("idempotency", &self.idempotency)
            .field("method", &self.method)
            .field("bucket", &self.bucket)
            .field("path", &self.path)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A request and the parser of its reply.
pub type Operation<R> = rest::Operation<R, ApiRequest>;

/// Every request that this crate can make, with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    [
        addresses::samples(),
        efs::samples(),
        elb::samples(),
        endpoints::samples(),
        gateways::samples(),
        iam::samples(),
        images::samples(),
        instances::samples(),
        keypairs::samples(),
        nat::samples(),
        network_interfaces::samples(),
        routes::samples(),
        s3::samples(),
        security_groups::samples(),
        sts::samples(),
        subnets::samples(),
        tags::samples(),
        volumes::samples(),
        vpcs::samples(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::Region;

    use super::*;
    use crate::endpoints::Endpoints;

    fn request() -> ApiRequest {
        let mut request = ApiRequest::new(
            Service::S3,
            "PutObjectRetention",
            family::S3,
            Method::PUT,
            Idempotency::Idempotent,
        );
        request.bucket = Some("backup".to_owned());
        request.path = "a b/ü+.snap".to_owned();
        request.query =
            vec![("retention".to_owned(), String::new()), ("prefix".to_owned(), "x/y".to_owned())];
        request
    }

    #[test]
    fn a_bucket_goes_into_the_host_or_the_path() {
        let region = Region::new("eu-west-1").unwrap();
        let public = Endpoints::public().resolve(Service::S3, &region).unwrap();
        assert_eq!(
            request().call(&public).unwrap().url.as_str(),
            "https://backup.s3.eu-west-1.amazonaws.com/a%20b/%C3%BC%2B.snap?retention=&prefix=x%2Fy"
        );
        let local = Endpoints::all_at(Url::parse("http://127.0.0.1:9000/base/").unwrap());
        let local = local.resolve(Service::S3, &region).unwrap();
        assert_eq!(
            request().call(&local).unwrap().url.as_str(),
            "http://127.0.0.1:9000/base/backup/a%20b/%C3%BC%2B.snap?retention=&prefix=x%2Fy"
        );
        let mut dotted = request();
        dotted.bucket = Some("a.b".to_owned());
        assert!(
            dotted.call(&public).unwrap().url.as_str().starts_with("https://s3.eu-west-1.amazonaws.com/a.b/")
        );
    }

    #[test]
    fn debug_of_a_request_does_not_show_its_body() {
        let mut request = request();
        request.body = Bytes::from_static(b"hunter2");
        assert!(!format!("{request:?}").contains("hunter2"));
    }

    #[test]
    fn every_sample_is_of_another_operation_or_other_parameters() {
        let samples = samples();
        for (index, sample) in samples.iter().enumerate() {
            assert!(!samples[..index].contains(sample), "{sample:?} is there twice");
        }
    }
}
