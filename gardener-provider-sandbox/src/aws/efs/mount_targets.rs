//! Mount targets: a file system's address in a subnet.

use std::net::Ipv4Addr;

use http::StatusCode;
use serde_json::{Value, json};

use super::{Efs, Life, Outcome, bad, file_systems::no_system, required};
use crate::aws::{
    context::Context,
    ec2::{Ec2, Subnet},
    error::AwsError,
    managed::{self, Managed, Wanted},
};

#[derive(Debug, Clone)]
pub(super) struct MountTarget {
    pub(super) id: String,
    pub(super) system: String,
    pub(super) life: Life,
    interface: Managed,
    groups: Vec<String>,
}

impl MountTarget {
    fn describe(&self, context: &Context<'_>) -> Value {
        json!({
            "OwnerId": context.account(),
            "MountTargetId": self.id,
            "FileSystemId": self.system,
            "SubnetId": self.interface.subnet,
            "LifeCycleState": self.life.state(context.now),
            "IpAddress": self.interface.ip.map(|ip| ip.to_string()),
            "NetworkInterfaceId": self.interface.id,
            "AvailabilityZoneId": self.interface.zone_id(),
            "AvailabilityZoneName": self.interface.zone,
            "VpcId": self.interface.vpc,
        })
    }
}

impl Efs<'_> {
    /// <https://docs.aws.amazon.com/efs/latest/ug/API_CreateMountTarget.html>
    pub(super) fn create_mount_target(&mut self) -> Outcome {
        let system = required(&self.body, "FileSystemId")?.to_owned();
        let subnet = required(&self.body, "SubnetId")?.to_owned();
        let ip = match self.body["IpAddress"].as_str() {
            None => None,
            Some(ip) => Some(ip.parse::<Ipv4Addr>().map_err(|_| bad("IpAddress is no IPv4 address"))?),
        };
        let mut groups = words(&self.body["SecurityGroups"]);
        let now = self.context.now;
        let life = self.region().systems.get(&system).ok_or_else(|| no_system(&system))?.life;
        if life.state(now) != "available" {
            let message =
                format!("File system '{system}' is not available: its state is {}", life.state(now));
            return Err(AwsError::new("IncorrectFileSystemLifeCycleState", message).into());
        }
        let (vpc, zone) = {
            let ec2 = Ec2::enter(self.context, self.state);
            let found = ec2.find::<Subnet>(&subnet).map_err(as_efs_error)?;
            (found.vpc.clone(), found.zone.clone())
        };
        self.check_conflict(&system, &vpc, &zone)?;
        let id = self.state.ids.hex17("fsmt");
        let mut ec2 = Ec2::enter(self.context, self.state);
        if groups.is_empty() {
            groups = vec![ec2.default_group_of(&vpc)];
        }
        let wanted = Wanted {
            subnet,
            groups: groups.clone(),
            description: format!("EFS mount target for {system} ({id})"),
            kind: "efs",
            requester: "amazon-efs",
            ip,
        };
        let interface = managed::place(&mut ec2, wanted).map_err(as_efs_error)?;
        let target =
            MountTarget { id: id.clone(), system, life: Life::begin(self.context), interface, groups };
        let reply = target.describe(self.context);
        self.region().targets.insert(id, target);
        Ok((StatusCode::OK, reply))
    }

    /// One mount target in each zone, all in one VPC.
    fn check_conflict(&mut self, system: &str, vpc: &str, zone: &str) -> Result<(), AwsError> {
        for other in self.region().targets.values().filter(|other| other.system == system) {
            let message = if other.interface.vpc != vpc {
                "requested subnet for new mount target is not in the same VPC as existing mount targets"
            } else if other.interface.zone == zone {
                "mount target already exists in this AZ"
            } else {
                continue;
            };
            return Err(AwsError::new("MountTargetConflict", message));
        }
        Ok(())
    }

    pub(super) fn describe_mount_targets(&mut self) -> Outcome {
        let (system, id) = (self.asked("FileSystemId"), self.asked("MountTargetId"));
        if system.is_some() == id.is_some() {
            return Err(bad("Exactly one of FileSystemId and MountTargetId must be given").into());
        }
        let context = self.context;
        let state = self.state.efs.get(context.region());
        if let Some(system) = system
            && !state.is_some_and(|state| state.systems.contains_key(system))
        {
            return Err(no_system(system).into());
        }
        let all = state.into_iter().flat_map(|state| state.targets.values());
        let found: Vec<Value> = all
            .filter(|one| one.life.visible_from <= context.now)
            .filter(|one| id == Some(one.id.as_str()) || system == Some(one.system.as_str()))
            .map(|one| one.describe(context))
            .collect();
        match id {
            Some(id) if found.is_empty() => Err(no_target(id).into()),
            _ => self.page("MountTargets", found),
        }
    }

    pub(super) fn delete_mount_target(&mut self) -> Outcome {
        let context = self.context;
        let target = self.target()?;
        let at = target.life.end(context);
        let interface = target.interface.id.clone();
        let ec2 = Ec2::enter(self.context, self.state);
        managed::release(ec2.region, &interface, at);
        Ok((StatusCode::NO_CONTENT, Value::Null))
    }

    pub(super) fn describe_mount_target_security_groups(&mut self) -> Outcome {
        let groups = self.available_target()?.groups.clone();
        Ok((StatusCode::OK, json!({ "SecurityGroups": groups })))
    }

    pub(super) fn modify_mount_target_security_groups(&mut self) -> Outcome {
        let mut groups = words(&self.body["SecurityGroups"]);
        let interface = self.available_target()?.interface.clone();
        let ec2 = Ec2::enter(self.context, self.state);
        if groups.is_empty() {
            groups = vec![ec2.default_group_of(&interface.vpc)];
        }
        for id in &groups {
            if ec2.region.security_groups.get(id).is_none_or(|group| group.vpc != interface.vpc) {
                return Err(no_group(id).into());
            }
        }
        if let Some(eni) = ec2.region.interfaces.get_mut(&interface.id) {
            eni.groups.clone_from(&groups);
        }
        self.target()?.groups = groups;
        Ok((StatusCode::NO_CONTENT, Value::Null))
    }

    fn target(&mut self) -> Result<&mut MountTarget, AwsError> {
        let id = self.id.clone();
        self.region().targets.get_mut(&id).ok_or_else(|| no_target(&id))
    }

    fn available_target(&mut self) -> Result<&mut MountTarget, AwsError> {
        let now = self.context.now;
        let target = self.target()?;
        if target.life.state(now) == "available" {
            return Ok(target);
        }
        let message = format!("Mount target '{}' is not available", target.id);
        Err(AwsError { status: Some(409), ..AwsError::new("IncorrectMountTargetState", message) })
    }
}

fn words(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
}

fn no_target(id: &str) -> AwsError {
    AwsError::new("MountTargetNotFound", format!("Mount target '{id}' does not exist."))
}

fn no_group(id: &str) -> AwsError {
    AwsError::new("SecurityGroupNotFound", format!("The security group '{id}' does not exist in the VPC"))
}

/// EC2's errors about subnets, groups and addresses, in the words of this service.
fn as_efs_error(error: AwsError) -> AwsError {
    let code = match error.code.as_ref() {
        "InvalidSubnetID.NotFound" => "SubnetNotFound",
        "InvalidGroup.NotFound" | "InvalidParameter" => "SecurityGroupNotFound",
        "InsufficientFreeAddressesInSubnet" => "NoFreeAddressesInSubnet",
        "InvalidIPAddress.InUse" => "IpAddressInUse",
        _ => "BadRequest",
    };
    AwsError::new(code, error.message)
}
