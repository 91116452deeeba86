//! An operator's hands: what cases need to be done to an account behind the driver's back.

use gardener_provider_aws::{
    AwsProviderBuilder, UID_TAG,
    api::{
        self,
        describe::Query,
        instances::{RunInstances, run_instances},
        query::Filter,
        security_groups::{self, Direction, describe_security_groups},
        subnets::describe_subnets,
        vpcs::{create_vpc, describe_vpcs},
    },
    provider_spec::ProviderSpec,
    session::{Session, Sessions},
};
use gardener_provider_core::{InfrastructureRequest, MachineRequest, SecretData};
use std::sync::Arc;

use super::samples::{PROFILE, region};

/// A way of its own to the account.
#[derive(Debug)]
pub struct Operator {
    session: Arc<Session>,
    _sessions: Sessions,
}

/// What machines are created in.
pub struct Network {
    pub subnet: String,
    pub group: String,
}

impl Operator {
    pub fn new(builder: AwsProviderBuilder, secret: &SecretData) -> Self {
        let sessions = builder.rates(Vec::new()).sessions().expect("sessions");
        Self { session: sessions.get(secret, &region()).expect("a session"), _sessions: sessions }
    }

    /// The default network, which every account has, and an instance profile.
    pub async fn network(&self) -> Network {
        let zone = Query::matching([Filter::is("availability-zone", "eu-west-1a")]);
        let subnets = self.session.run(&describe_subnets(&zone)).await.expect("subnets").items;
        let subnet = subnets.into_iter().next().expect("a default subnet");
        let groups =
            Query::matching([Filter::is("vpc-id", &subnet.vpc_id), Filter::is("group-name", "default")]);
        let groups = self.session.run(&describe_security_groups(&groups)).await.expect("groups").items;
        let profile = api::iam::create_instance_profile(PROFILE, &Default::default());
        self.session.run(&profile).await.expect("an instance profile");
        Network { subnet: subnet.subnet_id, group: groups.into_iter().next().expect("a group").group_id }
    }

    /// A second instance with the tags of a machine, as a driver without idempotency leaves behind.
    pub async fn duplicate_machine(&self, request: &MachineRequest) {
        let spec = ProviderSpec::of_class(&request.class).expect("a spec");
        let mut tags = spec.tags.clone();
        tags.insert("Name".to_owned(), request.machine.name.to_string());
        tags.insert(UID_TAG.to_owned(), request.machine.uid.to_string());
        let run = RunInstances {
            spec: &spec,
            root_device: None,
            tags: &tags,
            user_data: "",
            client_token: "a-duplicate",
        };
        self.session.run(&run_instances(&run)).await.expect("an instance");
    }

    /// A second VPC with the tags of the cluster's.
    pub async fn duplicate_vpc(&self, request: &InfrastructureRequest) {
        let query = Query::matching([Filter::is("tag:Name", request.cluster.as_str())]);
        let vpcs = self.session.run(&describe_vpcs(&query)).await.expect("VPCs").items;
        let vpc = vpcs.into_iter().next().expect("the cluster's VPC");
        let tags = vpc.tags.into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect();
        self.session.run(&create_vpc("10.250.0.0/16", None, &tags)).await.expect("a VPC");
    }

    /// Takes the rules of the nodes' security group away.
    pub async fn drop_rules(&self, request: &InfrastructureRequest) {
        let name = format!("{}-nodes", request.cluster);
        let query = Query::matching([Filter::is("tag:Name", name)]);
        let groups = self.session.run(&describe_security_groups(&query)).await.expect("groups").items;
        let group = groups.into_iter().next().expect("the nodes' security group");
        let rules: Vec<_> = group.rules().into_iter().collect();
        for direction in [Direction::Ingress, Direction::Egress] {
            let (rules, _): (Vec<_>, Vec<_>) =
                rules.iter().cloned().partition(|rule| rule.direction == direction);
            if !rules.is_empty() {
                let revoke = security_groups::revoke(&group.group_id, direction, &rules);
                self.session.run(&revoke).await.expect("revoked");
            }
        }
    }
}
