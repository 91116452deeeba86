//! Ids of resources. Azure compares them without regard to case.

use std::fmt;

/// The id of a resource, in the case in which it was given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ResourceId {
    pub(crate) subscription: String,
    /// `None` for what belongs to the subscription as a whole.
    pub(crate) group: Option<String>,
    /// The namespace, such as `Microsoft.Network`; empty for the resource group itself.
    pub(crate) provider: String,
    /// Types and names, outermost first.
    pub(crate) path: Vec<(String, String)>,
}

impl ResourceId {
    pub(crate) fn of_group(subscription: &str, group: &str) -> Self {
        Self { subscription: subscription.to_owned(), group: Some(group.to_owned()), ..Self::default() }
    }

    /// Reads `/subscriptions/S/resourceGroups/G/providers/NAMESPACE/TYPE/NAME…`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let segments: Vec<&str> = text.strip_prefix('/')?.split('/').collect();
        let (id, rest) = Self::scope(&segments)?;
        let id = id.within(rest)?;
        (id.path.is_empty() == id.provider.is_empty() && id.group.is_some() || !id.path.is_empty())
            .then_some(id)
    }

    /// The subscription and group that a path begins with, and what follows.
    pub(crate) fn scope<'a, 's>(segments: &'a [&'s str]) -> Option<(Self, &'a [&'s str])> {
        let [first, subscription, rest @ ..] = segments else { return None };
        if !first.eq_ignore_ascii_case("subscriptions") || subscription.is_empty() {
            return None;
        }
        let mut id = Self { subscription: (*subscription).to_owned(), ..Self::default() };
        match rest {
            [word, group, rest @ ..] if word.eq_ignore_ascii_case("resourcegroups") && !group.is_empty() => {
                id.group = Some((*group).to_owned());
                Some((id, rest))
            }
            rest => Some((id, rest)),
        }
    }

    /// Reads `providers/NAMESPACE/TYPE/NAME…`; all names must be there.
    pub(crate) fn within(mut self, segments: &[&str]) -> Option<Self> {
        let path = match segments {
            [] => return Some(self),
            [word, provider, path @ ..] if word.eq_ignore_ascii_case("providers") => {
                (*provider).clone_into(&mut self.provider);
                path
            }
            _ => return None,
        };
        if path.len() % 2 != 0 || path.iter().any(|segment| segment.is_empty()) {
            return None;
        }
        self.path = path.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect();
        Some(self)
    }

    /// The form that ids are compared by.
    pub(crate) fn key(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }

    /// The type as `Microsoft.Network/virtualNetworks/subnets`, in the case in which it was given.
    pub(crate) fn kind(&self) -> String {
        let mut kind = self.provider.clone();
        for (name, _) in &self.path {
            kind.push('/');
            kind.push_str(name);
        }
        kind
    }

    pub(crate) fn name(&self) -> &str {
        self.path.last().map_or_else(|| self.group.as_deref().unwrap_or_default(), |(_, name)| name)
    }

    /// What it is a part of: a resource, or the resource group.
    pub(crate) fn parent(&self) -> Option<Self> {
        let mut parent = self.clone();
        parent.path.pop()?;
        if parent.path.is_empty() {
            parent.provider.clear();
        }
        Some(parent)
    }

    pub(crate) fn child(&self, kind: &str, name: &str) -> Self {
        let mut child = self.clone();
        child.path.push((kind.to_owned(), name.to_owned()));
        child
    }

    /// A resource of this namespace and type in the same group.
    pub(crate) fn sibling(&self, provider: &str, kind: &str, name: &str) -> Self {
        Self { provider: provider.to_owned(), path: vec![(kind.to_owned(), name.to_owned())], ..self.clone() }
    }

    pub(crate) fn group_id(&self) -> Self {
        Self { provider: String::new(), path: Vec::new(), ..self.clone() }
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/subscriptions/{}", self.subscription)?;
        if let Some(group) = &self.group {
            write!(f, "/resourceGroups/{group}")?;
        }
        if !self.provider.is_empty() {
            write!(f, "/providers/{}", self.provider)?;
        }
        self.path.iter().try_for_each(|(kind, name)| write!(f, "/{kind}/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_and_written() {
        let text =
            "/subscriptions/s/resourceGroups/G/providers/Microsoft.Network/virtualNetworks/v/subnets/n";
        let id = ResourceId::parse(text).unwrap();
        assert_eq!((id.to_string().as_str(), id.name()), (text, "n"));
        assert_eq!(id.kind(), "Microsoft.Network/virtualNetworks/subnets");
        let vnet = id.parent().unwrap();
        assert_eq!(vnet.name(), "v");
        assert_eq!(vnet.parent().unwrap().to_string(), "/subscriptions/s/resourceGroups/G");
        assert_eq!(id.key(), text.to_ascii_lowercase());
        for wrong in [
            "",
            "/",
            "subscriptions/s",
            "/subscriptions/s",
            "/subscriptions/s/resourceGroups/g/providers/P",
            "/subscriptions/s/resourceGroups/g/providers/P/t",
            "/subscriptions/s/resourceGroups/g/x/y/z",
        ] {
            assert_eq!(ResourceId::parse(wrong), None, "{wrong}");
        }
    }
}
