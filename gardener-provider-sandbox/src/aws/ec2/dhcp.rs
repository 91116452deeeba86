//! DHCP option sets.

use std::collections::BTreeMap;

use super::{
    Ec2, Region,
    kind::{Getter, IdRules, Kind, View},
    tags::{done, tags_for},
    vpc::{Vpc, dependency},
};
use crate::aws::{context::Reply, query::Params, xml::Xml};

/// A set of DHCP options.
#[derive(Debug)]
pub(crate) struct DhcpOptions {
    pub(crate) id: String,
    pub(crate) options: BTreeMap<String, Vec<String>>,
}

const KEYS: [&str; 6] = [
    "domain-name",
    "domain-name-servers",
    "ntp-servers",
    "netbios-name-servers",
    "netbios-node-type",
    "ipv6-address-preferred-lease-time",
];

impl DhcpOptions {
    /// The set that every VPC starts with.
    pub(crate) fn cloud_default(id: &str, region: &str) -> Self {
        let domain = match region {
            "us-east-1" => "ec2.internal".to_owned(),
            _ => format!("{region}.compute.internal"),
        };
        let options = [
            ("domain-name".to_owned(), vec![domain]),
            ("domain-name-servers".to_owned(), vec!["AmazonProvidedDNS".to_owned()]),
        ];
        Self { id: id.to_owned(), options: options.into() }
    }
}

impl Kind for DhcpOptions {
    const ID: IdRules = IdRules {
        prefix: "dopt",
        label: "dhcpOption ID",
        not_found: "InvalidDhcpOptionID.NotFound",
        malformed: "InvalidDhcpOptionsId.Malformed",
    };

    fn id(&self) -> &str {
        &self.id
    }

    fn table(region: &Region) -> &BTreeMap<String, Self> {
        &region.dhcp_options
    }

    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self> {
        &mut region.dhcp_options
    }

    fn filter(name: &str) -> Option<Getter<Self>> {
        Some(match name {
            "dhcp-options-id" => |set, _| vec![set.id.clone()],
            "key" => |set, _| set.options.keys().cloned().collect(),
            "value" => |set, _| set.options.values().flatten().cloned().collect(),
            "owner-id" => |_, view| vec![view.context.account().to_owned()],
            _ => return None,
        })
    }

    fn write(&self, view: &View<'_>, xml: &mut Xml) {
        xml.text("dhcpOptionsId", &self.id).text("ownerId", view.context.account());
        xml.list("dhcpConfigurationSet", &self.options, |xml, (key, values)| {
            xml.text("key", key).list("valueSet", values, |xml, value| {
                xml.text("value", value);
            });
        });
        view.write_tags(xml, &self.id);
    }
}

impl Ec2<'_> {
    /// The set that came with the region.
    pub(crate) fn default_dhcp_options(&self) -> String {
        // The region's own set is the one of its default VPC, or, while that is being made, the only one.
        let of_default_vpc =
            self.region.vpcs.values().find(|vpc| vpc.is_default).map(|vpc| vpc.dhcp_options.clone());
        of_default_vpc
            .or_else(|| self.region.dhcp_options.keys().next().cloned())
            .unwrap_or_else(|| "default".to_owned())
    }

    pub(crate) fn create_dhcp_options(&mut self, params: &Params) -> Reply {
        let mut options = BTreeMap::new();
        for configuration in params.structs("DhcpConfiguration") {
            let key = configuration.required("Key")?;
            if !KEYS.contains(&key) {
                return Err(configuration.invalid("Key", key));
            }
            let values = configuration.list("Value");
            if values.is_empty() {
                configuration.required("Value")?;
            }
            options.insert(key.to_owned(), values);
        }
        if options.is_empty() {
            params.required("DhcpConfiguration")?;
        }
        let tags = tags_for(params, "dhcp-options")?;
        let id = self.create_id("dopt", tags);
        self.region.dhcp_options.insert(id.clone(), DhcpOptions { id: id.clone(), options });
        let view = self.view();
        let mut xml = Xml::new();
        xml.node("dhcpOptions", |xml| {
            if let Some(set) = view.region.dhcp_options.get(&id) {
                set.write(&view, xml);
            }
        });
        Ok(xml)
    }

    /// `default` stands for no options at all, not for the region's own set.
    pub(crate) fn associate_dhcp_options(&mut self, params: &Params) -> Reply {
        let set = params.required("DhcpOptionsId")?.to_owned();
        if set != "default" {
            self.find::<DhcpOptions>(&set)?;
        }
        self.find_mut::<Vpc>(params.required("VpcId")?)?.dhcp_options = set;
        Ok(done())
    }

    pub(crate) fn delete_dhcp_options(&mut self, params: &Params) -> Reply {
        let id = self.named::<DhcpOptions>(params, "DhcpOptionsId")?.id.clone();
        if self.region.vpcs.values().any(|vpc| vpc.dhcp_options == id) {
            return Err(dependency("dhcpOptions", &id));
        }
        self.remove::<DhcpOptions>(&id);
        Ok(done())
    }
}
