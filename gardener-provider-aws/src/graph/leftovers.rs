//! What controllers in the cluster made and may have left behind: load balancers, their target groups, network
//! interfaces and security groups. Ours to remove only with the cluster's exact tag.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use futures::future::try_join_all;
use gardener_provider_client::{
    graph::{Looks, Resource, Scope},
    pages::{Page, all_pages},
    rest::or_gone,
};
use gardener_provider_core::{Error, Result};

use super::{
    context::{Context, SLOW},
    identity::nodes_name,
    nodes,
};
use crate::api::{
    Operation,
    describe::Query,
    elb::{
        TAGS_AT_ONCE, Tagged, delete_classic, delete_load_balancer, delete_target_group, describe_classic,
        describe_classic_tags, describe_load_balancers, describe_tags, describe_target_groups,
    },
    network_interfaces::{NetworkInterface, describe_network_interfaces},
    query::Filter,
    security_groups::{
        Direction, Peer, Rule, SecurityGroup, delete_security_group, describe_security_groups, revoke,
    },
    tags::Tags,
};

/// The tag of the AWS Load Balancer Controller, whose value is the cluster
/// ([source](https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/security_groups/)).
const CONTROLLER_TAG: &str = "elbv2.k8s.aws/cluster";

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Balancers {
    /// Names.
    pub(crate) classic: Vec<String>,
    /// ARNs.
    pub(crate) load_balancers: Vec<String>,
    /// ARNs.
    pub(crate) target_groups: Vec<String>,
}

impl Balancers {
    fn ids(&self) -> Vec<&str> {
        [&self.classic, &self.load_balancers, &self.target_groups]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect()
    }
}

fn is_ours(cx: &Context, tags: &Tags) -> bool {
    tags.contains_key(&cx.tag) || tags.get(CONTROLLER_TAG).is_some_and(|value| value == cx.cluster.as_str())
}

async fn every<T, R>(
    cx: &Context,
    list: fn(Option<&str>) -> Operation<Page<T>>,
    keep: impl Fn(&T) -> Option<R>,
) -> Result<Vec<R>> {
    let all = all_pages(|marker| {
        let operation = list(marker.as_deref());
        async move { cx.run(operation).await }
    })
    .await?;
    Ok(all.iter().filter_map(keep).collect())
}

/// Those that carry the cluster's tag.
async fn tagged(
    cx: &Context,
    ids: Vec<String>,
    tags: fn(&[String]) -> Operation<Page<Tagged>>,
) -> Result<Vec<String>> {
    let chunks = ids.chunks(TAGS_AT_ONCE).map(|chunk| async move {
        match cx.run(tags(chunk)).await {
            Ok(page) => Ok(page.items),
            // One of them was deleted in between; then each by itself.
            Err(error) if error.is_not_found() => {
                let mut found = Vec::new();
                for id in chunk {
                    match cx.run(tags(std::slice::from_ref(id))).await {
                        Ok(page) => found.extend(page.items),
                        Err(error) if error.is_not_found() => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(found)
            }
            Err(error) => Err(error),
        }
    });
    let found = try_join_all(chunks).await?.into_iter().flatten();
    Ok(found.filter(|item| is_ours(cx, &item.tags)).map(|item| item.id).collect())
}

/// The cluster's load balancers and target groups; in this VPC, if one is told.
pub(crate) async fn balancers(cx: &Context, vpc: Option<&str>) -> Result<Balancers> {
    let here = |of: &Option<String>| vpc.is_none() || of.as_deref() == vpc;
    let classic = async {
        let names =
            every(cx, describe_classic, |item| here(&item.vpc_id).then(|| item.load_balancer_name.clone()));
        tagged(cx, names.await?, describe_classic_tags).await
    };
    let second = async {
        let arns = every(cx, describe_load_balancers, |item| {
            here(&item.vpc_id).then(|| item.load_balancer_arn.clone())
        });
        tagged(cx, arns.await?, describe_tags).await
    };
    let groups = async {
        let arns = every(cx, describe_target_groups, |item| {
            here(&item.vpc_id).then(|| item.target_group_arn.clone())
        });
        tagged(cx, arns.await?, describe_tags).await
    };
    let (classic, load_balancers, target_groups) = futures::try_join!(classic, second, groups)?;
    Ok(Balancers { classic, load_balancers, target_groups })
}

/// The load balancers that the cluster left behind.
#[derive(Debug)]
pub(crate) struct LoadBalancers(pub(crate) Arc<Context>);

/// The end of an ARN, by which network interfaces name their load balancer: `app/<name>/<id>`.
fn arn_name(arn: &str) -> &str {
    arn.split_once(":loadbalancer/").map_or(arn, |(_, name)| name)
}

impl LoadBalancers {
    /// Network interfaces outlive their load balancers by minutes, and stand in the way of subnets, security groups
    /// and the internet gateway.
    async fn interfaces_gone(&self, vpc: &str, observed: &Balancers) -> Result<()> {
        let classic = observed.classic.iter().map(|name| format!("ELB {name}"));
        let second = observed.load_balancers.iter().map(|arn| format!("ELB {}", arn_name(arn)));
        let names: Vec<String> = classic.chain(second).collect();
        if names.is_empty() {
            return Ok(());
        }
        let filters = [Filter::is("vpc-id", vpc), Filter::any("description", &names)];
        let (cx, clock) = (&self.0, self.0.session.clock());
        SLOW.until_some(&**clock, "the network interfaces of the load balancers", || async {
            let left: Vec<NetworkInterface> = all_pages(|next| {
                let operation = describe_network_interfaces(&filters, next.as_deref());
                async move { cx.run(operation).await }
            })
            .await?;
            Ok(left.is_empty().then_some(()))
        })
        .await
    }
}

#[async_trait]
impl Resource for LoadBalancers {
    type Observed = Balancers;

    fn kind(&self) -> &'static str {
        "load balancers"
    }

    fn id(&self, observed: &Balancers) -> String {
        observed.ids().join(",")
    }

    async fn find(&self, scope: &Scope) -> Result<Option<Balancers>> {
        let Some(vpc) = scope.try_id(nodes::VPC) else { return Ok(None) };
        let found = balancers(&self.0, Some(&vpc)).await?;
        Ok((!found.ids().is_empty()).then_some(found))
    }

    async fn create(&self, _: &Scope) -> Result<Balancers> {
        Err(Error::internal("load balancers are made by controllers in the cluster"))
    }

    async fn delete(&self, scope: &Scope, observed: &Balancers) -> Result<()> {
        let (cx, vpc) = (&self.0, scope.id(nodes::VPC)?);
        let classic = observed.classic.iter().map(|name| delete_classic(name));
        let second = observed.load_balancers.iter().map(|arn| delete_load_balancer(arn));
        try_join_all(classic.chain(second).map(|operation| async { or_gone(cx.run(operation).await) }))
            .await?;
        let groups = observed.target_groups.iter().map(|arn| delete_target_group(arn));
        try_join_all(groups.map(|operation| async { or_gone(cx.run(operation).await) })).await?;
        self.interfaces_gone(&vpc, observed).await
    }
}

/// The security groups that controllers made for load balancers.
#[derive(Debug)]
pub(crate) struct BalancerGroups(pub(crate) Arc<Context>, pub(crate) Looks);

impl BalancerGroups {
    /// Rules of other groups that name this one would keep it from being deleted.
    async fn unlink(&self, group: &SecurityGroup) -> Result<()> {
        for (direction, filter) in [
            (Direction::Ingress, "ip-permission.group-id"),
            (Direction::Egress, "egress.ip-permission.group-id"),
        ] {
            let query = Query::matching([Filter::is(filter, &group.group_id)]);
            for other in self.0.all(describe_security_groups, query).await? {
                let names_it = |rule: &Rule| {
                    rule.direction == direction
                        && matches!(&rule.peer, Peer::Group(id) if *id == group.group_id)
                };
                let rules: Vec<_> = other.rules().into_iter().filter(names_it).collect();
                if !rules.is_empty() && other.group_id != group.group_id {
                    or_gone(self.0.run(revoke(&other.group_id, direction, &rules)).await)?;
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Resource for BalancerGroups {
    type Observed = BTreeMap<String, SecurityGroup>;

    fn kind(&self) -> &'static str {
        "load balancer security groups"
    }

    fn id(&self, observed: &Self::Observed) -> String {
        observed.keys().map(String::as_str).collect::<Vec<_>>().join(",")
    }

    async fn find(&self, scope: &Scope) -> Result<Option<Self::Observed>> {
        let Some(vpc) = scope.try_id(nodes::VPC) else { return Ok(None) };
        let (cx, nodes) = (&self.0, nodes_name(&self.0));
        let by_controller = async {
            let filters = [Filter::is("vpc-id", &vpc), Filter::tag(CONTROLLER_TAG, cx.cluster.as_str())];
            cx.all(describe_security_groups, Query::matching(filters)).await
        };
        let by_cluster = cx.snapshot.security_groups.for_look(cx, &self.1);
        let (by_cluster, by_controller) = futures::try_join!(by_cluster, by_controller)?;
        let groups = by_cluster.iter().chain(&by_controller);
        let ours = groups.filter(|group| {
            let given =
                cx.config.networks.nodes_security_group_id.as_deref() == Some(group.group_id.as_str());
            let is_balancers = group.group_name != nodes && group.group_name.starts_with("k8s-");
            group.vpc_id == vpc && is_balancers && !given
        });
        let found: BTreeMap<_, _> = ours.map(|group| (group.group_id.clone(), group.clone())).collect();
        Ok((!found.is_empty()).then_some(found))
    }

    async fn create(&self, _: &Scope) -> Result<Self::Observed> {
        Err(Error::internal("these security groups are made by controllers in the cluster"))
    }

    async fn delete(&self, _: &Scope, observed: &Self::Observed) -> Result<()> {
        for group in observed.values() {
            self.unlink(group).await?;
        }
        for id in observed.keys() {
            or_gone(self.0.run(delete_security_group(id)).await)?;
        }
        Ok(())
    }
}
