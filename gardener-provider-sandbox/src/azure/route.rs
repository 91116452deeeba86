//! Which service a request is for, and which of its operations.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request};
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::{
    arm::{
        id::ResourceId,
        kind::{Kind, service_of},
    },
    kinds, marketplace,
    storage::{BlobTarget, blobs},
};
use crate::call::Call;

/// What a request asks for.
#[derive(Debug, Clone)]
pub(crate) enum Route {
    Arm(Target),
    /// The data of a storage account.
    Blob(BlobTarget),
    /// The token endpoint of a tenant; the flag tells version 2 from version 1.
    Token {
        tenant: String,
        v2: bool,
    },
    /// What clients of the token endpoint look up first.
    Discovery {
        path: String,
    },
    /// The managed identity endpoint, of a virtual machine or of an App Service.
    Identity {
        app_service: bool,
    },
}

/// What a path of Resource Manager leads to.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Endpoints,
    Tenants,
    Subscriptions,
    Subscription(String),
    Locations(String),
    Providers(String),
    Provider(String, String),
    Groups(String),
    Resources(ResourceId),
    Resource(ResourceId, &'static Kind),
    /// All resources of a kind below a scope.
    Collection(ResourceId, &'static Kind),
    /// Something that belongs to a resource but is none: an action, a view.
    Member(ResourceId, &'static Kind, String),
    Agreement(ResourceId),
    Operation(String),
    OperationResult(String),
    /// What a service says of a location.
    Location {
        subscription: String,
        provider: String,
        location: String,
        rest: Vec<String>,
    },
    /// What a service says of a subscription.
    Service {
        subscription: String,
        provider: String,
        what: String,
    },
    UnknownType(String, String),
    Nothing,
}

const MANAGEMENT: [&str; 3] =
    ["management.azure.com", "management.chinacloudapi.cn", "management.usgovcloudapi.net"];
const LOGIN: [&str; 5] = [
    "login.microsoftonline.com",
    "login.windows.net",
    "login.chinacloudapi.cn",
    "login.partner.microsoftonline.cn",
    "login.microsoftonline.us",
];

/// The call that a request makes; `None` if it goes to no host of Azure.
pub(super) fn recognise(request: &Request<Bytes>) -> Option<(Call, Route)> {
    let host = request.uri().host()?.to_ascii_lowercase();
    let path = request.uri().path();
    let segments: Vec<String> = path
        .trim_matches('/')
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
        .collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let lower: Vec<String> = segments.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    let loopback = is_loopback(&host);
    let route = if MANAGEMENT.contains(&host.as_str()) {
        Route::Arm(target(&segments, &lower))
    } else if LOGIN.contains(&host.as_str()) {
        login(&segments, &lower).unwrap_or(Route::Discovery { path: path.to_owned() })
    } else if let Some(account) = blobs::account_of(&host) {
        Route::Blob(blobs::target_of(account, path))
    } else if host == "169.254.169.254" {
        matches!(lower.as_slice(), ["metadata", "identity", "oauth2", "token"])
            .then_some(Route::Identity { app_service: false })?
    } else if loopback {
        on_loopback(request, &segments, &lower)?
    } else {
        return None;
    };
    let call = call(request, &route);
    Some((call, route))
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// On a loopback port only the path tells the services apart, and S3 takes any path.
fn on_loopback(request: &Request<Bytes>, segments: &[&str], lower: &[&str]) -> Option<Route> {
    let query = request.uri().query().unwrap_or_default().to_ascii_lowercase();
    let signed = request.headers().get("authorization").and_then(|value| value.to_str().ok());
    if signed.is_some_and(|value| value.starts_with("AWS")) || query.contains("x-amz-") {
        return None;
    }
    let versioned = query.contains("api-version=");
    match lower {
        ["metadata", "identity", "oauth2", "token"] if versioned => {
            Some(Route::Identity { app_service: false })
        }
        ["msi", "token"] if versioned => Some(Route::Identity { app_service: true }),
        ["metadata", "endpoints"] | ["tenants"] if versioned => Some(Route::Arm(target(segments, lower))),
        ["subscriptions" | "providers", ..] if versioned || signed.is_some() => {
            Some(Route::Arm(target(segments, lower)))
        }
        [_, ".well-known", "openid-configuration"]
        | [_, "v2.0", ".well-known", "openid-configuration"]
        | ["common", "discovery", "instance"] => {
            Some(Route::Discovery { path: format!("/{}", segments.join("/")) })
        }
        _ if request.method() == Method::POST => login(segments, lower),
        _ => None,
    }
}

fn login(segments: &[&str], lower: &[&str]) -> Option<Route> {
    match lower {
        [_, "oauth2", "v2.0", "token"] => Some(Route::Token { tenant: segments[0].to_owned(), v2: true }),
        [_, "oauth2", "token"] => Some(Route::Token { tenant: segments[0].to_owned(), v2: false }),
        _ => None,
    }
}

fn target(segments: &[&str], lower: &[&str]) -> Target {
    let subscription = || segments[1].to_owned();
    match lower {
        ["metadata", "endpoints"] => Target::Endpoints,
        ["tenants"] => Target::Tenants,
        ["subscriptions"] => Target::Subscriptions,
        ["subscriptions", _] => Target::Subscription(subscription()),
        ["subscriptions", _, "locations"] => Target::Locations(subscription()),
        ["subscriptions", _, "resources"] => {
            Target::Resources(ResourceId { subscription: subscription(), ..ResourceId::default() })
        }
        ["subscriptions", _, "resourcegroups"] => Target::Groups(subscription()),
        ["subscriptions", _, "operations", id] => Target::Operation((*id).to_owned()),
        ["subscriptions", _, "operationresults", id] => Target::OperationResult((*id).to_owned()),
        ["subscriptions", _, "providers"] => Target::Providers(subscription()),
        ["subscriptions", _, "providers", _] | ["subscriptions", _, "providers", _, "register"] => {
            Target::Provider(subscription(), segments[3].to_owned())
        }
        ["subscriptions", _, "providers", _, "locations", _, "operations", id] => {
            Target::Operation((*id).to_owned())
        }
        ["subscriptions", _, "providers", _, "locations", _, "operationresults", id] => {
            Target::OperationResult((*id).to_owned())
        }
        ["subscriptions", _, "providers", _, "locations", _, _, ..] => Target::Location {
            subscription: subscription(),
            provider: segments[3].to_owned(),
            location: segments[5].to_owned(),
            rest: segments[6..].iter().map(|segment| (*segment).to_owned()).collect(),
        },
        ["subscriptions", _, "resourcegroups", group] => {
            let id = ResourceId::of_group(segments[1], segments[3]);
            debug_assert!(!group.is_empty(), "empty segments were left out");
            Target::Resource(id, &super::resources::GROUP)
        }
        ["subscriptions", _, "resourcegroups", _, "resources"] => {
            Target::Resources(ResourceId::of_group(segments[1], segments[3]))
        }
        _ => resource(segments),
    }
}

/// A resource, a list or a member of one.
fn resource(segments: &[&str]) -> Target {
    let Some((scope, rest)) = ResourceId::scope(segments) else { return Target::Nothing };
    let [word, provider, path @ ..] = rest else { return Target::Nothing };
    if !word.eq_ignore_ascii_case("providers") || path.is_empty() {
        return Target::Nothing;
    }
    let (whole, last) =
        if path.len() % 2 == 0 { (rest, None) } else { (&rest[..rest.len() - 1], path.last()) };
    let whole = if whole.len() == 2 { &whole[..0] } else { whole };
    let Some(id) = scope.clone().within(whole) else { return Target::Nothing };
    let Some(last) = last else {
        if marketplace::plan_of(&id).is_some() {
            return Target::Agreement(id);
        }
        return match kinds::of(&id) {
            Some(kind) if id.group.is_some() => Target::Resource(id, kind),
            _ => Target::UnknownType((*provider).to_owned(), id.kind()),
        };
    };
    let full =
        if id.path.is_empty() { format!("{provider}/{last}") } else { format!("{}/{last}", id.kind()) };
    if let Some(kind) = kinds::named(&full) {
        return Target::Collection(id, kind);
    }
    match kinds::of(&id) {
        Some(kind) if !id.path.is_empty() => Target::Member(id, kind, (*last).to_owned()),
        _ if id.path.is_empty() && id.group.is_none() => Target::Service {
            subscription: id.subscription,
            provider: (*provider).to_owned(),
            what: (*last).to_owned(),
        },
        _ => Target::UnknownType((*provider).to_owned(), full),
    }
}

fn call(request: &Request<Bytes>, route: &Route) -> Call {
    let method = request.method();
    let (service, operation) = match route {
        Route::Token { .. } => ("login", "Token".to_owned()),
        Route::Discovery { .. } => ("login", "Discovery".to_owned()),
        Route::Identity { .. } => ("imds", "Token".to_owned()),
        Route::Arm(target) => name(method, target),
        Route::Blob(target) => ("blob", blobs::operation(target, request).to_owned()),
    };
    let read = method == Method::GET || method == Method::HEAD;
    let member = operation.rsplit('_').next().unwrap_or_default();
    let asks = member == "List" || member.starts_with("List") || operation.starts_with("CheckName");
    let reads = read || asks && method == Method::POST || matches!(route, Route::Token { .. });
    let mut parameters = BTreeMap::new();
    if let Route::Arm(target) = route {
        path_parameters(target, &mut parameters);
        for (name, value) in url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
        {
            parameters.insert(name.into_owned(), value.into_owned());
        }
        if let Ok(body) = serde_json::from_slice::<Value>(request.body()) {
            flatten(&body, "", &mut parameters);
        }
    }
    let region = parameters.get("location").cloned().unwrap_or_default();
    Call { service, operation, region, mutating: !reads, parameters }
}

/// The service, and the operation as the vendor's description names it.
fn name(method: &Method, target: &Target) -> (&'static str, String) {
    let verb = |kind: &Kind, put: &str| match *method {
        Method::PUT => put.to_owned(),
        Method::PATCH => kind.update.to_owned(),
        Method::DELETE => "Delete".to_owned(),
        Method::HEAD => "CheckExistence".to_owned(),
        _ => "Get".to_owned(),
    };
    match target {
        Target::Endpoints => ("resources", "Endpoints_Get".to_owned()),
        Target::Tenants => ("resources", "Tenants_List".to_owned()),
        Target::Subscriptions => ("resources", "Subscriptions_List".to_owned()),
        Target::Subscription(_) => ("resources", "Subscriptions_Get".to_owned()),
        Target::Locations(_) => ("resources", "Subscriptions_ListLocations".to_owned()),
        Target::Providers(_) => ("resources", "Providers_List".to_owned()),
        Target::Provider(..) if *method == Method::POST => ("resources", "Providers_Register".to_owned()),
        Target::Provider(..) => ("resources", "Providers_Get".to_owned()),
        Target::Groups(_) => ("resources", "ResourceGroups_List".to_owned()),
        Target::Resources(id) if id.group.is_some() => {
            ("resources", "Resources_ListByResourceGroup".to_owned())
        }
        Target::Resources(_) => ("resources", "Resources_List".to_owned()),
        Target::Resource(_, kind) => {
            (kind.service(), format!("{}_{}", kind.operations, verb(kind, "CreateOrUpdate")))
        }
        Target::Collection(id, kind) => {
            let list = if id.group.is_none() { kind.list_all } else { kind.list };
            (kind.service(), format!("{}_{list}", kind.operations))
        }
        Target::Member(_, kind, member) => {
            (kind.service(), format!("{}_{}", kind.operations, capitalised(member)))
        }
        Target::Agreement(_) if *method == Method::PUT => {
            ("marketplace", "MarketplaceAgreements_Create".to_owned())
        }
        Target::Agreement(_) => ("marketplace", "MarketplaceAgreements_Get".to_owned()),
        Target::Operation(_) => ("operations", "Operations_Get".to_owned()),
        Target::OperationResult(_) => ("operations", "OperationResults_Get".to_owned()),
        Target::Location { provider, rest, .. } => (service_of(provider), location_operation(rest)),
        Target::Service { provider, what, .. } => {
            (service_of(provider), format!("{}_List", capitalised(what)))
        }
        Target::UnknownType(provider, _) => (service_of(provider), "Unknown".to_owned()),
        Target::Nothing => ("resources", "Unknown".to_owned()),
    }
}

fn location_operation(rest: &[String]) -> String {
    let words: Vec<String> = rest.iter().map(|word| word.to_ascii_lowercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["publishers"] => "VirtualMachineImages_ListPublishers",
        ["publishers", _, _, _, "offers"] => "VirtualMachineImages_ListOffers",
        ["publishers", _, _, _, _, _, "skus"] => "VirtualMachineImages_ListSkus",
        ["publishers", _, _, _, _, _, _, _, "versions"] => "VirtualMachineImages_List",
        ["publishers", ..] => "VirtualMachineImages_Get",
        ["vmsizes"] => "VirtualMachineSizes_List",
        ["usages"] => "Usage_List",
        ["communitygalleries", _, _, _, "versions", _] => "CommunityGalleryImageVersions_Get",
        ["communitygalleries", _, "images", _] => "CommunityGalleryImages_Get",
        ["sharedgalleries", _, _, _, "versions", _] => "SharedGalleryImageVersions_Get",
        ["sharedgalleries", _, "images", _] => "SharedGalleryImages_Get",
        _ => "Locations_Get",
    }
    .to_owned()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
        .unwrap_or_default()
}

fn path_parameters(target: &Target, parameters: &mut BTreeMap<String, String>) {
    let (Target::Resource(id, _)
    | Target::Collection(id, _)
    | Target::Member(id, _, _)
    | Target::Agreement(id)
    | Target::Resources(id)) = target
    else {
        return;
    };
    parameters.insert("subscriptionId".to_owned(), id.subscription.clone());
    if let Some(group) = &id.group {
        parameters.insert("resourceGroupName".to_owned(), group.clone());
    }
    parameters.insert("name".to_owned(), id.name().to_owned());
    parameters.insert("id".to_owned(), id.to_string());
}

/// The scalars of a body by their ways, `properties.storageProfile.osDisk.name`, without what is secret.
fn flatten(value: &Value, path: &str, into: &mut BTreeMap<String, String>) {
    const SECRET: [&str; 10] = [
        "adminpassword",
        "customdata",
        "userdata",
        "protectedsettings",
        "keydata",
        "client_secret",
        "client_assertion",
        "password",
        "signature",
        "value",
    ];
    let join = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if !SECRET.contains(&name.to_ascii_lowercase().as_str()) {
                    flatten(value, &join(name), into);
                }
            }
        }
        Value::Array(items) => {
            for (at, value) in items.iter().enumerate() {
                flatten(value, &join(&at.to_string()), into);
            }
        }
        Value::Null => {}
        Value::String(text) => {
            // Nobody looks for more of a text than this.
            into.entry(path.to_owned()).or_insert_with(|| text.chars().take(1000).collect());
        }
        other => {
            into.entry(path.to_owned()).or_insert_with(|| other.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &str, url: &str, authorization: &str) -> Option<&'static str> {
        let mut request = Request::builder().method(method).uri(url);
        if !authorization.is_empty() {
            request = request.header("authorization", authorization);
        }
        recognise(&request.body(Bytes::new()).unwrap()).map(|(call, _)| call.service)
    }

    #[test]
    fn each_host_has_its_services() {
        for (method, url, service) in [
            ("GET", "https://management.azure.com/subscriptions", Some("resources")),
            ("GET", "https://management.chinacloudapi.cn/subscriptions", Some("resources")),
            ("GET", "https://MANAGEMENT.usgovcloudapi.net/subscriptions", Some("resources")),
            ("POST", "https://login.microsoftonline.com/t/oauth2/v2.0/token", Some("login")),
            ("POST", "https://login.chinacloudapi.cn/t/oauth2/v2.0/token", Some("login")),
            ("POST", "https://login.microsoftonline.us/t/oauth2/token", Some("login")),
            ("GET", "http://169.254.169.254/metadata/identity/oauth2/token", Some("imds")),
            ("GET", "http://169.254.169.254/latest/meta-data", None),
            ("GET", "https://example.com/subscriptions", None),
            ("GET", "https://azure.com/", None),
        ] {
            assert_eq!(found(method, url, ""), service, "{url}");
        }
    }

    #[test]
    fn a_loopback_port_is_shared_with_other_clouds() {
        let aws = "AWS4-HMAC-SHA256 Credential=x";
        for (method, path, authorization, service) in [
            ("GET", "/subscriptions?api-version=1", "", Some("resources")),
            ("GET", "/subscriptions", "Bearer x", Some("resources")),
            ("GET", "/metadata/endpoints?api-version=1", "", Some("resources")),
            ("GET", "/msi/token?api-version=1", "", Some("imds")),
            ("POST", "/t/oauth2/v2.0/token", "", Some("login")),
            ("GET", "/subscriptions", "", None),
            ("GET", "/subscriptions/object", aws, None),
            ("PUT", "/bucket/oauth2/token", aws, None),
            ("GET", "/bucket/oauth2/token", "", None),
            ("GET", "/msi/token?X-Amz-Signature=1&api-version=1", "", None),
            ("GET", "/compute/v1/projects", "Bearer x", None),
        ] {
            let url = format!("http://127.0.0.1:1{path}");
            assert_eq!(found(method, &url, authorization), service, "{method} {path}");
        }
    }
}
