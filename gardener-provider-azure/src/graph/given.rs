//! What the user gave: looked at and checked, never created, never changed, never deleted.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use gardener_provider_client::graph::{Change, Resource, Scope};
use gardener_provider_core::{Error, Result};

use super::{
    context::Context,
    network::contains,
    ways::{Nat, Way},
};
use crate::api::{
    ResourceId,
    identities::{self, Identity},
    network::{self, SubResource},
    public_ip_addresses::{PublicIpAddress, PublicIpAddressProperties},
    subnets::{Subnet, SubnetProperties},
    virtual_networks::{VirtualNetwork, VirtualNetworkProperties},
};

/// A resource of the user's: what it is, where it comes from and what must hold of it.
#[async_trait]
pub(crate) trait Given: Send + Sync + fmt::Debug + 'static {
    type Observed: fmt::Debug + Send + Sync + 'static;

    fn kind(&self) -> &'static str;
    /// The field that names it.
    fn field(&self) -> &str;
    fn resource(&self) -> &ResourceId;
    async fn look(&self) -> Result<Option<Self::Observed>>;
    fn id(&self, observed: &Self::Observed) -> String;
    /// What is wrong with it.
    fn check(&self, _observed: &Self::Observed) -> Result<(), String> {
        Ok(())
    }
}

/// Makes a [`Given`] a resource of the graph.
#[derive(Debug)]
pub(crate) struct Theirs<G>(pub(crate) G);

#[async_trait]
impl<G: Given> Resource for Theirs<G> {
    type Observed = G::Observed;

    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    fn id(&self, observed: &G::Observed) -> String {
        self.0.id(observed)
    }

    async fn find(&self, _: &Scope) -> Result<Option<G::Observed>> {
        self.0.look().await
    }

    async fn create(&self, _: &Scope) -> Result<G::Observed> {
        Err(Error::invalid(self.0.field(), format!("{} does not exist", self.0.resource())))
    }

    fn differs(&self, _: &Scope, observed: &G::Observed) -> Result<Change> {
        let checked = self.0.check(observed);
        checked
            .map_err(|problem| Error::invalid(self.0.field(), format!("{} {problem}", self.0.resource())))?;
        Ok(Change::None)
    }

    /// It stays, and nothing of ours is on it.
    async fn delete(&self, _: &Scope, _: &G::Observed) -> Result<()> {
        Ok(())
    }

    fn given(&self) -> bool {
        true
    }
}

/// The user's virtual network.
#[derive(Debug)]
pub(crate) struct GivenVnet(pub(crate) Arc<Context>);

#[async_trait]
impl Given for GivenVnet {
    type Observed = VirtualNetwork;

    fn kind(&self) -> &'static str {
        "virtual network"
    }

    fn field(&self) -> &'static str {
        "networks.vnet.name"
    }

    fn resource(&self) -> &ResourceId {
        &self.0.vnet
    }

    async fn look(&self) -> Result<Option<VirtualNetwork>> {
        self.0.session.find(&network::get::<VirtualNetworkProperties>(&self.0.vnet)).await
    }

    fn id(&self, observed: &VirtualNetwork) -> String {
        observed.id.clone()
    }

    fn check(&self, observed: &VirtualNetwork) -> Result<(), String> {
        let cx = &self.0;
        if !cx.is_here(observed.location.as_deref()) {
            let location = observed.location.as_deref().unwrap_or_default();
            return Err(format!("is in {location}, not in {}", cx.region));
        }
        let prefixes = &observed.properties.address_space.address_prefixes;
        let lies_within = |way: &&Way| prefixes.iter().any(|prefix| contains(prefix, &way.cidr));
        match cx.ways.iter().find(|way| !lies_within(way)) {
            Some(way) => Err(format!(
                "has {}, and {}, {}, does not lie in it",
                prefixes.join(", "),
                way.field,
                way.cidr
            )),
            None => Ok(()),
        }
    }
}

/// The user's subnet, with a route table and a network security group of the user's, which the cluster's cloud
/// controller writes to.
#[derive(Debug)]
pub(crate) struct GivenSubnet {
    pub(crate) cx: Arc<Context>,
    pub(crate) id: ResourceId,
}

#[async_trait]
impl Given for GivenSubnet {
    type Observed = Subnet;

    fn kind(&self) -> &'static str {
        "subnet"
    }

    fn field(&self) -> &'static str {
        "networks.subnet.name"
    }

    fn resource(&self) -> &ResourceId {
        &self.id
    }

    async fn look(&self) -> Result<Option<Subnet>> {
        self.cx.session.find(&network::get::<SubnetProperties>(&self.id)).await
    }

    fn id(&self, observed: &Subnet) -> String {
        observed.id.clone()
    }

    fn check(&self, observed: &Subnet) -> Result<(), String> {
        let properties = &observed.properties;
        if properties.network_security_group.is_none() {
            return Err("has no network security group; add one, for the rules of load balancers".to_owned());
        }
        if properties.route_table.is_none() {
            return Err("has no route table; add one, for the routes to pods".to_owned());
        }
        let Some(nodes) = &self.cx.networking.nodes else { return Ok(()) };
        match properties.prefixes().iter().find(|prefix| !contains(nodes, prefix)) {
            Some(prefix) => Err(format!("has {prefix}, which does not lie within networking.nodes, {nodes}")),
            None => Ok(()),
        }
    }
}

/// The user's identity.
#[derive(Debug)]
pub(crate) struct GivenIdentity {
    pub(crate) cx: Arc<Context>,
    pub(crate) id: ResourceId,
}

#[async_trait]
impl Given for GivenIdentity {
    type Observed = Identity;

    fn kind(&self) -> &'static str {
        "managed identity"
    }

    fn field(&self) -> &'static str {
        "identity.name"
    }

    fn resource(&self) -> &ResourceId {
        &self.id
    }

    async fn look(&self) -> Result<Option<Identity>> {
        self.cx.session.find(&identities::get(&self.id)).await
    }

    fn id(&self, observed: &Identity) -> String {
        observed.id.clone()
    }
}

/// A public IP address of the user's for a NAT gateway.
#[derive(Debug)]
pub(crate) struct GivenAddress {
    pub(crate) cx: Arc<Context>,
    pub(crate) field: String,
    pub(crate) address: ResourceId,
    pub(crate) way: Way,
    pub(crate) nat: Nat,
}

/// An address and the NAT gateway that it is for.
#[derive(Debug)]
pub(crate) struct AddressFor {
    pub(crate) address: PublicIpAddress,
    nat_gateway: ResourceId,
}

#[async_trait]
impl Given for GivenAddress {
    type Observed = AddressFor;

    fn kind(&self) -> &'static str {
        "public IP address"
    }

    fn field(&self) -> &str {
        &self.field
    }

    fn resource(&self) -> &ResourceId {
        &self.address
    }

    async fn look(&self) -> Result<Option<AddressFor>> {
        let found = self.cx.session.find(&network::get::<PublicIpAddressProperties>(&self.address)).await?;
        let Some(address) = found else { return Ok(None) };
        Ok(Some(AddressFor { address, nat_gateway: self.cx.nat_gateway_of(&self.way).await? }))
    }

    fn id(&self, observed: &AddressFor) -> String {
        observed.address.id.clone()
    }

    fn check(&self, observed: &AddressFor) -> Result<(), String> {
        let (address, nat) = (&observed.address, &self.nat);
        let properties = &address.properties;
        if !self.cx.is_here(address.location.as_deref()) {
            let location = address.location.as_deref().unwrap_or_default();
            return Err(format!("is in {location}, not in {}", self.cx.region));
        }
        if !address.sku_name().eq_ignore_ascii_case(&nat.sku) {
            let has = address.sku_name();
            return Err(format!("has the SKU {has}; a NAT gateway of the SKU {0} needs {0}", nat.sku));
        }
        if properties.address_version.as_deref().is_some_and(|version| version != "IPv4") {
            return Err("is not an IPv4 address".to_owned());
        }
        // One that spans all zones serves each.
        let in_zone = nat.zone.as_ref().is_none_or(|zone| address.zones().contains(zone));
        if nat.is_zonal() && !in_zone {
            let zone = nat.zone.as_deref().unwrap_or_default();
            return Err(format!("is not in zone {zone}, where the NAT gateway is"));
        }
        let is_ours =
            |user: &SubResource| user.id.parse().is_ok_and(|id: ResourceId| id == observed.nat_gateway);
        let others = properties.nat_gateway.iter().filter(|user| !is_ours(user));
        match others.chain(&properties.ip_configuration).next() {
            Some(user) => Err(format!("is in use by {}", user.id)),
            None => Ok(()),
        }
    }
}
