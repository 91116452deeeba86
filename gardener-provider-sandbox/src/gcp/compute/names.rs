//! Names, labels and tags as compute wants them.

use serde_json::Value;

use crate::gcp::{
    body::{Fields, Object},
    error::GcpError,
};

const NAME: &str = "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'";

/// True for a name by RFC 1035: up to 63 lower-case letters, digits and dashes.
pub(super) fn is_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.chars().all(inner)
}

/// The name of a new resource.
pub(super) fn resource_name(body: &Object) -> Result<String, GcpError> {
    match body.text("name") {
        None => Err(GcpError::required("resource.name")),
        Some(name) => checked_name("resource.name", name),
    }
}

pub(super) fn checked_name(field: &str, name: &str) -> Result<String, GcpError> {
    if is_name(name) { Ok(name.to_owned()) } else { Err(GcpError::invalid(field, name, NAME)) }
}

/// Labels: up to 64, keys of lower-case letters, digits, `_` and `-` that begin with a letter, values of the same.
///
/// <https://cloud.google.com/compute/docs/labeling-resources#requirements>
pub(super) fn check_labels(body: &Object, field: &str) -> Result<(), GcpError> {
    let Some(labels) = body.object("labels") else { return Ok(()) };
    if labels.len() > 64 {
        return Err(GcpError::invalid(field, "", "A resource can have at most 64 labels."));
    }
    let plain = |c: char| c.is_alphanumeric() && !c.is_uppercase() || matches!(c, '_' | '-');
    for (key, value) in labels {
        let value = value.as_str().unwrap_or_default();
        let good_key = key.starts_with(|c: char| c.is_alphabetic() && !c.is_uppercase())
            && key.chars().count() <= 63
            && key.chars().all(plain);
        if !good_key {
            return Err(GcpError::invalid(
                field,
                key,
                "Label keys must match '[\\p{Ll}\\p{Lo}][\\p{Ll}\\p{Lo}\\p{N}_-]{0,62}'.",
            ));
        }
        if value.chars().count() > 63 || !value.chars().all(plain) {
            return Err(GcpError::invalid(
                field,
                value,
                "Label values must match '[\\p{Ll}\\p{Lo}\\p{N}_-]{0,63}'.",
            ));
        }
    }
    Ok(())
}

/// One of a few words; missing is fine.
pub(super) fn check_word(body: &Object, at: &str, name: &str, words: &[&str]) -> Result<(), GcpError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(word)) if words.contains(&word.as_str()) => Ok(()),
        Some(other) => {
            let value = other.as_str().map_or_else(|| other.to_string(), str::to_owned);
            Err(GcpError::invalid(
                &format!("{at}.{name}"),
                &value,
                &format!("Must be one of: {}.", words.join(", ")),
            ))
        }
    }
}

/// A whole number within bounds; missing is fine.
pub(super) fn check_number(
    body: &Object,
    at: &str,
    name: &str,
    bounds: std::ops::RangeInclusive<i64>,
) -> Result<(), GcpError> {
    let Some(value) = body.get(name).filter(|value| !value.is_null()) else { return Ok(()) };
    if body.number(name).is_some_and(|number| bounds.contains(&number)) {
        return Ok(());
    }
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let problem = format!("Must be an integer between {} and {}.", bounds.start(), bounds.end());
    Err(GcpError::invalid(&format!("{at}.{name}"), &text, &problem))
}

/// Network tags: names, all different, up to 64.
pub(super) fn check_tags(tags: &[&str], field: &str) -> Result<(), GcpError> {
    if tags.len() > 64 {
        return Err(GcpError::invalid(field, "", "There can be at most 64 tags."));
    }
    for tag in tags {
        checked_name(field, tag)?;
    }
    Ok(())
}
