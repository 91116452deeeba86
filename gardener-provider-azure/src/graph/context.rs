//! What all resources of one run share: who asks, what is wanted, names, and what the cloud listed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gardener_provider_client::{
    graph::{Looks, SharedList},
    poll::Poll,
    rest::or_missing,
};
use gardener_provider_core::{
    ClusterId, Error, ErrorKind, InfrastructureRequest, Networking, Region, Result,
};

use super::ways::{Way, ways};
use crate::{
    api::{
        ResourceId,
        nat_gateways::{NatGateway, NatGatewayProperties},
        network::{self, Properties, Resource},
        public_ip_addresses::{PublicIpAddress, PublicIpAddressProperties},
        subnets::{Subnet, SubnetProperties},
        virtual_networks::VirtualNetworkProperties,
    },
    infrastructure_config::InfrastructureConfig,
    session::Session,
};

/// How a change of somebody else is waited for.
const SETTLES: Poll =
    Poll::new(Duration::from_secs(2), Duration::from_secs(900)).with_max_interval(Duration::from_secs(15));

type Lists = (Arc<Vec<Subnet>>, Arc<Vec<NatGateway>>, Arc<Vec<PublicIpAddress>>);

/// What all resources of one run share.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) session: Arc<Session>,
    pub(crate) cluster: ClusterId,
    pub(crate) region: Region,
    pub(crate) config: InfrastructureConfig,
    pub(crate) networking: Networking,
    /// The cluster's own resource group.
    pub(crate) group: ResourceId,
    /// The virtual network, ours or the user's.
    pub(crate) vnet: ResourceId,
    /// The subnets and their ways out.
    pub(crate) ways: Vec<Way>,
    pub(crate) subnets: SharedList<Subnet>,
    pub(crate) nat_gateways: SharedList<NatGateway>,
    pub(crate) public_ips: SharedList<PublicIpAddress>,
    /// True once this run has taken resources apart that others show in their lists.
    rearranged: AtomicBool,
}

impl Context {
    /// # Errors
    /// `InvalidArgument` if something of the user's lies where all goes when the cluster does.
    pub(crate) fn new(
        session: Arc<Session>,
        request: &InfrastructureRequest,
        config: InfrastructureConfig,
    ) -> Result<Self> {
        let cluster = request.cluster.clone();
        let group = session.group(cluster.as_str());
        let own = |field: &str, name: &str| {
            if !name.eq_ignore_ascii_case(cluster.as_str()) {
                return Ok(());
            }
            let problem =
                "is the cluster's own resource group, which goes with the cluster; move it to another";
            Err(Error::invalid(field, format!("{name} {problem}")))
        };
        let vnet = match config.networks.vnet.given() {
            Some((theirs, name)) => {
                own("networks.vnet.resourceGroup", theirs)?;
                session.group(theirs).network(VirtualNetworkProperties::KIND, name)
            }
            None => group.network(VirtualNetworkProperties::KIND, cluster.as_str()),
        };
        if let Some(identity) = &config.identity {
            own("identity.resourceGroup", &identity.resource_group)?;
        }
        let ways = ways(&config, |group| session.group(group));
        for (field, address) in ways.iter().filter_map(|way| way.nat.as_ref()).flat_map(|nat| &nat.given) {
            own(&format!("{field}.resourceGroup"), address.group_name())?;
        }
        Ok(Self {
            cluster,
            region: request.region.clone(),
            networking: request.networking.clone(),
            config,
            group,
            vnet,
            ways,
            subnets: SharedList::new(),
            nat_gateways: SharedList::new(),
            public_ips: SharedList::new(),
            rearranged: AtomicBool::new(false),
            session,
        })
    }

    /// True if the virtual network is the user's.
    pub(crate) fn vnet_is_given(&self) -> bool {
        self.config.networks.vnet.given().is_some()
    }

    /// `<cluster>-<suffix>`
    pub(crate) fn name(&self, suffix: &str) -> String {
        format!("{}-{suffix}", self.cluster)
    }

    /// The exact names that subnets of this cluster can have, and the zones they are for; none for the one for all. If the
    /// user gives the subnet, then whatever is called like ours is not.
    pub(crate) fn subnet_names(&self) -> Vec<(Option<i32>, String)> {
        if self.config.networks.subnet.is_some() {
            return Vec::new();
        }
        let zones = self.ways.iter().filter_map(|way| way.zone);
        let zoned = zones.map(|zone| (Some(zone), self.name(&format!("nodes-z{zone}"))));
        std::iter::once((None, self.name("nodes"))).chain(zoned).collect()
    }

    /// True for the exact name of a subnet of this cluster.
    pub(crate) fn is_subnet_name(&self, name: &str) -> bool {
        self.subnet_names().iter().any(|(_, ours)| ours.eq_ignore_ascii_case(name))
    }

    /// Fetches at the same time what the nodes of a graph will ask for.
    pub(crate) async fn prefetch(&self) -> Result<()> {
        self.lists().await.map(drop)
    }

    async fn lists(&self) -> Result<Lists> {
        futures::try_join!(
            self.subnets.shared(async || self.list_subnets().await),
            self.nat_gateways.shared(async || self.list(&self.group).await),
            self.public_ips.shared(async || self.list(&self.group).await),
        )
    }

    /// All that lie in a group or resource; none if that is not there.
    pub(crate) async fn list<P: Properties>(&self, parent: &ResourceId) -> Result<Vec<Resource<P>>> {
        or_missing(self.session.all(&network::list(parent)).await).map(Option::unwrap_or_default)
    }

    pub(crate) async fn list_subnets(&self) -> Result<Vec<Subnet>> {
        self.list::<SubnetProperties>(&self.vnet).await
    }

    /// One of a list: as the run's list shows it at the first look, as it is now at any other.
    pub(crate) async fn one_of<P: Properties>(
        &self,
        list: &SharedList<Resource<P>>,
        parent: &ResourceId,
        looks: &Looks,
        id: &ResourceId,
    ) -> Result<Option<Resource<P>>> {
        if !looks.is_first() || self.rearranged.load(Ordering::Relaxed) {
            return self.session.find(&network::get(id)).await;
        }
        let all = list.shared(async || self.list(parent).await).await?;
        Ok(all.iter().find(|one| one.name.eq_ignore_ascii_case(id.name())).cloned())
    }

    /// From now on the lists of this run no longer hold.
    pub(crate) fn rearrange(&self) {
        self.rearranged.store(true, Ordering::Relaxed);
    }

    /// What the lists show is from a group that is gone.
    pub(crate) async fn begin_anew(&self) -> Result<()> {
        let (subnets, gateways, addresses) = self.lists().await?;
        if !(subnets.is_empty() && gateways.is_empty() && addresses.is_empty()) {
            self.rearrange();
        }
        Ok(())
    }

    /// The zone that goes on with the one subnet from before there was one for each.
    ///
    /// That subnet tells: it has the CIDR of a zone.
    pub(crate) async fn migrated(&self) -> Result<Option<i32>> {
        if self.config.networks.is_single_subnet() {
            return Ok(None);
        }
        let subnets = self.subnets.shared(async || self.list_subnets().await).await?;
        let name = self.name("nodes");
        let Some(former) = subnets.iter().find(|subnet| subnet.name.eq_ignore_ascii_case(&name)) else {
            return Ok(None);
        };
        let prefixes = former.properties.prefixes();
        let zone = self.ways.iter().find(|way| prefixes.contains(&way.cidr.as_str()));
        match zone {
            Some(way) => Ok(way.zone),
            None => Err(Error::invalid(
                "networks.zones",
                format!("one of them must have the cidr of the subnet {name}: {}", prefixes.join(", ")),
            )),
        }
    }

    /// `-z<zone>`, unless there is but one for all, or it is the one from before there was one for each.
    async fn suffix(&self, way: &Way) -> Result<String> {
        match way.zone {
            Some(zone) if self.migrated().await? != Some(zone) => Ok(format!("-z{zone}")),
            _ => Ok(String::new()),
        }
    }

    pub(crate) async fn subnet_of(&self, way: &Way) -> Result<ResourceId> {
        let name = format!("{}{}", self.name("nodes"), self.suffix(way).await?);
        Ok(self.vnet.child(SubnetProperties::KIND, &name))
    }

    pub(crate) async fn nat_gateway_of(&self, way: &Way) -> Result<ResourceId> {
        Ok(self.nat_gateway(&self.suffix(way).await?))
    }

    pub(crate) async fn public_ip_of(&self, way: &Way) -> Result<ResourceId> {
        Ok(self.public_ip(&self.suffix(way).await?))
    }

    /// The NAT gateway of this suffix.
    pub(crate) fn nat_gateway(&self, suffix: &str) -> ResourceId {
        self.group.network(NatGatewayProperties::KIND, &format!("{}{suffix}", self.name("nat-gateway")))
    }

    /// The address of the NAT gateway of this suffix.
    pub(crate) fn public_ip(&self, suffix: &str) -> ResourceId {
        let name = format!("{}{suffix}-ip", self.name("nat-gateway"));
        self.group.network(PublicIpAddressProperties::KIND, &name)
    }

    /// True if a location is the region, however it is written.
    pub(crate) fn is_here(&self, location: Option<&str>) -> bool {
        let plain = |text: &str| text.replace(' ', "").to_ascii_lowercase();
        location.is_none_or(|location| plain(location) == plain(self.region.as_str()))
    }

    /// A resource once nobody is changing it.
    ///
    /// # Errors
    /// `NotFound` if it is gone; `Conflict`, which passes, if it is going.
    pub(crate) async fn settled<P: Properties>(&self, id: &ResourceId) -> Result<Resource<P>> {
        let operation = network::get::<P>(id);
        SETTLES
            .until_some(&**self.session.clock(), format!("another change of {id}"), || async {
                let found = self.session.run(&operation).await?;
                if found.is_deleting() {
                    return Err(Error::new(ErrorKind::Conflict, format!("{id} is being deleted")));
                }
                let over = found.is_settled() || ["Failed", "Canceled"].contains(&found.state());
                Ok(over.then_some(found))
            })
            .await
    }
}
