//! Which operation of which service a request is.

use bytes::Bytes;
use http::{Request, header};

use super::{
    Problem, rest,
    shapes::{Description, Protocol},
};

pub(super) fn operation<'a>(
    services: &'a [Description],
    request: &Request<Bytes>,
) -> Result<(&'a Description, &'a str), Problem> {
    let signed_for = signed_for(request);
    let mut meant =
        services.iter().filter(|service| signed_for.as_deref().is_none_or(|name| name == service.name));
    if is_form(request) {
        let form = |key: &str| {
            let mut pairs = url::form_urlencoded::parse(request.body());
            pairs.find(|(name, _)| name == key).map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        let (action, version) = (form("Action"), form("Version"));
        let service = meant
            .find(|service| service.api_version == version && is_query(service))
            .ok_or_else(|| unknown(&format!("version {version:?} of {signed_for:?} is not described")))?;
        return match service.operations.get_key_value(&action) {
            Some((name, _)) => Ok((service, name)),
            None => Err(unknown(&format!("{} has no operation {action:?}", service.id))),
        };
    }
    meant
        .filter(|service| !is_query(service))
        .find_map(|service| rest::resolve(service, request).map(|operation| (service, operation)))
        .ok_or_else(|| {
            let (method, uri) = (request.method(), request.uri());
            unknown(&format!("{method} {uri} of {signed_for:?} is no operation that is described"))
        })
}

fn unknown(problem: &str) -> Problem {
    Problem::new("", problem)
}

fn is_query(service: &Description) -> bool {
    matches!(service.protocol, Protocol::Ec2 | Protocol::Query)
}

fn is_form(request: &Request<Bytes>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

/// The service in the scope of the signature: `Credential=<key>/<date>/<region>/<service>/aws4_request`.
fn signed_for(request: &Request<Bytes>) -> Option<String> {
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let scope = header.split("Credential=").nth(1)?.split(',').next()?;
    scope.rsplit('/').nth(1).map(str::to_owned)
}
