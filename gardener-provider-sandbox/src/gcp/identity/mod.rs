//! Identities: service accounts and their keys, tokens for them, the metadata server.

mod accounts;
mod credentials;
mod iam;
pub(crate) mod jwt;
mod key;
mod metadata;
mod oauth;
mod sts;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request};

pub(crate) use accounts::{State, default_account};
pub use key::ServiceAccountKey;
pub(crate) use metadata::answer as metadata;

use super::{
    context::Context,
    error::{GcpError, Reply},
    query::Query,
    route::{Route, Service},
    state::State as Cloud,
};

/// The method's name, for the journal and fault rules.
pub(crate) fn operation(service: Service, method: &Method, path: &str) -> &'static str {
    match service {
        Service::OAuth | Service::Sts => "token",
        Service::Metadata => "get",
        Service::IamCredentials => "projects.serviceAccounts.generateAccessToken",
        Service::Iam => iam::operation(method, path),
        Service::Compute | Service::Storage => "",
    }
}

/// Answers one call, except to the metadata server.
pub(crate) fn answer(
    context: &Context<'_>,
    state: &mut Cloud,
    route: &Route,
    request: &Request<Bytes>,
) -> Reply {
    match route.service {
        Service::OAuth => oauth::token(context, state, request.body()),
        Service::Sts => sts::token(context, state, request),
        Service::IamCredentials => credentials::generate_access_token(context, state, route, request.body()),
        Service::Iam => iam::answer(context, state, route, request),
        _ => Err(GcpError::new(404, "NOT_FOUND", "Not Found")),
    }
}

/// What of a form may be written to the journal.
pub(crate) fn loggable(body: &Bytes) -> BTreeMap<String, String> {
    let open = |name: &str| matches!(name, "grant_type" | "audience" | "scope" | "subject_token_type");
    let form = Query::parse(body);
    let open = form.iter().filter(|(name, _)| open(name));
    open.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
