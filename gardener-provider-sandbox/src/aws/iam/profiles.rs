//! Instance profiles: what brings a role to an instance.

use super::{Entity, Iam, conflict, limit, write_entity, write_tags};
use crate::aws::{context::Reply, error::AwsError, xml::Xml};

#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) entity: Entity,
    /// The name of its role; there can be one only.
    pub(crate) role: Option<String>,
}

impl Iam<'_> {
    fn write_profile(&self, xml: &mut Xml, profile: &Profile, with_tags: bool) {
        write_entity(xml, "InstanceProfile", &profile.entity);
        let roles = profile.role.iter().filter_map(|name| self.iam.roles.get(name));
        xml.members("Roles", roles, |xml, role| role.write(xml, false));
        if with_tags && !profile.entity.tags.is_empty() {
            write_tags(xml, &profile.entity.tags);
        }
    }

    pub(super) fn create_profile(&mut self) -> Reply {
        let name = self.name("InstanceProfileName", 128)?.to_owned();
        if self.iam.profiles.keys().any(|taken| taken.eq_ignore_ascii_case(&name)) {
            let message = format!("Instance Profile {name} already exists.");
            return Err(AwsError::new("EntityAlreadyExists", message));
        }
        let profile = Profile { entity: self.entity("instance-profile", &name, "AIPA")?, role: None };
        let mut xml = Xml::new();
        xml.node("InstanceProfile", |xml| self.write_profile(xml, &profile, true));
        self.iam.profiles.insert(name, profile);
        Ok(xml)
    }

    pub(super) fn get_profile(&mut self) -> Reply {
        let profile = self.seen_profile()?;
        let mut xml = Xml::new();
        xml.node("InstanceProfile", |xml| self.write_profile(xml, profile, true));
        Ok(xml)
    }

    pub(super) fn list_profiles(&mut self) -> Reply {
        let prefix = self.params.filled("PathPrefix").unwrap_or("/");
        let profiles = self.seen_profiles(|profile| profile.entity.path.starts_with(prefix));
        self.page("InstanceProfiles", &profiles, |xml, profile| self.write_profile(xml, profile, false))
    }

    pub(super) fn list_profiles_for_role(&mut self) -> Reply {
        let role = &self.seen_role()?.entity.name;
        let profiles = self.seen_profiles(|profile| profile.role.as_ref() == Some(role));
        self.page("InstanceProfiles", &profiles, |xml, profile| self.write_profile(xml, profile, false))
    }

    fn seen_profiles(&self, wanted: impl Fn(&Profile) -> bool) -> Vec<&Profile> {
        let all = self.iam.profiles.values();
        all.filter(|profile| profile.entity.visible_from <= self.context.now && wanted(profile)).collect()
    }

    pub(super) fn delete_profile(&mut self) -> Reply {
        let profile = self.named_profile()?;
        if profile.role.is_some() {
            return Err(conflict("Cannot delete entity, must remove roles from instance profile first."));
        }
        let name = profile.entity.name.clone();
        self.iam.profiles.remove(&name);
        Ok(Xml::new())
    }

    pub(super) fn add_role_to_profile(&mut self) -> Reply {
        let role = self.role()?.entity.name.clone();
        let profile = self.profile_mut()?;
        if profile.role.is_some() {
            return Err(limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
        }
        profile.role = Some(role);
        Ok(Xml::new())
    }

    pub(super) fn remove_role_from_profile(&mut self) -> Reply {
        let role = self.role()?.entity.name.clone();
        let profile = self.profile_mut()?;
        if profile.role.as_ref() != Some(&role) {
            let message = format!("The role {role} is not in the instance profile {}.", profile.entity.name);
            return Err(AwsError::new("NoSuchEntity", message));
        }
        profile.role = None;
        Ok(Xml::new())
    }

    pub(super) fn tag_profile(&mut self) -> Reply {
        let tags = self.tags()?;
        self.profile_mut()?.entity.tags.extend(tags);
        Ok(Xml::new())
    }

    pub(super) fn untag_profile(&mut self) -> Reply {
        let keys = self.params.members("TagKeys");
        self.profile_mut()?.entity.tags.retain(|key, _| !keys.contains(key));
        Ok(Xml::new())
    }

    pub(super) fn list_profile_tags(&mut self) -> Reply {
        let tags: Vec<_> = self.seen_profile()?.entity.tags.iter().collect();
        self.page("Tags", &tags, |xml, (key, value)| {
            xml.text("Key", key).text("Value", value);
        })
    }

    fn named_profile(&self) -> Result<&Profile, AwsError> {
        let name = self.name("InstanceProfileName", 128)?;
        self.iam.profiles.get(name).ok_or_else(|| no_profile(name))
    }

    fn profile_mut(&mut self) -> Result<&mut Profile, AwsError> {
        let name = self.named_profile()?.entity.name.clone();
        self.iam.profiles.get_mut(&name).ok_or_else(|| no_profile(&name))
    }

    /// As [`Iam::named_profile`], once reads see it.
    fn seen_profile(&self) -> Result<&Profile, AwsError> {
        let profile = self.named_profile()?;
        let visible = profile.entity.visible_from <= self.context.now;
        visible.then_some(profile).ok_or_else(|| no_profile(&profile.entity.name))
    }
}

fn no_profile(name: &str) -> AwsError {
    AwsError::new("NoSuchEntity", format!("Instance Profile {name} cannot be found."))
}
