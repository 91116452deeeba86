//! Volumes.

use std::{collections::BTreeMap, time::SystemTime};

use super::{
    Ec2, Region,
    kind::{Getter, IdRules, Kind, View},
    tags::done,
};
use crate::aws::{context::Reply, error::AwsError, query::Params, text::iso, xml::Xml};

/// A volume.
#[derive(Debug, Clone)]
pub(crate) struct Volume {
    pub(crate) id: String,
    pub(crate) zone: String,
    pub(crate) size: u32,
    pub(crate) kind: String,
    pub(crate) iops: Option<u32>,
    pub(crate) throughput: Option<u32>,
    pub(crate) encrypted: bool,
    pub(crate) kms_key: Option<String>,
    pub(crate) snapshot: Option<String>,
    pub(crate) created: SystemTime,
    pub(crate) attachment: Option<VolumeAttachment>,
}

/// What a volume is attached to.
#[derive(Debug, Clone)]
pub(crate) struct VolumeAttachment {
    pub(crate) instance: String,
    pub(crate) device: String,
    pub(crate) delete_on_termination: bool,
}

impl Volume {
    fn status(&self) -> &'static str {
        if self.attachment.is_some() { "in-use" } else { "available" }
    }
}

impl Kind for Volume {
    const ID: IdRules = IdRules {
        prefix: "vol",
        label: "volume",
        not_found: "InvalidVolume.NotFound",
        malformed: "InvalidVolumeID.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.volumes
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.volumes
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "volume-id" => |volume, _| vec![volume.id.clone()],
            "status" => |volume, _| vec![volume.status().to_owned()],
            "availability-zone" => |volume, _| vec![volume.zone.clone()],
            "volume-type" => |volume, _| vec![volume.kind.clone()],
            "size" => |volume, _| vec![volume.size.to_string()],
            "encrypted" => |volume, _| vec![volume.encrypted.to_string()],
            "snapshot-id" => |volume, _| volume.snapshot.iter().cloned().collect(),
            "attachment.instance-id" => {
                |volume, _| volume.attachment.iter().map(|a| a.instance.clone()).collect()
            }
            "attachment.device" => |volume, _| volume.attachment.iter().map(|a| a.device.clone()).collect(),
            "attachment.status" => {
                |volume, _| volume.attachment.iter().map(|_| "attached".to_owned()).collect()
            }
            "attachment.delete-on-termination" => {
                |volume, _| volume.attachment.iter().map(|a| a.delete_on_termination.to_string()).collect()
            }
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("volumeId", &self.id).text("size", self.size).text("availabilityZone", &self.zone);
        xml.text("snapshotId", self.snapshot.as_deref().unwrap_or_default());
        xml.text("status", self.status())
            .text("createTime", iso(self.created))
            .text("volumeType", &self.kind);
        xml.opt("iops", self.iops).opt("throughput", self.throughput);
        xml.text("encrypted", self.encrypted)
            .opt("kmsKeyId", self.kms_key.as_ref())
            .text("multiAttachEnabled", false);
        xml.list("attachmentSet", &self.attachment, |xml, attachment| {
            xml.text("volumeId", &self.id).text("instanceId", &attachment.instance);
            xml.text("device", &attachment.device)
                .text("status", "attached")
                .text("attachTime", iso(self.created));
            xml.text("deleteOnTermination", attachment.delete_on_termination);
        });
        view.write_tags(xml, &self.id);
    }
}

impl Ec2<'_> {
    pub(crate) fn delete_volume(&mut self, params: &Params) -> Reply {
        let volume = self.named::<Volume>(params, "VolumeId")?;
        let id = volume.id.clone();
        if let Some(attachment) = &volume.attachment {
            let message = format!("Volume {id} is currently attached to {}", attachment.instance);
            return Err(AwsError::new("VolumeInUse", message));
        }
        self.remove::<Volume>(&id);
        Ok(done())
    }
}
