//! Instances in replies.

use std::collections::BTreeMap;

use super::Instance;
use crate::aws::{
    context::Reply,
    ec2::{
        Ec2,
        kind::View,
        network_interfaces::{NetworkInterface, public_dns, write_groups},
    },
    query::Params,
    text::iso,
    xml::Xml,
};

impl Ec2<'_> {
    pub(crate) fn describe_instances(&self, params: &Params) -> Reply {
        let page = self.page::<Instance>(params, "InstanceId")?;
        let mut reservations: BTreeMap<&str, Vec<&Instance>> = BTreeMap::new();
        for instance in page.items {
            reservations.entry(&instance.reservation).or_default().push(instance);
        }
        let view = self.view();
        let mut xml = Xml::new();
        xml.list("reservationSet", reservations, |xml, (id, instances)| {
            write_reservation(xml, id, &instances, &view);
        });
        xml.opt("nextToken", page.next);
        Ok(xml)
    }

    /// The reply of RunInstances.
    pub(super) fn show_reservation(&self, ids: &[String]) -> Xml {
        let instances: Vec<&Instance> = ids.iter().filter_map(|id| self.region.instances.get(id)).collect();
        let mut xml = Xml::new();
        let id = instances.first().map(|instance| instance.reservation.as_str()).unwrap_or_default();
        write_reservation(&mut xml, id, &instances, &self.view());
        xml
    }
}

fn write_reservation(xml: &mut Xml, id: &str, instances: &[&Instance], view: &View<'_>) {
    xml.text("reservationId", id).text("ownerId", view.context.account());
    xml.node("groupSet", |_| {});
    xml.list("instancesSet", instances, |xml, instance| instance.show(view, xml));
}

impl Instance {
    pub(super) fn show(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("instanceId", &self.id).text("imageId", &self.image).text("instanceType", &self.kind);
        xml.node("instanceState", |xml| {
            xml.text("code", self.code()).text("name", self.state);
        });
        xml.text("amiLaunchIndex", self.index).text("launchTime", iso(self.launched));
        xml.text("architecture", &self.architecture)
            .text("hypervisor", "xen")
            .text("virtualizationType", "hvm");
        xml.text("enaSupport", true).text("platformDetails", "Linux/UNIX");
        xml.text("rootDeviceName", &self.root_device).text("rootDeviceType", "ebs");
        if let Some((code, message)) = self.reason {
            xml.text("reason", "User initiated").node("stateReason", |xml| {
                xml.text("code", code).text("message", message);
            });
        }
        let kind = view.context.options().instance_types.iter().find(|kind| kind.name == self.kind);
        self.settings.show(view, xml, &self.zone, kind);
        self.show_network(view, xml);
        self.show_volumes(view, xml);
        view.write_tags(xml, &self.id);
    }

    fn show_network(&self, view: &View<'_>, xml: &mut Xml) {
        if self.is_terminated() {
            xml.text("privateDnsName", "").text("dnsName", "");
            return;
        }
        xml.text("vpcId", &self.vpc).text("subnetId", &self.subnet).text("privateDnsName", &self.private_dns);
        let enis: Vec<&NetworkInterface> = self.enis(view.region).collect();
        if let Some(primary) = enis.first() {
            xml.opt("privateIpAddress", primary.private_ip)
                .text("sourceDestCheck", primary.source_dest_check);
            xml.opt("ipv6Address", primary.ipv6.first());
            write_groups(xml, &primary.groups, view);
            let public = primary.public_ip.as_ref().map(|public| public.ip);
            xml.opt("ipAddress", public).text("dnsName", public.map(public_dns).unwrap_or_default());
        }
        xml.list("networkInterfaceSet", enis, |xml, eni| {
            eni.write_shared(view, xml);
            if let Some(attachment) = &eni.attachment {
                xml.node("attachment", |xml| attachment.write(xml));
            }
        });
    }

    fn show_volumes(&self, view: &View<'_>, xml: &mut Xml) {
        let volumes = self.volumes.iter().filter_map(|id| view.region.volumes.get(id));
        xml.list("blockDeviceMapping", volumes, |xml, volume| {
            let Some(attachment) = &volume.attachment else { return };
            xml.text("deviceName", &attachment.device).node("ebs", |xml| {
                xml.text("volumeId", &volume.id)
                    .text("status", "attached")
                    .text("attachTime", iso(volume.created));
                xml.text("deleteOnTermination", attachment.delete_on_termination);
            });
        });
    }
}
