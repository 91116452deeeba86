//! Filters of `Describe…` calls.
//!
//! All filters must match; a filter matches if one of its values does. Values may hold `*` and `?`.

use super::kind::{Getter, Kind, View};
use crate::{
    aws::{error::AwsError, query::Params},
    glob,
};

/// The filters of one call.
#[derive(Debug)]
pub(crate) struct Filters<T: 'static> {
    filters: Vec<(Field<T>, Vec<String>)>,
}

#[derive(Debug)]
enum Field<T: 'static> {
    Tag(String),
    TagKey,
    TagValue,
    Other(Getter<T>),
}

impl<T: Kind> Filters<T> {
    /// Reads `Filter.N.Name` and `Filter.N.Value.M`.
    pub(crate) fn of(params: &Params) -> Result<Self, AwsError> {
        let mut filters = Vec::new();
        for filter in params.structs("Filter") {
            let name = filter.required("Name")?;
            let values = filter.list("Value");
            if values.is_empty() {
                return Err(AwsError::new(
                    "InvalidParameterValue",
                    format!("The filter '{name}' needs a value"),
                ));
            }
            let field = match name {
                "tag-key" => Field::TagKey,
                "tag-value" => Field::TagValue,
                _ => match name.strip_prefix("tag:") {
                    Some(key) => Field::Tag(key.to_owned()),
                    None => Field::Other(T::filter(name).ok_or_else(|| unknown(name))?),
                },
            };
            filters.push((field, values));
        }
        Ok(Self { filters })
    }

    /// True if the resource passes all filters.
    pub(crate) fn accept(&self, item: &T, view: &View<'_>) -> bool {
        let tags = || view.region.tags_of(item.id());
        self.filters.iter().all(|(field, patterns)| match field {
            Field::Tag(key) => tags().get(key).is_some_and(|value| any(patterns, value)),
            Field::TagKey => tags().keys().any(|key| any(patterns, key)),
            Field::TagValue => tags().values().any(|value| any(patterns, value)),
            Field::Other(getter) => getter(item, view).iter().any(|value| any(patterns, value)),
        })
    }
}

/// The error for a filter that the operation does not have.
pub(crate) fn unknown(name: &str) -> AwsError {
    AwsError::new("InvalidParameterValue", format!("The filter '{name}' is invalid"))
}

/// True if one of the patterns matches.
pub(crate) fn any(patterns: &[String], value: &str) -> bool {
    patterns.iter().any(|pattern| glob::matches(pattern, value))
}
