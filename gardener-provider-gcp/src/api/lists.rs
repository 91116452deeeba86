//! Lists of Compute Engine: filters, pages, and all zones at once
//! ([source](https://cloud.google.com/compute/docs/reference/rest/v1/instances/aggregatedList)).

use std::collections::BTreeMap;

use bytes::Bytes;
use gardener_provider_client::{pages::Page, rest::json};
use gardener_provider_core::{Error, ErrorKind, Result};
use http::Response;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::RestRequest;

/// The most that a page holds.
const PAGE: u32 = 500;

/// Asks for a page of what matches a filter.
pub fn paged(request: RestRequest, filter: Option<&str>, token: Option<&str>) -> RestRequest {
    request.query("maxResults", PAGE).opt_query("filter", filter).opt_query("pageToken", token)
}

/// What has exactly this value in this field.
pub fn is(field: &str, value: &str) -> String {
    format!("({field} = \"{}\")", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What has one of these values in this field.
pub fn any<'a>(field: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    let each: Vec<_> = values.into_iter().map(|value| is(field, value)).collect();
    each.join(" OR ")
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Warning {
    code: String,
    message: String,
}

impl Warning {
    /// True if it says that something may be missing.
    fn is_gap(&self) -> bool {
        matches!(self.code.as_str(), "UNREACHABLE" | "PARTIAL_SUCCESS")
    }
}

/// Reads a page of a list.
///
/// # Errors
/// `Unavailable` if the server says that the list is not complete.
pub fn page<T: DeserializeOwned>(reply: &Response<Bytes>) -> Result<Page<T>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reply<T> {
        #[serde(default = "Vec::new")]
        items: Vec<T>,
        next_page_token: Option<String>,
        warning: Option<Warning>,
    }
    let reply: Reply<T> = json(reply)?;
    match reply.warning {
        Some(warning) if warning.is_gap() => Err(gap(&warning.message)),
        _ => Ok(Page::new(reply.items, reply.next_page_token)),
    }
}

/// A page of a list over all zones, and which of them did not answer.
#[derive(Debug)]
pub struct Aggregated<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
    /// `zones/<zone>`, `regions/<region>` or `global`.
    pub silent: Vec<String>,
}

impl<T> Aggregated<T> {
    /// The page, if all of these zones answered.
    ///
    /// # Errors
    /// `Unavailable` naming one that did not.
    pub fn complete_in(self, is_wanted: impl Fn(&str) -> bool) -> Result<Page<T>> {
        let zone = |scope: &str| scope.rsplit('/').next().unwrap_or_default().to_owned();
        match self.silent.iter().map(|scope| zone(scope)).find(|zone| is_wanted(zone)) {
            Some(zone) => Err(gap(&format!("{zone} does not answer"))),
            None => Ok(Page::new(self.items, self.next)),
        }
    }
}

fn gap(message: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("the list is not complete: {message}"))
}

/// Reads a page of a list over all zones.
///
/// # Errors
/// `Internal` if it makes no sense.
pub fn aggregated<T: DeserializeOwned>(reply: &Response<Bytes>) -> Result<Aggregated<T>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Reply {
        #[serde(default)]
        items: BTreeMap<String, BTreeMap<String, Value>>,
        next_page_token: Option<String>,
        #[serde(default)]
        unreachables: Vec<String>,
    }
    let reply: Reply = json(reply)?;
    let unreadable = |error| Error::internal(format!("the reply could not be read: {error}"));
    let mut all = Aggregated { items: Vec::new(), next: reply.next_page_token, silent: reply.unreachables };
    for (scope, entries) in reply.items {
        for (key, value) in entries {
            if key != "warning" {
                all.items.extend(serde_json::from_value::<Vec<T>>(value).map_err(unreadable)?);
            } else if serde_json::from_value::<Warning>(value).map_err(unreadable)?.is_gap() {
                all.silent.push(scope.clone());
            }
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(json: &str) -> Response<Bytes> {
        Response::new(Bytes::copy_from_slice(json.as_bytes()))
    }

    #[test]
    fn filters_are_quoted() {
        assert_eq!(any("name", ["a", "b"]), r#"(name = "a") OR (name = "b")"#);
        assert_eq!(is("labels.x", r#"a"b\"#), r#"(labels.x = "a\"b\\")"#);
    }

    #[test]
    fn a_page_may_be_empty_and_must_be_complete() {
        let empty: Page<String> = page(&reply(r#"{"kind":"compute#diskList","id":"x"}"#)).unwrap();
        assert!(empty.items.is_empty() && empty.next.is_none());
        let full: Page<String> = page(&reply(r#"{"items":["a"],"nextPageToken":"t"}"#)).unwrap();
        assert_eq!((full.items, full.next.as_deref()), (vec!["a".to_owned()], Some("t")));
        let gap = page::<String>(&reply(r#"{"warning":{"code":"UNREACHABLE","message":"zone b"}}"#));
        assert_eq!(gap.unwrap_err().kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn all_zones_come_together_and_one_that_is_silent_is_told_if_it_matters() {
        let json = r#"{"items":{
            "zones/europe-west1-b":{"instances":["a"]},
            "zones/europe-west1-c":{"warning":{"code":"NO_RESULTS_ON_PAGE","message":"none"}},
            "zones/us-east1-b":{"warning":{"code":"UNREACHABLE","message":"gone"}}}}"#;
        let all: Aggregated<String> = aggregated(&reply(json)).unwrap();
        assert_eq!((all.items.len(), all.silent.len()), (1, 1));
        let in_region = |region: &'static str| move |zone: &str| zone.starts_with(region);
        assert!(all.complete_in(in_region("europe-west1-")).is_ok());
        let all: Aggregated<String> = aggregated(&reply(json)).unwrap();
        let error = all.complete_in(in_region("us-east1-")).unwrap_err();
        assert!(error.message().contains("us-east1-b"), "{error}");
    }
}
