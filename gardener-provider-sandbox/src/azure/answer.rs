//! The way of one call through the Azure part: recognise, authenticate, hand to the service, render.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Map, Value};

use super::{
    Inner,
    arm::{
        Arm,
        id::ResourceId,
        kind::{Kind, unknown_type},
    },
    context::{Context, Reply},
    endpoints,
    error::{Answer, ArmError},
    login,
    route::{self, Route, Target},
    storage,
};
use crate::call::{Call, Cloud, Refusal};

impl Cloud for Inner {
    type Route = Route;

    fn recognise(&self, request: &Request<Bytes>) -> Option<(Call, Route)> {
        route::recognise(request)
    }

    async fn answer(&self, call: &Call, route: Route, request: Request<Bytes>) -> Response<Bytes> {
        let now = self.world.options.clock.now();
        let mut state = self.state();
        state.settle(now);
        state.settle_blobs(now);
        let mut reply = match &route {
            Route::Token { tenant, v2 } => login::token(&mut state, tenant, *v2, &request, now),
            Route::Discovery { path } => login::discovery(&request, path),
            Route::Identity { app_service } => login::managed(&mut state, *app_service, &request, now),
            Route::Blob(target) => {
                let most = self.world.max_page(5000);
                storage::blobs::answer(&mut state, now, most, target, &request)
            }
            Route::Arm(target) => {
                let context = self.context(call, &request);
                let mut arm = Arm { context: &context, state: &mut state, at_once: false };
                match arm.answer(target, &request) {
                    Ok(reply) => render(reply, request.method()),
                    Err(error) => error.render(),
                }
            }
        };
        let id = HeaderValue::from_str(&state.ids.uuid()).unwrap_or(HeaderValue::from_static("unknown"));
        reply.headers_mut().insert("x-ms-request-id", id.clone());
        reply.headers_mut().insert("x-ms-correlation-request-id", id);
        reply
    }

    fn refuse(&self, _: &Call, route: &Route, refusal: &Refusal) -> Response<Bytes> {
        let id = self.state().ids.uuid();
        let mut reply = match route {
            Route::Blob(_) => storage::blobs::refuse(refusal),
            Route::Token { .. } | Route::Identity { .. } => login::refuse(refusal),
            _ => ArmError::of_refusal(refusal).render(),
        };
        if let Ok(id) = HeaderValue::from_str(&id) {
            reply.headers_mut().insert("x-ms-request-id", id);
        }
        reply
    }
}

impl Inner {
    fn context<'a>(&'a self, call: &'a Call, request: &Request<Bytes>) -> Context<'a> {
        let uri = request.uri();
        let query: Vec<(String, String)> =
            url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
        let version = query.iter().find(|(name, _)| name.eq_ignore_ascii_case("api-version"));
        let text = |name: header::HeaderName| {
            request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        Context {
            world: &self.world,
            call,
            now: self.world.options.clock.now(),
            base: format!("{}://{authority}", uri.scheme_str().unwrap_or("https")),
            path: uri.path().to_owned(),
            api_version: version.map(|(_, value)| value.clone()).unwrap_or_default(),
            query,
            if_match: text(header::IF_MATCH),
            if_none_match: text(header::IF_NONE_MATCH),
        }
    }
}

impl Arm<'_> {
    fn answer(&mut self, target: &Target, request: &Request<Bytes>) -> Answer<Reply> {
        if let Target::Endpoints = target {
            return Ok(endpoints::metadata(
                &self.context.base,
                &self.context.options().tenant,
                &self.context.api_version,
            ));
        }
        login::check(self.state, request, self.context.now)?;
        self.check_api_version()?;
        let method = request.method();
        match target {
            Target::Resource(id, kind) => self.resource(method, id, kind, request),
            Target::Agreement(id) if *method == Method::PUT => self.accept_agreement(id, &body(request)?),
            Target::Service { subscription, provider, what }
                if *method == Method::POST
                    && provider.eq_ignore_ascii_case("Microsoft.Storage")
                    && what.eq_ignore_ascii_case("checkNameAvailability") =>
            {
                self.check_subscription(subscription)?;
                self.check_storage_name(&body(request)?)
            }
            Target::Member(id, kind, member) => self.member(method, id, kind, member, request),
            Target::UnknownType(provider, kind) => Err(unknown_type(provider, kind)),
            Target::Nothing => Err(ArmError::missing("NotFound", "There is nothing at this path.")),
            _ if *method == Method::GET || matches!(target, Target::Provider(..)) => self.look(target),
            _ => Err(not_allowed(method)),
        }
    }

    fn resource(
        &mut self,
        method: &Method,
        id: &ResourceId,
        kind: &'static Kind,
        request: &Request<Bytes>,
    ) -> Answer<Reply> {
        let group = id.provider.is_empty();
        match *method {
            Method::GET if kind.name == "Microsoft.Compute/virtualMachines" => self.machine(id),
            Method::GET => self.get(id),
            Method::HEAD if group => self.group_exists(id),
            Method::HEAD => self.get(id).map(|reply| Reply { status: 204, body: None, ..reply }),
            Method::PUT if group => self.put_group(id, &body(request)?),
            Method::PUT if kind.is("Microsoft.Resources/deployments") => self.deploy(id, &body(request)?),
            Method::PUT => self.put(id, kind, &body(request)?),
            Method::PATCH => self.patch(id, kind, &body(request)?),
            Method::DELETE => self.delete(id, kind),
            _ => Err(not_allowed(method)),
        }
    }

    /// Actions and views.
    fn member(
        &mut self,
        method: &Method,
        id: &ResourceId,
        kind: &'static Kind,
        member: &str,
        request: &Request<Bytes>,
    ) -> Answer<Reply> {
        if kind.provider() == "Microsoft.Storage" {
            return self.storage_action(method, id, kind, member, request);
        }
        let machine = kind.name == "Microsoft.Compute/virtualMachines";
        match *method {
            Method::GET if machine && member.eq_ignore_ascii_case("instanceView") => self.machine_view(id),
            Method::POST if machine => self.machine_action(id, member),
            _ => Err(unknown_type(kind.provider(), &format!("{}/{member}", kind.name))),
        }
    }

    fn look(&self, target: &Target) -> Answer<Reply> {
        match target {
            Target::Tenants => self.tenants(),
            Target::Subscriptions => self.subscriptions(),
            Target::Subscription(id) => self.subscription(id),
            Target::Locations(id) => self.locations(id),
            Target::Providers(id) => self.providers(id),
            Target::Provider(id, name) => self.provider(id, name),
            Target::Groups(id) => self.groups(id),
            Target::Resources(scope) => self.resources(scope),
            Target::Collection(scope, kind) => self.list(scope, kind),
            Target::Agreement(id) => self.agreement(id),
            Target::Operation(id) => self.operation(id),
            Target::OperationResult(id) => self.operation_result(id, &self.own_url()),
            Target::Location { subscription, provider, location, rest }
                if provider.eq_ignore_ascii_case("Microsoft.Compute") =>
            {
                let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
                self.compute_location(subscription, location, &rest)
            }
            Target::Service { subscription, provider, what }
                if provider.eq_ignore_ascii_case("Microsoft.Compute")
                    && what.eq_ignore_ascii_case("skus") =>
            {
                self.skus(subscription)
            }
            Target::Service { provider, what, .. } => Err(unknown_type(provider, what)),
            _ => Err(ArmError::missing("NotFound", "There is nothing at this path.")),
        }
    }

    fn own_url(&self) -> String {
        let version = &self.context.api_version;
        format!("{}{}?api-version={version}", self.context.base, self.context.path)
    }
}

fn not_allowed(method: &Method) -> ArmError {
    ArmError::new(405, "HttpMethodNotSupported", format!("The method {method} is not supported here."))
}

/// The JSON object that a write carries.
fn body(request: &Request<Bytes>) -> Answer<Map<String, Value>> {
    const MOST: usize = 4 << 20;
    let bad = |message: String| {
        ArmError::bad(
            "InvalidRequestContent",
            format!("The request content was invalid and could not be deserialized: '{message}'."),
        )
    };
    if request.body().len() > MOST {
        return Err(ArmError::new(413, "RequestContentTooLarge", "The request content is too large."));
    }
    match serde_json::from_slice(request.body()) {
        Ok(Value::Object(body)) => Ok(body),
        Ok(_) => Err(bad("an object is expected".to_owned())),
        Err(error) => Err(bad(error.to_string())),
    }
}

fn render(reply: Reply, method: &Method) -> Response<Bytes> {
    let body = reply.body.as_ref().filter(|_| *method != Method::HEAD);
    let mut response = Response::new(body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if body.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    }
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    let remaining = if matches!(*method, Method::GET | Method::HEAD) { "reads" } else { "writes" };
    if let Ok(name) =
        header::HeaderName::try_from(format!("x-ms-ratelimit-remaining-subscription-{remaining}"))
    {
        headers.insert(name, HeaderValue::from_static("11999"));
    }
    response
}
