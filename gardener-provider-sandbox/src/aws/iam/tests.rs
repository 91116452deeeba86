use crate::aws::testing::{Caller, element, elements};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"*"}]}"#;

async fn with_role() -> Caller {
    let caller = Caller::new("iam", "2010-05-08");
    caller.ok("CreateRole", &[("RoleName", "nodes"), ("AssumeRolePolicyDocument", TRUST)]).await;
    caller
}

#[tokio::test]
async fn a_role_lives_and_dies() {
    let caller = Caller::new("iam", "2010-05-08");
    let created = caller
        .ok(
            "CreateRole",
            &[
                ("RoleName", "nodes"),
                ("AssumeRolePolicyDocument", TRUST),
                ("Path", "/shoots/"),
                ("Tags.member.1.Key", "a"),
                ("Tags.member.1.Value", "1"),
            ],
        )
        .await;
    assert_eq!(element(&created, "Arn"), "arn:aws:iam::123456789012:role/shoots/nodes");
    assert!(element(&created, "RoleId").starts_with("AROA"));
    assert!(element(&created, "AssumeRolePolicyDocument").starts_with("%7B%22Version%22%3A%222012-10-17%22"));
    assert_eq!(elements(&caller.ok("GetRole", &[("RoleName", "nodes")]).await, "Key"), ["a"]);
    caller
        .ok("TagRole", &[("RoleName", "nodes"), ("Tags.member.1.Key", "b"), ("Tags.member.1.Value", "2")])
        .await;
    caller.ok("UntagRole", &[("RoleName", "nodes"), ("TagKeys.member.1", "a")]).await;
    assert_eq!(elements(&caller.ok("ListRoleTags", &[("RoleName", "nodes")]).await, "Key"), ["b"]);
    let again =
        caller.error("CreateRole", &[("RoleName", "NODES"), ("AssumeRolePolicyDocument", TRUST)]).await;
    assert_eq!(again, (409, "EntityAlreadyExists".to_owned()));
    let changed = TRUST.replace("ec2", "ecs");
    caller.ok("UpdateAssumeRolePolicy", &[("RoleName", "nodes"), ("PolicyDocument", &changed)]).await;
    assert!(caller.ok("ListRoles", &[]).await.contains("ecs.amazonaws.com"));
    assert_eq!(caller.sandbox.aws().inventory(None)[0].tags["b"], "2");
    caller.ok("DeleteRole", &[("RoleName", "nodes")]).await;
    assert_eq!(caller.error("GetRole", &[("RoleName", "nodes")]).await, (404, "NoSuchEntity".to_owned()));
    assert_eq!(caller.error("DeleteRole", &[("RoleName", "nodes")]).await, (404, "NoSuchEntity".to_owned()));
}

#[tokio::test]
async fn inline_policies() {
    let caller = with_role().await;
    let of = [("RoleName", "nodes"), ("PolicyName", "p")];
    assert_eq!(caller.error("GetRolePolicy", &of).await, (404, "NoSuchEntity".to_owned()));
    caller.ok("PutRolePolicy", &[of[0], of[1], ("PolicyDocument", POLICY)]).await;
    let got = caller.ok("GetRolePolicy", &of).await;
    let document = percent_encoding::percent_decode_str(&element(&got, "PolicyDocument"))
        .decode_utf8_lossy()
        .into_owned();
    assert_eq!(document, POLICY);
    assert_eq!(elements(&caller.ok("ListRolePolicies", &of[..1]).await, "member"), ["p"]);
    assert_eq!(caller.error("DeleteRole", &of[..1]).await, (409, "DeleteConflict".to_owned()));
    caller.ok("DeleteRolePolicy", &of).await;
    assert_eq!(caller.error("DeleteRolePolicy", &of).await, (404, "NoSuchEntity".to_owned()));
    let long = POLICY.replace("ec2:DescribeInstances", &"x".repeat(10_300));
    let long = caller.error("PutRolePolicy", &[of[0], of[1], ("PolicyDocument", &long)]).await;
    assert_eq!(long, (409, "LimitExceeded".to_owned()));
}

#[tokio::test]
async fn documents_are_checked() {
    let caller = with_role().await;
    for bad in
        ["no json", "{}", r#"{"Statement":[]}"#, TRUST, r#"{"Statement":{"Effect":"Allow","Action":"*"}}"#]
    {
        let refused = caller
            .error("PutRolePolicy", &[("RoleName", "nodes"), ("PolicyName", "p"), ("PolicyDocument", bad)])
            .await;
        assert_eq!(refused, (400, "MalformedPolicyDocument".to_owned()), "{bad}");
    }
    let refused =
        caller.error("CreateRole", &[("RoleName", "other"), ("AssumeRolePolicyDocument", POLICY)]).await;
    assert_eq!(refused, (400, "MalformedPolicyDocument".to_owned()));
    let refused =
        caller.error("CreateRole", &[("RoleName", "a b"), ("AssumeRolePolicyDocument", TRUST)]).await;
    assert_eq!(refused, (400, "ValidationError".to_owned()));
    assert_eq!(caller.error("GetRole", &[]).await, (400, "ValidationError".to_owned()));
}

#[tokio::test]
async fn managed_policies() {
    let caller = with_role().await;
    let of = [("RoleName", "nodes"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")];
    caller.ok("AttachRolePolicy", &of).await;
    caller.ok("AttachRolePolicy", &of).await;
    assert_eq!(
        elements(&caller.ok("ListAttachedRolePolicies", &of[..1]).await, "PolicyName"),
        ["ReadOnlyAccess"]
    );
    assert_eq!(caller.error("DeleteRole", &of[..1]).await, (409, "DeleteConflict".to_owned()));
    caller.ok("DetachRolePolicy", &of).await;
    assert_eq!(caller.error("DetachRolePolicy", &of).await, (404, "NoSuchEntity".to_owned()));
    let unknown = caller.error("AttachRolePolicy", &[of[0], ("PolicyArn", "arn:aws:iam::1:policy/x")]).await;
    assert_eq!(unknown, (404, "NoSuchEntity".to_owned()));
}

#[tokio::test]
async fn instance_profiles() {
    let caller = with_role().await;
    let of = [("InstanceProfileName", "nodes"), ("RoleName", "nodes")];
    let created = caller.ok("CreateInstanceProfile", &of[..1]).await;
    assert_eq!(element(&created, "Arn"), "arn:aws:iam::123456789012:instance-profile/nodes");
    assert_eq!(
        caller.error("CreateInstanceProfile", &of[..1]).await,
        (409, "EntityAlreadyExists".to_owned())
    );
    caller.ok("AddRoleToInstanceProfile", &of).await;
    assert_eq!(caller.error("AddRoleToInstanceProfile", &of).await, (409, "LimitExceeded".to_owned()));
    assert_eq!(element(&caller.ok("GetInstanceProfile", &of[..1]).await, "RoleName"), "nodes");
    assert_eq!(
        elements(&caller.ok("ListInstanceProfilesForRole", &of[1..]).await, "InstanceProfileName"),
        ["nodes"]
    );
    assert_eq!(caller.error("DeleteRole", &of[1..]).await, (409, "DeleteConflict".to_owned()));
    assert_eq!(caller.error("DeleteInstanceProfile", &of[..1]).await, (409, "DeleteConflict".to_owned()));
    caller.ok("RemoveRoleFromInstanceProfile", &of).await;
    assert_eq!(caller.error("RemoveRoleFromInstanceProfile", &of).await, (404, "NoSuchEntity".to_owned()));
    caller.ok("DeleteInstanceProfile", &of[..1]).await;
    caller.ok("DeleteRole", &of[1..]).await;
    assert!(caller.sandbox.aws().inventory(None).is_empty());
}

#[tokio::test]
async fn lists_have_pages() {
    let caller = Caller::new("iam", "2010-05-08");
    for name in ["a", "b", "c"] {
        caller.ok("CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", TRUST)]).await;
    }
    let first = caller.ok("ListRoles", &[("MaxItems", "2")]).await;
    assert_eq!(
        (elements(&first, "RoleName"), element(&first, "IsTruncated")),
        (vec!["a".into(), "b".into()], "true".into())
    );
    let second = caller.ok("ListRoles", &[("MaxItems", "2"), ("Marker", &element(&first, "Marker"))]).await;
    assert_eq!(
        (elements(&second, "RoleName"), element(&second, "IsTruncated")),
        (vec!["c".into()], "false".into())
    );
}
