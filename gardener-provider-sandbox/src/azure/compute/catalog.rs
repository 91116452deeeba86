//! What Microsoft.Compute says of a location: images, sizes, usage.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{images, machines::MACHINE};
use crate::azure::{
    arm::{Arm, id::ResourceId, not_found},
    context::Reply,
    error::{Answer, ArmError},
    options::Image,
};

impl Arm<'_> {
    /// GET below `/subscriptions/S/providers/Microsoft.Compute/locations/L/`.
    pub(crate) fn compute_location(
        &self,
        subscription: &str,
        location: &str,
        rest: &[&str],
    ) -> Answer<Reply> {
        self.check_subscription(subscription)?;
        let location = self.location(location, "Microsoft.Compute/locations")?;
        let words: Vec<String> = rest.iter().map(|word| word.to_ascii_lowercase()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match (words.as_slice(), rest) {
            (["publishers", ..], [_, rest @ ..]) => self.publishers(subscription, &location, rest),
            (["vmsizes"], _) => Ok(Reply::ok(json!({ "value": self.vm_sizes() }))),
            (["usages"], _) => Ok(Reply::ok(json!({ "value": [self.core_usage(subscription, &location)] }))),
            (
                ["communitygalleries" | "sharedgalleries", _, "images", _, "versions", _],
                [kind, gallery, _, image, _, version],
            ) => Ok(Reply::ok(gallery_version(kind, gallery, image, version, &location))),
            (["communitygalleries" | "sharedgalleries", _, "images", _], [kind, gallery, _, image]) => {
                Ok(Reply::ok(gallery_image(kind, gallery, image, &location)))
            }
            _ => Err(ArmError::missing("NotFound", "There is nothing at this path.")),
        }
    }

    fn publishers(&self, subscription: &str, location: &str, rest: &[&str]) -> Answer<Reply> {
        let base = format!(
            "/Subscriptions/{subscription}/Providers/Microsoft.Compute/Locations/{location}/Publishers"
        );
        let row = |name: &str, id: String| json!({ "id": id, "location": location, "name": name });
        let named = |names: BTreeSet<&str>, below: String| -> Value {
            names.into_iter().map(|name| row(name, format!("{base}{below}/{name}"))).collect()
        };
        let all = &self.context.options().images;
        let of = |publisher: &str| {
            all.iter()
                .filter(move |image| image.publisher.eq_ignore_ascii_case(publisher))
                .collect::<Vec<&Image>>()
        };
        Ok(Reply::ok(match rest {
            [] => named(all.iter().map(|image| image.publisher.as_str()).collect(), String::new()),
            [p, _, _, _] => named(
                of(p).iter().map(|image| image.offer.as_str()).collect(),
                format!("/{p}/ArtifactTypes/VMImage/Offers"),
            ),
            [p, _, _, _, o, _] => {
                let skus = of(p).into_iter().filter(|image| image.offer.eq_ignore_ascii_case(o));
                named(
                    skus.map(|image| image.sku.as_str()).collect(),
                    format!("/{p}/ArtifactTypes/VMImage/Offers/{o}/Skus"),
                )
            }
            [p, _, _, _, o, _, s, _] => {
                let fits =
                    |image: &&Image| image.offer.eq_ignore_ascii_case(o) && image.sku.eq_ignore_ascii_case(s);
                let mut found: Vec<&Image> = of(p).into_iter().filter(fits).collect();
                found.sort_by_key(|image| images::number(&image.version));
                if self.context.parameter("$orderby").is_some_and(|order| order.ends_with("desc")) {
                    found.reverse();
                }
                found.truncate(
                    self.context.parameter("$top").and_then(|top| top.parse().ok()).unwrap_or(usize::MAX),
                );
                let rows = found.iter().map(|image| {
                    let version = &image.version;
                    row(
                        version,
                        format!("{base}/{p}/ArtifactTypes/VMImage/Offers/{o}/Skus/{s}/Versions/{version}"),
                    )
                });
                rows.collect()
            }
            [p, _, _, _, o, _, s, _, v] => {
                let Some(image) = images::find(self, [p, o, s, v]) else {
                    let message = format!("Artifact: VMImage was not found. {p}:{o}:{s}:{v}");
                    return Err(ArmError::missing("NotFound", message));
                };
                image_details(
                    image,
                    location,
                    &format!("{base}/{p}/ArtifactTypes/VMImage/Offers/{o}/Skus/{s}/Versions/{v}"),
                )
            }
            _ => return Err(not_found(&ResourceId::default())),
        }))
    }

    fn vm_sizes(&self) -> Vec<Value> {
        let sizes = self.context.options().vm_sizes.iter();
        sizes
            .map(|size| {
                json!({
                    "name": size.name,
                    "numberOfCores": size.cores,
                    "osDiskSizeInMB": 1_047_552,
                    "resourceDiskSizeInMB": 16_384,
                    "memoryInMB": size.memory,
                    "maxDataDiskCount": size.max_data_disks,
                })
            })
            .collect()
    }

    fn core_usage(&self, subscription: &str, location: &str) -> Value {
        let sizes = &self.context.options().vm_sizes;
        let machines = self.state.store.all().filter(|stored| {
            stored.kind.name == MACHINE.name
                && stored.location() == location
                && stored.id.subscription.eq_ignore_ascii_case(subscription)
        });
        let names = machines.filter_map(|stored| stored.text("properties/hardwareProfile/vmSize"));
        let used: u32 = names
            .filter_map(|name| sizes.iter().find(|size| size.name.eq_ignore_ascii_case(name)))
            .map(|size| size.cores)
            .sum();
        json!({
            "unit": "Count",
            "currentValue": used,
            "limit": self.context.options().quotas.cores,
            "name": { "value": "cores", "localizedValue": "Total Regional vCPUs" },
        })
    }

    /// GET of `/subscriptions/S/providers/Microsoft.Compute/skus`.
    pub(crate) fn skus(&self, subscription: &str) -> Answer<Reply> {
        self.check_subscription(subscription)?;
        let filter = self.context.parameter("$filter").unwrap_or_default();
        let only = filter.strip_prefix("location eq '").and_then(|rest| rest.strip_suffix('\''));
        let mut rows = Vec::new();
        for (location, zones) in &self.context.options().locations {
            if only.is_some_and(|only| only != location) {
                continue;
            }
            rows.extend(self.context.options().vm_sizes.iter().map(|size| {
                json!({
                    "resourceType": "virtualMachines",
                    "name": size.name,
                    "tier": "Standard",
                    "size": size.name.trim_start_matches("Standard_"),
                    "family": format!("{}Family", size.name.split('_').next().unwrap_or_default()),
                    "locations": [location],
                    "locationInfo": [{ "location": location, "zones": zones, "zoneDetails": [] }],
                    "capabilities": [
                        { "name": "vCPUs", "value": size.cores.to_string() },
                        { "name": "MemoryGB", "value": (size.memory / 1024).to_string() },
                        { "name": "CpuArchitectureType", "value": size.architecture },
                        { "name": "HyperVGenerations", "value": "V1,V2" },
                        { "name": "AcceleratedNetworkingEnabled", "value": if size.accelerated_networking { "True" } else { "False" } },
                        { "name": "MaxDataDiskCount", "value": size.max_data_disks.to_string() },
                        { "name": "MaxNetworkInterfaces", "value": size.max_interfaces.to_string() },
                        { "name": "PremiumIO", "value": "True" },
                    ],
                    "restrictions": if size.restricted_in.contains(location) {
                        json!([{
                            "type": "Location",
                            "values": [location],
                            "restrictionInfo": { "locations": [location] },
                            "reasonCode": "NotAvailableForSubscription",
                        }])
                    } else {
                        json!([])
                    },
                })
            }));
        }
        self.page(rows)
    }
}

fn image_details(image: &Image, location: &str, id: &str) -> Value {
    let mut properties = json!({
        "osDiskImage": { "operatingSystem": "Linux" },
        "dataDiskImages": [],
        "automaticOSUpgradeProperties": { "automaticOSUpgradeSupported": false },
        "hyperVGeneration": image.hyper_v_generation,
        "architecture": image.architecture,
        "features": [
            { "name": "IsAcceleratedNetworkSupported", "value": "True" },
            { "name": "DiskControllerTypes", "value": if image.disk_controllers.is_empty() { "SCSI".to_owned() } else { image.disk_controllers.join(", ") } },
        ],
    });
    if image.has_plan {
        properties["plan"] =
            json!({ "name": image.sku, "publisher": image.publisher, "product": image.offer });
    }
    json!({ "id": id, "location": location, "name": image.version, "properties": properties })
}

fn unique(kind: &str, gallery: &str, rest: &str) -> String {
    let kind = if kind.eq_ignore_ascii_case("communityGalleries") {
        "CommunityGalleries"
    } else {
        "SharedGalleries"
    };
    format!("/{kind}/{gallery}{rest}")
}

fn gallery_version(kind: &str, gallery: &str, image: &str, version: &str, location: &str) -> Value {
    json!({
        "name": version,
        "location": location,
        "identifier": { "uniqueId": unique(kind, gallery, &format!("/Images/{image}/Versions/{version}")) },
        "properties": {
            "publishedDate": "2026-01-01T00:00:00Z",
            "excludeFromLatest": false,
            "storageProfile": { "osDiskImage": { "diskSizeGB": 30, "hostCaching": "ReadWrite" } },
        },
    })
}

fn gallery_image(kind: &str, gallery: &str, image: &str, location: &str) -> Value {
    json!({
        "name": image,
        "location": location,
        "identifier": { "uniqueId": unique(kind, gallery, &format!("/Images/{image}")) },
        "properties": {
            "osType": "Linux",
            "osState": "Generalized",
            "identifier": { "publisher": "sandbox", "offer": gallery, "sku": image },
            "hyperVGeneration": "V2",
            "architecture": "x64",
        },
    })
}
