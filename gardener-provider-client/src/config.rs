//! Reading what users write, strictly, and saying all that is wrong with it.

use gardener_provider_core::{Configuration, Error, ErrorKind, Result, Violation};
use ipnet::IpNet;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// Reads a config such as `InfrastructureConfig`: every field must be known. `null` is a field left out, as Go takes it.
///
/// # Errors
/// All unknown fields, or the first of a wrong type, each by its path.
pub fn parse<T: DeserializeOwned>(kind: &str, value: &Value) -> Result<T, Vec<Violation>> {
    let (config, unknown) = read(kind, value).map_err(|violation| vec![violation])?;
    if unknown.is_empty() { Ok(config) } else { Err(unknown) }
}

/// As [`parse`], for a config that stands in a field such as `providerSpec`: all paths begin with it.
///
/// # Errors
/// As [`parse`].
pub fn parse_field<T: DeserializeOwned>(field: &str, value: &Value) -> Result<T, Vec<Violation>> {
    parse(field, value).map_err(|violations| {
        let below = violations.into_iter().map(|mut violation| {
            if violation.field != field {
                violation.field = format!("{field}.{}", violation.field);
            }
            violation
        });
        below.collect()
    })
}

/// The config and the fields that nobody knows. What was accepted once may hold fields that are unknown today.
///
/// # Errors
/// The first field of a wrong type.
pub fn read<T: DeserializeOwned>(kind: &str, value: &Value) -> Result<(T, Vec<Violation>), Violation> {
    match value {
        Value::Object(_) => {}
        Value::Null => return Err(Violation::new(kind, "is missing")),
        _ => return Err(Violation::new(kind, "is of an invalid type: it must be an object")),
    }
    let mut value = value.clone();
    drop_nulls(&mut value);
    let mut unknown = Vec::new();
    let mut track = serde_path_to_error::Track::new();
    let read = {
        let paths = serde_path_to_error::Deserializer::new(value, &mut track);
        serde_ignored::deserialize(paths, |path| {
            let problem = format!("is not a field of {kind}; check its spelling");
            unknown.push(Violation::new(path_of(&path), problem));
        })
    };
    match read {
        Ok(config) => Ok((config, unknown)),
        Err(error) => {
            let path = track.path().to_string();
            let field = if path == "." { kind.to_owned() } else { path };
            Err(Violation::new(field, error.to_string()))
        }
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn path_of(path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => String::new(),
        Path::Seq { parent, index } => format!("{}[{index}]", path_of(parent)),
        Path::Map { parent, key } => match path_of(parent) {
            outer if outer.is_empty() => key.clone(),
            outer => format!("{outer}.{key}"),
        },
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            path_of(parent)
        }
    }
}

/// Reads a status such as `InfrastructureStatus`. Fields of later versions are passed over.
///
/// # Errors
/// `InvalidArgument` naming the field that is of a wrong type, or `apiVersion` and `kind` of something else.
pub fn parse_status<T: DeserializeOwned>(api_version: &str, kind: &str, value: &Value) -> Result<T> {
    let (status, _) = read::<T>(kind, value)?;
    for (field, wanted) in [("apiVersion", api_version), ("kind", kind)] {
        let found = value.get(field).and_then(Value::as_str);
        if found.is_some_and(|found| found != wanted) {
            return Err(Error::invalid(field, format!("{:?} must be {wanted:?}", found.unwrap_or_default())));
        }
    }
    Ok(status)
}

/// Writes a status.
///
/// # Errors
/// `Internal` if it has no JSON.
pub fn write_status(status: &impl Serialize) -> Result<Value> {
    serde_json::to_value(status)
        .map_err(|error| Error::internal("the status could not be written").with_source(error))
}

/// Says of a field that is not to change that it does.
pub fn fixed<T: PartialEq>(field: &str, old: &T, new: &T, wrong: &mut Vec<Violation>) {
    if old != new {
        wrong.push(Violation::new(field, "cannot be changed once the infrastructure exists; set it back"));
    }
}

/// The error of a request whose config has these violations: the first, the number of the others, and those.
pub fn refusal(kind: &str, violations: Vec<Violation>) -> Error {
    let mut violations = violations.into_iter();
    let first = violations.next().unwrap_or_else(|| Violation::new(kind, "is not valid"));
    let others: Vec<_> = violations.map(|violation| violation.to_string()).collect();
    if others.is_empty() {
        return first.into();
    }
    let problem = format!("{}; and {} more: {}", first.problem, others.len(), others.join("; "));
    Error::invalid(first.field, problem)
}

/// The violation that an error of kind `InvalidArgument` tells.
pub fn violation_of(otherwise: &str, error: &Error) -> Violation {
    let (field, problem) = error.message().split_once(": ").unwrap_or((otherwise, error.message()));
    Violation::new(field, problem)
}

/// The error of a cloud that does not validate configurations of this kind.
pub fn not_offered(cloud: &str, configuration: &Configuration) -> Error {
    // Its debug output begins with the kind.
    let kind = format!("{configuration:?}");
    let kind = kind.split([' ', '{']).next().unwrap_or_default();
    let message = format!("validation of a {kind} configuration is not offered for {cloud} yet");
    Error::new(ErrorKind::Unimplemented, message)
}

/// What a validation found so far.
#[derive(Debug, Default)]
pub struct Findings(Vec<Violation>);

/// A CIDR and the field that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cidr {
    /// The path of the field.
    pub field: String,
    /// The CIDR in canonical form.
    pub net: IpNet,
}

impl Findings {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn say(&mut self, field: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Violation::new(field, problem));
    }

    /// Adds many.
    pub fn extend(&mut self, violations: impl IntoIterator<Item = Violation>) {
        self.0.extend(violations);
    }

    /// All of them.
    pub fn into_violations(self) -> Vec<Violation> {
        self.0
    }

    /// Checks a field that must have this value if it is there: `apiVersion`, `kind`.
    pub fn constant(&mut self, field: &str, found: Option<&str>, expected: &str) {
        if found.is_some_and(|found| found != expected) {
            self.say(field, format!("must be {expected:?}"));
        }
    }

    /// Reads a CIDR; it must be in canonical form: no bits behind the prefix.
    pub fn cidr(&mut self, field: impl Into<String>, text: &str) -> Option<Cidr> {
        let field = field.into();
        let Ok(net) = text.parse::<IpNet>() else {
            self.say(field, format!("{text:?} is not a CIDR, such as \"10.250.0.0/16\""));
            return None;
        };
        if net.trunc() != net {
            self.say(&field, format!("{text} has bits behind its prefix; write {}", net.trunc()));
        }
        Some(Cidr { field, net: net.trunc() })
    }

    /// Checks that `inner` lies within `outer`.
    pub fn within(&mut self, inner: &Cidr, outer: &Cidr) {
        if !outer.net.contains(&inner.net) {
            let problem = format!("{} must lie within {}, {}", inner.net, outer.field, outer.net);
            self.say(&inner.field, problem);
        }
    }

    /// Checks that two CIDRs share no address; it is said of `one`.
    pub fn apart(&mut self, one: &Cidr, other: &Cidr) {
        if one.net.contains(&other.net) || other.net.contains(&one.net) {
            let problem = format!("{} must not overlap with {}, {}", one.net, other.field, other.net);
            self.say(&one.field, problem);
        }
    }

    /// Checks that all of these lie within `outer`.
    pub fn all_within(&mut self, inner: &[Cidr], outer: &Cidr) {
        for inner in inner {
            self.within(inner, outer);
        }
    }

    /// Checks that none of these shares an address with `other`.
    pub fn all_apart_from(&mut self, cidrs: &[Cidr], other: &Cidr) {
        for one in cidrs {
            self.apart(one, other);
        }
    }

    /// Checks that no two of these share an address.
    pub fn all_apart(&mut self, cidrs: &[Cidr]) {
        for (index, one) in cidrs.iter().enumerate() {
            for other in &cidrs[..index] {
                self.apart(one, other);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Zone {
        name: String,
        ids: Vec<u8>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Config {
        zones: Vec<Zone>,
        region: Option<String>,
    }

    fn fields(value: &Value) -> Vec<String> {
        let violations = parse_field::<Config>("spec", value).unwrap_err();
        violations.into_iter().map(|violation| violation.field).collect()
    }

    #[test]
    fn every_unknown_field_and_the_first_wrong_type_are_named_by_path() {
        let typos = json!({ "zone": 1, "zones": [{}, { "nam": "a" }] });
        assert_eq!(fields(&typos), ["spec.zone", "spec.zones[1].nam"]);
        assert_eq!(fields(&json!({ "zones": [{ "ids": [1, "x"] }] })), ["spec.zones[0].ids[1]"]);
        assert_eq!(fields(&json!([])), ["spec"]);
        assert_eq!(fields(&Value::Null), ["spec"]);
    }

    #[test]
    fn null_is_a_field_left_out() {
        let config: Config =
            parse("Config", &json!({ "zones": null, "region": null, "other": null })).unwrap();
        assert_eq!(config, Config::default());
    }

    #[test]
    fn a_status_may_be_of_a_later_version_but_of_nothing_else() {
        let read =
            |value: Value| parse_status::<Config>("v1", "Status", &value).map_err(|error| error.to_string());
        let status = json!({ "apiVersion": "v1", "kind": "Status", "region": "here", "later": 1 });
        assert_eq!(read(status).unwrap().region.as_deref(), Some("here"));
        assert!(
            read(json!({ "kind": "Other" })).unwrap_err().starts_with("kind: \"Other\" must be \"Status\"")
        );
        assert!(read(json!({ "apiVersion": "v2" })).unwrap_err().starts_with("apiVersion: "));
        assert!(read(json!({ "zones": [{ "name": 1 }] })).unwrap_err().starts_with("zones[0].name: "));
        assert_eq!(write_status(&json!({ "a": 1 })).unwrap(), json!({ "a": 1 }));
    }

    #[test]
    fn what_is_fixed_is_said_to_be() {
        let mut wrong = Vec::new();
        fixed("same", &1, &1, &mut wrong);
        fixed("other", &Some("a"), &None, &mut wrong);
        assert_eq!(wrong.len(), 1);
        assert_eq!(wrong[0].field, "other");
    }

    #[test]
    fn a_refusal_tells_of_all() {
        let all = vec![Violation::new("a", "is bad"), Violation::new("b", "is worse")];
        let error = refusal("Config", all);
        assert_eq!(error.message(), "a: is bad; and 1 more: b: is worse");
        assert_eq!(violation_of("x", &error).field, "a");
    }

    #[test]
    fn cidrs_are_canonical_within_and_apart() {
        let mut findings = Findings::new();
        let vpc = findings.cidr("vpc", "10.0.0.0/16").unwrap();
        let inside = findings.cidr("inside", "10.0.1.0/24").unwrap();
        let outside = findings.cidr("outside", "10.1.0.0/24").unwrap();
        let loose = findings.cidr("loose", "10.0.1.7/25").unwrap();
        assert!(findings.cidr("text", "ten").is_none());
        findings.within(&inside, &vpc);
        findings.within(&outside, &vpc);
        findings.all_apart(&[inside, outside, loose]);
        let named: Vec<_> = findings.into_violations().into_iter().map(|violation| violation.field).collect();
        assert_eq!(named, ["loose", "text", "outside", "loose"]);
    }
}
