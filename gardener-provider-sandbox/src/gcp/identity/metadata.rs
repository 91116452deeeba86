//! The metadata server of an instance.
//!
//! <https://cloud.google.com/compute/docs/metadata/querying-metadata>

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::json;

use super::default_account;
use crate::gcp::{compute::project_number, context::Context, route::Route, state::State as Cloud};

const PREFIX: &str = "/computeMetadata/v1/";

/// Answers one request of a program on an instance.
pub(crate) fn answer(
    context: &Context<'_>,
    state: &mut Cloud,
    route: &Route,
    request: &Request<Bytes>,
) -> Response<Bytes> {
    let flavor = request.headers().get("metadata-flavor");
    if flavor.is_none_or(|flavor| flavor != "Google") {
        return text(403, "Missing Metadata-Flavor:Google header.\n");
    }
    let project = context.options().projects.first().cloned().unwrap_or_default();
    let asked = route.path.strip_prefix(PREFIX).unwrap_or(&route.path).trim_end_matches('/');
    let (region, zones) = context.options().regions.first().cloned().unwrap_or_default();
    let zone = zones.first().unwrap_or(&region);
    if let Some(rest) = asked.strip_prefix("instance/service-accounts/") {
        return account(context, state, rest, &project);
    }
    match asked {
        "" | "/computeMetadata/v1" => text(200, "instance/\nproject/\nuniverse/\n"),
        "project/project-id" => text(200, &project),
        "project/numeric-project-id" => text(200, &project_number(&project).to_string()),
        "instance/zone" => text(200, &format!("projects/{}/zones/{zone}", project_number(&project))),
        "instance/service-accounts" => text(200, &format!("{}/\ndefault/\n", default_account(&project))),
        "universe/universe-domain" | "universe/universe_domain" => text(200, "googleapis.com"),
        _ => text(404, "Not Found\n"),
    }
}

fn account(context: &Context<'_>, state: &mut Cloud, rest: &str, project: &str) -> Response<Bytes> {
    let own = default_account(project);
    let (name, leaf) = rest.split_once('/').unwrap_or((rest, ""));
    if name != "default" && name != own {
        return text(404, "Not Found\n");
    }
    match leaf {
        "email" => text(200, &own),
        "scopes" => text(200, "https://www.googleapis.com/auth/cloud-platform\n"),
        "token" => {
            let lifetime = context.options().durations.tokens;
            let token = state.tokens.grant(&mut state.ids, &own, context.after(lifetime));
            let body = json!({
                "access_token": token,
                "expires_in": lifetime.as_secs().saturating_sub(1),
                "token_type": "Bearer",
            });
            json_text(&body)
        }
        "" => json_text(&json!({
            "aliases": ["default"],
            "email": own,
            "scopes": ["https://www.googleapis.com/auth/cloud-platform"],
        })),
        _ => text(404, "Not Found\n"),
    }
}

fn text(status: u16, body: &str) -> Response<Bytes> {
    reply(status, "application/text", body.to_owned())
}

fn json_text(body: &serde_json::Value) -> Response<Bytes> {
    reply(200, "application/json", body.to_string())
}

fn reply(status: u16, kind: &'static str, body: String) -> Response<Bytes> {
    let mut reply = Response::new(Bytes::from(body));
    *reply.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    reply.headers_mut().insert("metadata-flavor", HeaderValue::from_static("Google"));
    reply
}
