//! What all kinds of resources have in common: finding them by id, filtering, paging.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

use super::{Ec2, Region, filters::Filters};
use crate::aws::{
    context::{Context, Reply},
    error::AwsError,
    query::Params,
    xml::Xml,
};

/// How ids of a kind look and what EC2 says about wrong ones.
#[derive(Debug)]
pub(crate) struct IdRules {
    pub(crate) prefix: &'static str,
    /// The kind in messages, such as `vpc ID`.
    pub(crate) label: &'static str,
    pub(crate) not_found: &'static str,
    pub(crate) malformed: &'static str,
}

impl IdRules {
    pub(crate) fn missing(&self, id: &str) -> AwsError {
        AwsError::new(self.not_found, format!("The {} '{id}' does not exist", self.label))
    }

    pub(crate) fn check(&self, id: &str) -> Result<(), AwsError> {
        let digits = id.strip_prefix(self.prefix).and_then(|rest| rest.strip_prefix('-'));
        let well_formed = digits.is_some_and(|digits| {
            matches!(digits.len(), 8 | 17) && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        });
        if well_formed {
            return Ok(());
        }
        let message = format!("Invalid id: \"{id}\" (expecting \"{}-...\")", self.prefix);
        Err(AwsError::new(self.malformed, message))
    }
}

/// What a resource is looked at with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) region: &'a Region,
    pub(crate) context: &'a Context<'a>,
}

impl View<'_> {
    /// The tags of a resource, as all replies write them.
    pub(crate) fn write_tags(&self, xml: &mut Xml, id: &str) {
        xml.list("tagSet", self.region.tags_of(id), |xml, (key, value)| {
            xml.text("key", key).text("value", value);
        });
    }
}

/// Reads the values that a filter compares.
pub(crate) type Getter<T> = fn(&T, &View<'_>) -> Vec<String>;

/// A kind of resource.
pub(crate) trait Kind: Sized + 'static {
    const ID: IdRules;

    fn id(&self) -> &str;
    fn table(region: &Region) -> &BTreeMap<String, Self>;
    fn table_mut(region: &mut Region) -> &mut BTreeMap<String, Self>;
    /// The filter of this name; `tag:KEY` and `tag-key` are common to all kinds and not asked for here.
    fn filter(name: &str) -> Option<Getter<Self>>;
    /// Writes the members of the resource's element.
    fn write(&self, view: &View<'_>, xml: &mut Xml);
}

impl Ec2<'_> {
    pub(crate) fn view(&self) -> View<'_> {
        View { region: self.region, context: self.context }
    }

    /// A resource by its id.
    pub(crate) fn find<T: Kind>(&self, id: &str) -> Result<&T, AwsError> {
        T::ID.check(id)?;
        let found = T::table(self.region).get(id).filter(|_| self.region.is_visible(id, self.context.now));
        found.ok_or_else(|| T::ID.missing(id))
    }

    /// A resource by its id, to change it.
    pub(crate) fn find_mut<T: Kind>(&mut self, id: &str) -> Result<&mut T, AwsError> {
        self.find::<T>(id)?;
        T::table_mut(self.region).get_mut(id).ok_or_else(|| T::ID.missing(id))
    }

    /// The resource that a required parameter names.
    pub(crate) fn named<T: Kind>(&self, params: &Params, name: &str) -> Result<&T, AwsError> {
        self.find(params.required(name)?)
    }

    /// Takes a resource out.
    pub(crate) fn remove<T: Kind>(&mut self, id: &str) {
        T::table_mut(self.region).remove(id);
        self.region.forget(id);
    }

    /// The reply of a `Describe…` call without further members: `set` is the list's element, `ids` the parameter with ids.
    pub(crate) fn describe<T: Kind>(&self, params: &Params, ids: &str, set: &str) -> Reply {
        let page = self.page::<T>(params, ids)?;
        let view = self.view();
        let mut xml = Xml::new();
        xml.list(set, page.items, |xml, item| item.write(&view, xml));
        xml.opt("nextToken", page.next);
        Ok(xml)
    }

    /// The resources that a `Describe…` call asks for, one page of them.
    pub(crate) fn page<T: Kind>(&self, params: &Params, ids: &str) -> Result<Page<'_, T>, AwsError> {
        let limit = self.page_size(params, ids)?;
        let wanted: BTreeSet<String> = params.list(ids).into_iter().collect();
        self.check_all::<T>(&wanted)?;
        let filters = Filters::<T>::of(params)?;
        let after = params.filled("NextToken").map(read_token).transpose()?;
        let view = self.view();
        let table = T::table(self.region);
        let mut matching = table
            .iter()
            .filter(|(id, _)| after.as_ref().is_none_or(|after| *id > after))
            .filter(|(id, _)| wanted.is_empty() || wanted.contains(*id))
            .filter(|(id, _)| self.region.is_visible(id, self.context.now))
            .filter(|(_, item)| filters.accept(*item, &view))
            .map(|(_, item)| item);
        let items: Vec<&T> = matching.by_ref().take(limit).collect();
        let next = matching.next().and(items.last()).map(|last| BASE64.encode(last.id()));
        Ok(Page { items, next })
    }

    /// The error names all ids that are missing, so that a caller of many can drop just those.
    pub(crate) fn check_all<T: Kind>(&self, wanted: &BTreeSet<String>) -> Result<(), AwsError> {
        let mut missing = Vec::new();
        for id in wanted {
            T::ID.check(id)?;
            if self.find::<T>(id).is_err() {
                missing.push(id.as_str());
            }
        }
        match missing[..] {
            [] => Ok(()),
            [id] => Err(T::ID.missing(id)),
            _ => {
                let message = format!("The {}s '{}' do not exist", T::ID.label, missing.join(", "));
                Err(AwsError::new(T::ID.not_found, message))
            }
        }
    }

    fn page_size(&self, params: &Params, ids: &str) -> Result<usize, AwsError> {
        const EXCLUSIVE: [&str; 3] = ["InstanceId", "VolumeId", "NetworkInterfaceId"];
        let most = self.context.world.max_page(self.context.options().max_page);
        let Some(wanted) = params.parsed::<usize>("MaxResults")? else { return Ok(most) };
        if EXCLUSIVE.contains(&ids) && !params.list(ids).is_empty() {
            return Err(AwsError::new(
                "InvalidParameterCombination",
                format!("The parameter {ids} cannot be used with the parameter maxResults"),
            ));
        }
        if wanted < 5 {
            return Err(AwsError::new(
                "InvalidParameterValue",
                format!(
                    "Value ( {wanted} ) for parameter maxResults is invalid. Expecting a value greater than 5."
                ),
            ));
        }
        Ok(wanted.min(most))
    }
}

/// Part of a list.
#[derive(Debug)]
pub(crate) struct Page<'a, T> {
    pub(crate) items: Vec<&'a T>,
    pub(crate) next: Option<String>,
}

fn read_token(token: &str) -> Result<String, AwsError> {
    let id = BASE64.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    id.ok_or_else(|| AwsError::new("InvalidNextToken", format!("The token '{token}' is invalid.")))
}
