//! Load balancers as Kubernetes leaves them behind when a cluster is deleted the hard way.

use gardener_provider_core::{Error, Result};

use super::{Elb, Tags, v2::NewBalancer};
use crate::{
    aws::{
        Aws,
        auth::Caller,
        context::Context,
        ec2::{Ec2, Rule, Source},
        error::AwsError,
        query::Params,
    },
    call::Call,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Classic,
    Network,
    Application,
}

/// A load balancer to be planted with [`Aws::plant_load_balancer`].
#[derive(Debug, Clone)]
pub struct Leftover {
    kind: Kind,
    region: String,
    cluster: String,
    subnets: Vec<String>,
    nodes_group: Option<String>,
}

impl Leftover {
    /// A classic load balancer, as the cloud controller manager creates it.
    pub fn classic(cluster: &str, region: &str, subnets: &[&str]) -> Self {
        Self::new(Kind::Classic, cluster, region, subnets)
    }

    /// A network load balancer with its target group, as the AWS load balancer controller creates it.
    pub fn network(cluster: &str, region: &str, subnets: &[&str]) -> Self {
        Self::new(Kind::Network, cluster, region, subnets)
    }

    /// An application load balancer with its target group; it needs subnets in two zones.
    pub fn application(cluster: &str, region: &str, subnets: &[&str]) -> Self {
        Self::new(Kind::Application, cluster, region, subnets)
    }

    fn new(kind: Kind, cluster: &str, region: &str, subnets: &[&str]) -> Self {
        Self {
            kind,
            region: region.to_owned(),
            cluster: cluster.to_owned(),
            subnets: subnets.iter().map(|id| (*id).to_owned()).collect(),
            nodes_group: None,
        }
    }

    /// Lets this security group admit what comes from the load balancer, as Kubernetes does with the nodes' group: the load
    /// balancer's own group cannot be deleted before that rule is revoked.
    #[must_use]
    pub fn with_nodes_security_group(mut self, id: &str) -> Self {
        self.nodes_group = Some(id.to_owned());
        self
    }
}

/// What was planted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Planted {
    /// The name of a classic load balancer, else the ARN.
    pub load_balancer: String,
    /// The ARN of the target group, if the load balancer has one.
    pub target_group: Option<String>,
    /// The id of the security group, whose name begins with `k8s-`.
    pub security_group: String,
    /// The ids of the network interfaces, one in each subnet.
    pub interfaces: Vec<String>,
}

impl Aws {
    /// Plants a load balancer with its security group, tagged as Kubernetes tags what belongs to a cluster.
    ///
    /// Its network interfaces keep the subnets and the security group from being deleted until
    /// [`Durations::load_balancer`](crate::aws::Durations::load_balancer) after it was deleted.
    ///
    /// # Errors
    /// If a subnet or security group does not exist.
    pub fn plant_load_balancer(&self, leftover: &Leftover) -> Result<Planted> {
        let mut state = self.inner.state();
        let call =
            Call { service: "elasticloadbalancing", region: leftover.region.clone(), ..Call::default() };
        let context = Context {
            world: &self.inner.world,
            call: &call,
            caller: Caller::default(),
            request_id: state.ids.uuid(),
            now: self.inner.world.options.clock.now(),
        };
        let params = Params::default();
        Elb { context: &context, state: &mut state, params: &params }
            .plant(leftover)
            .map_err(|error| Error::invalid("leftover", error.message))
    }
}

impl Elb<'_> {
    fn plant(&mut self, leftover: &Leftover) -> std::result::Result<Planted, AwsError> {
        let subnets = leftover.subnets.clone();
        let vpc = self.vpc_of(&subnets)?;
        let suffix = format!("{:010x}", self.state.ids.number() & 0xff_ffff_ffff);
        let tags = tags_of(leftover);
        let name = match leftover.kind {
            Kind::Classic => {
                format!("a{:016x}{:08x}", self.state.ids.number(), self.state.ids.number() >> 32)
            }
            Kind::Network | Kind::Application => format!("k8s-default-echo-{suffix}"),
        };
        let group_name =
            if leftover.kind == Kind::Classic { format!("k8s-elb-{name}") } else { name.clone() };
        let security_group = self.plant_group(leftover, &group_name, &vpc, tags.clone())?;
        let groups = vec![security_group.clone()];
        if leftover.kind == Kind::Classic {
            let interfaces = self.plant_classic(&name, subnets, groups, tags)?;
            return Ok(Planted { load_balancer: name, target_group: None, security_group, interfaces });
        }
        let network = leftover.kind == Kind::Network;
        let new =
            NewBalancer { name: name.clone(), subnets, groups, network, internal: false, tags: tags.clone() };
        let load_balancer = self.new_balancer(new)?;
        let target_group = self.plant_target_group(&name, &vpc, tags);
        self.plant_listener(&load_balancer, &target_group);
        let interfaces = self.interfaces_of(&load_balancer);
        Ok(Planted { load_balancer, target_group: Some(target_group), security_group, interfaces })
    }

    fn plant_group(
        &mut self,
        leftover: &Leftover,
        name: &str,
        vpc: &str,
        tags: Tags,
    ) -> std::result::Result<String, AwsError> {
        let mut ec2 = Ec2::enter(self.context, self.state);
        let id = ec2.new_group(name, "Security group of a Kubernetes load balancer", vpc, tags);
        if let Some(nodes) = &leftover.nodes_group {
            let rule = ec2.ids.hex17("sgr");
            let group = ec2.region.security_groups.get_mut(nodes).ok_or_else(|| {
                AwsError::new("InvalidGroup.NotFound", format!("The security group '{nodes}' does not exist"))
            })?;
            group.rules.insert(rule, Rule::everything(false, Source::Group(id.clone())));
        }
        Ok(id)
    }
}

fn tags_of(leftover: &Leftover) -> Tags {
    let cluster = &leftover.cluster;
    let mut tags = Tags::from([(format!("kubernetes.io/cluster/{cluster}"), "owned".to_owned())]);
    if leftover.kind == Kind::Classic {
        tags.insert("kubernetes.io/service-name".to_owned(), "default/echo".to_owned());
    } else {
        tags.insert("elbv2.k8s.aws/cluster".to_owned(), cluster.clone());
        tags.insert("service.k8s.aws/stack".to_owned(), "default/echo".to_owned());
    }
    tags
}
