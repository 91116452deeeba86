//! What the descriptions of JSON APIs have in common.

use std::collections::{BTreeMap, btree_map::Entry};

use base64::{Engine as _, engine::general_purpose};
use bytes::Bytes;
use regex_lite::Regex;
use serde_json::Value;

use super::Problem;

/// The path of a part.
pub(super) fn join(path: &str, step: &str) -> String {
    if path.is_empty() { step.to_owned() } else { format!("{path}.{step}") }
}

/// The JSON of a body.
pub(super) fn json(body: &Bytes) -> Result<Value, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::new("", format!("the body is not JSON: {error}")))
}

/// The pairs of a query string, and a problem for each name that comes twice and must not.
pub(super) fn query(
    query: Option<&str>,
    may_repeat: impl Fn(&str) -> bool,
) -> (BTreeMap<String, Vec<String>>, Vec<Problem>) {
    let (mut pairs, mut problems) = (BTreeMap::new(), Vec::new());
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned() {
        match pairs.entry(name) {
            Entry::Vacant(slot) => drop(slot.insert(vec![value])),
            Entry::Occupied(slot) if !may_repeat(slot.key()) => {
                problems.push(Problem::new(slot.key(), "is there twice"));
            }
            Entry::Occupied(mut slot) => slot.get_mut().push(value),
        }
    }
    (pairs, problems)
}

/// True if the whole text, or with `anywhere` a part of it, is of this pattern. A pattern that looks around itself, as some
/// of Azure's do, cannot be read here and says nothing.
pub(super) fn matches(pattern: &str, anywhere: bool, text: &str) -> bool {
    let pattern = if anywhere { pattern.to_owned() } else { format!("^(?:{pattern})$") };
    Regex::new(&pattern).map_or(true, |regex| regex.is_match(text))
}

/// `2026-11-22T08:00:00.123Z` or with an offset from UTC.
pub(super) fn is_time(text: &str) -> bool {
    matches(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", false, text)
}

/// The usual alphabet or that for URLs.
pub(super) fn is_base64(text: &str) -> bool {
    general_purpose::STANDARD.decode(text).is_ok() || general_purpose::URL_SAFE.decode(text).is_ok()
}

/// The first values, for a message.
pub(super) fn some_of(values: &[String]) -> String {
    values.iter().take(12).cloned().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_names_are_told() {
        let (pairs, problems) = query(Some("a=1&b=x%20y&a=2&c=1&c=2"), |name| name == "c");
        assert_eq!(pairs["b"], ["x y"]);
        assert_eq!(pairs["c"], ["1", "2"]);
        assert_eq!(problems, [Problem::new("a", "is there twice")]);
    }

    #[test]
    fn times_have_a_zone() {
        for text in
            ["2026-11-22T08:00:00Z", "2026-11-22T00:00:00.1234567+00:00", "2026-11-22T00:00:00.123-08:00"]
        {
            assert!(is_time(text), "{text}");
        }
        for text in ["2026-11-22", "2026-11-22T08:00:00", "tomorrow", ""] {
            assert!(!is_time(text), "{text}");
        }
    }

    #[test]
    fn patterns_mean_the_whole_text_or_a_part() {
        assert!(matches("[a-z]+", false, "abc") && !matches("[a-z]+", false, "abc1"));
        assert!(matches("[a-z]+", true, "1abc1"));
        assert!(matches("^(?<!-)a$", true, "b"), "a pattern that cannot be read says nothing");
    }
}
