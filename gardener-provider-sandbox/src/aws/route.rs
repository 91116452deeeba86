//! Which service, region and bucket a request is meant for.

use bytes::Bytes;
use http::{Request, header};

use super::{auth, efs, query::Params, s3};

/// A service of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Service {
    Ec2,
    Iam,
    Sts,
    /// Classic and v2, told apart by the `Version` parameter.
    Elb,
    Efs,
    S3,
}

impl Service {
    /// The name in hosts and credential scopes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::Elb => "elasticloadbalancing",
            Self::Efs => "elasticfilesystem",
            Self::S3 => "s3",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Ec2, Self::Iam, Self::Sts, Self::Elb, Self::Efs, Self::S3]
            .into_iter()
            .find(|service| service.name() == name)
    }

    /// True for the protocols with `Action` and `Version` parameters.
    pub(crate) fn is_query(self) -> bool {
        !matches!(self, Self::Efs | Self::S3)
    }
}

/// Where a request goes.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    pub(crate) service: Service,
    pub(crate) region: String,
    /// The bucket, if the host names it.
    pub(crate) bucket: Option<String>,
    /// The parameters, for services of the query protocols.
    pub(crate) params: Params,
}

/// `None` if the request goes to no host of AWS and does not look like a call to it on a loopback address.
pub(crate) fn recognise(request: &Request<Bytes>) -> Option<(Route, String)> {
    let host = request.uri().host()?;
    let (service, region, bucket) = match by_host(host) {
        Some(found) => found,
        None if is_loopback(host) => by_signature(request, host)?,
        None => return None,
    };
    let params = if service.is_query() { Params::of(request) } else { Params::default() };
    let route = Route { service, region, bucket, params };
    let operation = match service {
        Service::S3 => s3::operation(request, route.bucket.as_deref()),
        Service::Efs => efs::operation(request),
        _ => route.params.get("Action").unwrap_or_default().to_owned(),
    };
    Some((route, operation))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.trim_matches(['[', ']']).parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Reads `[BUCKET.]SERVICE[.dualstack][.REGION].DOMAIN`.
fn by_host(host: &str) -> Option<(Service, String, Option<String>)> {
    let domains = [".amazonaws.com.cn", ".amazonaws.com", ".api.aws", ".api.amazonwebservices.com.cn"];
    let name = domains.iter().find_map(|domain| host.strip_suffix(domain))?;
    let labels: Vec<&str> = name.split('.').collect();
    let service_of = |label: &str| Service::from_name(label.strip_suffix("-fips").unwrap_or(label));
    let at = labels.iter().rposition(|label| service_of(label).is_some())?;
    let service = service_of(labels[at])?;
    let region = match labels[at + 1..] {
        [] | ["dualstack"] => home_region(host),
        // IAM of GovCloud is at `iam.us-gov.amazonaws.com`.
        ["us-gov"] => "us-gov-west-1".to_owned(),
        ["dualstack", region] | [region] => region.to_owned(),
        _ => return None,
    };
    let bucket = (at > 0).then(|| labels[..at].join("."));
    (bucket.is_none() || service == Service::S3).then_some((service, region, bucket))
}

fn home_region(host: &str) -> String {
    if host.rsplit('.').next() == Some("cn") { "cn-north-1" } else { "us-east-1" }.to_owned()
}

/// On a loopback address: the credential scope says which service and region are meant, and for the few unsigned calls the
/// `Version` parameter; anything else is for S3.
fn by_signature(request: &Request<Bytes>, host: &str) -> Option<(Service, String, Option<String>)> {
    let bucket = host.strip_suffix(".localhost").map(str::to_owned);
    if let Some(scope) = auth::scope(request) {
        return Some((Service::from_name(&scope.service)?, scope.region, bucket));
    }
    if !request.headers().contains_key(header::AUTHORIZATION) {
        let service = match Params::of(request).get("Version") {
            Some("2016-11-15") => Service::Ec2,
            Some("2010-05-08") => Service::Iam,
            Some("2011-06-15") => Service::Sts,
            Some("2012-06-01" | "2015-12-01") => Service::Elb,
            _ => Service::S3,
        };
        return Some((service, "us-east-1".to_owned(), bucket));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_all_partitions() {
        for (host, service, region, bucket) in [
            ("ec2.eu-west-1.amazonaws.com", Service::Ec2, "eu-west-1", None),
            ("ec2.cn-north-1.amazonaws.com.cn", Service::Ec2, "cn-north-1", None),
            ("ec2.us-gov-west-1.amazonaws.com", Service::Ec2, "us-gov-west-1", None),
            ("ec2-fips.us-east-1.amazonaws.com", Service::Ec2, "us-east-1", None),
            ("ec2.eu-west-1.api.aws", Service::Ec2, "eu-west-1", None),
            ("iam.amazonaws.com", Service::Iam, "us-east-1", None),
            ("iam.us-gov.amazonaws.com", Service::Iam, "us-gov-west-1", None),
            ("iam.cn-north-1.amazonaws.com.cn", Service::Iam, "cn-north-1", None),
            ("sts.amazonaws.com", Service::Sts, "us-east-1", None),
            ("elasticloadbalancing.eu-west-1.amazonaws.com", Service::Elb, "eu-west-1", None),
            ("elasticfilesystem.eu-west-1.amazonaws.com", Service::Efs, "eu-west-1", None),
            ("s3.eu-west-1.amazonaws.com", Service::S3, "eu-west-1", None),
            ("s3.dualstack.eu-west-1.amazonaws.com", Service::S3, "eu-west-1", None),
            ("a.b.s3.eu-west-1.amazonaws.com", Service::S3, "eu-west-1", Some("a.b")),
            ("bucket.s3.amazonaws.com", Service::S3, "us-east-1", Some("bucket")),
        ] {
            let expected = (service, region.to_owned(), bucket.map(str::to_owned));
            assert_eq!(by_host(host), Some(expected), "{host}");
        }
        for host in
            ["example.com", "amazonaws.com", "x.ec2.eu-west-1.amazonaws.com", "sqs.eu-west-1.amazonaws.com"]
        {
            assert_eq!(by_host(host), None, "{host}");
        }
    }
}
