//! Signed calls for the tests of the query services.

use std::{
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;
use gardener_provider_client::{clock::TokioClock, transport::Transport};
use gardener_provider_conformance::{tools, wire::Wire};
use http::{Request, Response};

use crate::{Sandbox, SandboxOptions, aws::AccessKey};

/// Calls one service of a sandbox.
pub(crate) struct Caller {
    pub(crate) sandbox: Sandbox,
    service: &'static str,
    version: &'static str,
    pub(crate) key: AccessKey,
}

impl Caller {
    pub(crate) fn new(service: &'static str, version: &'static str) -> Self {
        Self::with_options(service, version, SandboxOptions::default())
    }

    /// With the time of the runtime, which should be paused.
    pub(crate) fn with_options(
        service: &'static str,
        version: &'static str,
        options: SandboxOptions,
    ) -> Self {
        let day = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let sandbox = Sandbox::new(options.with_clock(Arc::new(TokioClock::starting_at(day))));
        let key = sandbox.aws().access_key();
        Self { sandbox, service, version, key }
    }

    /// Another service of the same sandbox.
    pub(crate) fn to(&self, service: &'static str, version: &'static str) -> Self {
        Self { sandbox: self.sandbox.clone(), service, version, key: self.key.clone() }
    }

    pub(crate) fn with_key(&self, key: AccessKey) -> Self {
        Self { key, ..self.to(self.service, self.version) }
    }

    /// One call of a query service.
    pub(crate) async fn call(&self, action: &str, parameters: &[(&str, &str)]) -> Response<Bytes> {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", self.version).extend_pairs(parameters);
        let host = format!("https://{}.eu-west-1.amazonaws.com/", self.service);
        let host = if self.service == "iam" { "https://iam.amazonaws.com/".to_owned() } else { host };
        let request = Request::post(host).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(form.finish().into()).unwrap()).await
    }

    /// Any request to the service, signed.
    pub(crate) async fn send(&self, mut request: Request<Bytes>) -> Response<Bytes> {
        let token = self.key.session_token.as_ref().map(|token| token.expose().clone());
        let identity = Credentials::new(&self.key.id, self.key.secret.expose(), token, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(if self.service == "iam" { "us-east-1" } else { "eu-west-1" })
            .name(self.service)
            .time(self.sandbox.options().clock.now())
            .settings(SigningSettings::default())
            .build()
            .unwrap();
        let headers: Vec<(String, String)> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let signable = SignableRequest::new(
            request.method().as_str(),
            request.uri().to_string(),
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())),
            SignableBody::Bytes(request.body()),
        );
        let (instructions, _) = sign(signable.unwrap(), &params.into()).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        let reply = self.sandbox.send(request.clone()).await.unwrap();
        check_reply(&request, &reply);
        reply
    }

    /// The body of a reply that must be a success.
    pub(crate) async fn ok(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let reply = self.call(action, parameters).await;
        let body = String::from_utf8(reply.body().to_vec()).unwrap();
        assert!(reply.status().is_success(), "{action}: {} {body}", reply.status());
        body
    }

    /// Status and code of a reply that must be an error.
    pub(crate) async fn error(&self, action: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let reply = self.call(action, parameters).await;
        let body = String::from_utf8(reply.body().to_vec()).unwrap();
        assert!(!reply.status().is_success(), "{action} succeeded: {body}");
        (reply.status().as_u16(), element(&body, "Code"))
    }
}

/// Holds a reply against the vendor's description of the service, where `cargo xtask test` has put it.
pub(crate) fn check_reply(request: &Request<Bytes>, reply: &Response<Bytes>) {
    static WIRE: LazyLock<Option<Mutex<Wire>>> = LazyLock::new(|| {
        let data = std::env::var_os(tools::BOTOCORE)?;
        let services = [
            "ec2/2016-11-15",
            "iam/2010-05-08",
            "sts/2011-06-15",
            "s3/2006-03-01",
            "elb/2012-06-01",
            "elbv2/2015-12-01",
            "efs/2015-02-01",
        ];
        Some(Mutex::new(Wire::botocore(data.as_ref(), &services).unwrap()))
    });
    let Some(wire) = &*WIRE else { return };
    let checked = wire.lock().unwrap_or_else(PoisonError::into_inner).reply(request, reply);
    // Some tests ask for operations that do not exist.
    let Ok((operation, mut problems)) = checked else { return };
    problems.retain(|problem| !is_sent_all_the_same(&problem.path, &problem.problem));
    let body = String::from_utf8_lossy(reply.body());
    assert!(problems.is_empty(), "the reply of {operation}: {problems:#?}\n{body}");
}

/// What EC2 sends beyond its description, as the examples of the API reference show: `return`, and states in words of
/// their own (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInternetGateways.html>).
fn is_sent_all_the_same(path: &str, problem: &str) -> bool {
    path == "return" || (path.ends_with("tate") && problem.starts_with("\"available\" is none of the values"))
}

/// A VPC with subnets in two zones, made through EC2.
pub(crate) struct Network {
    pub(crate) ec2: Caller,
    pub(crate) vpc: String,
    pub(crate) subnets: [String; 2],
}

impl Network {
    pub(crate) async fn new(caller: &Caller) -> Self {
        let ec2 = caller.to("ec2", "2016-11-15");
        let vpc = element(&ec2.ok("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).await, "vpcId");
        let a = Self::subnet(&ec2, &vpc, "10.0.1.0/24", "eu-west-1a").await;
        let b = Self::subnet(&ec2, &vpc, "10.0.2.0/24", "eu-west-1b").await;
        Self { ec2, vpc, subnets: [a, b] }
    }

    pub(crate) async fn subnet(ec2: &Caller, vpc: &str, block: &str, zone: &str) -> String {
        let asked = [("VpcId", vpc), ("CidrBlock", block), ("AvailabilityZone", zone)];
        element(&ec2.ok("CreateSubnet", &asked).await, "subnetId")
    }

    pub(crate) async fn group(&self, name: &str) -> String {
        let asked = [("VpcId", self.vpc.as_str()), ("GroupName", name), ("GroupDescription", "test")];
        element(&self.ec2.ok("CreateSecurityGroup", &asked).await, "groupId")
    }

    pub(crate) async fn delete_subnet(&self, id: &str) -> Result<(), String> {
        let reply = self.ec2.call("DeleteSubnet", &[("SubnetId", id)]).await;
        let body = String::from_utf8(reply.body().to_vec()).unwrap();
        if reply.status().is_success() { Ok(()) } else { Err(element(&body, "Code")) }
    }
}

/// The texts of all elements of this name.
pub(crate) fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let pieces = xml.split(&open).skip(1);
    pieces.map(|piece| piece.split(&close).next().unwrap_or_default().to_owned()).collect()
}

pub(crate) fn element(xml: &str, name: &str) -> String {
    elements(xml, name).into_iter().next().unwrap_or_else(|| panic!("no {name} in {xml}"))
}
