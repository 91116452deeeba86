//! Roles, instance profiles and policies
//! ([reference](https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html)).

use gardener_provider_client::call::Idempotency;
use gardener_provider_core::{Error, Result};
use serde::Deserialize;

use super::{
    ApiRequest, Operation, family,
    query::{self, Form},
    tags::{self, Tags},
};
use crate::endpoints::Service;

/// A role.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Role {
    /// The name.
    pub role_name: String,
    /// The ARN.
    pub arn: String,
    /// Who may take the role: JSON, percent-encoded; see [`document`].
    pub assume_role_policy_document: String,
    /// The tags.
    #[serde(deserialize_with = "tags::member_set")]
    pub tags: Tags,
}

/// An instance profile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InstanceProfile {
    /// The name.
    pub instance_profile_name: String,
    /// The ARN.
    pub arn: String,
    /// The roles; one at most.
    #[serde(deserialize_with = "query::members")]
    pub roles: Vec<Role>,
    /// The tags.
    #[serde(deserialize_with = "tags::member_set")]
    pub tags: Tags,
}

/// A policy of a role.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RolePolicy {
    /// The role.
    pub role_name: String,
    /// The name.
    pub policy_name: String,
    /// JSON, percent-encoded; see [`document`].
    pub policy_document: String,
}

/// Reads a policy document as IAM answers it: percent-encoded JSON.
///
/// # Errors
/// `Internal` if it is neither that nor plain JSON.
pub fn document(text: &str) -> Result<serde_json::Value> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    serde_json::from_str(&decoded)
        .map_err(|error| Error::internal(format!("a policy document could not be read: {error}")))
}

fn request(form: Form, operation: &'static str, idempotency: Idempotency) -> ApiRequest {
    form.request(Service::Iam, operation, family::IAM, idempotency)
}

/// A call that may be repeated and answers nothing.
fn change(form: Form, operation: &'static str) -> Operation<()> {
    Operation::new(request(form, operation, Idempotency::Idempotent), query::nothing)
}

macro_rules! result {
    ($result:literal, $element:literal, $item:ty) => {
        |reply: &http::Response<bytes::Bytes>| {
            #[derive(Deserialize)]
            struct Reply {
                #[serde(rename = $result)]
                result: Outcome,
            }
            #[derive(Deserialize)]
            struct Outcome {
                #[serde(rename = $element)]
                element: $item,
            }
            query::xml::<Reply>(reply).map(|read| read.result.element)
        }
    };
}

/// Reads a role.
pub fn get_role(name: &str) -> Operation<Role> {
    let request = request(Form::new().put("RoleName", name), "GetRole", Idempotency::Safe);
    Operation::new(request, result!("GetRoleResult", "Role", Role))
}

/// Makes a role. Repeated: `AlreadyExists`.
pub fn create_role(name: &str, trust: &str, tags: &Tags) -> Operation<Role> {
    let form = Form::new()
        .put("RoleName", name)
        .put("Path", "/")
        .put("AssumeRolePolicyDocument", trust)
        .tags("Tags.member", tags);
    let request = request(form, "CreateRole", Idempotency::Idempotent);
    Operation::new(request, result!("CreateRoleResult", "Role", Role))
}

/// Says who may take a role.
pub fn update_assume_role_policy(name: &str, trust: &str) -> Operation<()> {
    change(Form::new().put("RoleName", name).put("PolicyDocument", trust), "UpdateAssumeRolePolicy")
}

/// Deletes a role. Its policies and profiles stand in the way.
pub fn delete_role(name: &str) -> Operation<()> {
    change(Form::new().put("RoleName", name), "DeleteRole")
}

/// Reads an instance profile.
pub fn get_instance_profile(name: &str) -> Operation<InstanceProfile> {
    let form = Form::new().put("InstanceProfileName", name);
    let parse = result!("GetInstanceProfileResult", "InstanceProfile", InstanceProfile);
    Operation::new(request(form, "GetInstanceProfile", Idempotency::Safe), parse)
}

/// Makes an instance profile without roles. Repeated: `AlreadyExists`.
pub fn create_instance_profile(name: &str, tags: &Tags) -> Operation<InstanceProfile> {
    let form = Form::new().put("InstanceProfileName", name).put("Path", "/").tags("Tags.member", tags);
    let parse = result!("CreateInstanceProfileResult", "InstanceProfile", InstanceProfile);
    Operation::new(request(form, "CreateInstanceProfile", Idempotency::Idempotent), parse)
}

/// Puts a role into an instance profile.
pub fn add_role_to_instance_profile(profile: &str, role: &str) -> Operation<()> {
    let form = Form::new().put("InstanceProfileName", profile).put("RoleName", role);
    change(form, "AddRoleToInstanceProfile")
}

/// Takes a role out of an instance profile.
pub fn remove_role_from_instance_profile(profile: &str, role: &str) -> Operation<()> {
    let form = Form::new().put("InstanceProfileName", profile).put("RoleName", role);
    change(form, "RemoveRoleFromInstanceProfile")
}

/// Deletes an instance profile that has no role.
pub fn delete_instance_profile(name: &str) -> Operation<()> {
    change(Form::new().put("InstanceProfileName", name), "DeleteInstanceProfile")
}

/// Reads a policy of a role.
pub fn get_role_policy(role: &str, policy: &str) -> Operation<RolePolicy> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reply {
        get_role_policy_result: RolePolicy,
    }
    let form = Form::new().put("RoleName", role).put("PolicyName", policy);
    Operation::new(request(form, "GetRolePolicy", Idempotency::Safe), |reply| {
        query::xml::<Reply>(reply).map(|read| read.get_role_policy_result)
    })
}

/// Makes or replaces a policy of a role.
pub fn put_role_policy(role: &str, policy: &str, document: &str) -> Operation<()> {
    let form = Form::new().put("RoleName", role).put("PolicyName", policy).put("PolicyDocument", document);
    change(form, "PutRolePolicy")
}

/// Deletes a policy of a role.
pub fn delete_role_policy(role: &str, policy: &str) -> Operation<()> {
    change(Form::new().put("RoleName", role).put("PolicyName", policy), "DeleteRolePolicy")
}

/// Every operation with every parameter set.
pub fn samples() -> Vec<ApiRequest> {
    let tags = Tags::from([("Name".to_owned(), "n".to_owned())]);
    vec![
        get_role("r").request,
        create_role("r", "{}", &tags).request,
        update_assume_role_policy("r", "{}").request,
        delete_role("r").request,
        get_instance_profile("p").request,
        create_instance_profile("p", &tags).request,
        add_role_to_instance_profile("p", "r").request,
        remove_role_from_instance_profile("p", "r").request,
        delete_instance_profile("p").request,
        get_role_policy("r", "p").request,
        put_role_policy("r", "p", "{}").request,
        delete_role_policy("r", "p").request,
    ]
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::Response;

    use super::*;

    #[test]
    fn a_profile_and_a_document_are_read() {
        let reply = Response::new(Bytes::from_static(
            b"<GetInstanceProfileResponse><GetInstanceProfileResult><InstanceProfile>
            <InstanceProfileId>AIPA</InstanceProfileId><Roles><member><Path>/</Path><Arn>arn:r</Arn>
            <RoleName>r</RoleName><AssumeRolePolicyDocument>%7B%22a%22%3A1%7D</AssumeRolePolicyDocument></member></Roles>
            <InstanceProfileName>p</InstanceProfileName><Arn>arn:p</Arn><Tags><member><Key>k</Key><Value>v</Value>
            </member></Tags></InstanceProfile></GetInstanceProfileResult></GetInstanceProfileResponse>",
        ));
        let profile = (get_instance_profile("p").parse)(&reply).unwrap();
        assert_eq!((profile.roles[0].role_name.as_str(), profile.tags["k"].as_str()), ("r", "v"));
        let trust = document(&profile.roles[0].assume_role_policy_document).unwrap();
        assert_eq!(trust, serde_json::json!({ "a": 1 }));
        assert!(document("%7B").is_err());
    }
}
