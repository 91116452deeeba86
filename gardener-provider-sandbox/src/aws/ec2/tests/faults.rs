//! Faults as EC2 renders them, the journal and credentials.

use bytes::Bytes;
use gardener_provider_client::transport::{Transport, TransportErrorKind};
use http::Request;

use super::*;
use crate::{Fault, aws::AccessKey};

#[tokio::test]
async fn each_fault_has_ec2s_code_and_status() {
    for (fault, status, code) in [
        (Fault::throttled(), 503, "RequestLimitExceeded"),
        (Fault::denied(), 403, "UnauthorizedOperation"),
        (Fault::expired_credentials(), 400, "RequestExpired"),
        (Fault::server_error(500), 500, "InternalError"),
        (Fault::server_error(503), 503, "Unavailable"),
        (Fault::server_error(502), 502, "InternalError"),
        (Fault::error("VpcLimitExceeded"), 400, "VpcLimitExceeded"),
        (Fault::error("InsufficientAddressCapacity"), 500, "InsufficientAddressCapacity"),
        (Fault::error_with("Odd", 418, "a teapot"), 418, "Odd"),
    ] {
        let ec2 = faulty(fault.on("ec2", "CreateVpc"));
        assert_eq!(ec2.error("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).await, (status, code.to_owned()));
        assert!(left(&ec2.sandbox).is_empty(), "a refused call changes nothing");
        ec2.ok("DescribeVpcs", &[]).await;
    }
}

/// What came of creating a VPC, and how many there are after it.
async fn create_under(fault: Fault) -> (Result<String, TransportErrorKind>, usize) {
    let mut options = SandboxOptions::instant();
    options.aws.verify_signatures = false;
    let sandbox = Sandbox::new(options);
    sandbox.faults().add(fault.on("ec2", "CreateVpc"));
    let credential = format!("{}/20270115/eu-west-1/ec2/aws4_request", sandbox.aws().access_key().id);
    let authorization = format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0");
    let request = Request::post("https://ec2.eu-west-1.amazonaws.com/")
        .header("x-amz-date", "20270115T080000Z")
        .header("authorization", authorization)
        .body(Bytes::from_static(b"Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0%2F16"))
        .unwrap();
    let reply = sandbox.send(request).await;
    let reply =
        reply.map(|reply| String::from_utf8(reply.body().to_vec()).unwrap()).map_err(|error| error.kind);
    (reply, left(&sandbox).len())
}

#[tokio::test]
async fn a_lost_reply_is_no_lost_change() {
    assert_eq!(create_under(Fault::no_connection()).await, (Err(TransportErrorKind::Connect), 0));
    assert_eq!(create_under(Fault::reply_lost()).await, (Err(TransportErrorKind::Broken), 1));
    assert_eq!(create_under(Fault::reply_late()).await, (Err(TransportErrorKind::Timeout), 1));
    let (reply, count) = create_under(Fault::malformed_reply()).await;
    let reply = reply.unwrap();
    assert!(reply.contains("<CreateVpcResponse") && !reply.contains("</CreateVpcResponse>"), "{reply}");
    assert_eq!(count, 1);
}

#[tokio::test]
async fn the_journal_tells_reads_dry_runs_and_changes_apart() {
    let ec2 = ec2();
    let Network { subnet, .. } = ec2.network().await;
    let journal = ec2.sandbox.journal();
    journal.clear();
    ec2.ok("DescribeVpcs", &[]).await;
    let dry = ec2.call("RunInstances", &[("DryRun", "true")]).await;
    assert_eq!(
        (dry.status().as_u16(), code(&String::from_utf8_lossy(dry.body()))),
        (412, "DryRunOperation".to_owned())
    );
    ec2.run(&subnet, &[("UserData", "c2VjcmV0"), ("ClientToken", "t")]).await;
    assert_eq!((journal.len(), journal.mutating_calls().len()), (3, 1));
    let call = &journal.mutating_calls()[0];
    assert_eq!(
        (call.operation.as_str(), call.status, call.region.as_str()),
        ("RunInstances", Some(200), "eu-west-1")
    );
    assert_eq!(call.parameters.get("ClientToken").map(String::as_str), Some("t"));
    assert!(!format!("{:?}", journal.calls()).contains("c2VjcmV0"), "user data is secret");
    assert_eq!(journal.count("ec2", "Describe*"), 1);
}

#[tokio::test]
async fn only_known_keys_with_right_signatures_get_in() {
    let ec2 = ec2();
    let unknown = ec2.with_key(AccessKey::new("AKIANOBODY", "s"));
    assert_eq!(unknown.error("DescribeVpcs", &[]).await, (401, "AuthFailure".to_owned()));
    let wrong = ec2.with_key(AccessKey::new(ec2.key.id.clone(), "guess"));
    assert_eq!(wrong.error("DescribeVpcs", &[]).await, (401, "AuthFailure".to_owned()));
    let now = ec2.sandbox.options().clock.now();
    let expired = AccessKey::new("ASIAEXPIRED", "s").with_session_token("token", now);
    ec2.sandbox.aws().add_access_key(expired.clone());
    assert_eq!(ec2.with_key(expired).error("DescribeVpcs", &[]).await, (400, "RequestExpired".to_owned()));
    let session =
        AccessKey::new("ASIAFRESH", "a+b/c ü").with_session_token("token", now + Duration::from_secs(3600));
    ec2.sandbox.aws().add_access_key(session.clone());
    ec2.with_key(session.clone()).ok("DescribeVpcs", &[]).await;
    let tokenless = ec2.with_key(AccessKey::new("ASIAFRESH", "a+b/c ü"));
    assert_eq!(tokenless.error("DescribeVpcs", &[]).await, (401, "AuthFailure".to_owned()));
    assert!(!format!("{session:?}").contains("a+b/c"));
}

#[tokio::test]
async fn unknown_hosts_and_regions_are_not_there() {
    let sandbox = Sandbox::new(SandboxOptions::instant());
    for host in ["https://example.com/", "https://ec2.mars-north-1.amazonaws.com/"] {
        let error = sandbox.send(Request::get(host).body(Bytes::new()).unwrap()).await.unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Connect, "{host}");
    }
}
