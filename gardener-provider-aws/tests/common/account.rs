//! An operator's hands: what cases need to be done to an account behind the driver's back.

use bytes::Bytes;
use gardener_provider_aws::{
    AwsProviderBuilder, UID_TAG,
    api::{
        self, Operation,
        describe::Query,
        family,
        instances::{RunInstances, run_instances},
        query::{Filter, Form},
        security_groups::{self, Direction, describe_security_groups},
        subnets::describe_subnets,
        vpcs::{create_vpc, describe_vpcs},
    },
    endpoints::Service,
    provider_spec::ProviderSpec,
    session::{Session, Sessions},
};
use gardener_provider_client::call::Idempotency;
use gardener_provider_core::{CloudResource, InfrastructureRequest, MachineRequest, SecretData};
use http::Response;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::samples::{PROFILE, region};

fn any(name: &str, values: &[&str]) -> Form {
    Form::new().filters(&[Filter::any(name, values)])
}

/// A way of its own to the account.
#[derive(Debug)]
pub(crate) struct Operator {
    session: Arc<Session>,
    _sessions: Sessions,
}

/// What machines are created in.
pub(crate) struct Network {
    pub(crate) subnet: String,
    pub(crate) group: String,
}

impl Operator {
    pub(crate) fn new(builder: AwsProviderBuilder, secret: &SecretData) -> Self {
        let sessions = builder.rates(Vec::new()).sessions().expect("sessions");
        Self { session: sessions.get(secret, &region()).expect("a session"), _sessions: sessions }
    }

    /// The default network, which every account has, and an instance profile.
    pub(crate) async fn network(&self) -> Network {
        let zone = Query::matching([Filter::is("availability-zone", "eu-west-1a")]);
        let subnets = self.session.run(&describe_subnets(&zone)).await.expect("subnets").items;
        let subnet = subnets.into_iter().next().expect("a default subnet");
        let groups =
            Query::matching([Filter::is("vpc-id", &subnet.vpc_id), Filter::is("group-name", "default")]);
        let groups = self.session.run(&describe_security_groups(&groups)).await.expect("groups").items;
        let profile = api::iam::create_instance_profile(PROFILE, &BTreeMap::default());
        self.session.run(&profile).await.expect("an instance profile");
        Network { subnet: subnet.subnet_id, group: groups.into_iter().next().expect("a group").group_id }
    }

    /// A new image.
    pub(crate) async fn image(&self) -> String {
        let form = Form::new().put("Name", "gardenlinux").put("RootDeviceName", "/dev/xvda");
        let images = self.ids(Service::Ec2, "RegisterImage", "imageId", form).await;
        images.into_iter().next().expect("an image")
    }

    /// Everything the account has, by what its own API lists. Not network interfaces: moto keeps those of deleted NAT
    /// gateways for ever.
    pub(crate) async fn inventory(&self) -> Vec<CloudResource> {
        let alive = ["pending", "running", "shutting-down", "stopping", "stopped"];
        let mut all = Vec::new();
        for (kind, service, operation, element, form) in [
            ("vpc", Service::Ec2, "DescribeVpcs", "vpcId", Form::new()),
            ("subnet", Service::Ec2, "DescribeSubnets", "subnetId", Form::new()),
            ("security-group", Service::Ec2, "DescribeSecurityGroups", "groupId", Form::new()),
            ("route-table", Service::Ec2, "DescribeRouteTables", "routeTableId", Form::new()),
            ("internet-gateway", Service::Ec2, "DescribeInternetGateways", "internetGatewayId", Form::new()),
            (
                "nat-gateway",
                Service::Ec2,
                "DescribeNatGateways",
                "natGatewayId",
                any("state", &["pending", "available"]),
            ),
            ("address", Service::Ec2, "DescribeAddresses", "allocationId", Form::new()),
            (
                "endpoint",
                Service::Ec2,
                "DescribeVpcEndpoints",
                "vpcEndpointId",
                any("vpc-endpoint-state", &["available"]),
            ),
            ("key-pair", Service::Ec2, "DescribeKeyPairs", "keyPairId", Form::new()),
            ("dhcp-options", Service::Ec2, "DescribeDhcpOptions", "dhcpOptionsId", Form::new()),
            ("instance", Service::Ec2, "DescribeInstances", "instanceId", any("instance-state-name", &alive)),
            ("volume", Service::Ec2, "DescribeVolumes", "volumeId", Form::new()),
            ("role", Service::Iam, "ListRoles", "RoleName", Form::new()),
            ("instance-profile", Service::Iam, "ListInstanceProfiles", "InstanceProfileName", Form::new()),
        ] {
            let ids = self.ids(service, operation, element, form).await;
            all.extend(ids.into_iter().map(|id| CloudResource::new(kind, id)));
        }
        let buckets = self.session.run(&api::s3::bucket::list_buckets(None)).await.expect("buckets");
        all.extend(buckets.names.into_iter().map(|name| CloudResource::new("bucket", name)));
        all
    }

    /// The texts of all elements of this name in a reply, each once.
    async fn ids(
        &self,
        service: Service,
        operation: &'static str,
        element: &str,
        form: Form,
    ) -> BTreeSet<String> {
        let request = form.request(service, operation, family::EC2_READ, Idempotency::Safe);
        let text = |reply: &Response<Bytes>| Ok(String::from_utf8_lossy(reply.body()).into_owned());
        let text = self.session.run(&Operation::new(request, text)).await.expect(operation);
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let parts = text.split(&open).skip(1).filter_map(|part| part.split(&close).next());
        parts.filter(|id| !id.is_empty()).map(str::to_owned).collect()
    }

    /// A second instance with the tags of a machine, as a driver without idempotency leaves behind.
    pub(crate) async fn duplicate_machine(&self, request: &MachineRequest) {
        let spec = ProviderSpec::of_class(&request.class).expect("a spec");
        let mut tags = spec.tags.clone();
        tags.insert("Name".to_owned(), request.machine.name.to_string());
        tags.insert(UID_TAG.to_owned(), request.machine.uid.to_string());
        let run = RunInstances {
            spec: &spec,
            root_device: Some("/dev/xvda"),
            tags: &tags,
            user_data: "",
            client_token: "a-duplicate",
        };
        self.session.run(&run_instances(&run)).await.expect("an instance");
    }

    /// A second VPC with the tags of the cluster's.
    pub(crate) async fn duplicate_vpc(&self, request: &InfrastructureRequest) {
        let query = Query::matching([Filter::is("tag:Name", request.cluster.as_str())]);
        let vpcs = self.session.run(&describe_vpcs(&query)).await.expect("VPCs").items;
        let vpc = vpcs.into_iter().next().expect("the cluster's VPC");
        let tags = vpc.tags.into_iter().filter(|(key, _)| !key.starts_with("aws:")).collect();
        self.session.run(&create_vpc("10.250.0.0/16", None, &tags)).await.expect("a VPC");
    }

    /// A load balancer with a security group of its own, as the cloud controller makes for a Service.
    pub(crate) async fn leave_a_balancer(&self, request: &InfrastructureRequest) {
        let tag = format!("kubernetes.io/cluster/{}", request.cluster);
        let query = Query::matching([Filter::tag_key(&tag)]);
        let subnets = self.session.run(&describe_subnets(&query)).await.expect("subnets").items;
        let subnet = subnets.into_iter().next().expect("a subnet of the cluster");
        let tags = [(tag.clone(), "owned".to_owned())].into();
        let create =
            security_groups::create_security_group(&subnet.vpc_id, "k8s-elb-a1b2c3", "a Service", &tags);
        let group = self.session.run(&create).await.expect("a security group");
        let form = Form::new()
            .put("LoadBalancerName", "a1b2c3")
            .put("Subnets.member.1", &subnet.subnet_id)
            .put("SecurityGroups.member.1", &group)
            .put("Listeners.member.1.Protocol", "TCP")
            .put("Listeners.member.1.LoadBalancerPort", "443")
            .put("Listeners.member.1.InstancePort", "30443")
            .put("Tags.member.1.Key", &tag)
            .put("Tags.member.1.Value", "owned");
        let request = form.request(Service::Elb, "CreateLoadBalancer", family::ELB, Idempotency::Once);
        self.session.run(&Operation::new(request, |_| Ok(()))).await.expect("a load balancer");
    }

    /// Takes the rules of the nodes' security group away.
    pub(crate) async fn drop_rules(&self, request: &InfrastructureRequest) {
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
