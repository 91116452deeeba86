//! Disks.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/compute/disks?view=rest-compute-2025-01-02>

use std::collections::BTreeMap;

use gardener_provider_client::pages::Page;
use http::Method;
use serde::{Deserialize, Serialize};

use super::{
    Operation, ResourceId, RestRequest, family, list, null_is_default, operations::Change, request, version,
};

/// A disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Disk {
    /// The id.
    #[serde(skip_serializing)]
    pub id: String,
    /// The name.
    #[serde(skip_serializing)]
    pub name: String,
    /// The virtual machine that has it.
    #[serde(skip_serializing)]
    pub managed_by: Option<String>,
    /// The region.
    pub location: String,
    /// The zone.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_default")]
    pub zones: Vec<String>,
    /// The tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "null_is_default")]
    pub tags: BTreeMap<String, String>,
    /// The type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<Sku>,
    /// All else.
    pub properties: Properties,
}

/// The type of a disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sku {
    /// Such as `Premium_LRS`.
    pub name: String,
}

/// Most of a disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Properties {
    /// `Linux`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_type: Option<String>,
    /// What it begins as.
    pub creation_data: CreationData,
    /// GiB.
    #[serde(rename = "diskSizeGB", skip_serializing_if = "Option::is_none")]
    pub disk_size_gb: Option<i32>,
    /// `Unattached`, `Attached`, `Reserved`.
    #[serde(skip_serializing)]
    pub disk_state: Option<String>,
    /// `Succeeded`, `Creating`.
    #[serde(skip_serializing)]
    pub provisioning_state: Option<String>,
}

/// What a disk begins as.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CreationData {
    /// `Empty`, `FromImage`.
    pub create_option: String,
    /// An image by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_reference: Option<ImageDiskReference>,
    /// An image in a gallery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gallery_image_reference: Option<ImageDiskReference>,
}

/// The image that a disk is a copy of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ImageDiskReference {
    /// The id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The id in a gallery that is shared with all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub community_gallery_image_id: Option<String>,
    /// The id in a gallery that is shared with this subscription.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared_gallery_image_id: Option<String>,
}

fn look(id: &ResourceId) -> RestRequest {
    request("Disks_Get", family::READ, Method::GET, id, version::DISKS)
}

/// Reads a disk.
pub fn get(id: &ResourceId) -> Operation<Disk> {
    Operation::json(look(id))
}

/// Lists the disks of a group.
pub fn list_in(group: &ResourceId) -> Operation<Page<Disk>> {
    let id = format!("{group}/providers/Microsoft.Compute/disks");
    list(
        RestRequest::new("Disks_ListByResourceGroup", family::READ, Method::GET)
            .path(&id)
            .query("api-version", version::DISKS),
    )
}

/// Creates a disk.
pub fn create_or_update(id: &ResourceId, disk: &Disk) -> Change<Disk> {
    let put = request("Disks_CreateOrUpdate", family::WRITE, Method::PUT, id, version::DISKS);
    Change::new(put.json(disk), look(id))
}

/// Deletes a disk.
pub fn delete(id: &ResourceId) -> Change<()> {
    Change::deletion("Disks_Delete", "Disks_Get", family::DELETE, id, version::DISKS)
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let group = ResourceId::group("01234567-89ab-cdef-0123-456789abcdef", "shoot--demo--app");
    let id = group.compute("disks", "worker-1-0-data-disk");
    let image = ImageDiskReference { id: Some(format!("{group}/images/i")), ..ImageDiskReference::default() };
    let disk = |image_reference, gallery_image_reference| Disk {
        location: "westeurope".to_owned(),
        zones: vec!["1".to_owned()],
        tags: BTreeMap::from([("kubernetes.io-cluster-a".to_owned(), "1".to_owned())]),
        sku: Some(Sku { name: "Premium_LRS".to_owned() }),
        properties: Properties {
            os_type: Some("Linux".to_owned()),
            disk_size_gb: Some(50),
            creation_data: CreationData {
                create_option: "FromImage".to_owned(),
                image_reference,
                gallery_image_reference,
            },
            ..Properties::default()
        },
        ..Disk::default()
    };
    let gallery = |community: bool| {
        let id = |wanted: bool, kind: &str| wanted.then(|| format!("/{kind}/g/images/i/versions/1.0.0"));
        Some(ImageDiskReference {
            id: None,
            community_gallery_image_id: id(community, "CommunityGalleries"),
            shared_gallery_image_id: id(!community, "SharedGalleries"),
        })
    };
    vec![
        get(&id).request,
        list_in(&group).request,
        create_or_update(&id, &disk(Some(image), None)).request,
        create_or_update(&id, &disk(None, gallery(true))).request,
        create_or_update(&id, &disk(None, gallery(false))).request,
        delete(&id).request,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_says_who_has_it() {
        let body = r#"{"name":"d","id":"/x","managedBy":"/vm","zones":null,"tags":{"a":"b"},
            "sku":{"name":"Premium_LRS","tier":"Premium"},
            "properties":{"diskState":"Attached","provisioningState":"Succeeded","diskSizeGB":4,
            "creationData":{"createOption":"Empty"}}}"#;
        let disk: Disk = serde_json::from_str(body).unwrap();
        assert_eq!(disk.managed_by.as_deref(), Some("/vm"));
        assert_eq!(disk.properties.disk_size_gb, Some(4));
    }

    #[test]
    fn what_azure_alone_says_is_not_written() {
        let body = String::from_utf8(samples()[2].body.to_vec()).unwrap();
        assert!(!body.contains("managedBy") && !body.contains("provisioningState"), "{body}");
        assert!(body.contains(r#""diskSizeGB":50"#), "{body}");
    }
}
