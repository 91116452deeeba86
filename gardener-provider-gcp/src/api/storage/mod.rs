//! Cloud Storage: what is used of its [JSON API](https://cloud.google.com/storage/docs/json_api/v1), by resource.

pub mod buckets;
pub mod objects;
pub mod uploads;

use gardener_provider_client::rest::RestRequest;
use http::Method;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::family::{STORAGE, STORAGE_OBJECTS};

fn of_bucket(operation: &'static str, family: &'static str, method: Method, bucket: &str) -> RestRequest {
    super::storage(operation, family, method).segments(["b", bucket])
}

/// One request of each kind, for the check against the vendor's description.
pub fn samples() -> Vec<RestRequest> {
    [buckets::samples(), objects::samples(), uploads::samples()].concat()
}

/// Numbers of 64 bits come as text; some servers send them plain.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Plain(u64),
        Text(String),
    }
    match Number::deserialize(deserializer)? {
        Number::Plain(number) => Ok(number),
        Number::Text(text) => text.parse().map_err(D::Error::custom),
    }
}

fn optional_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    number(deserializer).map(Some)
}
