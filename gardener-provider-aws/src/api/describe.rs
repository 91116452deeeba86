//! What EC2's describe calls have in common.

use gardener_provider_client::{call::Idempotency, pages::Page};

use super::{
    ApiRequest, Operation, family,
    query::{Filter, Form},
};
use crate::endpoints::Service;

/// What to describe: what matches all filters, or what has these ids. Ids that do not exist are an error of kind
/// `NotFound`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// All of these must match.
    pub filters: Vec<Filter>,
    /// Only these.
    pub ids: Vec<String>,
    /// The page to begin with.
    pub next: Option<String>,
}

impl Query {
    /// What matches all of these.
    pub fn matching(filters: impl Into<Vec<Filter>>) -> Self {
        Self { filters: filters.into(), ..Self::default() }
    }

    /// Those of these ids.
    pub fn ids<T: Into<String>>(ids: impl IntoIterator<Item = T>) -> Self {
        Self { ids: ids.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// The same from this page on.
    pub fn page(&self, next: Option<String>) -> Self {
        Self { next, ..self.clone() }
    }

    /// The form of a call whose ids go under `id_key` and whose pages hold at most `page` items; `None`: it has no
    /// pages. A page size and ids exclude one another.
    pub(super) fn form(&self, id_key: &str, page: Option<u32>) -> Form {
        let form = Form::new().filters(&self.filters).list(id_key, &self.ids);
        match page {
            Some(page) if self.ids.is_empty() => {
                form.put("MaxResults", page).opt("NextToken", self.next.as_ref())
            }
            _ => form,
        }
    }

    /// The request.
    pub(super) fn request(&self, operation: &'static str, id_key: &str, page: Option<u32>) -> ApiRequest {
        self.form(id_key, page).request(Service::Ec2, operation, family::EC2_READ, Idempotency::Safe)
    }

    /// With everything set that goes together: for samples.
    pub(super) fn sample() -> Self {
        Self { next: Some("token".to_owned()), ..Self::matching([Filter::is("vpc-id", "vpc-1")]) }
    }
}

/// An operation that answers a page at a time.
pub type Describe<T> = fn(&Query) -> Operation<Page<T>>;

/// A call that changes something in EC2 and may be repeated.
pub(super) fn idempotent(form: Form, operation: &'static str) -> ApiRequest {
    form.request(Service::Ec2, operation, family::EC2_WRITE, Idempotency::Idempotent)
}

/// A call that makes something in EC2 and would make it twice if repeated.
pub(super) fn once(form: Form, operation: &'static str) -> ApiRequest {
    form.request(Service::Ec2, operation, family::EC2_WRITE, Idempotency::Once)
}

/// A call with a client token: repeated, it answers what it made the first time.
pub(super) fn with_token(form: Form, operation: &'static str, token: &str) -> ApiRequest {
    idempotent(form.put("ClientToken", token), operation)
}

/// Reads a page: the items of a set, and the token of the next page.
macro_rules! page {
    ($set:literal, $item:ty) => {
        |reply: &http::Response<bytes::Bytes>| {
            #[derive(serde::Deserialize)]
            struct Reply {
                #[serde(default = "Vec::new", rename = $set, deserialize_with = "crate::api::query::items")]
                items: Vec<$item>,
                #[serde(default, rename = "nextToken", deserialize_with = "crate::api::query::text")]
                next: Option<String>,
            }
            let read: Reply = crate::api::query::xml(reply)?;
            Ok(gardener_provider_client::pages::Page::new(read.items, read.next))
        }
    };
}

/// Reads one element of a reply.
macro_rules! element {
    ($name:literal, $item:ty) => {
        |reply: &http::Response<bytes::Bytes>| {
            #[derive(serde::Deserialize)]
            struct Reply {
                #[serde(rename = $name)]
                element: $item,
            }
            crate::api::query::xml::<Reply>(reply).map(|read| read.element)
        }
    };
}

pub(super) use {element, page};
