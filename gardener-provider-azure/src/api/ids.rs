//! Ids of resources: `/subscriptions/<id>/resourceGroups/<name>/providers/<namespace>/<type>/<name>/…`.
//!
//! Azure writes their letters as it likes and compares them
//! [without regard to case](https://learn.microsoft.com/en-us/azure/azure-resource-manager/management/resource-name-rules).

use std::{fmt, str::FromStr};

use gardener_provider_core::{Error, Result};

/// The id of a resource group or of something in one.
#[derive(Debug, Clone)]
pub struct ResourceId {
    subscription: String,
    group: String,
    /// `Microsoft.Network`; none for the group itself.
    namespace: String,
    /// Types and names: `virtualNetworks`, `<name>`, `subnets`, `<name>`.
    path: Vec<(String, String)>,
}

impl ResourceId {
    /// A resource group.
    pub fn group(subscription: impl Into<String>, group: impl Into<String>) -> Self {
        Self {
            subscription: subscription.into(),
            group: group.into(),
            namespace: String::new(),
            path: Vec::new(),
        }
    }

    /// A resource in the group of this id: `group.resource("Microsoft.Compute", "disks", name)`.
    pub fn resource(&self, namespace: &str, kind: &str, name: &str) -> Self {
        Self {
            subscription: self.subscription.clone(),
            group: self.group.clone(),
            namespace: namespace.to_owned(),
            path: vec![(kind.to_owned(), name.to_owned())],
        }
    }

    /// A virtual machine or what belongs to one, in the group of this id.
    pub fn compute(&self, kind: &str, name: &str) -> Self {
        self.resource("Microsoft.Compute", kind, name)
    }

    /// A network or what belongs to one, in the group of this id.
    pub fn network(&self, kind: &str, name: &str) -> Self {
        self.resource("Microsoft.Network", kind, name)
    }

    /// A resource within this one: `network.child("subnets", name)`.
    pub fn child(&self, kind: &str, name: &str) -> Self {
        let mut child = self.clone();
        child.path.push((kind.to_owned(), name.to_owned()));
        child
    }

    /// What this resource lies in: another resource, or the group.
    pub fn parent(&self) -> Self {
        let mut parent = self.clone();
        parent.path.pop();
        if parent.path.is_empty() {
            parent.namespace.clear();
        }
        parent
    }

    /// The group that this lies in, or that this is.
    pub fn resource_group(&self) -> Self {
        Self::group(&self.subscription, &self.group)
    }

    /// The name of the group.
    pub fn group_name(&self) -> &str {
        &self.group
    }

    /// The subscription.
    pub fn subscription(&self) -> &str {
        &self.subscription
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.path.last().map_or(&self.group, |(_, name)| name)
    }

    /// The type: `Microsoft.Network/virtualNetworks/subnets`.
    pub fn kind(&self) -> String {
        if self.path.is_empty() {
            return "Microsoft.Resources/resourceGroups".to_owned();
        }
        let kinds: Vec<_> = self.path.iter().map(|(kind, _)| kind.as_str()).collect();
        format!("{}/{}", self.namespace, kinds.join("/"))
    }

    /// True if this is of the type, whose letters may be written large or small.
    pub fn is_kind(&self, kind: &str) -> bool {
        self.kind().eq_ignore_ascii_case(kind)
    }

    /// Reads an id that a user gave in `field`; it must be of this type.
    ///
    /// # Errors
    /// `InvalidArgument` naming the field.
    pub fn of_kind(field: &str, text: &str, kind: &str) -> Result<Self> {
        let id: Self = text.parse().map_err(|error: Error| Error::invalid(field, error.message()))?;
        if id.is_kind(kind) {
            return Ok(id);
        }
        Err(Error::invalid(field, format!("{text:?} is the id of a {}, not of a {kind}", id.kind())))
    }
}

/// Without regard to case.
impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.to_string().eq_ignore_ascii_case(&other.to_string())
    }
}

impl Eq for ResourceId {}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/subscriptions/{}/resourceGroups/{}", self.subscription, self.group)?;
        if !self.path.is_empty() {
            write!(f, "/providers/{}", self.namespace)?;
        }
        self.path.iter().try_for_each(|(kind, name)| write!(f, "/{kind}/{name}"))
    }
}

impl FromStr for ResourceId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            let shape = "/subscriptions/<id>/resourceGroups/<name>/providers/<namespace>/<type>/<name>";
            Error::invalid("id", format!("{text:?} is no id of a resource; expected {shape}"))
        };
        let is_bad = |segment: &&str| segment.is_empty() || *segment == "." || *segment == "..";
        let segments: Vec<_> = text.strip_prefix('/').ok_or_else(wrong)?.split('/').collect();
        if segments.iter().any(is_bad) || text.contains(['?', '#', '%', '\\']) {
            return Err(wrong());
        }
        let (head, rest) = segments.split_at_checked(4).ok_or_else(wrong)?;
        let named = |index: usize, name: &str| head[index].eq_ignore_ascii_case(name);
        if !named(0, "subscriptions") || !named(2, "resourceGroups") {
            return Err(wrong());
        }
        let mut id = Self::group(head[1], head[3]);
        match rest {
            [] => return Ok(id),
            [providers, namespace, path @ ..]
                if providers.eq_ignore_ascii_case("providers") && !path.is_empty() && path.len() % 2 == 0 =>
            {
                (*namespace).clone_into(&mut id.namespace);
                id.path = path.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect();
            }
            _ => return Err(wrong()),
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBNET: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/n";

    #[test]
    fn an_id_falls_into_its_parts_and_together_again() {
        let id: ResourceId = SUBNET.parse().unwrap();
        assert_eq!(id.to_string(), SUBNET);
        assert_eq!((id.subscription(), id.group_name(), id.name()), ("s", "g", "n"));
        assert!(id.is_kind("microsoft.network/virtualnetworks/Subnets"));
        assert_eq!(id, ResourceId::group("s", "g").network("virtualNetworks", "v").child("subnets", "n"));
        assert_eq!(id.parent().name(), "v");
        assert_eq!(id.parent().parent(), ResourceId::group("S", "G"));
        assert_eq!(id.resource_group().kind(), "Microsoft.Resources/resourceGroups");
    }

    #[test]
    fn letters_may_be_large_or_small() {
        let id: ResourceId = SUBNET.to_ascii_uppercase().parse().unwrap();
        assert_eq!(id, SUBNET.parse().unwrap());
        assert_ne!(id, SUBNET.replace("subnets/n", "subnets/m").parse().unwrap());
    }

    #[test]
    fn what_is_no_id_is_told_by_field() {
        for bad in [
            "",
            "n",
            "/subscriptions/s",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network",
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks",
            "/subscriptions/s/resourceGroups/../providers/Microsoft.Network/virtualNetworks/v",
            "/subscriptions/s/resourceGroups/g?x=/providers/Microsoft.Network/virtualNetworks/v",
            "/subscriptions//resourceGroups/g",
        ] {
            let error = ResourceId::of_kind("spec.id", bad, "Microsoft.Network/virtualNetworks").unwrap_err();
            assert!(error.to_string().starts_with("spec.id: "), "{error}");
        }
        let error = ResourceId::of_kind("spec.id", SUBNET, "Microsoft.Compute/disks").unwrap_err();
        assert!(error.to_string().contains("Microsoft.Network/virtualNetworks/subnets"), "{error}");
    }
}
