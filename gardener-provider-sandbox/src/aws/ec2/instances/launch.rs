//! RunInstances.

use std::collections::BTreeSet;

use super::{
    Instance,
    devices::{self, Device},
    settings::Settings,
};
use crate::aws::{
    Image, InstanceType,
    context::Reply,
    ec2::{
        Ec2, Event, Tags, cidr,
        network_interfaces::{Attachment, NetworkInterface, NewInterface, PublicIp},
        security_groups::SecurityGroup,
        subnets::Subnet,
        tags::new_tags,
        volumes::{Volume, VolumeAttachment},
        vpc::Vpc,
    },
    error::AwsError,
    query::Params,
};

/// One network interface of a launch.
#[derive(Debug, Clone)]
struct Nic {
    new: NewInterface,
    /// An interface that exists already.
    existing: Option<String>,
    device_index: u32,
    card: u32,
    delete_on_termination: bool,
    public_ip: Option<bool>,
}

/// All that a launch needs, checked.
#[derive(Debug)]
struct Launch {
    image: Image,
    kind: InstanceType,
    settings: Settings,
    nics: Vec<Nic>,
    devices: Vec<Device>,
    vpc: String,
    zone: String,
    instance_tags: Tags,
    volume_tags: Tags,
}

const TAGGABLE: [&str; 5] =
    ["instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu"];

impl Ec2<'_> {
    pub(crate) fn run_instances(&mut self, params: &Params) -> Reply {
        if let Some(ids) = self.replayed(params)? {
            return Ok(self.show_reservation(&ids));
        }
        let (least, most) = read_counts(params)?;
        let launch = self.read_launch(params)?;
        let count = self.affordable(&launch, least, most)?;
        let reservation = self.ids.hex17("r");
        let mut ids = Vec::new();
        for index in 0..count {
            match self.launch(&launch, &reservation, index) {
                Ok(id) => ids.push(id),
                Err(_) if index >= least => break,
                Err(error) => {
                    for id in &ids {
                        self.undo(id);
                    }
                    return Err(error);
                }
            }
        }
        self.remember(params, &ids);
        let at = self.context.after(self.context.options().durations.instance_start);
        for id in &ids {
            self.region.schedule(at, Event::InstanceRunning(id.clone()));
        }
        Ok(self.show_reservation(&ids))
    }

    fn read_launch(&self, params: &Params) -> Result<Launch, AwsError> {
        let image = self.image(params.required("ImageId")?)?.clone();
        let kind = self.instance_type(params.filled("InstanceType").unwrap_or("m1.small"))?.clone();
        if kind.architecture != image.architecture {
            let message = format!(
                "The architecture '{}' of the specified instance type does not match the architecture '{}' of the specified AMI.",
                kind.architecture, image.architecture
            );
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        let mut settings = Settings::of(params, &kind)?;
        if let Some(name) = &settings.key_name {
            self.key_named(name)?;
        }
        if self.context.options().check_instance_profiles {
            settings.check_profile(self.iam, self.context.now)?;
        }
        let devices = devices::read(params, &image)?;
        let instance_tags = new_tags(params, "instance", &TAGGABLE)?;
        let volume_tags = new_tags(params, "volume", &TAGGABLE)?;
        let nics = self.read_nics(params, &kind, &settings)?;
        let (vpc, zone) = self.place_of(&nics)?;
        if settings.zone().is_some_and(|wanted| wanted != zone) {
            let message = format!(
                "The specified subnet is not in the availability zone of the placement, it is in {zone}."
            );
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        if let Some(vpc) = self.region.vpcs.get(&vpc) {
            settings.default_tenancy(&vpc.tenancy);
        }
        Ok(Launch { image, kind, settings, nics, devices, vpc, zone, instance_tags, volume_tags })
    }

    fn read_nics(
        &self,
        params: &Params,
        kind: &InstanceType,
        settings: &Settings,
    ) -> Result<Vec<Nic>, AwsError> {
        let tags = new_tags(params, "network-interface", &TAGGABLE)?;
        let given = params.structs("NetworkInterface");
        for (name, words) in [("SubnetId", "subnet ID"), ("SecurityGroupId.1", "security groups")] {
            if !given.is_empty() && params.filled(name).is_some() {
                let message = format!(
                    "Network interfaces and an instance-level {words} may not be specified on the same request"
                );
                return Err(AwsError::new("InvalidParameterCombination", message));
            }
        }
        let mut nics = Vec::new();
        for nic in &given {
            nics.push(Nic::read(nic, given.len())?);
        }
        if nics.is_empty() {
            nics.push(Nic {
                new: NewInterface::of(params)?,
                existing: None,
                device_index: 0,
                card: 0,
                delete_on_termination: true,
                public_ip: None,
            });
        }
        for nic in &mut nics {
            nic.new.tags.clone_from(&tags);
            if nic.new.subnet.is_empty() && nic.existing.is_none() {
                nic.new.subnet = self.default_subnet(settings.zone())?;
            }
        }
        check_nics(&nics, kind)?;
        nics.sort_by_key(|nic| (nic.card, nic.device_index));
        Ok(nics)
    }

    fn default_subnet(&self, zone: Option<&str>) -> Result<String, AwsError> {
        let mut subnets = self.region.subnets.values().filter(|subnet| subnet.is_default);
        let found = subnets.find(|subnet| zone.is_none_or(|zone| subnet.zone == zone));
        found.map(|subnet| subnet.id.clone()).ok_or_else(|| {
            AwsError::new("MissingInput", "No subnets found for the default VPC. Please specify a subnet.")
        })
    }

    /// The VPC and zone of a launch, in which all its interfaces must be. Checks their groups too.
    fn place_of(&self, nics: &[Nic]) -> Result<(String, String), AwsError> {
        let mut place: Option<(String, String)> = None;
        for nic in nics {
            let here = if let Some(id) = &nic.existing {
                let interface = self.find::<NetworkInterface>(id)?;
                if interface.attachment.is_some() {
                    let message = format!("Interface: [{id}] in use.");
                    return Err(AwsError::new("InvalidNetworkInterface.InUse", message));
                }
                (interface.vpc.clone(), interface.zone.clone())
            } else {
                let subnet = self.find::<Subnet>(&nic.new.subnet)?;
                (subnet.vpc.clone(), subnet.zone.clone())
            };
            for id in &nic.new.groups {
                if self.find::<SecurityGroup>(id)?.vpc != here.0 {
                    let message = format!(
                        "Security group {id} and subnet {} belong to different networks.",
                        nic.new.subnet
                    );
                    return Err(AwsError::new("InvalidParameter", message));
                }
            }
            if place.as_ref().is_some_and(|place| *place != here) {
                let message =
                    "All network interfaces of an instance must be in the same VPC and availability zone";
                return Err(AwsError::new("InvalidParameterCombination", message));
            }
            place = Some(here);
        }
        let (vpc, zone) =
            place.ok_or_else(|| AwsError::new("MissingParameter", "A network interface is needed"))?;
        self.find::<Vpc>(&vpc)?;
        Ok((vpc, zone))
    }

    /// How many instances can be had: at least `least` or an error.
    fn affordable(&self, launch: &Launch, least: usize, most: usize) -> Result<usize, AwsError> {
        let (kind, zone) = (&launch.kind.name, &launch.zone);
        if self.context.world.faults.no_capacity(self.context.call, kind, zone) {
            let message = format!(
                "We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone})."
            );
            return Err(AwsError::new("InsufficientInstanceCapacity", message));
        }
        let quota = self.context.options().quotas.vcpus;
        let live =
            self.region.instances.values().filter(|instance| matches!(instance.state, "pending" | "running"));
        let used: u32 = live.map(|instance| instance.vcpus).sum();
        let by_quota = quota.saturating_sub(used) / launch.kind.vcpus.max(1);
        if (by_quota as usize) < least {
            let message = format!(
                "You have requested more vCPU capacity than your current vCPU limit of {quota} allows for the instance \
                 bucket that the specified instance type belongs to."
            );
            return Err(AwsError::new("VcpuLimitExceeded", message));
        }
        let mut count = most.min(by_quota as usize);
        let subnets: BTreeSet<&String> = launch.nics.iter().map(|nic| &nic.new.subnet).collect();
        for id in subnets {
            let Some(subnet) = self.region.subnets.get(id).filter(|subnet| subnet.block.is_some()) else {
                continue;
            };
            let each = launch.nics.iter().filter(|nic| nic.new.subnet == *id).count().max(1);
            let free = usize::try_from(subnet.available()).unwrap_or(usize::MAX) / each;
            if free < least {
                return Err(subnet.exhausted());
            }
            count = count.min(free);
        }
        Ok(count)
    }

    fn launch(&mut self, launch: &Launch, reservation: &str, index: usize) -> Result<String, AwsError> {
        let id = self.create_id("i", launch.instance_tags.clone());
        let mut interfaces = Vec::new();
        for nic in &launch.nics {
            match self.plug(nic, &id) {
                Ok(interface) => interfaces.push(interface),
                Err(error) => {
                    for interface in &interfaces {
                        self.unplug(interface);
                    }
                    self.region.forget(&id);
                    return Err(error);
                }
            }
        }
        let volumes = launch.devices.iter().map(|device| self.fill(device, launch, &id)).collect();
        let primary = interfaces.first().and_then(|id| self.region.interfaces.get(id));
        let private_dns = primary.map(|eni| eni.private_dns(&self.view())).filter(|name| !name.is_empty());
        let instance = Instance {
            id: id.clone(),
            reservation: reservation.to_owned(),
            state: "pending",
            reason: None,
            image: launch.image.id.clone(),
            kind: launch.kind.name.clone(),
            architecture: launch.kind.architecture.clone(),
            root_device: launch.image.root_device.clone(),
            vcpus: launch.kind.vcpus,
            vpc: launch.vpc.clone(),
            subnet: primary.map(|eni| eni.subnet.clone()).unwrap_or_default(),
            zone: launch.zone.clone(),
            private_dns: private_dns
                .unwrap_or_else(|| format!("{id}.{}.compute.internal", self.context.region())),
            interfaces,
            volumes,
            index,
            launched: self.context.now,
            settings: launch.settings.clone(),
        };
        self.region.instances.insert(id.clone(), instance);
        Ok(id)
    }

    fn plug(&mut self, nic: &Nic, instance: &str) -> Result<String, AwsError> {
        let id = match &nic.existing {
            Some(id) => id.clone(),
            None => self.new_interface(nic.new.clone())?,
        };
        let subnet = self.region.interfaces.get(&id).and_then(|eni| self.region.subnets.get(&eni.subnet));
        let maps = subnet.is_some_and(|subnet| subnet.map_public_ip && subnet.block.is_some());
        let is_primary = nic.device_index == 0 && nic.card == 0;
        let wants_public = nic.public_ip.unwrap_or(maps && nic.existing.is_none()) && is_primary;
        let public = if wants_public { Some(cidr::amazon_v4(self.hand_out())) } else { None };
        let attachment = Attachment {
            id: self.ids.hex17("eni-attach"),
            instance: Some(instance.to_owned()),
            device_index: nic.device_index,
            card: nic.card,
            delete_on_termination: nic.delete_on_termination,
            at: self.context.now,
        };
        if let Some(eni) = self.region.interfaces.get_mut(&id) {
            eni.attachment = Some(attachment);
            if let Some(ip) = public {
                eni.public_ip = Some(PublicIp { ip, elastic: None });
            }
        }
        Ok(id)
    }

    /// Takes an interface back out: one of the launch's own is deleted, one that existed is set free.
    fn unplug(&mut self, id: &str) {
        let delete = self
            .region
            .interfaces
            .get(id)
            .and_then(|eni| eni.attachment.as_ref())
            .is_some_and(|a| a.delete_on_termination);
        if delete {
            self.region.drop_interface(id);
        } else if let Some(eni) = self.region.interfaces.get_mut(id) {
            eni.attachment = None;
        }
    }

    fn fill(&mut self, device: &Device, launch: &Launch, instance: &str) -> String {
        let id = self.create_id("vol", launch.volume_tags.clone());
        let iops = match (device.iops, device.kind.as_str()) {
            (None, "gp3") => Some(3000),
            (None, "gp2") => Some((device.size * 3).clamp(100, 16_000)),
            (iops, _) => iops,
        };
        let volume = Volume {
            id: id.clone(),
            zone: launch.zone.clone(),
            size: device.size,
            kind: device.kind.clone(),
            iops,
            throughput: device.throughput.or((device.kind == "gp3").then_some(125)),
            encrypted: device.encrypted,
            kms_key: device.kms_key.clone(),
            snapshot: device.snapshot.clone(),
            created: self.context.now,
            attachment: Some(VolumeAttachment {
                instance: instance.to_owned(),
                device: device.name.clone(),
                delete_on_termination: device.delete_on_termination,
            }),
        };
        self.region.volumes.insert(id.clone(), volume);
        id
    }

    fn undo(&mut self, id: &str) {
        let Some(instance) = self.region.instances.remove(id) else { return };
        for interface in &instance.interfaces {
            self.unplug(interface);
        }
        for volume in &instance.volumes {
            self.remove::<Volume>(volume);
        }
        self.region.forget(id);
    }
}

impl Nic {
    fn read(params: &Params, count: usize) -> Result<Self, AwsError> {
        let public_ip = params.flag("AssociatePublicIpAddress")?;
        if public_ip.is_some() && count > 1 {
            let message = "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
        params.required("DeviceIndex")?;
        let existing = params.filled("NetworkInterfaceId").map(str::to_owned);
        if existing.is_some() && params.filled("SubnetId").is_some() {
            let message = "A network interface ID and a subnet may not be specified on the same request";
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
        let mut new = NewInterface::of(params)?;
        let kind = params.one_of("InterfaceType", &["interface", "efa", "efa-only"])?.unwrap_or("interface");
        kind.clone_into(&mut new.kind);
        Ok(Self {
            delete_on_termination: params.flag("DeleteOnTermination")?.unwrap_or(existing.is_none()),
            new,
            existing,
            device_index: params.parsed("DeviceIndex")?.unwrap_or(0),
            card: params.parsed("NetworkCardIndex")?.unwrap_or(0),
            public_ip,
        })
    }
}

fn check_nics(nics: &[Nic], kind: &InstanceType) -> Result<(), AwsError> {
    if nics.len() > kind.max_interfaces as usize {
        let message = format!("Interface count {} exceeds the limit for {}", nics.len(), kind.name);
        return Err(AwsError::new("AttachmentLimitExceeded", message));
    }
    let mut taken = BTreeSet::new();
    for nic in nics {
        if !taken.insert((nic.card, nic.device_index)) {
            let message =
                format!("The device index {} is used by more than one network interface", nic.device_index);
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        if nic.card >= kind.network_cards {
            let message = format!("Network card index {} exceeds the limit for {}.", nic.card, kind.name);
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        if nic.new.kind.starts_with("efa") && !kind.efa {
            let message = format!("EFA interfaces are not supported on {}.", kind.name);
            return Err(AwsError::new("InvalidParameterCombination", message));
        }
    }
    if !taken.contains(&(0, 0)) {
        let message = "The primary network interface must be at device index 0 of network card 0";
        return Err(AwsError::new("InvalidParameterValue", message));
    }
    Ok(())
}

fn read_counts(params: &Params) -> Result<(usize, usize), AwsError> {
    params.required("MinCount")?;
    params.required("MaxCount")?;
    let least = params.parsed::<usize>("MinCount")?.unwrap_or(1);
    let most = params.parsed::<usize>("MaxCount")?.unwrap_or(1);
    if least == 0 || least > most {
        return Err(params.invalid("MinCount", &least.to_string()));
    }
    Ok((least, most))
}
