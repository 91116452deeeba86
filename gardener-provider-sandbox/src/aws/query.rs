//! The parameters of the EC2 and AWS Query protocols: a flat form whose dotted names say the structure.

use std::{collections::BTreeMap, str::FromStr};

use bytes::Bytes;
use http::Request;

use super::error::AwsError;

/// The parameters of a call, or of one structure in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Params {
    /// What the names of this structure's members begin with on the wire, for error messages.
    prefix: String,
    values: BTreeMap<String, String>,
}

impl Params {
    /// Reads query string and body.
    pub(crate) fn of(request: &Request<Bytes>) -> Self {
        let query = request.uri().query().unwrap_or_default().as_bytes();
        let pairs = url::form_urlencoded::parse(query).chain(url::form_urlencoded::parse(request.body()));
        let values = pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        Self { prefix: String::new(), values }
    }

    /// All parameters by their names on the wire.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// A value; an empty one counts as given.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Sets a value.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.to_owned());
    }

    /// A value that is neither missing nor empty.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// A value that must be there.
    pub(crate) fn required(&self, name: &str) -> Result<&str, AwsError> {
        self.filled(name).ok_or_else(|| {
            AwsError::new(
                "MissingParameter",
                format!("The request must contain the parameter {}{name}", self.prefix),
            )
        })
    }

    /// A number or another type that parses.
    pub(crate) fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, AwsError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        value.parse().map(Some).map_err(|_| self.invalid(name, value))
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, AwsError> {
        match self.get(name) {
            None => Ok(None),
            Some("true" | "True" | "1") => Ok(Some(true)),
            Some("false" | "False" | "0") => Ok(Some(false)),
            Some(value) => Err(self.invalid(name, value)),
        }
    }

    /// One of a set of words.
    pub(crate) fn one_of<'a>(&'a self, name: &str, words: &[&str]) -> Result<Option<&'a str>, AwsError> {
        match self.get(name) {
            Some(value) if !words.contains(&value) => Err(self.invalid(name, value)),
            value => Ok(value),
        }
    }

    /// `InvalidParameterValue` for a value of this structure.
    pub(crate) fn invalid(&self, name: &str, value: &str) -> AwsError {
        AwsError::new(
            "InvalidParameterValue",
            format!("Value ({value}) for parameter {}{name} is invalid.", self.prefix),
        )
    }

    /// The values of a flat list, `Name.1`, `Name.2`, …, in order.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        let start = format!("{name}.");
        let mut found: Vec<(u32, &String)> = self
            .starting_with(&start)
            .filter_map(|(rest, value)| Some((rest.parse().ok()?, value)))
            .collect();
        found.sort_unstable_by_key(|(index, _)| *index);
        found.into_iter().map(|(_, value)| value.clone()).collect()
    }

    /// The structures of a flat list, `Name.1.Member`, …, in order.
    pub(crate) fn structs(&self, name: &str) -> Vec<Params> {
        let start = format!("{name}.");
        let mut found: BTreeMap<u32, Params> = BTreeMap::new();
        for (rest, value) in self.starting_with(&start) {
            let Some((index, member)) = rest.split_once('.') else { continue };
            let Ok(number) = index.parse::<u32>() else { continue };
            let params = found.entry(number).or_insert_with(|| Params {
                prefix: format!("{}{start}{index}.", self.prefix),
                values: BTreeMap::new(),
            });
            params.values.insert(member.to_owned(), value.clone());
        }
        found.into_values().collect()
    }

    /// One structure, `Name.Member`; empty if it is not given.
    pub(crate) fn sub(&self, name: &str) -> Params {
        let start = format!("{name}.");
        let values =
            self.starting_with(&start).map(|(rest, value)| (rest.to_owned(), value.clone())).collect();
        Params { prefix: format!("{}{start}", self.prefix), values }
    }

    /// A list of the AWS Query protocol (IAM, STS, load balancing): `Name.member.1`.
    pub(crate) fn members(&self, name: &str) -> Vec<String> {
        self.list(&format!("{name}.member"))
    }

    /// A list of structures of the AWS Query protocol: `Name.member.1.Member`.
    pub(crate) fn member_structs(&self, name: &str) -> Vec<Params> {
        self.structs(&format!("{name}.member"))
    }

    fn starting_with<'a>(&'a self, start: &'a str) -> impl Iterator<Item = (&'a str, &'a String)> {
        self.values
            .range(start.to_owned()..)
            .map_while(move |(name, value)| Some((name.strip_prefix(start)?, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(form: &str) -> Params {
        Params::of(&Request::new(Bytes::from(form.to_owned())))
    }

    #[test]
    fn lists_keep_their_numeric_order() {
        let p = params("InstanceId.2=b&InstanceId.10=c&InstanceId.1=a&Action=X");
        assert_eq!(p.list("InstanceId"), ["a", "b", "c"]);
        assert_eq!(p.get("Action"), Some("X"));
    }

    #[test]
    fn structures_nest() {
        let p = params("Filter.1.Name=tag%3AName&Filter.1.Value.1=a+b&Filter.1.Value.2=c&Cpu.CoreCount=x");
        let filters = p.structs("Filter");
        assert_eq!(filters.len(), 1);
        assert_eq!(filters[0].get("Name"), Some("tag:Name"));
        assert_eq!(filters[0].list("Value"), ["a b", "c"]);
        let error = p.sub("Cpu").parsed::<u32>("CoreCount").unwrap_err();
        assert!(error.message.contains("Cpu.CoreCount"), "{error:?}");
    }

    #[test]
    fn members_of_the_other_query_protocol() {
        let p = params("Tags.member.1.Key=a&Tags.member.1.Value=b&Names.member.1=n");
        assert_eq!(p.member_structs("Tags")[0].get("Value"), Some("b"));
        assert_eq!(p.members("Names"), ["n"]);
    }
}
