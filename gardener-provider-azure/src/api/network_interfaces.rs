//! Network interfaces.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/virtualnetwork/network-interfaces?view=rest-virtualnetwork-2024-10-01>

use std::collections::BTreeMap;

use gardener_provider_client::pages::Page;
use http::Method;
use serde::{Deserialize, Serialize};

use super::{
    Operation, ResourceId, RestRequest, SubResource, family, list, null_is_default, operations::Change,
    request, version,
};

/// A network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkInterface {
    /// The id.
    #[serde(skip_serializing)]
    pub id: String,
    /// The name.
    #[serde(skip_serializing)]
    pub name: String,
    /// The region.
    pub location: String,
    /// The tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_default")]
    pub tags: BTreeMap<String, String>,
    /// All else.
    pub properties: Properties,
}

/// Most of a network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Properties {
    /// Past the host's virtual switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_accelerated_networking: Option<bool>,
    /// Whether it passes packets on that are not its own.
    #[serde(rename = "enableIPForwarding", skip_serializing_if = "Option::is_none")]
    pub enable_ip_forwarding: Option<bool>,
    /// Its addresses.
    #[serde(deserialize_with = "null_is_default")]
    pub ip_configurations: Vec<IpConfiguration>,
    /// The virtual machine that has it.
    #[serde(skip_serializing)]
    pub virtual_machine: Option<SubResource>,
    /// `Succeeded`, `Updating`, `Deleting`, `Failed`.
    #[serde(skip_serializing)]
    pub provisioning_state: String,
}

/// One address of a network interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IpConfiguration {
    /// The name.
    pub name: String,
    /// All else.
    pub properties: IpConfigurationProperties,
}

/// An address and where it is from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IpConfigurationProperties {
    /// The subnet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet: Option<SubResource>,
    /// `Dynamic` or `Static`.
    #[serde(rename = "privateIPAllocationMethod", skip_serializing_if = "Option::is_none")]
    pub private_ip_allocation_method: Option<String>,
    /// The address.
    #[serde(rename = "privateIPAddress", skip_serializing)]
    pub private_ip_address: Option<String>,
}

fn look(id: &ResourceId) -> RestRequest {
    request("NetworkInterfaces_Get", family::READ, Method::GET, id, version::NETWORK)
}

/// Reads a network interface.
pub fn get(id: &ResourceId) -> Operation<NetworkInterface> {
    Operation::json(look(id))
}

/// Lists the network interfaces of a group.
pub fn list_in(group: &ResourceId) -> Operation<Page<NetworkInterface>> {
    let id = format!("{group}/providers/Microsoft.Network/networkInterfaces");
    list(
        RestRequest::new("NetworkInterfaces_List", family::READ, Method::GET)
            .path(&id)
            .query("api-version", version::NETWORK),
    )
}

/// Creates a network interface, or makes it like this.
pub fn create_or_update(id: &ResourceId, interface: &NetworkInterface) -> Change<NetworkInterface> {
    let put =
        request("NetworkInterfaces_CreateOrUpdate", family::NETWORK_WRITE, Method::PUT, id, version::NETWORK);
    Change::new(put.json(interface), look(id))
}

/// Deletes a network interface.
pub fn delete(id: &ResourceId) -> Change<()> {
    Change::deletion(
        "NetworkInterfaces_Delete",
        "NetworkInterfaces_Get",
        family::NETWORK_WRITE,
        id,
        version::NETWORK,
    )
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let group = ResourceId::group("01234567-89ab-cdef-0123-456789abcdef", "shoot--demo--app");
    let id = group.network("networkInterfaces", "worker-1-nic");
    let subnet = group.network("virtualNetworks", "shoot--demo--app").child("subnets", "nodes");
    let interface = NetworkInterface {
        location: "westeurope".to_owned(),
        tags: BTreeMap::from([("kubernetes.io-cluster-a".to_owned(), "1".to_owned())]),
        properties: Properties {
            enable_accelerated_networking: Some(true),
            enable_ip_forwarding: Some(true),
            ip_configurations: vec![IpConfiguration {
                name: "worker-1-nic".to_owned(),
                properties: IpConfigurationProperties {
                    subnet: Some(SubResource::of(&subnet)),
                    private_ip_allocation_method: Some("Dynamic".to_owned()),
                    private_ip_address: None,
                },
            }],
            ..Properties::default()
        },
        ..NetworkInterface::default()
    };
    vec![
        get(&id).request,
        list_in(&group).request,
        create_or_update(&id, &interface).request,
        delete(&id).request,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_says_who_has_it_and_where_it_is() {
        let body = r#"{"name":"n","id":"/x","location":"westeurope","properties":{
            "provisioningState":"Succeeded","virtualMachine":{"id":"/vm"},
            "ipConfigurations":[{"name":"n","properties":{"privateIPAddress":"10.250.0.4",
            "privateIPAllocationMethod":"Dynamic","subnet":{"id":"/s"},"primary":true}}]}}"#;
        let interface: NetworkInterface = serde_json::from_str(body).unwrap();
        let address = &interface.properties.ip_configurations[0].properties.private_ip_address;
        assert_eq!(address.as_deref(), Some("10.250.0.4"));
        assert_eq!(interface.properties.virtual_machine.unwrap().id, "/vm");
    }

    #[test]
    fn names_are_written_as_azure_spells_them() {
        let body = String::from_utf8(samples()[2].body.to_vec()).unwrap();
        for name in ["enableIPForwarding", "privateIPAllocationMethod", "ipConfigurations"] {
            assert!(body.contains(&format!("\"{name}\":")), "{body}");
        }
    }
}
