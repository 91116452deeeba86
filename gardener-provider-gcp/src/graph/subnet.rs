//! Subnets for nodes, internal load balancers and the IPv6 addresses of services.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use gardener_provider_client::{
    graph::{Change, Resource, Scope},
    poll::Poll,
};
use gardener_provider_core::{Difference, Error, Result};
use ipnet::IpNet;

use super::Context;
use crate::{
    api::subnetworks::{
        LogConfig, NewSubnetwork, SecondaryRange, SubnetSettings, Subnetwork, delete_subnetwork,
        expand_subnetwork, get_subnetwork, insert_subnetwork, patch_subnetwork,
    },
    infrastructure_config::FlowLogs,
    infrastructure_status::{PURPOSE_INTERNAL, PURPOSE_NODES, PURPOSE_SERVICES},
};

/// The range of the nodes' subnet that pods have their addresses from. Gardener's MachineClasses name it.
pub(crate) const PODS_RANGE: &str = "ipv4-pod-cidr";
/// How long the cloud takes to give a subnet its IPv6 range.
const IPV6: Poll = Poll::new(Duration::from_secs(2), Duration::from_secs(300));

/// What a subnet is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Nodes,
    Internal,
    Services,
}

impl Purpose {
    /// As the status and the names have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nodes => PURPOSE_NODES,
            Self::Internal => PURPOSE_INTERNAL,
            Self::Services => PURPOSE_SERVICES,
        }
    }

    fn description(self) -> &'static str {
        match self {
            Self::Nodes => "gardener-managed worker subnet",
            Self::Internal => "gardener-managed internal subnet",
            Self::Services => "gardener-managed services subnet",
        }
    }
}

/// A subnet of ours.
#[derive(Debug)]
pub(crate) struct OwnSubnet {
    pub(crate) cx: Arc<Context>,
    pub(crate) purpose: Purpose,
    /// True if all is to go: then one of the same name in another network is passed over.
    pub(crate) going: bool,
}

impl OwnSubnet {
    fn name(&self) -> String {
        self.cx.name(self.purpose.name())
    }

    /// Its IPv4 range and the field that holds it.
    fn cidr(&self) -> Option<(&'static str, &str)> {
        match self.purpose {
            Purpose::Nodes => Some(self.cx.config.networks.nodes_cidr()),
            Purpose::Internal => Some(("networks.internal", self.cx.config.networks.internal.as_deref()?)),
            Purpose::Services => {
                let services = self.cx.networking.services.as_deref()?;
                self.cx.is_dual_stack().then_some(("networking.services", services))
            }
        }
    }

    /// The range for pods, where pods have their addresses from the subnet: with IPv6.
    fn pods(&self) -> Option<&str> {
        let pods = self.cx.networking.pods.as_deref()?;
        (self.cx.is_dual_stack() && self.purpose == Purpose::Nodes).then_some(pods)
    }

    fn logs(&self) -> Option<LogConfig> {
        let logs = self.cx.config.networks.flow_logs.as_ref()?;
        (self.purpose == Purpose::Nodes).then(|| log_config(logs))
    }

    async fn get(&self) -> Result<Subnetwork> {
        let cx = &self.cx;
        cx.run(get_subnetwork(cx.project(), cx.region(), &self.name())).await
    }

    /// Patches one thing after another: the cloud does not take all of them at once.
    async fn patch(&self, observed: Subnetwork, settings: SubnetSettings) -> Result<Subnetwork> {
        let cx = &self.cx;
        let name = self.name();
        let patch = patch_subnetwork(cx.project(), cx.region(), &name, &observed.fingerprint, settings);
        cx.complete(patch).await?;
        self.get().await
    }

    /// The subnet once it has its IPv6 range.
    async fn with_ipv6_range(&self) -> Result<Subnetwork> {
        let clock = self.cx.session.clock();
        IPV6.until_some(&**clock, format!("the IPv6 range of the subnet {}", self.name()), || async {
            let subnet = self.get().await?;
            Ok(subnet.ipv6_range().is_some().then_some(subnet))
        })
        .await
    }

    fn range_differences(&self, observed: &Subnetwork) -> Result<Vec<Difference>> {
        let Some((field, cidr)) = self.cidr() else { return Ok(Vec::new()) };
        let is = &observed.ip_cidr_range;
        match (cidr.parse::<IpNet>(), is.parse::<IpNet>()) {
            (Ok(wanted), Ok(current)) if wanted == current => Ok(Vec::new()),
            (Ok(wanted), Ok(current)) if wanted.contains(&current) => {
                Ok(vec![Difference::new("ipCidrRange", is, cidr)])
            }
            _ => {
                let name = &observed.name;
                let problem =
                    format!("the subnet {name} has {is}, which can be extended only, not become {cidr}");
                Err(Error::invalid(field, format!("{problem}; set it back")))
            }
        }
    }

    fn ipv6_differences(&self, observed: &Subnetwork) -> Result<Vec<Difference>> {
        if !self.cx.is_dual_stack() {
            return Ok(Vec::new());
        }
        let stack = observed.stack_type.as_deref().unwrap_or("IPV4_ONLY");
        if let Some(access @ "INTERNAL") = observed.ipv6_access_type.as_deref() {
            let name = &observed.name;
            let problem = format!("the subnet {name} has {access} IPv6 addresses, which cannot be changed");
            return Err(Error::invalid("networking.ipFamilies", problem));
        }
        if stack != "IPV4_IPV6" {
            return Ok(vec![Difference::new("stackType", stack, "IPV4_IPV6")]);
        }
        let missing = observed.ipv6_range().is_none();
        Ok(missing.then(|| Difference::new("externalIpv6Prefix", "-", "given")).into_iter().collect())
    }

    fn pods_differences(&self, observed: &Subnetwork) -> Result<Vec<Difference>> {
        let Some(pods) = self.pods() else { return Ok(Vec::new()) };
        let mut ranges = observed.secondary_ip_ranges.iter();
        match ranges.find(|range| range.range_name == PODS_RANGE) {
            Some(range) if range.ip_cidr_range == pods => Ok(Vec::new()),
            Some(range) => {
                let (name, is) = (&observed.name, &range.ip_cidr_range);
                let problem = format!("the subnet {name} has {is} for pods, which cannot become {pods}");
                Err(Error::invalid("networking.pods", format!("{problem}; set it back")))
            }
            None => Ok(vec![Difference::new(format!("secondaryIpRanges.{PODS_RANGE}"), "-", pods)]),
        }
    }

    fn log_differences(&self, observed: &Subnetwork) -> Vec<Difference> {
        let is = observed.log_config.as_ref().filter(|logs| logs.enable);
        let Some(wanted) = self.logs() else {
            let off = is.map(|_| Difference::new("logConfig.enable", true, false));
            return off.into_iter().collect();
        };
        let Some(is) = is else { return vec![Difference::new("logConfig.enable", false, true)] };
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        let share = |logs: &LogConfig| logs.flow_sampling.unwrap_or(0.0);
        let mut differences = Vec::new();
        // The cloud keeps the share as a number of single precision.
        if (share(is) - share(&wanted)).abs() > 1e-6 {
            differences.push(Difference::new("logConfig.flowSampling", share(is), share(&wanted)));
        }
        for (field, is, wanted) in [
            ("logConfig.aggregationInterval", &is.aggregation_interval, &wanted.aggregation_interval),
            ("logConfig.metadata", &is.metadata, &wanted.metadata),
        ] {
            if is != wanted {
                differences.push(Difference::new(field, text(is), text(wanted)));
            }
        }
        differences
    }
}

/// What Gardener takes for what is not told.
fn log_config(logs: &FlowLogs) -> LogConfig {
    let or = |value: &Option<String>, default: &str| Some(value.as_deref().unwrap_or(default).to_owned());
    LogConfig {
        enable: true,
        aggregation_interval: or(&logs.aggregation_interval, "INTERVAL_5_MIN"),
        flow_sampling: Some(logs.flow_sampling.unwrap_or(0.5)),
        metadata: or(&logs.metadata, "EXCLUDE_ALL_METADATA"),
    }
}

#[async_trait]
impl Resource for OwnSubnet {
    type Observed = Subnetwork;

    fn kind(&self) -> &'static str {
        "subnet"
    }

    fn id(&self, observed: &Subnetwork) -> String {
        observed.name.clone()
    }

    async fn find(&self, _: &Scope) -> Result<Option<Subnetwork>> {
        let (cx, name) = (&self.cx, self.name());
        match cx.look(get_subnetwork(cx.project(), cx.region(), &name)).await? {
            Some(subnet) if cx.is_in_vpc(&subnet.network) => Ok(Some(subnet)),
            Some(subnet) if !self.going => Err(cx.elsewhere("subnet", &name, &subnet.network)),
            _ => Ok(None),
        }
    }

    async fn create(&self, _: &Scope) -> Result<Subnetwork> {
        let (cx, name) = (&self.cx, self.name());
        let Some((_, cidr)) = self.cidr() else {
            return Err(Error::internal(format!("the subnet {name} is not wanted")));
        };
        let mut settings = SubnetSettings::default();
        if cx.is_dual_stack() {
            settings = settings.with_ipv6();
        }
        if let Some(pods) = self.pods() {
            settings = settings.with_secondary_ranges(vec![SecondaryRange::new(PODS_RANGE, pods)]);
        }
        if let Some(logs) = self.logs() {
            settings = settings.with_log_config(logs);
        }
        let network = cx.vpc_link();
        let subnet = NewSubnetwork::new(&name, self.purpose.description(), &network, cidr);
        cx.complete(insert_subnetwork(cx.project(), cx.region(), subnet.with_settings(settings))).await?;
        self.get().await
    }

    fn differs(&self, _: &Scope, observed: &Subnetwork) -> Result<Change> {
        let mut differences = self.range_differences(observed)?;
        differences.extend(self.ipv6_differences(observed)?);
        differences.extend(self.pods_differences(observed)?);
        differences.extend(self.log_differences(observed));
        Ok(Change::update(differences))
    }

    async fn update(&self, _: &Scope, observed: &Subnetwork) -> Result<Subnetwork> {
        let (cx, mut subnet) = (&self.cx, observed.clone());
        if let (Some((_, cidr)), false) = (self.cidr(), self.range_differences(&subnet)?.is_empty()) {
            cx.complete(expand_subnetwork(cx.project(), cx.region(), &self.name(), cidr)).await?;
            subnet = self.get().await?;
        }
        if subnet.stack_type.as_deref() != Some("IPV4_IPV6") && cx.is_dual_stack() {
            subnet = self.patch(subnet, SubnetSettings::default().with_ipv6()).await?;
        }
        if let (Some(pods), false) = (self.pods(), self.pods_differences(&subnet)?.is_empty()) {
            let mut ranges = subnet.secondary_ip_ranges.clone();
            ranges.push(SecondaryRange::new(PODS_RANGE, pods));
            subnet = self.patch(subnet, SubnetSettings::default().with_secondary_ranges(ranges)).await?;
        }
        if !self.log_differences(&subnet).is_empty() {
            let logs = self.logs().unwrap_or_default();
            subnet = self.patch(subnet, SubnetSettings::default().with_log_config(logs)).await?;
        }
        if cx.is_dual_stack() && subnet.ipv6_range().is_none() {
            subnet = self.with_ipv6_range().await?;
        }
        Ok(subnet)
    }

    async fn delete(&self, _: &Scope, _: &Subnetwork) -> Result<()> {
        let cx = &self.cx;
        cx.remove(delete_subnetwork(cx.project(), cx.region(), &self.name())).await
    }

    fn wanted(&self) -> bool {
        self.cidr().is_some()
    }
}
