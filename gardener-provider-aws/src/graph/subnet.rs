//! Subnets of ours.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use gardener_provider_client::{
    graph::{Change, Looks, Resource, Scope},
    rest::or_gone,
};
use gardener_provider_core::{Difference, Error, IpFamily, Result};
use ipnet::Ipv6Net;

use super::{
    context::{Context, QUICK},
    nodes,
};
use crate::api::{
    subnets::{
        NewSubnet, Subnet, SubnetAttribute, associate_subnet_ipv6, create_subnet, delete_subnet,
        describe_subnets, modify_subnet_attribute,
    },
    tags::Tags,
    vpcs::Ipv6Association,
};
use crate::infrastructure_config::Zone;

/// What a subnet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Workers,
    Public,
    Internal,
}

impl Purpose {
    pub(crate) const ALL: [Self; 3] = [Self::Workers, Self::Public, Self::Internal];

    /// As the field of the config is called.
    pub(crate) const fn field(self) -> &'static str {
        match self {
            Self::Workers => "workers",
            Self::Public => "public",
            Self::Internal => "internal",
        }
    }

    /// What stands before the zone's number in the name.
    const fn name(self) -> &'static str {
        match self {
            Self::Workers => "nodes",
            Self::Public => "public-utility",
            Self::Internal => "private-utility",
        }
    }

    /// The tag by which load balancers find their subnets
    /// ([source](https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/deploy/subnet_discovery/)).
    pub(crate) const fn role(self) -> Option<&'static str> {
        match self {
            Self::Workers => None,
            Self::Public => Some("kubernetes.io/role/elb"),
            Self::Internal => Some("kubernetes.io/role/internal-elb"),
        }
    }

    /// The user's subnet for it.
    pub(crate) fn given(self, zone: &Zone) -> Option<&str> {
        match self {
            Self::Workers => zone.workers_subnet_id.as_deref(),
            Self::Public => zone.public_subnet_id.as_deref(),
            Self::Internal => zone.internal_subnet_id.as_deref(),
        }
    }

    const fn offset(self) -> u32 {
        match self {
            Self::Workers => 0,
            Self::Public => 1,
            Self::Internal => 2,
        }
    }
}

/// A subnet of ours in a zone.
#[derive(Debug)]
pub(crate) struct OwnSubnet {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) index: usize,
    pub(crate) purpose: Purpose,
}

/// How many /64 a /56 has.
const SLOTS: u32 = 256;

/// The `index`th /64 of a block.
pub(crate) fn slot(block: &str, index: u32) -> Result<String> {
    let net: Ipv6Net = block
        .parse()
        .map_err(|_| Error::internal(format!("the VPC's IPv6 block {block:?} is not a CIDR")))?;
    let first = u128::from(net.trunc().addr()) + (u128::from(index) << 64);
    let slot = Ipv6Net::new(first.into(), 64).map_err(|error| Error::internal(error.to_string()))?;
    if net.prefix_len() > 64 || !net.contains(&slot) {
        return Err(Error::invalid("networks.vpc", format!("the IPv6 block {block} has no {index}th /64")));
    }
    Ok(slot.to_string())
}

impl OwnSubnet {
    fn zone(&self) -> &str {
        &self.cx.config.networks.zones[self.index].name
    }

    fn field(&self, name: &str) -> String {
        format!("networks.zones[{}].{name}", self.index)
    }

    fn name(&self) -> String {
        self.cx.name(&format!("{}-z{}", self.purpose.name(), self.index))
    }

    fn tags(&self) -> Tags {
        let mut tags = self.cx.named_tags(&self.name());
        tags.extend(self.purpose.role().map(|role| (role.to_owned(), "1".to_owned())));
        tags
    }

    /// Nodes with IPv6 only live in a subnet without IPv4; load balancers always need IPv4.
    fn is_native(&self) -> bool {
        self.purpose == Purpose::Workers && !self.cx.networking.has(IpFamily::V4)
    }

    fn cidr(&self) -> Option<&str> {
        let zone = &self.cx.config.networks.zones[self.index];
        match self.purpose {
            Purpose::Workers if self.is_native() => None,
            Purpose::Workers => zone.workers.as_deref(),
            Purpose::Public => zone.public.as_deref(),
            Purpose::Internal => zone.internal.as_deref(),
        }
    }

    fn attributes(&self) -> BTreeMap<SubnetAttribute, bool> {
        if !self.cx.uses_ipv6() {
            return BTreeMap::new();
        }
        let native = self.is_native();
        let mut attributes = BTreeMap::from([(SubnetAttribute::AssignIpv6, true)]);
        if native {
            attributes.extend([(SubnetAttribute::Dns64, true), (SubnetAttribute::ResourceNameAaaa, true)]);
        }
        attributes
    }

    /// Those attributes that are not as wanted.
    fn wrong_attributes(&self, observed: &Subnet) -> Vec<(SubnetAttribute, bool)> {
        self.attributes()
            .into_iter()
            .filter(|(attribute, wanted)| attribute.of(observed) != *wanted)
            .collect()
    }

    /// Tries one /64 of the VPC after the other, from the subnet's own place on, until one is free.
    async fn in_free_slot<T, F, Fut>(&self, scope: &Scope, attempt: F) -> Result<T>
    where
        F: Fn(String) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let association = scope.get::<Ipv6Association>(nodes::VPC_IPV6_BLOCK)?;
        let block =
            association.block().ok_or_else(|| Error::internal("the VPC's IPv6 block is not there yet"))?;
        let own = u32::try_from(self.index).unwrap_or_default() * 3 + self.purpose.offset();
        let mut last = None;
        for step in 0..SLOTS {
            match attempt(slot(block, (own + step) % SLOTS)?).await {
                Err(error) if error.cloud_code() == Some("InvalidSubnet.Conflict") => last = Some(error),
                other => return other,
            }
        }
        Err(last.unwrap_or_else(|| Error::internal("no /64 was tried")))
    }

    async fn add_ipv6(&self, scope: &Scope, id: &str) -> Result<()> {
        self.in_free_slot(scope, |slot| async move { self.cx.run(associate_subnet_ipv6(id, &slot)).await })
            .await
            .map(drop)
    }

    /// The subnet once its IPv6 block is associated.
    async fn with_ipv6(&self, id: &str) -> Result<Subnet> {
        let clock = self.cx.session.clock();
        QUICK
            .until_some(&**clock, format!("the IPv6 block of {id}"), || async {
                let found = self.cx.by_id(describe_subnets, id).await?;
                Ok(found.filter(|subnet| subnet.ipv6_block().is_some()))
            })
            .await
    }
}

#[async_trait]
impl Resource for OwnSubnet {
    type Observed = Subnet;

    fn kind(&self) -> &'static str {
        "subnet"
    }

    fn id(&self, observed: &Subnet) -> String {
        observed.subnet_id.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Subnet>> {
        self.cx.named("subnet", &self.looks, &self.cx.snapshot.subnets, &self.name()).await
    }

    async fn create(&self, scope: &Scope) -> Result<Subnet> {
        let (vpc, tags) = (scope.id(nodes::VPC)?, self.tags());
        let new = NewSubnet { vpc: &vpc, zone: self.zone(), cidr: self.cidr(), ipv6: None, native: false };
        let created = if self.is_native() {
            self.in_free_slot(scope, |slot| {
                let (new, tags) = (&new, &tags);
                async move {
                    let new = NewSubnet { ipv6: Some(&slot), native: true, ..new.clone() };
                    self.cx.run(create_subnet(&new, tags)).await
                }
            })
            .await
        } else {
            self.cx.run(create_subnet(&new, &tags)).await
        };
        let mut created = created.map_err(|error| match error.cloud_code() {
            Some("InvalidSubnet.Conflict") => error.context(self.field(self.purpose.field())),
            Some("InvalidParameterValue") => error.context(self.field("name")),
            _ => error,
        })?;
        created.tags = tags;
        Ok(created)
    }

    fn differs(&self, _: &Scope, observed: &Subnet) -> Result<Change> {
        if observed.availability_zone != self.zone() {
            let problem = format!(
                "{} ({}) is in {}; zones can be appended but neither renamed nor reordered",
                observed.subnet_id,
                self.name(),
                observed.availability_zone
            );
            return Err(Error::invalid(self.field("name"), problem));
        }
        if observed.cidr_block.as_deref() != self.cidr() {
            let (is, wanted) =
                (observed.cidr_block.as_deref().unwrap_or("none"), self.cidr().unwrap_or("none"));
            let problem =
                format!("{} has the CIDR {is}; it cannot be changed to {wanted}", observed.subnet_id);
            return Err(Error::invalid(self.field(self.purpose.field()), problem));
        }
        let mut differences = self.cx.tag_differences(&self.tags(), &observed.tags);
        if self.cx.uses_ipv6() && observed.ipv6_block().is_none() {
            differences.push(Difference::new("IPv6 block", "none", "a /64 of the VPC's"));
        }
        for (attribute, wanted) in self.wrong_attributes(observed) {
            differences.push(Difference::new(attribute.name(), !wanted, wanted));
        }
        Ok(Change::update(differences))
    }

    async fn update(&self, scope: &Scope, observed: &Subnet) -> Result<Subnet> {
        let id = &observed.subnet_id;
        let mut updated = observed.clone();
        if self.cx.uses_ipv6() && observed.ipv6_block().is_none() {
            if !observed.ipv6.iter().any(Ipv6Association::is_alive) {
                self.add_ipv6(scope, id).await?;
            }
            updated = self.with_ipv6(id).await?;
        }
        self.cx.retag(id, &self.tags(), &mut updated.tags).await?;
        for (attribute, wanted) in self.wrong_attributes(&updated) {
            self.cx.run(modify_subnet_attribute(id, attribute, wanted)).await?;
            match attribute {
                SubnetAttribute::AssignIpv6 => updated.assign_ipv6_address_on_creation = wanted,
                SubnetAttribute::Dns64 => updated.enable_dns64 = wanted,
                SubnetAttribute::ResourceNameAaaa => {
                    updated.private_dns_name_options_on_launch.resource_name_aaaa = wanted;
                }
            }
        }
        Ok(updated)
    }

    async fn delete(&self, _: &Scope, observed: &Subnet) -> Result<()> {
        or_gone(self.cx.run(delete_subnet(&observed.subnet_id)).await)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_carved_from_the_block() {
        assert_eq!(slot("2001:db8:0:100::/56", 0).unwrap(), "2001:db8:0:100::/64");
        assert_eq!(slot("2001:db8:0:100::/56", 255).unwrap(), "2001:db8:0:1ff::/64");
        assert!(slot("2001:db8:0:100::/56", 256).is_err());
        assert!(slot("10.0.0.0/8", 0).is_err());
    }
}
