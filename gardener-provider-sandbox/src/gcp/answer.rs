//! The way of one call through the GCP part: recognise, authenticate, hand to the service, render.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::Value;

use super::{
    Inner, auth,
    context::Context,
    error::{GcpError, Reply},
    identity,
    route::{self, Route, Service},
    storage,
};
use crate::call::{Call, Cloud, Refusal};

impl Cloud for Inner {
    type Route = Route;

    fn recognise(&self, request: &Request<Bytes>) -> Option<(Call, Route)> {
        let (route, operation) = route::recognise(request)?;
        let call = Call {
            service: route.service.name(),
            mutating: is_mutating(request.method(), &operation),
            operation,
            region: route.target.as_ref().map(|target| target.scope.region().to_owned()).unwrap_or_default(),
            parameters: parameters(&route, request),
        };
        Some((call, route))
    }

    async fn answer(&self, call: &Call, route: Route, request: Request<Bytes>) -> Response<Bytes> {
        let now = self.world.options.clock.now();
        let service = route.service;
        let needs_token = !service.is_token_endpoint() && service != Service::Metadata;
        let authenticated = auth::authenticate(&self.state(), &request, &route, now);
        let caller = match authenticated {
            Ok(caller) => caller,
            Err(error) if needs_token => return error.render(service),
            Err(_) => auth::Caller::default(),
        };
        let context = Context { world: &self.world, call, caller, now };
        let reply = match service {
            Service::Storage => return storage::answer(self, &context, request).await,
            Service::Metadata => return identity::metadata(&context, &mut self.state(), &route, &request),
            Service::Compute => self.answer_compute(&context, &route, &request).await,
            _ => identity::answer(&context, &mut self.state(), &route, &request),
        };
        match reply {
            Ok(body) => json_reply(&body),
            Err(error) => error.render(service),
        }
    }

    fn refuse(&self, _: &Call, route: &Route, refusal: &Refusal) -> Response<Bytes> {
        GcpError::of_refusal(route.service, refusal).render(route.service)
    }
}

impl Inner {
    async fn answer_compute(&self, context: &Context<'_>, route: &Route, request: &Request<Bytes>) -> Reply {
        let Some(target) = &route.target else {
            return Err(GcpError::new(404, "notFound", format!("Not found: {}", route.path)));
        };
        let rest = self.state().operation_to_wait_for(context, target)?;
        if let Some(rest) = rest {
            context.world.options.clock.sleep(rest).await;
        }
        let now = context.world.options.clock.now();
        let context = Context { now, caller: context.caller.clone(), ..*context };
        self.state().answer_compute(&context, target, &route.query, request.body())
    }
}

/// A body, or `204 No Content` if it is null.
pub(crate) fn json_reply(body: &Value) -> Response<Bytes> {
    if body.is_null() {
        let mut reply = Response::new(Bytes::new());
        *reply.status_mut() = StatusCode::NO_CONTENT;
        return reply;
    }
    let mut reply = Response::new(Bytes::from(body.to_string()));
    let kind = HeaderValue::from_static("application/json; charset=UTF-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}

/// Reads, waits and what makes credentials change nothing.
fn is_mutating(method: &Method, operation: &str) -> bool {
    const READS: [&str; 7] = [
        "wait",
        "generateAccessToken",
        "token",
        "testIamPermissions",
        "listInstances",
        "getHealth",
        "preview",
    ];
    let verb = operation.rsplit('.').next().unwrap_or_default();
    method != Method::GET && method != Method::HEAD && !READS.contains(&verb)
}

/// What the journal and fault rules see: the parts of the path, the parameters of the URL and the plain fields of the
/// body, without secrets.
fn parameters(route: &Route, request: &Request<Bytes>) -> BTreeMap<String, String> {
    const SECRET: [&str; 4] = ["access_token", "key", "oauth_token", "upload_id"];
    let mut found = BTreeMap::new();
    let query = route.query.iter().filter(|(name, _)| !SECRET.contains(name));
    found.extend(query.map(|(name, value)| (name.to_owned(), value.to_owned())));
    match route.service {
        Service::Compute | Service::Iam => {
            if let Ok(Value::Object(body)) = serde_json::from_slice(request.body()) {
                found.extend(body.iter().filter_map(|(name, value)| Some((name.clone(), plain(value)?))));
            }
        }
        Service::OAuth | Service::Sts => found.extend(identity::loggable(request.body())),
        _ => {}
    }
    if let Some(target) = &route.target {
        found.extend(target.parameters());
    }
    found
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}
