//! Roles.

use std::collections::{BTreeMap, BTreeSet};

use super::{Entity, Iam, check_document, conflict, encoded, missing, taken, write_entity, write_tags};
use crate::aws::{context::Reply, error::AwsError, xml::Xml};

#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) entity: Entity,
    pub(crate) trust: String,
    description: Option<String>,
    /// Seconds.
    pub(crate) longest_session: u32,
    /// Inline policies by name.
    pub(super) policies: BTreeMap<String, String>,
    /// ARNs of managed policies.
    pub(super) attached: BTreeSet<String>,
}

impl Role {
    pub(super) fn write(&self, xml: &mut Xml, with_tags: bool) {
        write_entity(xml, "Role", &self.entity);
        xml.text("AssumeRolePolicyDocument", encoded(&self.trust))
            .opt("Description", self.description.as_ref())
            .text("MaxSessionDuration", self.longest_session);
        if with_tags && !self.entity.tags.is_empty() {
            write_tags(xml, &self.entity.tags);
        }
    }
}

impl Iam<'_> {
    pub(super) fn create_role(&mut self) -> Reply {
        let name = self.name("RoleName", 64)?.to_owned();
        let trust = self.text("AssumeRolePolicyDocument")?.to_owned();
        check_document(&trust, true)?;
        let longest_session = self.params.parsed("MaxSessionDuration")?.unwrap_or(3600);
        if !(3600..=43200).contains(&longest_session) {
            return Err(super::invalid(
                "The value of maxSessionDuration must lie between 3600 and 43200".to_owned(),
            ));
        }
        if self.iam.roles.keys().any(|taken| taken.eq_ignore_ascii_case(&name)) {
            return Err(taken("Role", &name));
        }
        let role = Role {
            entity: self.entity("role", &name, "AROA")?,
            trust,
            description: self.params.filled("Description").map(str::to_owned),
            longest_session,
            policies: BTreeMap::new(),
            attached: BTreeSet::new(),
        };
        let mut xml = Xml::new();
        xml.node("Role", |xml| role.write(xml, true));
        self.iam.roles.insert(name, role);
        Ok(xml)
    }

    pub(super) fn get_role(&mut self) -> Reply {
        let role = self.seen_role()?;
        let mut xml = Xml::new();
        xml.node("Role", |xml| role.write(xml, true));
        Ok(xml)
    }

    pub(super) fn list_roles(&mut self) -> Reply {
        let prefix = self.params.filled("PathPrefix").unwrap_or("/");
        let now = self.context.now;
        let roles: Vec<&Role> = self
            .iam
            .roles
            .values()
            .filter(|role| role.entity.path.starts_with(prefix) && role.entity.visible_from <= now)
            .collect();
        self.page("Roles", &roles, |xml, role| role.write(xml, false))
    }

    pub(super) fn delete_role(&mut self) -> Reply {
        let role = self.role()?;
        let name = role.entity.name.clone();
        if !role.attached.is_empty() {
            return Err(conflict("Cannot delete entity, must detach all policies first."));
        }
        if !role.policies.is_empty() {
            return Err(conflict("Cannot delete entity, must delete policies first."));
        }
        if self.iam.profiles.values().any(|profile| profile.role.as_ref() == Some(&name)) {
            return Err(conflict("Cannot delete entity, must remove roles from instance profile first."));
        }
        self.iam.roles.remove(&name);
        Ok(Xml::new())
    }

    pub(super) fn update_assume_role_policy(&mut self) -> Reply {
        let document = self.text("PolicyDocument")?.to_owned();
        check_document(&document, true)?;
        self.role_mut()?.trust = document;
        Ok(Xml::new())
    }

    pub(super) fn tag_role(&mut self) -> Reply {
        let tags = self.tags()?;
        self.role_mut()?.entity.tags.extend(tags);
        Ok(Xml::new())
    }

    pub(super) fn untag_role(&mut self) -> Reply {
        let keys = self.params.members("TagKeys");
        self.role_mut()?.entity.tags.retain(|key, _| !keys.contains(key));
        Ok(Xml::new())
    }

    pub(super) fn list_role_tags(&mut self) -> Reply {
        let tags: Vec<_> = self.seen_role()?.entity.tags.iter().collect();
        self.page("Tags", &tags, |xml, (key, value)| {
            xml.text("Key", key).text("Value", value);
        })
    }

    /// The role that the request names.
    pub(super) fn role(&self) -> Result<&Role, AwsError> {
        let name = self.name("RoleName", 64)?;
        self.iam.roles.get(name).ok_or_else(|| missing("role", name))
    }

    pub(super) fn role_mut(&mut self) -> Result<&mut Role, AwsError> {
        let name = self.role()?.entity.name.clone();
        self.iam.roles.get_mut(&name).ok_or_else(|| missing("role", &name))
    }

    /// As [`Iam::role`], once reads see it.
    pub(super) fn seen_role(&self) -> Result<&Role, AwsError> {
        let role = self.role()?;
        let visible = role.entity.visible_from <= self.context.now;
        visible.then_some(role).ok_or_else(|| missing("role", &role.entity.name))
    }
}
