//! The way of one call through the AWS part: recognise, authenticate, hand to the service, render.

use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};

use super::{
    Inner, auth,
    context::{Context, Reply},
    ec2, efs, elb,
    error::AwsError,
    iam,
    query::Params,
    route::{self, Route, Service},
    s3, sts,
    xml::Xml,
};
use crate::call::{Call, Cloud, Refusal};

impl Cloud for Inner {
    type Route = Route;

    fn recognise(&self, request: &Request<Bytes>) -> Option<(Call, Route)> {
        let (route, operation) = route::recognise(request)?;
        if !self.world.options.aws.regions.iter().any(|(region, _)| *region == route.region) {
            return None;
        }
        let dry_run = matches!(route.params.get("DryRun"), Some("true" | "True" | "1"));
        let call = Call {
            service: route.service.name(),
            mutating: !dry_run && is_mutating(&operation),
            operation,
            region: route.region.clone(),
            parameters: match route.service {
                Service::S3 => s3::parameters(request, route.bucket.as_deref()).into_iter().collect(),
                _ => route.params.iter().filter_map(loggable).collect(),
            },
        };
        Some((call, route))
    }

    async fn answer(&self, call: &Call, route: Route, request: Request<Bytes>) -> Response<Bytes> {
        let (context, authenticated) = {
            let mut state = self.state();
            let request_id = state.ids.uuid();
            let now = self.world.options.clock.now();
            let checked =
                auth::authenticate(&state.keys, &self.world.options.aws, &route, call, &request, now);
            let (caller, error) = match checked {
                Ok(caller) => (caller, None),
                Err(error) => (auth::Caller::default(), Some(error)),
            };
            (Context { world: &self.world, call, caller, request_id, now }, error)
        };
        if let Some(error) = authenticated {
            return finish(error.render(route.service, &context.request_id), &context);
        }
        let reply = match route.service {
            Service::S3 => s3::answer(self, &context, &route, request).await,
            Service::Efs => efs::answer(self, &context, &request),
            _ => self.answer_query(&context, &route),
        };
        finish(reply, &context)
    }

    fn refuse(&self, _: &Call, route: &Route, refusal: &Refusal) -> Response<Bytes> {
        let request_id = self.state().ids.uuid();
        AwsError::of_refusal(route.service, refusal).render(route.service, &request_id)
    }
}

impl Inner {
    fn answer_query(&self, context: &Context<'_>, route: &Route) -> Response<Bytes> {
        let mut state = self.state();
        let reply = match route.service {
            Service::Iam => iam::answer(context, &mut state, &route.params),
            Service::Sts => sts::answer(context, &mut state, &route.params),
            Service::Elb => elb::answer(context, &mut state, &route.params),
            _ => ec2::answer(context, &mut state, &route.params),
        };
        drop(state);
        match reply {
            Ok(content) => envelope(context, route, content),
            Err(error) => error.render(route.service, &context.request_id),
        }
    }
}

/// The error of a query service that does not know the operation.
pub(crate) fn unknown_action(context: &Context<'_>, params: &Params) -> Reply {
    if context.call.operation.is_empty() {
        return Err(AwsError::new("MissingAction", "The request is missing an action parameter."));
    }
    let version = params.get("Version").unwrap_or_default();
    Err(AwsError::new(
        "InvalidAction",
        format!(
            "The action {} is not valid for this web service (version {version}).",
            context.call.operation
        ),
    ))
}

fn envelope(context: &Context<'_>, route: &Route, content: Xml) -> Response<Bytes> {
    let operation = &context.call.operation;
    let namespace = match route.service {
        Service::Ec2 => "http://ec2.amazonaws.com/doc/2016-11-15/",
        Service::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
        Service::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        _ if route.params.get("Version") == Some("2015-12-01") => {
            "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"
        }
        _ => "http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/",
    };
    let (content, id) = (content.into_string(), &context.request_id);
    let body = if route.service == Service::Ec2 {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response xmlns=\"{namespace}\">\
             <requestId>{id}</requestId>{content}</{operation}Response>"
        )
    } else if route.service == Service::Iam && content.is_empty() {
        format!(
            "<{operation}Response xmlns=\"{namespace}\"><ResponseMetadata><RequestId>{id}</RequestId>\
             </ResponseMetadata></{operation}Response>"
        )
    } else {
        format!(
            "<{operation}Response xmlns=\"{namespace}\"><{operation}Result>{content}</{operation}Result>\
             <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{operation}Response>"
        )
    };
    let mut reply = Response::new(Bytes::from(body));
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml;charset=UTF-8"));
    reply
}

fn finish(mut reply: Response<Bytes>, context: &Context<'_>) -> Response<Bytes> {
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        reply.headers_mut().entry("x-amzn-requestid").or_insert(id);
    }
    reply
}

/// Reads are what is named so. `AssumeRole…` makes credentials but changes nothing.
fn is_mutating(operation: &str) -> bool {
    !["Describe", "Get", "List", "Head", "Assume"].iter().any(|start| operation.starts_with(start))
}

/// The parameter for the journal, unless its value is secret or says nothing.
fn loggable((name, value): (&str, &str)) -> Option<(String, String)> {
    const SECRET: [&str; 5] =
        ["UserData", "WebIdentityToken", "SAMLAssertion", "SecretAccessKey", "SessionToken"];
    let member = name.rsplit('.').next().unwrap_or(name);
    let kept =
        !SECRET.contains(&member) && !name.starts_with("X-Amz-") && !matches!(name, "Action" | "Version");
    kept.then(|| (name.to_owned(), value.to_owned()))
}
