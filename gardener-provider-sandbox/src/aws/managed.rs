//! Network interfaces that other services put into a customer's subnets, and that keep these from being deleted.

use std::{net::Ipv4Addr, time::SystemTime};

use super::{
    ec2::{Attachment, Ec2, Event, NewInterface, Region, zone_id},
    error::AwsError,
};

/// An interface in a subnet.
#[derive(Debug, Clone)]
pub(crate) struct Managed {
    pub(crate) id: String,
    pub(crate) subnet: String,
    pub(crate) vpc: String,
    pub(crate) zone: String,
    pub(crate) ip: Option<Ipv4Addr>,
}

impl Managed {
    pub(crate) fn zone_id(&self) -> String {
        zone_id(&self.zone)
    }
}

/// What a service asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) subnet: String,
    /// Empty means none.
    pub(crate) groups: Vec<String>,
    pub(crate) description: String,
    /// `interface`, `network_load_balancer`, `efs`.
    pub(crate) kind: &'static str,
    pub(crate) requester: &'static str,
    pub(crate) ip: Option<Ipv4Addr>,
}

/// Puts an interface in use into a subnet.
pub(crate) fn place(ec2: &mut Ec2<'_>, wanted: Wanted) -> Result<Managed, AwsError> {
    let id = ec2.new_interface(NewInterface {
        subnet: wanted.subnet,
        description: wanted.description,
        kind: wanted.kind.to_owned(),
        groups: wanted.groups,
        private_ip: wanted.ip,
        requester: Some(wanted.requester.to_owned()),
        ..NewInterface::default()
    })?;
    let (attachment, at) = (ec2.ids.hex17("eni-attach"), ec2.context.now);
    let Some(interface) = ec2.region.interfaces.get_mut(&id) else {
        return Err(AwsError::new("InternalError", "The network interface is gone."));
    };
    interface.attachment = Some(Attachment {
        id: attachment,
        instance: None,
        device_index: 1,
        card: 0,
        delete_on_termination: false,
        at,
    });
    Ok(Managed {
        subnet: interface.subnet.clone(),
        vpc: interface.vpc.clone(),
        zone: interface.zone.clone(),
        ip: interface.private_ip,
        id,
    })
}

/// Lets an interface vanish at `at`.
pub(crate) fn release(region: &mut Region, id: &str, at: SystemTime) {
    region.schedule(at, Event::InterfaceReleased(id.to_owned()));
}
