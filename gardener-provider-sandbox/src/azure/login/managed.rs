//! The endpoint where a program on a machine gets tokens of the machine's identity.
//!
//! <https://learn.microsoft.com/en-us/entra/identity/managed-identities-azure-resources/how-to-use-vm-token>

use std::{collections::BTreeMap, time::SystemTime};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;

use super::{
    error::json_reply,
    tokens::{is_management, is_storage},
};
use crate::azure::state::State;

pub(in crate::azure) fn managed(
    state: &mut State,
    app_service: bool,
    request: &Request<Bytes>,
    now: SystemTime,
) -> Response<Bytes> {
    let refuse = |status: u16, code: &str, message: &str| {
        json_reply(status, &json!({ "error": code, "error_description": message }), Some(code.to_owned()))
    };
    let sent =
        |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if app_service && sent("x-identity-header") != state.options.identity_header.expose() {
        return refuse(401, "unauthorized", "The X-IDENTITY-HEADER is missing or wrong.");
    }
    if !app_service && !sent("metadata").eq_ignore_ascii_case("true") {
        return refuse(400, "invalid_request", "Required metadata header not specified");
    }
    let query: BTreeMap<String, String> =
        url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
    if !query.contains_key("api-version") {
        return refuse(400, "invalid_request", "Required query variable 'api-version' is missing");
    }
    let Some(resource) =
        query.get("resource").filter(|resource| is_management(resource) || is_storage(resource))
    else {
        return refuse(
            400,
            "invalid_resource",
            "AADSTS500011: The resource principal was not found in the tenant.",
        );
    };
    let asked = query.get("client_id").or(query.get("clientid"));
    let identity = match (&state.options.managed_identity, asked) {
        (Some(own), None) => own.clone(),
        (Some(own), Some(asked)) if own.eq_ignore_ascii_case(asked) => own.clone(),
        (_, Some(asked)) if is_identity(state, asked) => asked.clone(),
        _ => return refuse(400, "invalid_request", "Identity not found"),
    };
    let (token, lifetime) = state.grant(&identity, resource, now);
    let seconds =
        |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    json_reply(
        200,
        &json!({
            "access_token": token,
            "client_id": identity,
            "expires_in": lifetime.as_secs().to_string(),
            "expires_on": seconds(now + lifetime),
            "ext_expires_in": lifetime.as_secs().to_string(),
            "not_before": seconds(now),
            "resource": resource,
            "token_type": "Bearer",
        }),
        None,
    )
}

/// A user-assigned identity that somebody made.
fn is_identity(state: &State, client: &str) -> bool {
    state.store.all().any(|stored| {
        stored.kind.name == crate::azure::identity::IDENTITY.name
            && stored.text("properties/clientId") == Some(client)
    })
}
