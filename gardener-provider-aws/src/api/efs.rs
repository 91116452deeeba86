//! File systems ([reference](https://docs.aws.amazon.com/efs/latest/ug/api-reference.html)).

use bytes::Bytes;
use gardener_provider_client::{call::Idempotency, pages::Page, rest};
use http::{Method, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{ApiRequest, Operation, family, query, tags::Tags};
use crate::endpoints::Service;

/// A file system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FileSystem {
    /// The id.
    pub file_system_id: String,
    /// The token it was made with.
    pub creation_token: String,
    /// `creating`, `available`, `updating`, `deleting`, `deleted` or `error`.
    pub life_cycle_state: String,
    /// How many mount targets it has.
    pub number_of_mount_targets: u32,
    /// The tags.
    pub tags: Vec<Tag>,
}

/// A tag as EFS writes it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Tag {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl FileSystem {
    /// The tags by key.
    pub fn tags(&self) -> Tags {
        self.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
    }

    /// True unless it is on its way out.
    pub fn is_alive(&self) -> bool {
        !matches!(self.life_cycle_state.as_str(), "deleting" | "deleted")
    }
}

/// Where a file system is reached in a subnet.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MountTarget {
    /// The id.
    pub mount_target_id: String,
    /// The subnet.
    pub subnet_id: String,
    /// The file system.
    pub file_system_id: String,
    /// `creating`, `available`, `updating`, `deleting`, `deleted` or `error`.
    pub life_cycle_state: String,
}

fn request(
    operation: &'static str,
    method: Method,
    path: String,
    body: Option<&Value>,
    idempotency: Idempotency,
) -> ApiRequest {
    let mut request = ApiRequest::new(Service::Efs, operation, family::EFS, method, idempotency);
    request.path = format!("2015-02-01/{path}");
    if let Some(body) = body {
        request.headers.push((header::CONTENT_TYPE, "application/json".to_owned()));
        request.body = Bytes::from(body.to_string());
    }
    request
}

fn pairs(tags: &Tags) -> Vec<Value> {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// A page of the file systems in the region, or the one of this id.
pub fn describe_file_systems(id: Option<&str>, marker: Option<&str>) -> Operation<Page<FileSystem>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reply {
        #[serde(default)]
        file_systems: Vec<FileSystem>,
        next_marker: Option<String>,
    }
    let path = "file-systems".to_owned();
    let mut request = request("DescribeFileSystems", Method::GET, path, None, Idempotency::Safe);
    match id {
        Some(id) => request.query.push(("FileSystemId".to_owned(), id.to_owned())),
        None => request.query.push(("MaxItems".to_owned(), "100".to_owned())),
    }
    request.query.extend(marker.map(|marker| ("Marker".to_owned(), marker.to_owned())));
    Operation::new(request, |reply| {
        let read: Reply = rest::json(reply)?;
        Ok(Page::new(read.file_systems, read.next_marker))
    })
}

/// Makes an encrypted file system. Repeated with the same token: `AlreadyExists`.
pub fn create_file_system(token: &str, tags: &Tags) -> Operation<FileSystem> {
    let body = json!({ "CreationToken": token, "Encrypted": true, "Tags": pairs(tags) });
    let path = "file-systems".to_owned();
    let request = request("CreateFileSystem", Method::POST, path, Some(&body), Idempotency::Idempotent);
    Operation::new(request, rest::json::<FileSystem>)
}

/// Begins to delete a file system that has no mount targets.
pub fn delete_file_system(id: &str) -> Operation<()> {
    let path = format!("file-systems/{id}");
    let request = request("DeleteFileSystem", Method::DELETE, path, None, Idempotency::Idempotent);
    Operation::new(request, query::nothing)
}

/// Sets tags of a file system.
pub fn tag_resource(id: &str, tags: &Tags) -> Operation<()> {
    let body = json!({ "Tags": pairs(tags) });
    let path = format!("resource-tags/{id}");
    let request = request("TagResource", Method::POST, path, Some(&body), Idempotency::Idempotent);
    Operation::new(request, query::nothing)
}

/// A page of the mount targets of a file system.
pub fn describe_mount_targets(file_system: &str, marker: Option<&str>) -> Operation<Page<MountTarget>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reply {
        #[serde(default)]
        mount_targets: Vec<MountTarget>,
        next_marker: Option<String>,
    }
    let path = "mount-targets".to_owned();
    let mut request = request("DescribeMountTargets", Method::GET, path, None, Idempotency::Safe);
    request.query.push(("FileSystemId".to_owned(), file_system.to_owned()));
    request.query.extend(marker.map(|marker| ("Marker".to_owned(), marker.to_owned())));
    Operation::new(request, |reply| {
        let read: Reply = rest::json(reply)?;
        Ok(Page::new(read.mount_targets, read.next_marker))
    })
}

/// Makes a mount target. One in the zone already: `AlreadyExists`.
pub fn create_mount_target(file_system: &str, subnet: &str, security_group: &str) -> Operation<MountTarget> {
    let body = json!({
        "FileSystemId": file_system,
        "SubnetId": subnet,
        "SecurityGroups": [security_group],
    });
    let path = "mount-targets".to_owned();
    let request = request("CreateMountTarget", Method::POST, path, Some(&body), Idempotency::Idempotent);
    Operation::new(request, rest::json::<MountTarget>)
}

/// Begins to delete a mount target.
pub fn delete_mount_target(id: &str) -> Operation<()> {
    let path = format!("mount-targets/{id}");
    let request = request("DeleteMountTarget", Method::DELETE, path, None, Idempotency::Idempotent);
    Operation::new(request, query::nothing)
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "n".to_owned())]);
    vec![
        describe_file_systems(None, Some("marker")).request,
        describe_file_systems(Some("fs-0123456789abcdef0"), None).request,
        create_file_system("token", &tags).request,
        delete_file_system("fs-0123456789abcdef0").request,
        tag_resource("fs-0123456789abcdef0", &tags).request,
        describe_mount_targets("fs-0123456789abcdef0", Some("marker")).request,
        create_mount_target("fs-0123456789abcdef0", "subnet-0123456789abcdef0", "sg-0123456789abcdef0")
            .request,
        delete_mount_target("fsmt-0123456789abcdef0").request,
    ]
}
