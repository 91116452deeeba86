//! Regions, zones and account limits.

use super::{Ec2, filters};
use crate::aws::{context::Reply, error::AwsError, query::Params, xml::Xml};

/// The id of a zone: `eu-west-1a` is `euw1-az1`.
///
/// Real accounts see names and ids in different orders; here the first letter is always number one.
pub(crate) fn zone_id(zone: &str) -> String {
    let Some((region, letter)) = zone.split_at_checked(zone.len().saturating_sub(1)) else {
        return zone.to_owned();
    };
    let number = letter.bytes().next().map_or(1, |letter| letter.saturating_sub(b'a') + 1);
    let short: String = region
        .split('-')
        .enumerate()
        .map(|(index, part)| if index == 0 { part.to_owned() } else { abbreviate(part) })
        .collect();
    format!("{short}-az{number}")
}

/// `west` is `w`, `southeast` is `se`, numbers stay.
fn abbreviate(part: &str) -> String {
    match part {
        "northeast" => "ne".to_owned(),
        "northwest" => "nw".to_owned(),
        "southeast" => "se".to_owned(),
        "southwest" => "sw".to_owned(),
        _ => part.chars().take(1).collect(),
    }
}

impl Ec2<'_> {
    /// The zones of the region.
    pub(crate) fn zones(&self) -> Vec<String> {
        let mut regions = self.context.options().regions.iter();
        regions
            .find(|(name, _)| name == self.context.region())
            .map(|(_, zones)| zones.clone())
            .unwrap_or_default()
    }

    pub(crate) fn describe_regions(&self, params: &Params) -> Reply {
        let wanted = params.list("RegionName");
        let known: Vec<&String> = self.context.options().regions.iter().map(|(name, _)| name).collect();
        if let Some(unknown) = wanted.iter().find(|name| !known.contains(name)) {
            let message = format!("Invalid region provided '{unknown}'");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        let here = self.context.partition();
        let mut shown = Vec::new();
        for name in known {
            let in_partition = crate::aws::context::partition(name) == here;
            let asked = wanted.is_empty() || wanted.contains(name);
            let passes = passes(params, |filter| match filter {
                "region-name" => Some(name.clone()),
                "endpoint" => Some(endpoint(name)),
                "opt-in-status" => Some("opt-in-not-required".to_owned()),
                _ => None,
            })?;
            if in_partition && asked && passes {
                shown.push(name);
            }
        }
        let mut xml = Xml::new();
        xml.list("regionInfo", shown, |xml, name| {
            xml.text("regionName", name).text("regionEndpoint", endpoint(name));
            xml.text("optInStatus", "opt-in-not-required");
        });
        Ok(xml)
    }

    pub(crate) fn describe_availability_zones(&self, params: &Params) -> Reply {
        let zones = self.zones();
        let (names, ids) = (params.list("ZoneName"), params.list("ZoneId"));
        if let Some(unknown) = names.iter().find(|name| !zones.contains(name)) {
            let message = format!("Invalid availability zone: [{unknown}]");
            return Err(AwsError::new("InvalidParameterValue", message));
        }
        let region = self.context.region();
        let mut shown = Vec::new();
        for zone in &zones {
            let asked = (names.is_empty() || names.contains(zone))
                && (ids.is_empty() || ids.contains(&zone_id(zone)));
            let passes = passes(params, |filter| match filter {
                "zone-name" => Some(zone.clone()),
                "zone-id" => Some(zone_id(zone)),
                "state" | "zone-state" => Some("available".to_owned()),
                "region-name" | "group-name" => Some(region.to_owned()),
                "zone-type" => Some("availability-zone".to_owned()),
                "opt-in-status" => Some("opt-in-not-required".to_owned()),
                _ => None,
            })?;
            if asked && passes {
                shown.push(zone);
            }
        }
        let mut xml = Xml::new();
        xml.list("availabilityZoneInfo", shown, |xml, zone| {
            xml.text("zoneName", zone).text("zoneId", zone_id(zone)).text("zoneState", "available");
            xml.text("regionName", region).text("groupName", region).text("networkBorderGroup", region);
            xml.text("zoneType", "availability-zone").text("optInStatus", "opt-in-not-required");
        });
        Ok(xml)
    }

    pub(crate) fn describe_account_attributes(&self, params: &Params) -> Reply {
        let quotas = self.context.options().quotas;
        let default_vpc = self.region.vpcs.values().find(|vpc| vpc.is_default).map(|vpc| vpc.id.clone());
        let attributes = [
            ("supported-platforms", "VPC".to_owned()),
            ("default-vpc", default_vpc.unwrap_or_else(|| "none".to_owned())),
            ("max-instances", quotas.vcpus.to_string()),
            ("vpc-max-elastic-ips", quotas.addresses.to_string()),
            ("vpc-max-security-groups-per-interface", "5".to_owned()),
        ];
        let wanted = params.list("AttributeName");
        let shown =
            attributes.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|w| w == name));
        let mut xml = Xml::new();
        xml.list("accountAttributeSet", shown, |xml, (name, value)| {
            xml.text("attributeName", name).list("attributeValueSet", [value], |xml, value| {
                xml.text("attributeValue", value);
            });
        });
        Ok(xml)
    }
}

fn endpoint(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("ec2.{region}.{domain}")
}

/// Filters on things that are no resources; `value` knows the filter names.
fn passes(params: &Params, value: impl Fn(&str) -> Option<String>) -> Result<bool, AwsError> {
    for filter in params.structs("Filter") {
        let name = filter.required("Name")?;
        let present = value(name).ok_or_else(|| filters::unknown(name))?;
        if !filters::any(&filter.list("Value"), &present) {
            return Ok(false);
        }
    }
    Ok(true)
}
