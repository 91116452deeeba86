//! Compute Engine.
//!
//! API version v1, <https://cloud.google.com/compute/docs/reference/rest/v1>. A change answers with an operation, which goes on
//! with the sandbox's clock; the resource is shown from the beginning and is "not ready" until the operation is done.

mod addresses;
mod balancing;
pub(crate) mod catalog;
mod changes;
mod disks;
mod engine;
mod filters;
mod fingerprint;
mod firewalls;
mod images;
mod instances;
mod kind;
mod links;
mod lists;
mod names;
mod networks;
mod operations;
mod policies;
mod project;
mod ranges;
mod routers;
mod routes;
mod shapes;
mod subnetworks;
mod target;
mod world;
mod zones;

use std::time::Duration;

use bytes::Bytes;

pub(crate) use catalog::project_number;
use engine::Engine;
use kind::Kind;
pub(crate) use project::Project;
pub(crate) use target::Target;
use target::{What, scope_exists};

use super::{
    body,
    context::Context,
    error::{GcpError, Reply},
    query::Query,
    state::State,
};

impl State {
    /// For the `wait` verb: how long to hold the call before it is answered.
    pub(crate) fn operation_to_wait_for(
        &mut self,
        context: &Context<'_>,
        target: &Target,
    ) -> Result<Option<Duration>, GcpError> {
        let What::Verb(key, verb) = &target.what else { return Ok(None) };
        if key.kind != Kind::Operation || verb != "wait" {
            return Ok(None);
        }
        let project =
            self.compute.get_mut(&target.project).ok_or_else(|| unknown_project(&target.project))?;
        let operation = project.operations.get(&(key.scope.clone(), key.name.clone()));
        let rest = operation.map(|operation| operation.rest(context.now)).filter(|rest| !rest.is_zero());
        Ok(rest)
    }

    /// Answers one call.
    pub(crate) fn answer_compute(
        &mut self,
        context: &Context<'_>,
        target: &Target,
        query: &Query,
        body: &Bytes,
    ) -> Reply {
        if images::is_catalog_project(context, &target.project) && !self.compute.contains_key(&target.project)
        {
            return images::answer(context, target, query);
        }
        let project =
            self.compute.get_mut(&target.project).ok_or_else(|| unknown_project(&target.project))?;
        project.settle(context.now);
        if !scope_exists(&target.scope, &context.options().regions) {
            let path = format!("projects/{}/{}", target.project, target.scope.path());
            return Err(unknown_place(&target.scope, &path));
        }
        let body = body::parse(body)?;
        shapes::check(target, &body)?;
        if self.zones_down.contains(target.scope.name()) {
            return Err(zone_down(target.scope.name()));
        }
        let (ids, identity, zones_down) = (&mut self.ids, &self.identity, &self.zones_down);
        let mut engine = Engine { context, target, query, ids, project, identity, zones_down };
        let reply = dispatch(&mut engine, body)?;
        // What takes no time has happened before the caller hears of it.
        engine.project.settle(context.now);
        Ok(engine.refreshed(reply))
    }
}

fn dispatch(engine: &mut Engine<'_>, body: body::Object) -> Reply {
    let target = engine.target;
    match (&target.what, target.verb()) {
        (What::Project(verb), _) => zones::project(engine, verb.as_deref(), body),
        (What::Region(name), "GET") => zones::regions(engine, name.as_deref()),
        (What::Zone(name), "GET") => zones::zones(engine, name.as_deref()),
        (What::ImageFamily(_), "GET") => images::answer(engine.context, target, engine.query),
        (What::Aggregated(kind), "GET") => lists::aggregated(engine, *kind),
        (What::Collection(kind), "GET") => lists::list(engine, *kind),
        (What::Resource(key), "GET") => engine.get(key),
        (What::Resource(key), "DELETE") if key.kind == Kind::Operation => engine.delete_operation(key),
        (What::Verb(key, verb), "POST") if key.kind == Kind::Operation && verb == "wait" => engine.get(key),
        (What::Collection(kind), "POST") => engine.once(|engine| changes::insert(engine, *kind, body)),
        (What::Resource(key), "DELETE") => engine.once(|engine| changes::delete(engine, key)),
        (What::Resource(key), "PATCH" | "PUT") => {
            let whole = target.verb() == "PUT";
            engine.once(|engine| changes::update(engine, key, body, whole))
        }
        (What::Verb(key, verb), _) => changes::verb(engine, key, verb, body),
        _ => Err(no_such_method()),
    }
}

/// The answer to a path or method that the sandbox does not play.
fn no_such_method() -> GcpError {
    GcpError::new(404, "notFound", "The requested URL was not found on this server.")
}

/// The answer of a zone that is down, and of a list that needs it.
fn zone_down(zone: &str) -> GcpError {
    GcpError::new(
        503,
        "backendError",
        format!("The zone '{zone}' is currently unreachable. Try again later."),
    )
}

fn unknown_project(project: &str) -> GcpError {
    let project: String = project.chars().take(100).collect();
    GcpError::not_found(&format!("projects/{project}"))
}

fn unknown_place(scope: &links::Scope, path: &str) -> GcpError {
    let word = if scope.level() == kind::Level::Zone { "zone" } else { "region" };
    let name: String = scope.name().chars().take(100).collect();
    let path: String = path.chars().take(200).collect();
    if names::is_name(&name) {
        GcpError::not_found(&path)
    } else {
        GcpError::invalid(word, &name, "Must be a match of regex '[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?'")
    }
}
