//! Machine images.

use super::{Ec2, filters};
use crate::aws::{Image, context::Reply, error::AwsError, query::Params, xml::Xml};

pub(crate) fn missing(id: &str) -> AwsError {
    AwsError::new("InvalidAMIID.NotFound", format!("The image id '[{id}]' does not exist"))
}

impl Ec2<'_> {
    pub(crate) fn image(&self, id: &str) -> Result<&Image, AwsError> {
        if !id.starts_with("ami-") {
            let message = format!("Invalid id: \"{id}\" (expecting \"ami-...\")");
            return Err(AwsError::new("InvalidAMIID.Malformed", message));
        }
        self.context.options().images.iter().find(|image| image.id == id).ok_or_else(|| missing(id))
    }

    pub(crate) fn describe_images(&self, params: &Params) -> Reply {
        let wanted = params.list("ImageId");
        for id in &wanted {
            self.image(id)?;
        }
        let filters = params.structs("Filter");
        let mut shown = Vec::new();
        for image in &self.context.options().images {
            if (wanted.is_empty() || wanted.contains(&image.id)) && self.passes(image, &filters)? {
                shown.push(image);
            }
        }
        let mut xml = Xml::new();
        xml.list("imagesSet", shown, |xml, image| self.write_image(xml, image));
        Ok(xml)
    }

    fn passes(&self, image: &Image, filters: &[Params]) -> Result<bool, AwsError> {
        for filter in filters {
            let name = filter.required("Name")?;
            let present = match name {
                "image-id" => image.id.as_str(),
                "name" => &image.name,
                "architecture" => &image.architecture,
                "root-device-name" => &image.root_device,
                "root-device-type" => "ebs",
                "state" => "available",
                "image-type" => "machine",
                "virtualization-type" => "hvm",
                "is-public" => "true",
                "owner-id" => "099720109477",
                "block-device-mapping.snapshot-id" => &image.snapshot,
                "tag-key" => "",
                _ => match name.strip_prefix("tag:") {
                    Some(key) => match self.region.tags_of(&image.id).get(key) {
                        Some(value) => value,
                        None => return Ok(false),
                    },
                    None => return Err(filters::unknown(name)),
                },
            };
            if !filters::any(&filter.list("Value"), present) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn write_image(&self, xml: &mut Xml, image: &Image) {
        xml.text("imageId", &image.id).text("imageLocation", format!("amazon/{}", image.name));
        xml.text("imageState", "available").text("imageOwnerId", "099720109477").text("isPublic", true);
        xml.text("architecture", &image.architecture).text("imageType", "machine").text("name", &image.name);
        xml.text("platformDetails", "Linux/UNIX").text("rootDeviceType", "ebs");
        xml.text("rootDeviceName", &image.root_device)
            .text("virtualizationType", "hvm")
            .text("hypervisor", "xen");
        xml.text("enaSupport", true).text("creationDate", "2026-01-01T00:00:00.000Z");
        xml.list("blockDeviceMapping", [image], |xml, image| {
            xml.text("deviceName", &image.root_device).node("ebs", |xml| {
                xml.text("snapshotId", &image.snapshot).text("volumeSize", image.volume_size);
                xml.text("deleteOnTermination", true).text("volumeType", "gp3").text("encrypted", false);
            });
        });
        self.view().write_tags(xml, &image.id);
    }
}
