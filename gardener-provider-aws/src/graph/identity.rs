//! What the nodes are to AWS: a role with a policy, its instance profile, and a key pair.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::{
    graph::{Change, Resource, Scope},
    rest::or_gone,
};
use gardener_provider_core::{Difference, Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::{context::Context, nodes};
use crate::api::{
    describe::Query,
    iam::{
        InstanceProfile, Role, RolePolicy, add_role_to_instance_profile, create_instance_profile,
        create_role, delete_instance_profile, delete_role, delete_role_policy, document,
        get_instance_profile, get_role, get_role_policy, put_role_policy, remove_role_from_instance_profile,
        update_assume_role_policy,
    },
    keypairs::{KeyPair, delete_key_pair, describe_key_pairs, import_key_pair},
};

/// The name of role, instance profile and policy.
pub(crate) fn nodes_name(cx: &Context) -> String {
    cx.name("nodes")
}

/// The name of the key pair.
pub(crate) fn key_name(cx: &Context) -> String {
    cx.name("ssh-publickey")
}

/// The role of the nodes.
#[derive(Debug)]
pub(crate) struct NodesRole(pub(crate) Arc<Context>);

impl NodesRole {
    /// Instances may take the role.
    fn trust(&self) -> Value {
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": format!("ec2.{}", self.0.session.partition().dns_suffix()) },
                "Action": "sts:AssumeRole",
            }],
        })
    }
}

#[async_trait]
impl Resource for NodesRole {
    type Observed = Role;

    fn kind(&self) -> &'static str {
        "IAM role"
    }

    fn id(&self, observed: &Role) -> String {
        observed.role_name.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Role>> {
        self.0.find(get_role(&nodes_name(&self.0))).await
    }

    async fn create(&self, _: &Scope) -> Result<Role> {
        let name = nodes_name(&self.0);
        let trust = self.trust().to_string();
        let role = self.0.run(create_role(&name, &trust, &self.0.named_tags(&name))).await?;
        Ok(Role { assume_role_policy_document: trust, ..role })
    }

    fn differs(&self, _: &Scope, observed: &Role) -> Result<Change> {
        let current = document(&observed.assume_role_policy_document)?;
        if current == self.trust() {
            return Ok(Change::None);
        }
        Ok(Change::Update(vec![Difference::new("trust policy", current, self.trust())]))
    }

    async fn update(&self, _: &Scope, observed: &Role) -> Result<Role> {
        let trust = self.trust().to_string();
        self.0.run(update_assume_role_policy(&observed.role_name, &trust)).await?;
        Ok(Role { assume_role_policy_document: trust, ..observed.clone() })
    }

    async fn delete(&self, _: &Scope, observed: &Role) -> Result<()> {
        or_gone(self.0.run(delete_role(&observed.role_name)).await)
    }
}

/// The instance profile through which instances take the role.
#[derive(Debug)]
pub(crate) struct NodesProfile(pub(crate) Arc<Context>);

#[async_trait]
impl Resource for NodesProfile {
    type Observed = InstanceProfile;

    fn kind(&self) -> &'static str {
        "IAM instance profile"
    }

    fn id(&self, observed: &InstanceProfile) -> String {
        observed.instance_profile_name.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<InstanceProfile>> {
        self.0.find(get_instance_profile(&nodes_name(&self.0))).await
    }

    async fn create(&self, _: &Scope) -> Result<InstanceProfile> {
        let name = nodes_name(&self.0);
        self.0.run(create_instance_profile(&name, &self.0.named_tags(&name))).await
    }

    fn differs(&self, _: &Scope, observed: &InstanceProfile) -> Result<Change> {
        let wanted = nodes_name(&self.0);
        let roles: Vec<_> = observed.roles.iter().map(|role| role.role_name.as_str()).collect();
        if roles == [wanted.as_str()] {
            return Ok(Change::None);
        }
        Ok(Change::Update(vec![Difference::new("roles", roles.join(", "), wanted)]))
    }

    async fn update(&self, scope: &Scope, observed: &InstanceProfile) -> Result<InstanceProfile> {
        let (profile, wanted) = (&observed.instance_profile_name, nodes_name(&self.0));
        for role in observed.roles.iter().filter(|role| role.role_name != wanted) {
            or_gone(self.0.run(remove_role_from_instance_profile(profile, &role.role_name)).await)?;
        }
        if !observed.roles.iter().any(|role| role.role_name == wanted) {
            match self.0.run(add_role_to_instance_profile(profile, &wanted)).await {
                // A profile takes one role: this is what IAM says too if the first reply was lost.
                Err(error) if error.kind() == ErrorKind::QuotaExceeded => {
                    let found = self.0.run(get_instance_profile(profile)).await?;
                    if !found.roles.iter().any(|role| role.role_name == wanted) {
                        return Err(error);
                    }
                }
                other => other?,
            }
        }
        let role = scope.get::<Role>(nodes::ROLE)?;
        Ok(InstanceProfile { roles: vec![(*role).clone()], ..observed.clone() })
    }

    async fn delete(&self, _: &Scope, observed: &InstanceProfile) -> Result<()> {
        let profile = &observed.instance_profile_name;
        for role in &observed.roles {
            or_gone(self.0.run(remove_role_from_instance_profile(profile, &role.role_name)).await)?;
        }
        or_gone(self.0.run(delete_instance_profile(profile)).await)
    }
}

/// What the role may do.
#[derive(Debug)]
pub(crate) struct NodesPolicy(pub(crate) Arc<Context>);

impl NodesPolicy {
    fn document(&self) -> Value {
        let allow = |actions: &[&str]| json!({ "Effect": "Allow", "Action": actions, "Resource": ["*"] });
        let mut statements = vec![allow(&["ec2:DescribeInstances"])];
        if self.0.config.allows_ecr() {
            statements.push(allow(&[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:DescribeRepositories",
                "ecr:GetAuthorizationToken",
                "ecr:GetDownloadUrlForLayer",
                "ecr:GetRepositoryPolicy",
                "ecr:ListImages",
            ]));
        }
        if self.0.config.uses_efs() {
            // What the EFS CSI driver needs:
            // https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/docs/iam-policy-example.json
            statements.push(allow(&[
                "ec2:DescribeAvailabilityZones",
                "elasticfilesystem:CreateAccessPoint",
                "elasticfilesystem:DeleteAccessPoint",
                "elasticfilesystem:DescribeAccessPoints",
                "elasticfilesystem:DescribeFileSystems",
                "elasticfilesystem:DescribeMountTargets",
                "elasticfilesystem:TagResource",
            ]));
        }
        json!({ "Version": "2012-10-17", "Statement": statements })
    }
}

#[async_trait]
impl Resource for NodesPolicy {
    type Observed = RolePolicy;

    fn kind(&self) -> &'static str {
        "IAM role policy"
    }

    fn id(&self, observed: &RolePolicy) -> String {
        format!("{}/{}", observed.role_name, observed.policy_name)
    }

    async fn find(&self, _: &Scope) -> Result<Option<RolePolicy>> {
        let name = nodes_name(&self.0);
        self.0.find(get_role_policy(&name, &name)).await
    }

    async fn create(&self, _: &Scope) -> Result<RolePolicy> {
        let (name, policy_document) = (nodes_name(&self.0), self.document().to_string());
        self.0.run(put_role_policy(&name, &name, &policy_document)).await?;
        Ok(RolePolicy { role_name: name.clone(), policy_name: name, policy_document })
    }

    fn differs(&self, _: &Scope, observed: &RolePolicy) -> Result<Change> {
        let current = document(&observed.policy_document)?;
        if current == self.document() {
            return Ok(Change::None);
        }
        Ok(Change::Update(vec![Difference::new("policy", current, self.document())]))
    }

    async fn update(&self, scope: &Scope, _: &RolePolicy) -> Result<RolePolicy> {
        self.create(scope).await
    }

    async fn delete(&self, _: &Scope, observed: &RolePolicy) -> Result<()> {
        or_gone(self.0.run(delete_role_policy(&observed.role_name, &observed.policy_name)).await)
    }
}

/// The key pair by which people get onto nodes.
#[derive(Debug)]
pub(crate) struct OwnKeyPair(pub(crate) Arc<Context>);

/// A public key without its comment.
fn bare(key: &str) -> String {
    key.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

#[async_trait]
impl Resource for OwnKeyPair {
    type Observed = KeyPair;

    fn kind(&self) -> &'static str {
        "key pair"
    }

    fn id(&self, observed: &KeyPair) -> String {
        observed.key_pair_id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<KeyPair>> {
        let query = Query::ids([key_name(&self.0)]);
        let found = self.0.find(describe_key_pairs(&query)).await?;
        Ok(found.and_then(|page| page.items.into_iter().next()))
    }

    async fn create(&self, _: &Scope) -> Result<KeyPair> {
        let name = key_name(&self.0);
        let key = self.0.ssh_public_key.clone().unwrap_or_default();
        let import = import_key_pair(&name, key.trim(), &self.0.named_tags(&name));
        let created = self.0.run(import).await.map_err(|error| match error.cloud_code() {
            Some("InvalidKey.Format") => {
                Error::invalid("sshPublicKey", "is not a public key in OpenSSH format")
            }
            _ => error,
        })?;
        Ok(KeyPair { key_name: name, public_key: Some(key), ..created })
    }

    fn differs(&self, _: &Scope, observed: &KeyPair) -> Result<Change> {
        let wanted = self.0.ssh_public_key.as_deref().map(bare);
        let current = observed.public_key.as_deref().map(bare);
        if current.is_none() || current == wanted {
            return Ok(Change::None);
        }
        Ok(Change::Replace(vec![Difference::new("public key", "another", "as given")]))
    }

    async fn delete(&self, _: &Scope, observed: &KeyPair) -> Result<()> {
        or_gone(self.0.run(delete_key_pair(&observed.key_name)).await)
    }

    fn wanted(&self) -> bool {
        self.0.ssh_public_key.is_some()
    }
}
