//! IAM: service accounts.
//!
//! <https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts>

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};

use super::accounts::Account;
use crate::gcp::{
    body::{self, Fields},
    context::Context,
    error::{GcpError, Reply},
    route::Route,
    state::State as Cloud,
};

/// The method's name in the discovery document.
pub(super) fn operation(method: &Method, path: &str) -> &'static str {
    let named = Asked::parse(path).is_some_and(|asked| asked.account.is_some());
    match (method.as_str(), named) {
        ("POST", false) => "projects.serviceAccounts.create",
        ("GET", false) => "projects.serviceAccounts.list",
        ("GET", true) => "projects.serviceAccounts.get",
        ("DELETE", true) => "projects.serviceAccounts.delete",
        ("PATCH", true) => "projects.serviceAccounts.patch",
        _ => "",
    }
}

struct Asked<'a> {
    project: &'a str,
    account: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn parse(path: &'a str) -> Option<Self> {
        let (project, rest) = path.strip_prefix("/v1/projects/")?.split_once('/')?;
        let account = match rest.strip_prefix("serviceAccounts")? {
            "" => None,
            rest => Some(rest.strip_prefix('/')?).filter(|name| !name.is_empty() && !name.contains('/')),
        };
        (account.is_some() || rest == "serviceAccounts").then_some(Self { project, account })
    }
}

pub(super) fn answer(
    context: &Context<'_>,
    state: &mut Cloud,
    route: &Route,
    request: &Request<Bytes>,
) -> Reply {
    let not_found = || GcpError::new(404, "NOT_FOUND", "Not Found");
    let asked = Asked::parse(&route.path).ok_or_else(not_found)?;
    match operation(request.method(), &route.path) {
        "projects.serviceAccounts.create" => create(context, state, asked.project, request.body()),
        "projects.serviceAccounts.list" => list(state, context, asked.project, route),
        "projects.serviceAccounts.get" => Ok(find(state, &asked)?.show()),
        "projects.serviceAccounts.delete" => {
            let email = find(state, &asked)?.email.clone();
            state.identity.accounts.remove(&email);
            state.identity.keys.retain(|_, (owner, _)| *owner != email);
            Ok(json!({}))
        }
        "projects.serviceAccounts.patch" => patch(state, &asked, request.body()),
        _ => Err(not_found()),
    }
}

fn find<'a>(state: &'a mut Cloud, asked: &Asked<'_>) -> Result<&'a mut Account, GcpError> {
    let name = asked.account.unwrap_or_default();
    let found = state.identity.accounts.values_mut().find(|account| {
        (account.email == name || account.unique_id.to_string() == name)
            && (asked.project == "-" || account.project == asked.project)
    });
    let path = format!("projects/{}/serviceAccounts/{name}", asked.project);
    found.ok_or_else(|| GcpError::new(404, "NOT_FOUND", format!("Unknown service account: {path}")))
}

fn create(context: &Context<'_>, state: &mut Cloud, project: &str, body: &Bytes) -> Reply {
    let invalid = |problem: String| GcpError::new(400, "INVALID_ARGUMENT", problem);
    known_project(context, project)?;
    let asked = body::parse(body).map_err(|error| invalid(error.message))?;
    let Some(id) = asked.text("accountId") else {
        return Err(invalid("The account ID is missing.".to_owned()));
    };
    if !is_account_id(id) {
        let id: String = id.chars().take(100).collect();
        return Err(invalid(format!(
            "The account ID \"{id}\" does not have a length between 6 and 30 or is no match of \
             \"[a-z]([-a-z0-9]*[a-z0-9])\"."
        )));
    }
    let email = format!("{id}@{project}.iam.gserviceaccount.com");
    if state.identity.exists(&email) {
        let problem = format!("Service account {id} already exists within project projects/{project}.");
        return Err(GcpError::new(409, "ALREADY_EXISTS", problem));
    }
    let own = state.identity.accounts.values().filter(|account| account.project == project).count();
    if own >= context.options().quotas.service_accounts {
        let problem = "Maximum number of service accounts on project reached.";
        return Err(GcpError::new(429, "RESOURCE_EXHAUSTED", problem));
    }
    let details = asked.object("serviceAccount").cloned().unwrap_or_default();
    let account = Account {
        project: project.to_owned(),
        unique_id: 100_000_000_000_000_000 + state.ids.number() % 100_000_000_000_000_000,
        display_name: details.text("displayName").unwrap_or_default().to_owned(),
        description: details.text("description").unwrap_or_default().to_owned(),
        created: true,
        version: 1,
        disabled: false,
        email: email.clone(),
    };
    let shown = account.show();
    state.identity.accounts.insert(email, account);
    Ok(shown)
}

fn patch(state: &mut Cloud, asked: &Asked<'_>, body: &Bytes) -> Reply {
    let body = body::parse(body).map_err(|error| GcpError::new(400, "INVALID_ARGUMENT", error.message))?;
    let account = find(state, asked)?;
    let change = body.object("serviceAccount").unwrap_or(&body);
    for (name, field) in
        [("displayName", &mut account.display_name), ("description", &mut account.description)]
    {
        if let Some(value) = change.get(name).and_then(Value::as_str) {
            value.clone_into(field);
        }
    }
    account.version += 1;
    Ok(account.show())
}

fn list(state: &Cloud, context: &Context<'_>, project: &str, route: &Route) -> Reply {
    known_project(context, project)?;
    let after = route.query.get("pageToken").unwrap_or_default();
    let asked = route.query.get("pageSize").and_then(|size| size.parse().ok()).unwrap_or(100);
    let most = context.world.max_page(100).min(asked).max(1);
    let own = state.identity.accounts.values();
    let mut rest = own.filter(|account| account.project == project && account.email.as_str() > after);
    let page: Vec<&Account> = rest.by_ref().take(most).collect();
    let mut reply = json!({ "accounts": page.iter().map(|account| account.show()).collect::<Vec<_>>() });
    if let (Some(_), Some(last)) = (rest.next(), page.last()) {
        reply["nextPageToken"] = last.email.as_str().into();
    }
    Ok(reply)
}

fn known_project(context: &Context<'_>, project: &str) -> Result<(), GcpError> {
    if context.options().projects.iter().any(|known| known == project) {
        return Ok(());
    }
    let project: String = project.chars().take(100).collect();
    let problem = format!("Permission denied on resource project {project}.");
    Err(GcpError::new(403, "PERMISSION_DENIED", problem))
}

fn is_account_id(id: &str) -> bool {
    (6..=30).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && !id.ends_with('-')
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}
