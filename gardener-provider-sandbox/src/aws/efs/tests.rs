use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::aws::testing::{Caller, Network};

const HALF_A_MINUTE: Duration = Duration::from_secs(31);

/// Status and body of the reply.
async fn send(efs: &Caller, line: &str, body: Value) -> (u16, Value) {
    let (method, path) = line.split_once(' ').unwrap();
    let request = Request::builder()
        .method(method)
        .uri(format!("https://elasticfilesystem.eu-west-1.amazonaws.com/2015-02-01/{path}"))
        .body(if body.is_null() { Bytes::new() } else { body.to_string().into() });
    let reply = efs.send(request.unwrap()).await;
    (reply.status().as_u16(), serde_json::from_slice(reply.body()).unwrap_or(Value::Null))
}

async fn ok(efs: &Caller, line: &str, body: Value) -> Value {
    let (status, reply) = send(efs, line, body).await;
    assert!((200..300).contains(&status), "{line}: {status} {reply}");
    reply
}

/// Status and code of a reply that must be an error.
async fn error(efs: &Caller, line: &str, body: Value) -> (u16, String) {
    let (status, reply) = send(efs, line, body).await;
    (status, reply["ErrorCode"].as_str().unwrap_or_default().to_owned())
}

fn code(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn with_system() -> (Caller, String) {
    let efs = Caller::new("elasticfilesystem", "");
    let asked =
        json!({ "CreationToken": "uid", "Encrypted": true, "Tags": [{ "Key": "Name", "Value": "shoot" }] });
    let created = ok(&efs, "POST file-systems", asked).await;
    (efs, created["FileSystemId"].as_str().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_file_system_lives_and_dies() {
    let (efs, id) = with_system().await;
    let (status, again) = send(&efs, "POST file-systems", json!({ "CreationToken": "uid" })).await;
    assert_eq!(
        (status, &again["ErrorCode"], &again["FileSystemId"]),
        (409, &json!("FileSystemAlreadyExists"), &json!(id))
    );
    let shown = ok(&efs, "GET file-systems?CreationToken=uid", Value::Null).await;
    assert_eq!(
        (&shown["FileSystems"][0]["LifeCycleState"], &shown["FileSystems"][0]["Name"]),
        (&json!("creating"), &json!("shoot"))
    );
    tokio::time::advance(HALF_A_MINUTE).await;
    let shown = ok(&efs, &format!("GET file-systems?FileSystemId={id}"), Value::Null).await;
    assert_eq!(shown["FileSystems"][0]["LifeCycleState"], "available");
    ok(&efs, &format!("POST resource-tags/{id}"), json!({ "Tags": [{ "Key": "a", "Value": "1" }] })).await;
    ok(&efs, &format!("DELETE resource-tags/{id}?tagKeys=Name"), Value::Null).await;
    let tags = ok(&efs, &format!("GET resource-tags/{id}"), Value::Null).await;
    assert_eq!(tags["Tags"], json!([{ "Key": "a", "Value": "1" }]));
    ok(&efs, &format!("DELETE file-systems/{id}"), Value::Null).await;
    let shown = ok(&efs, "GET file-systems", Value::Null).await;
    assert_eq!(shown["FileSystems"][0]["LifeCycleState"], "deleting");
    tokio::time::advance(HALF_A_MINUTE).await;
    assert_eq!(
        error(&efs, &format!("GET file-systems?FileSystemId={id}"), Value::Null).await,
        code(404, "FileSystemNotFound")
    );
    assert!(efs.sandbox.aws().inventory(None).is_empty());
}

#[tokio::test(start_paused = true)]
async fn mount_targets_hold_file_system_and_subnet() {
    let (efs, id) = with_system().await;
    let network = Network::new(&efs).await;
    let [a, b] = &network.subnets;
    let asked = |subnet: &str| json!({ "FileSystemId": id, "SubnetId": subnet });
    let early = error(&efs, "POST mount-targets", asked(a)).await;
    assert_eq!(early, code(409, "IncorrectFileSystemLifeCycleState"));
    tokio::time::advance(HALF_A_MINUTE).await;
    let target = ok(&efs, "POST mount-targets", asked(a)).await;
    let target = target["MountTargetId"].as_str().unwrap().to_owned();
    ok(&efs, "POST mount-targets", asked(b)).await;
    let same_zone = Network::subnet(&network.ec2, &network.vpc, "10.0.3.0/24", "eu-west-1a").await;
    assert_eq!(error(&efs, "POST mount-targets", asked(&same_zone)).await, code(409, "MountTargetConflict"));
    let unknown = asked("subnet-0123456789abcdef0");
    assert_eq!(error(&efs, "POST mount-targets", unknown).await, code(400, "SubnetNotFound"));
    tokio::time::advance(HALF_A_MINUTE).await;
    let shown = ok(&efs, &format!("GET mount-targets?FileSystemId={id}"), Value::Null).await;
    assert_eq!(shown["MountTargets"].as_array().unwrap().len(), 2);
    assert_eq!(
        error(&efs, &format!("DELETE file-systems/{id}"), Value::Null).await,
        code(409, "FileSystemInUse")
    );
    assert_eq!(network.delete_subnet(a).await, Err("DependencyViolation".to_owned()));
    ok(&efs, &format!("DELETE mount-targets/{target}"), Value::Null).await;
    assert_eq!(network.delete_subnet(a).await, Err("DependencyViolation".to_owned()));
    tokio::time::advance(HALF_A_MINUTE).await;
    assert_eq!(network.delete_subnet(a).await, Ok(()));
    let gone = error(&efs, &format!("GET mount-targets?MountTargetId={target}"), Value::Null).await;
    assert_eq!(gone, code(404, "MountTargetNotFound"));
}

#[tokio::test(start_paused = true)]
async fn security_groups_of_a_mount_target() {
    let (efs, id) = with_system().await;
    let network = Network::new(&efs).await;
    tokio::time::advance(HALF_A_MINUTE).await;
    let asked = json!({ "FileSystemId": id, "SubnetId": network.subnets[0] });
    let target = ok(&efs, "POST mount-targets", asked).await["MountTargetId"].as_str().unwrap().to_owned();
    let line = |method: &str| format!("{method} mount-targets/{target}/security-groups");
    assert_eq!(error(&efs, &line("GET"), Value::Null).await, code(409, "IncorrectMountTargetState"));
    tokio::time::advance(HALF_A_MINUTE).await;
    let group = network.group("nodes").await;
    ok(&efs, &line("PUT"), json!({ "SecurityGroups": [group] })).await;
    assert_eq!(ok(&efs, &line("GET"), Value::Null).await["SecurityGroups"], json!([group]));
    assert_eq!(
        network.ec2.error("DeleteSecurityGroup", &[("GroupId", &group)]).await,
        code(400, "DependencyViolation")
    );
    let unknown = json!({ "SecurityGroups": ["sg-0123456789abcdef0"] });
    assert_eq!(error(&efs, &line("PUT"), unknown).await, code(400, "SecurityGroupNotFound"));
}

#[tokio::test]
async fn bad_requests() {
    let (efs, _) = with_system().await;
    assert_eq!(error(&efs, "POST file-systems", json!({})).await, code(400, "BadRequest"));
    assert_eq!(error(&efs, "GET mount-targets", Value::Null).await, code(400, "BadRequest"));
    assert_eq!(
        error(&efs, "DELETE file-systems/fs-0123", Value::Null).await,
        code(404, "FileSystemNotFound")
    );
    assert_eq!(error(&efs, "GET access-points", Value::Null).await.0, 404);
}
