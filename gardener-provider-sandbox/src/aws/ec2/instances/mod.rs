//! Instances.

mod devices;
mod launch;
mod lifecycle;
mod settings;
mod show;

use std::{collections::BTreeMap, time::SystemTime};

use self::settings::Settings;
use super::{
    Ec2, Region,
    kind::{Getter, IdRules, Kind, View},
    network_interfaces::NetworkInterface,
};
use crate::aws::{error::AwsError, xml::Xml};

/// An instance.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) reservation: String,
    pub(crate) state: &'static str,
    /// Why it changed its state last.
    reason: Option<(&'static str, &'static str)>,
    pub(crate) image: String,
    pub(crate) kind: String,
    architecture: String,
    root_device: String,
    pub(crate) vcpus: u32,
    pub(crate) vpc: String,
    pub(crate) subnet: String,
    pub(crate) zone: String,
    /// The first is the primary one. Empty once terminated.
    pub(crate) interfaces: Vec<String>,
    pub(crate) volumes: Vec<String>,
    index: usize,
    launched: SystemTime,
    private_dns: String,
    settings: Settings,
}

impl Instance {
    fn code(&self) -> u8 {
        state_code(self.state)
    }

    fn is_terminated(&self) -> bool {
        self.state == "terminated"
    }

    /// Its network interfaces.
    fn enis<'a>(&'a self, region: &'a Region) -> impl Iterator<Item = &'a NetworkInterface> {
        self.interfaces.iter().filter_map(|id| region.interfaces.get(id))
    }

    /// What belongs to its place in the network, which a terminated instance has lost.
    fn unless_terminated(&self, value: &str) -> Vec<String> {
        if self.is_terminated() { Vec::new() } else { vec![value.to_owned()] }
    }
}

fn state_code(state: &str) -> u8 {
    match state {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        _ => 80,
    }
}

impl Kind for Instance {
    const ID: IdRules = IdRules {
        prefix: "i",
        label: "instance ID",
        not_found: "InvalidInstanceID.NotFound",
        malformed: "InvalidInstanceID.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.instances
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.instances
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "instance-id" => |instance, _| vec![instance.id.clone()],
            "instance-state-name" => |instance, _| vec![instance.state.to_owned()],
            "instance-state-code" => |instance, _| vec![instance.code().to_string()],
            "instance-type" => |instance, _| vec![instance.kind.clone()],
            "image-id" => |instance, _| vec![instance.image.clone()],
            "architecture" => |instance, _| vec![instance.architecture.clone()],
            "availability-zone" => |instance, _| vec![instance.zone.clone()],
            "availability-zone-id" => |instance, _| vec![crate::aws::ec2::zones::zone_id(&instance.zone)],
            "vpc-id" => |instance, _| instance.unless_terminated(&instance.vpc),
            "subnet-id" => |instance, _| instance.unless_terminated(&instance.subnet),
            "reservation-id" => |instance, _| vec![instance.reservation.clone()],
            "client-token" => |instance, _| instance.settings.client_token.iter().cloned().collect(),
            "key-name" => |instance, _| instance.settings.key_name.iter().cloned().collect(),
            "instance-lifecycle" => |instance, _| instance.settings.lifecycle.iter().cloned().collect(),
            "iam-instance-profile.arn" => {
                |instance, view| instance.settings.profile_arn(view).into_iter().collect()
            }
            "iam-instance-profile.name" => {
                |instance, _| instance.settings.profile_name().into_iter().collect()
            }
            "tenancy" | "placement-tenancy" => |instance, _| vec![instance.settings.tenancy().to_owned()],
            "launch-time" => |instance, _| vec![crate::aws::text::iso(instance.launched)],
            "launch-index" => |instance, _| vec![instance.index.to_string()],
            "private-dns-name" => |instance, _| instance.unless_terminated(&instance.private_dns),
            "private-ip-address" | "network-interface.addresses.private-ip-address" => |instance, view| {
                instance.enis(view.region).filter_map(|eni| eni.private_ip).map(|ip| ip.to_string()).collect()
            },
            "ip-address" => |instance, view| {
                let enis = instance.enis(view.region);
                enis.filter_map(|eni| eni.public_ip.as_ref()).map(|public| public.ip.to_string()).collect()
            },
            "group-id" | "instance.group-id" | "network-interface.group-id" => |instance, view| {
                instance.enis(view.region).flat_map(|eni| eni.groups.iter().cloned()).collect()
            },
            "network-interface.network-interface-id" => |instance, _| instance.interfaces.clone(),
            "network-interface.subnet-id" => {
                |instance, view| instance.enis(view.region).map(|eni| eni.subnet.clone()).collect()
            }
            "network-interface.vpc-id" => {
                |instance, view| instance.enis(view.region).map(|eni| eni.vpc.clone()).collect()
            }
            "block-device-mapping.volume-id" => |instance, _| instance.volumes.clone(),
            "root-device-name" => |instance, _| vec![instance.root_device.clone()],
            "root-device-type" => |_, _| vec!["ebs".to_owned()],
            "owner-id" => |_, view| vec![view.context.account().to_owned()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        self.show(view, xml);
    }
}

impl Ec2<'_> {
    /// An instance's primary network interface.
    pub(crate) fn first_interface_of(&self, id: &str) -> Result<String, AwsError> {
        let interface = self.find::<Instance>(id)?.interfaces.first().cloned();
        interface.ok_or_else(|| {
            let message = format!("The instance '{id}' is not in a valid state for this operation.");
            AwsError::new("IncorrectInstanceState", message)
        })
    }
}
