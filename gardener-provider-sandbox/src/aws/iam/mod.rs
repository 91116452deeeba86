//! IAM: roles, their policies, instance profiles.
//!
//! API version 2010-05-08, <https://docs.aws.amazon.com/IAM/latest/APIReference/>.

mod policies;
mod profiles;
mod roles;

use std::{collections::BTreeMap, time::SystemTime};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::{
    answer::unknown_action,
    context::{Context, Reply},
    error::AwsError,
    query::Params,
    state::State as Cloud,
    text,
    xml::Xml,
};
use crate::{Resource, ids::Ids};

pub(crate) use profiles::Profile;
pub(crate) use roles::Role;

/// What the service remembers. It is global: the region of a call says nothing.
#[derive(Debug, Default)]
pub(crate) struct State {
    roles: BTreeMap<String, Role>,
    profiles: BTreeMap<String, Profile>,
}

/// What roles and instance profiles have in common.
#[derive(Debug, Clone)]
pub(crate) struct Entity {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    path: String,
    created: SystemTime,
    /// Reads do not find it before; changes do.
    visible_from: SystemTime,
    tags: BTreeMap<String, String>,
}

impl State {
    pub(crate) fn inventory(&self) -> Vec<Resource> {
        let roles = self.roles.values().map(|role| ("role", &role.entity));
        let profiles = self.profiles.values().map(|profile| ("instance-profile", &profile.entity));
        roles
            .chain(profiles)
            .map(|(kind, entity)| {
                let mut resource = Resource::new("iam", kind, "", &entity.name);
                resource.name.clone_from(&entity.name);
                resource.with_tags(&entity.tags)
            })
            .collect()
    }

    /// The instance profile of this name or ARN, as other services see it.
    pub(crate) fn profile(&self, name_or_arn: &str, now: SystemTime) -> Option<&Profile> {
        let mut profiles = self.profiles.values().filter(|profile| profile.entity.visible_from <= now);
        profiles.find(|profile| profile.entity.name == name_or_arn || profile.entity.arn == name_or_arn)
    }

    /// The role of this ARN, as other services see it.
    pub(crate) fn role_by_arn(&self, arn: &str, now: SystemTime) -> Option<&Role> {
        self.roles.values().find(|role| role.entity.arn == arn && role.entity.visible_from <= now)
    }

    pub(crate) fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(name)
    }
}

/// One call on its way through the service.
struct Iam<'a> {
    context: &'a Context<'a>,
    params: &'a Params,
    iam: &'a mut State,
    ids: &'a mut Ids,
}

/// Answers one call.
pub(crate) fn answer(context: &Context<'_>, state: &mut Cloud, params: &Params) -> Reply {
    let mut iam = Iam { context, params, iam: &mut state.iam, ids: &mut state.ids };
    match context.call.operation.as_str() {
        "CreateRole" => iam.create_role(),
        "GetRole" => iam.get_role(),
        "ListRoles" => iam.list_roles(),
        "DeleteRole" => iam.delete_role(),
        "UpdateAssumeRolePolicy" => iam.update_assume_role_policy(),
        "TagRole" => iam.tag_role(),
        "UntagRole" => iam.untag_role(),
        "ListRoleTags" => iam.list_role_tags(),
        "PutRolePolicy" => iam.put_role_policy(),
        "GetRolePolicy" => iam.get_role_policy(),
        "DeleteRolePolicy" => iam.delete_role_policy(),
        "ListRolePolicies" => iam.list_role_policies(),
        "AttachRolePolicy" => iam.attach_role_policy(),
        "DetachRolePolicy" => iam.detach_role_policy(),
        "ListAttachedRolePolicies" => iam.list_attached_role_policies(),
        "CreateInstanceProfile" => iam.create_profile(),
        "GetInstanceProfile" => iam.get_profile(),
        "ListInstanceProfiles" => iam.list_profiles(),
        "ListInstanceProfilesForRole" => iam.list_profiles_for_role(),
        "DeleteInstanceProfile" => iam.delete_profile(),
        "AddRoleToInstanceProfile" => iam.add_role_to_profile(),
        "RemoveRoleFromInstanceProfile" => iam.remove_role_from_profile(),
        "TagInstanceProfile" => iam.tag_profile(),
        "UntagInstanceProfile" => iam.untag_profile(),
        "ListInstanceProfileTags" => iam.list_profile_tags(),
        _ => unknown_action(context, params),
    }
}

impl Iam<'_> {
    /// A required parameter with a name in it.
    fn name(&self, parameter: &str, longest: usize) -> Result<&str, AwsError> {
        let name = self.text(parameter)?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-".contains(c);
        if name.len() > longest || !name.chars().all(plain) {
            let member = decapitalised(parameter);
            return Err(invalid(format!(
                "The specified value for {member} is invalid. It must contain only alphanumeric characters and/or the \
                 following: +=,.@_- and have at most {longest} of them"
            )));
        }
        Ok(name)
    }

    fn text(&self, parameter: &str) -> Result<&str, AwsError> {
        self.params.filled(parameter).ok_or_else(|| {
            let member = decapitalised(parameter);
            invalid(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    fn entity(&mut self, kind: &str, name: &str, id_prefix: &str) -> Result<Entity, AwsError> {
        let path = self.params.filled("Path").unwrap_or("/").to_owned();
        if !path.starts_with('/') || !path.ends_with('/') {
            return Err(invalid(
                "The specified value for path is invalid. It must begin and end with /".to_owned(),
            ));
        }
        let (partition, account) = (self.context.partition(), self.context.account());
        Ok(Entity {
            name: name.to_owned(),
            id: self.ids.upper(id_prefix, 21),
            arn: format!("arn:{partition}:iam::{account}:{kind}{path}{name}"),
            path,
            created: self.context.now,
            visible_from: self.context.visible_from(),
            tags: self.tags()?,
        })
    }

    /// The tags in the request.
    fn tags(&self) -> Result<BTreeMap<String, String>, AwsError> {
        let mut tags = BTreeMap::new();
        for tag in self.params.member_structs("Tags") {
            let (key, value) =
                (tag.required("Key")?.to_owned(), tag.get("Value").unwrap_or_default().to_owned());
            if key.starts_with("aws:") || key.chars().count() > 128 || value.chars().count() > 256 {
                return Err(AwsError::new("InvalidInput", format!("The tag {key} is invalid")));
            }
            tags.insert(key, value);
        }
        if tags.len() > 50 {
            return Err(limit("Cannot exceed quota for TagsPerEntity: 50"));
        }
        Ok(tags)
    }

    /// Writes one page of a list: `name` with its members, and where the next page begins.
    fn page<T>(&self, name: &str, items: &[T], mut write: impl FnMut(&mut Xml, &T)) -> Reply {
        let limit = self.params.parsed::<usize>("MaxItems")?.unwrap_or(100).clamp(1, 1000);
        let start = match self.params.filled("Marker") {
            None => 0,
            Some(marker) => marker.parse::<usize>().map_err(|_| invalid("Invalid Marker.".to_owned()))?,
        };
        let page = items.iter().skip(start).take(limit);
        let mut xml = Xml::new();
        xml.members(name, page, |xml, item| write(xml, item));
        let end = start.saturating_add(limit);
        xml.text("IsTruncated", end < items.len());
        xml.opt("Marker", (end < items.len()).then_some(end));
        Ok(xml)
    }
}

fn write_tags(xml: &mut Xml, tags: &BTreeMap<String, String>) {
    xml.members("Tags", tags, |xml, (key, value)| {
        xml.text("Key", key).text("Value", value);
    });
}

/// The members that roles and profiles share; `kind` is `Role` or `InstanceProfile`.
fn write_entity(xml: &mut Xml, kind: &str, entity: &Entity) {
    xml.text("Path", &entity.path)
        .text(&format!("{kind}Name"), &entity.name)
        .text(&format!("{kind}Id"), &entity.id)
        .text("Arn", &entity.arn)
        .text("CreateDate", text::iso(entity.created));
}

/// Policies travel percent-encoded after RFC 3986 in replies.
fn encoded(document: &str) -> String {
    const KEPT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(document, &KEPT).to_string()
}

/// Refuses what is no policy; `trust` is a role's trust policy, which says who instead of on what.
fn check_document(document: &str, trust: bool) -> Result<(), AwsError> {
    let malformed = |message: &str| Err(AwsError::new("MalformedPolicyDocument", message));
    let Ok(policy) = serde_json::from_str::<Value>(document) else {
        return malformed("This policy contains invalid Json");
    };
    let statements = match &policy["Statement"] {
        Value::Array(list) if !list.is_empty() => list.iter().collect(),
        one @ Value::Object(_) => vec![one],
        _ => return malformed("Syntax errors in policy."),
    };
    if !matches!(policy["Version"].as_str(), None | Some("2012-10-17" | "2008-10-17")) {
        return malformed("The policy has an invalid version.");
    }
    for statement in statements {
        let has = |name: &str, other: &str| !statement[name].is_null() || !statement[other].is_null();
        if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) || !has("Action", "NotAction") {
            return malformed("Syntax errors in policy.");
        }
        if trust && (has("Resource", "NotResource") || !has("Principal", "NotPrincipal")) {
            return malformed("Has prohibited field Resource or lacks the field Principal");
        }
        if !trust && has("Principal", "NotPrincipal") {
            return malformed("Policy document should not specify a principal.");
        }
        if !trust && !has("Resource", "NotResource") {
            return malformed("Policy statement must contain resources.");
        }
    }
    Ok(())
}

fn decapitalised(parameter: &str) -> String {
    let mut letters = parameter.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn invalid(message: String) -> AwsError {
    AwsError::new("ValidationError", message)
}

fn limit(message: impl Into<String>) -> AwsError {
    AwsError::new("LimitExceeded", message)
}

fn missing(kind: &str, name: &str) -> AwsError {
    AwsError::new("NoSuchEntity", format!("The {kind} with name {name} cannot be found."))
}

fn taken(kind: &str, name: &str) -> AwsError {
    AwsError::new("EntityAlreadyExists", format!("{kind} with name {name} already exists."))
}

fn conflict(message: &str) -> AwsError {
    AwsError::new("DeleteConflict", message)
}

#[cfg(test)]
mod tests;
