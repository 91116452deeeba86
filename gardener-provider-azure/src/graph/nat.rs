//! NAT gateways and their addresses.

use std::sync::Arc;

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Looks, Scope};
use gardener_provider_core::{Difference, Error, ErrorKind, Result};

use super::{
    context::Context,
    nodes,
    own::Own,
    subnet::take_nat_gateway_off,
    ways::{IDLE_MINUTES, Nat, Way},
};
use crate::api::{
    ResourceId,
    nat_gateways::{NatGateway, NatGatewayProperties},
    network::{self, Properties, Resource, Sku, SubResource, Tags},
    public_ip_addresses::{PublicIpAddress, PublicIpAddressProperties},
};

/// Which NAT gateway or address: that of a subnet, or the one from before there was a subnet for each zone.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// Of this subnet.
    Of(Way),
    /// From before, unless a subnet goes on with it.
    Before,
}

/// What differs in what can be chosen only once.
fn fixed<P: Properties>(cx: &Context, nat: &Nat, found: &Resource<P>) -> Vec<Difference> {
    let mut differences = Vec::new();
    if !cx.is_here(found.location.as_deref()) {
        let location = found.location.as_deref().unwrap_or_default();
        differences.push(Difference::new("location", location, &cx.region));
    }
    if !found.sku_name().eq_ignore_ascii_case(&nat.sku) {
        differences.push(Difference::new("SKU", found.sku_name(), &nat.sku));
    } else if nat.is_zonal() && found.zones() != nat.zone.as_slice() {
        let text = |zones: &[String]| if zones.is_empty() { "-".to_owned() } else { zones.join(",") };
        differences.push(Difference::new("zone", text(found.zones()), text(nat.zone.as_slice())));
    }
    differences
}

/// What of it can be chosen only once.
fn found_with<P: Properties>(cx: &Context, nat: &Nat, tier: Option<&str>, resource: &mut Resource<P>) {
    resource.location.get_or_insert_with(|| cx.region.to_string());
    resource.sku.get_or_insert_with(|| Sku { name: nat.sku.clone(), tier: tier.map(str::to_owned) });
    if let Some(zone) = &nat.zone {
        resource.zones.get_or_insert_with(|| vec![zone.clone()]);
    }
}

/// Deletes a NAT gateway of ours; subnets of ours that have it are taken off first.
async fn delete_nat_gateway(cx: &Context, id: &ResourceId) -> Result<()> {
    take_nat_gateway_off(cx, id).await?;
    cx.session.change(&network::delete::<NatGatewayProperties>(id)).await
}

/// A public IP address of ours for a NAT gateway.
#[derive(Debug)]
pub(crate) struct OwnAddress {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) place: Place,
    pub(crate) wanted: bool,
}

impl OwnAddress {
    /// The tags by which Gardener knows the addresses that are its own.
    fn tags(&self) -> Tags {
        Tags::from([
            ("managed-by-gardener".to_owned(), "true".to_owned()),
            ("gardener-shoot-name".to_owned(), self.cx.cluster.to_string()),
        ])
    }

    fn nat(&self) -> Result<&Nat> {
        match &self.place {
            Place::Of(way) => way.nat.as_ref(),
            Place::Before => None,
        }
        .ok_or_else(|| Error::internal("an address that is not wanted was to be made"))
    }
}

#[async_trait]
impl Own for OwnAddress {
    type Properties = PublicIpAddressProperties;

    fn kind(&self) -> &'static str {
        "public IP address"
    }

    fn context(&self) -> &Context {
        &self.cx
    }

    async fn id(&self) -> Result<ResourceId> {
        match &self.place {
            Place::Of(way) => self.cx.public_ip_of(way).await,
            Place::Before => Ok(self.cx.public_ip("")),
        }
    }

    async fn look(&self, id: &ResourceId) -> Result<Option<PublicIpAddress>> {
        if matches!(self.place, Place::Before) && self.cx.migrated().await?.is_some() {
            return Ok(None);
        }
        self.cx.one_of(&self.cx.public_ips, &self.cx.group, &self.looks, id).await
    }

    fn shape(&self, _: &Scope, address: &mut PublicIpAddress) -> Result<()> {
        found_with(&self.cx, self.nat()?, Some("Regional"), address);
        address.properties.allocation_method.get_or_insert_with(|| "Static".to_owned());
        address.properties.address_version.get_or_insert_with(|| "IPv4".to_owned());
        address.tags.get_or_insert_default().extend(self.tags());
        Ok(())
    }

    fn compare(&self, _: &Scope, address: &PublicIpAddress) -> Result<Change> {
        let fixed = fixed(&self.cx, self.nat()?, address);
        if !fixed.is_empty() {
            return Ok(Change::Replace(fixed));
        }
        let tags = self.tags();
        let missing = tags.iter().filter(|(key, value)| address.tag(key) != Some(value));
        let differences = missing.map(|(key, value)| {
            Difference::new(format!("tag {key}"), address.tag(key).unwrap_or("-"), value)
        });
        Ok(Change::update(differences.collect()))
    }

    /// A NAT gateway of ours that still has it goes with it: it would have to be replaced anyway.
    async fn take_off(&self, _: &PublicIpAddress) -> Result<()> {
        let Some(now) =
            self.cx.session.find(&network::get::<PublicIpAddressProperties>(&self.id().await?)).await?
        else {
            return Ok(());
        };
        let Some(user) = now.properties.nat_gateway else { return Ok(()) };
        let user: ResourceId = user.id.parse()?;
        let ours = match &self.place {
            Place::Of(way) => self.cx.nat_gateway_of(way).await?,
            Place::Before => self.cx.nat_gateway(""),
        };
        if user != ours || !self.wanted {
            let message = format!("{} is still in use by {user}", now.id);
            return Err(Error::new(ErrorKind::FailedPrecondition, message));
        }
        delete_nat_gateway(&self.cx, &ours).await
    }

    fn wanted(&self) -> bool {
        self.wanted
    }
}

/// A NAT gateway of ours.
#[derive(Debug)]
pub(crate) struct OwnNatGateway {
    pub(crate) cx: Arc<Context>,
    pub(crate) looks: Looks,
    pub(crate) place: Place,
    pub(crate) wanted: bool,
}

impl OwnNatGateway {
    fn way(&self) -> Result<(&Way, &Nat)> {
        match &self.place {
            Place::Of(way) => way.nat.as_ref().map(|nat| (way, nat)),
            Place::Before => None,
        }
        .ok_or_else(|| Error::internal("a NAT gateway that is not wanted was to be made"))
    }

    fn addresses(&self, scope: &Scope) -> Result<Vec<SubResource>> {
        let (way, nat) = self.way()?;
        if nat.given.is_empty() {
            return Ok(vec![SubResource::new(scope.id(&nodes::of(way.zone, nodes::PUBLIC_IP))?)]);
        }
        let ids = (0..nat.given.len()).map(|index| scope.id(&nodes::given_ip(way.zone, index)));
        ids.map(|id| id.map(SubResource::new)).collect()
    }
}

#[async_trait]
impl Own for OwnNatGateway {
    type Properties = NatGatewayProperties;

    fn kind(&self) -> &'static str {
        "NAT gateway"
    }

    fn context(&self) -> &Context {
        &self.cx
    }

    async fn id(&self) -> Result<ResourceId> {
        match &self.place {
            Place::Of(way) => self.cx.nat_gateway_of(way).await,
            Place::Before => Ok(self.cx.nat_gateway("")),
        }
    }

    async fn look(&self, id: &ResourceId) -> Result<Option<NatGateway>> {
        if matches!(self.place, Place::Before) && self.cx.migrated().await?.is_some() {
            return Ok(None);
        }
        self.cx.one_of(&self.cx.nat_gateways, &self.cx.group, &self.looks, id).await
    }

    fn shape(&self, scope: &Scope, gateway: &mut NatGateway) -> Result<()> {
        let (_, nat) = self.way()?;
        found_with(&self.cx, nat, None, gateway);
        gateway.properties.idle_timeout_in_minutes = Some(nat.idle_minutes);
        gateway.properties.public_ip_addresses = self.addresses(scope)?;
        Ok(())
    }

    fn compare(&self, scope: &Scope, gateway: &NatGateway) -> Result<Change> {
        let (_, nat) = self.way()?;
        let fixed = fixed(&self.cx, nat, gateway);
        if !fixed.is_empty() {
            return Ok(Change::Replace(fixed));
        }
        let mut differences = Vec::new();
        let minutes = gateway.properties.idle_timeout_in_minutes.unwrap_or(IDLE_MINUTES);
        if minutes != nat.idle_minutes {
            differences.push(Difference::new("idle timeout in minutes", minutes, nat.idle_minutes));
        }
        let (has, wanted) = (&gateway.properties.public_ip_addresses, self.addresses(scope)?);
        if has.len() != wanted.len() || !wanted.iter().all(|address| has.contains(address)) {
            let ids = |list: &[SubResource]| {
                list.iter().map(|address| address.id.as_str()).collect::<Vec<_>>().join(",")
            };
            differences.push(Difference::new("public IP addresses", ids(has), ids(&wanted)));
        }
        Ok(Change::update(differences))
    }

    async fn take_off(&self, _: &NatGateway) -> Result<()> {
        take_nat_gateway_off(&self.cx, &self.id().await?).await
    }

    fn wanted(&self) -> bool {
        self.wanted
    }
}
