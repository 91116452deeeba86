//! Which service a request is meant for, and what it asks of it.

use bytes::Bytes;
use http::{Method, Request, header};

use super::{compute::Target, identity, query::Query, storage};

/// A service of GCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Service {
    Compute,
    Iam,
    IamCredentials,
    /// The token endpoint for service-account keys and refresh tokens.
    OAuth,
    /// The token exchange for external identities.
    Sts,
    Metadata,
    Storage,
}

impl Service {
    /// The name in hosts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Iam => "iam",
            Self::IamCredentials => "iamcredentials",
            Self::OAuth => "oauth2",
            Self::Sts => "sts",
            Self::Metadata => "metadata",
            Self::Storage => "storage",
        }
    }

    /// True for services that give out tokens and so need none.
    pub(crate) fn is_token_endpoint(self) -> bool {
        matches!(self, Self::OAuth | Self::Sts)
    }
}

/// Where a request goes.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) service: Service,
    /// The percent-decoded path.
    pub(crate) path: String,
    pub(crate) query: Query,
    /// What a call to compute is about; `None` if there is no such path.
    pub(crate) target: Option<Target>,
}

/// The route and the operation's name; `None` if the request goes to no host of GCP and does not look like a call to it
/// on a loopback address.
pub(crate) fn recognise(request: &Request<Bytes>) -> Option<(Route, String)> {
    let (host, raw) = (request.uri().host()?, request.uri().path());
    let service = match by_host(host, raw) {
        Some(service) => service,
        None if is_loopback(host) => by_path(request)?,
        None => return None,
    };
    let path = percent_encoding::percent_decode_str(raw).decode_utf8_lossy().into_owned();
    let query = Query::parse(request.uri().query().unwrap_or_default().as_bytes());
    let target = match service {
        Service::Compute => Target::parse(request.method(), raw),
        _ => None,
    };
    let operation = match service {
        Service::Compute => target.as_ref().map(Target::method).unwrap_or_default(),
        Service::Storage => storage::operation(request),
        _ => identity::operation(service, request.method(), &path).to_owned(),
    };
    Some((Route { service, path, query, target }, operation))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn by_host(host: &str, path: &str) -> Option<Service> {
    if matches!(host, "metadata.google.internal" | "metadata")
        || host == "169.254.169.254" && path.starts_with("/computeMetadata/")
    {
        return Some(Service::Metadata);
    }
    if host == "accounts.google.com" {
        return Some(Service::OAuth);
    }
    let name = host.strip_suffix(".googleapis.com")?;
    match name.strip_suffix(".mtls").unwrap_or(name) {
        "www" => by_path_of_api(path),
        "compute" => Some(Service::Compute),
        "iam" => Some(Service::Iam),
        "iamcredentials" => Some(Service::IamCredentials),
        "oauth2" => Some(Service::OAuth),
        "sts" => Some(Service::Sts),
        "storage" => Some(Service::Storage),
        name if name.ends_with(".storage") => Some(Service::Storage),
        name if name.starts_with("storage.") && name.rsplit('.').next() == Some("rep") => {
            Some(Service::Storage)
        }
        _ => None,
    }
}

/// On a loopback address, where one port serves all services and clouds.
fn by_path(request: &Request<Bytes>) -> Option<Service> {
    let authorization = request.headers().get(header::AUTHORIZATION);
    if authorization.is_some_and(|value| value.as_bytes().starts_with(b"AWS4-")) {
        return None;
    }
    let path = request.uri().path();
    let post = request.method() == Method::POST;
    match path {
        "/token" if post => return Some(Service::OAuth),
        "/v1/token" if post => return Some(Service::Sts),
        _ if path.starts_with("/computeMetadata/") => return Some(Service::Metadata),
        _ => {}
    }
    let accounts = path.strip_prefix("/v1/projects/").and_then(|rest| rest.split('/').nth(1));
    if accounts == Some("serviceAccounts") {
        let generates = path.rsplit_once([':', '%']).is_some_and(|(_, verb)| verb.contains("generate"));
        return Some(if generates { Service::IamCredentials } else { Service::Iam });
    }
    by_path_of_api(path)
}

fn by_path_of_api(path: &str) -> Option<Service> {
    let starts = |prefix| path.starts_with(prefix);
    if starts("/compute/v1/") || starts("/batch/compute/") {
        Some(Service::Compute)
    } else if starts("/storage/v1/") || starts("/upload/storage/v1/") || starts("/download/storage/v1/") {
        Some(Service::Storage)
    } else if starts("/oauth2/v4/token") {
        Some(Service::OAuth)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(url: &str) -> Option<Service> {
        let request = Request::post(url).body(Bytes::new()).unwrap();
        recognise(&request).map(|(route, _)| route.service)
    }

    #[test]
    fn hosts_and_paths() {
        for (url, expected) in [
            ("https://compute.googleapis.com/compute/v1/projects/p", Some(Service::Compute)),
            ("https://www.googleapis.com/compute/v1/projects/p", Some(Service::Compute)),
            ("https://www.googleapis.com/storage/v1/b", Some(Service::Storage)),
            ("https://storage.googleapis.com/b/o", Some(Service::Storage)),
            ("https://b.storage.googleapis.com/o", Some(Service::Storage)),
            ("https://oauth2.googleapis.com/token", Some(Service::OAuth)),
            ("https://sts.googleapis.com/v1/token", Some(Service::Sts)),
            ("https://iam.googleapis.com/v1/projects/p/serviceAccounts", Some(Service::Iam)),
            ("http://metadata.google.internal/computeMetadata/v1/", Some(Service::Metadata)),
            ("http://169.254.169.254/computeMetadata/v1/", Some(Service::Metadata)),
            ("http://169.254.169.254/metadata/identity/oauth2/token", None),
            ("http://127.0.0.1:1/compute/v1/projects/p/zones", Some(Service::Compute)),
            ("http://127.0.0.1:1/token", Some(Service::OAuth)),
            ("http://127.0.0.1:1/v1/token", Some(Service::Sts)),
            (
                "http://localhost/v1/projects/-/serviceAccounts/a@b:generateAccessToken",
                Some(Service::IamCredentials),
            ),
            ("http://localhost/v1/projects/p/serviceAccounts", Some(Service::Iam)),
            ("http://localhost/bucket/key", None),
            ("https://example.com/compute/v1/projects/p", None),
        ] {
            assert_eq!(service(url), expected, "{url}");
        }
    }
}
