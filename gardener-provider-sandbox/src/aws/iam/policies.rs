//! Policies of roles.

use super::{Iam, check_document, encoded, limit};
use crate::aws::{context::Reply, error::AwsError, xml::Xml};

/// Characters of all inline policies of a role, spaces not counted.
const MAX_INLINE: usize = 10_240;
const MAX_ATTACHED: usize = 10;

impl Iam<'_> {
    pub(super) fn put_role_policy(&mut self) -> Reply {
        let name = self.name("PolicyName", 128)?.to_owned();
        let document = self.text("PolicyDocument")?.to_owned();
        check_document(&document, false)?;
        let role = self.role_mut()?;
        let others = role.policies.iter().filter(|(other, _)| **other != name).map(|(_, document)| document);
        let size: usize =
            others.chain([&document]).map(|text| text.chars().filter(|c| !c.is_whitespace()).count()).sum();
        if size > MAX_INLINE {
            let role = &role.entity.name;
            return Err(limit(format!("Maximum policy size of {MAX_INLINE} bytes exceeded for role {role}")));
        }
        role.policies.insert(name, document);
        Ok(Xml::new())
    }

    pub(super) fn get_role_policy(&mut self) -> Reply {
        let name = self.name("PolicyName", 128)?;
        let role = self.seen_role()?;
        let document = role.policies.get(name).ok_or_else(|| missing_policy(name))?;
        let mut xml = Xml::new();
        xml.text("RoleName", &role.entity.name)
            .text("PolicyName", name)
            .text("PolicyDocument", encoded(document));
        Ok(xml)
    }

    pub(super) fn delete_role_policy(&mut self) -> Reply {
        let name = self.name("PolicyName", 128)?.to_owned();
        self.role_mut()?.policies.remove(&name).map(|_| Xml::new()).ok_or_else(|| missing_policy(&name))
    }

    pub(super) fn list_role_policies(&mut self) -> Reply {
        let names: Vec<&String> = self.seen_role()?.policies.keys().collect();
        self.page("PolicyNames", &names, |xml, name| {
            xml.chars(name);
        })
    }

    /// Only AWS's own policies exist here, under any name.
    pub(super) fn attach_role_policy(&mut self) -> Reply {
        let arn = self.text("PolicyArn")?.to_owned();
        let managed = format!("arn:{}:iam::aws:policy/", self.context.partition());
        if !arn.starts_with(&managed) || arn.len() == managed.len() {
            return Err(AwsError::new(
                "NoSuchEntity",
                format!("Policy {arn} does not exist or is not attachable."),
            ));
        }
        let role = self.role_mut()?;
        if role.attached.len() >= MAX_ATTACHED && !role.attached.contains(&arn) {
            return Err(limit(format!("Cannot exceed quota for PoliciesPerRole: {MAX_ATTACHED}")));
        }
        role.attached.insert(arn);
        Ok(Xml::new())
    }

    pub(super) fn detach_role_policy(&mut self) -> Reply {
        let arn = self.text("PolicyArn")?.to_owned();
        if self.role_mut()?.attached.remove(&arn) {
            return Ok(Xml::new());
        }
        Err(AwsError::new("NoSuchEntity", format!("Policy {arn} was not found.")))
    }

    pub(super) fn list_attached_role_policies(&mut self) -> Reply {
        let arns: Vec<&String> = self.seen_role()?.attached.iter().collect();
        self.page("AttachedPolicies", &arns, |xml, arn| {
            xml.text("PolicyName", arn.rsplit('/').next().unwrap_or_default()).text("PolicyArn", arn);
        })
    }
}

fn missing_policy(name: &str) -> AwsError {
    AwsError::new("NoSuchEntity", format!("The role policy with name {name} cannot be found."))
}
