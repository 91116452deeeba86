//! The token endpoint.

use std::{collections::BTreeMap, time::SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value, json};

use super::{
    assertion,
    error::{LoginError, json_reply},
    tokens::{is_management, is_storage},
};
use crate::azure::{options::Client, state::State};

/// POST of `/TENANT/oauth2/v2.0/token` and, with `resource` for `scope`, `/TENANT/oauth2/token`.
pub(in crate::azure) fn token(
    state: &mut State,
    tenant: &str,
    v2: bool,
    request: &Request<Bytes>,
    now: SystemTime,
) -> Response<Bytes> {
    match grant(state, tenant, v2, request, now) {
        Ok(body) => json_reply(200, &body, None),
        Err(error) => error.render(),
    }
}

fn grant(
    state: &mut State,
    tenant: &str,
    v2: bool,
    request: &Request<Bytes>,
    now: SystemTime,
) -> Result<Value, LoginError> {
    if request.method() != Method::POST {
        return Err(LoginError::new(
            400,
            "invalid_request",
            900_561,
            "The endpoint only accepts POST requests.",
        ));
    }
    if !tenant.eq_ignore_ascii_case(&state.options.tenant) {
        let message =
            format!("Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
        return Err(LoginError::new(400, "invalid_request", 90_002, message));
    }
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(request.body()).into_owned().collect();
    let field = |name: &str| form.get(name).map(String::as_str).filter(|value| !value.is_empty());
    match field("grant_type") {
        Some("client_credentials") => {}
        Some(other) => {
            let message = format!("The app requested an unsupported grant type '{other}'.");
            return Err(LoginError::new(400, "unsupported_grant_type", 70_003, message));
        }
        None => return Err(absent("grant_type")),
    }
    let id = field("client_id").ok_or_else(|| absent("client_id"))?;
    let Some(client) =
        state.options.clients.iter().find(|client| client.id.eq_ignore_ascii_case(id)).cloned()
    else {
        let message =
            format!("Application with identifier '{id}' was not found in the directory '{tenant}'.");
        return Err(LoginError::new(400, "unauthorized_client", 700_016, message));
    };
    authenticate(&client, &form, tenant, now)?;
    let audience = audience(if v2 { field("scope") } else { field("resource") }, v2)?;
    let (token, lifetime) = state.grant(&client.id, &audience, now);
    let seconds = lifetime.as_secs();
    let mut body = json!({ "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": token });
    if !v2 {
        body["resource"] = audience.into();
        body["expires_in"] = seconds.to_string().into();
    }
    Ok(body)
}

fn absent(name: &str) -> LoginError {
    let message = format!("The request body must contain the following parameter: '{name}'.");
    LoginError::new(400, "invalid_request", 900_144, message)
}

fn authenticate(
    client: &Client,
    form: &BTreeMap<String, String>,
    tenant: &str,
    now: SystemTime,
) -> Result<(), LoginError> {
    if let Some(assertion) = form.get("client_assertion") {
        let kind = form.get("client_assertion_type").map(String::as_str).unwrap_or_default();
        if kind != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
            return Err(LoginError::new(
                400,
                "invalid_request",
                900_144,
                "The client_assertion_type is not supported.",
            ));
        }
        return assertion::check(client, assertion, tenant, now);
    }
    let Some(secret) = form.get("client_secret") else {
        let message = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.";
        return Err(LoginError::new(401, "invalid_client", 7_000_216, message));
    };
    match &client.secret {
        Some(known) if known.expose() == secret => Ok(()),
        _ => {
            let message = format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the \
                 client secret ID, for a secret added to app '{}'.",
                client.id
            );
            Err(LoginError::new(401, "invalid_client", 7_000_215, message))
        }
    }
}

/// The audience of a scope `RESOURCE/.default`.
fn audience(given: Option<&str>, v2: bool) -> Result<String, LoginError> {
    let given = given.ok_or_else(|| absent(if v2 { "scope" } else { "resource" }))?;
    let resource = if v2 {
        let scope = given.split(' ').find(|scope| !matches!(*scope, "openid" | "profile" | "offline_access"));
        let resource = scope.and_then(|scope| scope.strip_suffix("/.default"));
        resource.ok_or_else(|| {
            let message = format!("The provided value for the input parameter 'scope' is not valid. The scope {given} is not valid.");
            LoginError::new(400, "invalid_scope", 70_011, message)
        })?
    } else {
        given
    };
    if is_management(resource) || is_storage(resource) {
        return Ok(resource.to_owned());
    }
    let message = format!("The resource principal named {resource} was not found in the tenant.");
    Err(LoginError::new(400, "invalid_resource", 500_011, message))
}

/// The documents that clients read before they ask for a token.
pub(in crate::azure) fn discovery(request: &Request<Bytes>, path: &str) -> Response<Bytes> {
    let uri = request.uri();
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let base = format!("{}://{authority}", uri.scheme_str().unwrap_or("https"));
    let lower = path.to_ascii_lowercase();
    let tenant = path.trim_start_matches('/').split('/').next().unwrap_or("common");
    if lower.ends_with("/discovery/instance") {
        let body = json!({
            "tenant_discovery_endpoint": format!("{base}/{tenant}/v2.0/.well-known/openid-configuration"),
            "api-version": "1.1",
            "metadata": [{ "preferred_network": authority, "preferred_cache": authority, "aliases": [authority] }],
        });
        return json_reply(200, &body, None);
    }
    if lower.ends_with("/.well-known/openid-configuration") {
        let body = json!({
            "token_endpoint": format!("{base}/{tenant}/oauth2/v2.0/token"),
            "authorization_endpoint": format!("{base}/{tenant}/oauth2/v2.0/authorize"),
            "issuer": format!("{base}/{tenant}/v2.0"),
            "jwks_uri": format!("{base}/{tenant}/discovery/v2.0/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
        });
        return json_reply(200, &body, None);
    }
    json_reply(404, &json!({ "error": "not_found" }), Some("not_found".to_owned()))
}
