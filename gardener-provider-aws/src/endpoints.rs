//! Where the services are: partitions, regions, FIPS, dual stack, custom endpoints.
//!
//! Sources: [partitions](https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html),
//! [endpoints](https://docs.aws.amazon.com/general/latest/gr/rande.html),
//! [FIPS](https://aws.amazon.com/compliance/fips/), and botocore's endpoint rule sets, which the test table was made with.

use std::{collections::BTreeMap, fmt};

use gardener_provider_core::{Error, Region, Result};
use url::Url;

/// A service of AWS that this crate calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Service {
    /// Elastic Compute Cloud: machines, disks and networks.
    Ec2,
    /// Identity and Access Management.
    Iam,
    /// Security Token Service.
    Sts,
    /// Simple Storage Service.
    S3,
    /// Elastic Load Balancing, classic (API 2012-06-01).
    Elb,
    /// Elastic Load Balancing, second generation (API 2015-12-01).
    ElbV2,
    /// Elastic File System.
    Efs,
}

impl Service {
    /// The name in host names and in signatures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Iam => "iam",
            Self::Sts => "sts",
            Self::S3 => "s3",
            Self::Elb | Self::ElbV2 => "elasticloadbalancing",
            Self::Efs => "elasticfilesystem",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A group of regions with its own accounts, host names and ARNs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Partition {
    /// The public regions.
    Aws,
    /// China.
    China,
    /// GovCloud (US).
    GovCloud,
}

impl Partition {
    /// The partition that a region belongs to, by the shape of its name.
    ///
    /// # Errors
    /// `InvalidArgument` naming `region` if it is not the name of a region of these partitions.
    pub fn of(region: &Region) -> Result<Self> {
        let parts: Vec<_> = region.as_str().split('-').collect();
        let word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase());
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        match parts.as_slice() {
            ["us", "gov", place, number] if word(place) && digits(number) => Ok(Self::GovCloud),
            ["cn", place, number] if word(place) && digits(number) => Ok(Self::China),
            ["us" | "eu" | "ap" | "sa" | "ca" | "me" | "af" | "il" | "mx", place, number]
                if word(place) && digits(number) =>
            {
                Ok(Self::Aws)
            }
            _ => Err(Error::invalid(
                "region",
                format!(
                    "{region} is not an AWS region; expected a name like eu-west-1, cn-north-1 or us-gov-west-1"
                ),
            )),
        }
    }

    /// The partition's id, as it stands in ARNs: `arn:<id>:…`.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::China => "aws-cn",
            Self::GovCloud => "aws-us-gov",
        }
    }

    /// The end of host names: `ec2.<region>.<suffix>`; also of service principals such as `ec2.<suffix>`.
    pub const fn dns_suffix(self) -> &'static str {
        match self {
            Self::Aws | Self::GovCloud => "amazonaws.com",
            Self::China => "amazonaws.com.cn",
        }
    }

    const fn dual_stack_suffix(self) -> &'static str {
        match self {
            Self::Aws | Self::GovCloud => "api.aws",
            Self::China => "api.amazonwebservices.com.cn",
        }
    }

    /// The region whose name signs requests to the partition's global services.
    pub const fn global_region(self) -> &'static str {
        match self {
            Self::Aws => "us-east-1",
            Self::China => "cn-north-1",
            Self::GovCloud => "us-gov-west-1",
        }
    }
}

/// Where one service is reached and how its requests are signed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Endpoint {
    /// The service.
    pub service: Service,
    /// The address, without a bucket.
    pub url: Url,
    /// The region in the signature.
    pub signing_region: String,
    /// Buckets go into the path, not into the host name. True for custom endpoints.
    pub path_style: bool,
}

/// How endpoints are chosen. The public ones unless told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Endpoints {
    all: Option<Url>,
    custom: BTreeMap<Service, Url>,
    fips: bool,
    dual_stack: bool,
}

impl Endpoints {
    /// The public endpoints.
    pub fn public() -> Self {
        Self::default()
    }

    /// One address for all services: a sandbox, an emulator, a gateway.
    pub fn all_at(url: Url) -> Self {
        Self { all: Some(url), ..Self::default() }
    }

    /// Sets the address of one service.
    pub fn with_service(mut self, service: Service, url: Url) -> Self {
        self.custom.insert(service, url);
        self
    }

    /// Uses endpoints with FIPS 140 validated cryptography.
    pub fn with_fips(mut self, on: bool) -> Self {
        self.fips = on;
        self
    }

    /// Uses endpoints that are reachable over IPv6 too.
    pub fn with_dual_stack(mut self, on: bool) -> Self {
        self.dual_stack = on;
        self
    }

    /// True if `service` is reached at an address that was given.
    pub fn is_custom(&self, service: Service) -> bool {
        self.all.is_some() || self.custom.contains_key(&service)
    }

    /// Where `service` is reached for `region`.
    ///
    /// # Errors
    /// `InvalidArgument` naming `region` if it is not a region, or has no FIPS endpoints and they are wanted.
    pub fn resolve(&self, service: Service, region: &Region) -> Result<Endpoint> {
        let partition = Partition::of(region)?;
        let signing_region = match service {
            Service::Iam => partition.global_region().to_owned(),
            _ => region.to_string(),
        };
        if let Some(url) = self.custom.get(&service).or(self.all.as_ref()) {
            return Ok(Endpoint { service, url: url.clone(), signing_region, path_style: true });
        }
        if self.fips && partition == Partition::China {
            return Err(Error::invalid("region", format!("{region} has no FIPS endpoints; switch FIPS off")));
        }
        let host = self.host(service, region, partition);
        let url = Url::parse(&format!("https://{host}/"))
            .map_err(|error| Error::invalid("region", format!("{region} makes no address: {error}")))?;
        Ok(Endpoint { service, url, signing_region, path_style: false })
    }

    fn host(&self, service: Service, region: &Region, partition: Partition) -> String {
        let suffix = if self.dual_stack { partition.dual_stack_suffix() } else { partition.dns_suffix() };
        match service {
            Service::Iam => self.iam_host(partition, suffix),
            Service::S3 => {
                let fips = if self.fips { "-fips" } else { "" };
                let dual_stack = if self.dual_stack { ".dualstack" } else { "" };
                format!("s3{fips}{dual_stack}.{region}.{}", partition.dns_suffix())
            }
            _ => format!("{}.{region}.{suffix}", self.regional_prefix(service, partition)),
        }
    }

    fn iam_host(&self, partition: Partition, suffix: &str) -> String {
        let fips = if self.fips { "-fips" } else { "" };
        match (partition, self.dual_stack) {
            (Partition::GovCloud, _) => format!("iam.us-gov.{suffix}"),
            (_, true) => format!("iam{fips}.global.{suffix}"),
            (Partition::China, false) => format!("iam.cn-north-1.{suffix}"),
            (Partition::Aws, false) => format!("iam{fips}.{suffix}"),
        }
    }

    /// GovCloud's IPv4 endpoints are FIPS endpoints under their ordinary names, all but those of EFS.
    fn regional_prefix(&self, service: Service, partition: Partition) -> String {
        let name = if service == Service::Efs && self.dual_stack { "efs" } else { service.name() };
        let ordinary_is_fips =
            partition == Partition::GovCloud && !self.dual_stack && service != Service::Efs;
        if self.fips && !ordinary_is_fips { format!("{name}-fips") } else { name.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(endpoints: &Endpoints, service: Service, region: &str) -> String {
        let endpoint = endpoints.resolve(service, &Region::new(region).unwrap()).unwrap();
        endpoint.url.host_str().unwrap().to_owned()
    }

    /// Made with botocore 1.44.5's `endpoint-rule-set-1` of each service.
    #[test]
    fn hosts_are_those_of_the_official_rule_sets() {
        use Service::{Ec2, Efs, Elb, Iam, S3, Sts};
        let table = [
            (Ec2, "eu-west-1", "--", "ec2.eu-west-1.amazonaws.com"),
            (Ec2, "eu-west-1", "-D", "ec2.eu-west-1.api.aws"),
            (Ec2, "eu-west-1", "F-", "ec2-fips.eu-west-1.amazonaws.com"),
            (Ec2, "eu-west-1", "FD", "ec2-fips.eu-west-1.api.aws"),
            (Ec2, "cn-north-1", "--", "ec2.cn-north-1.amazonaws.com.cn"),
            (Ec2, "cn-northwest-1", "-D", "ec2.cn-northwest-1.api.amazonwebservices.com.cn"),
            (Ec2, "us-gov-east-1", "F-", "ec2.us-gov-east-1.amazonaws.com"),
            (Ec2, "us-gov-east-1", "FD", "ec2-fips.us-gov-east-1.api.aws"),
            (Iam, "eu-west-1", "--", "iam.amazonaws.com"),
            (Iam, "eu-west-1", "-D", "iam.global.api.aws"),
            (Iam, "eu-west-1", "F-", "iam-fips.amazonaws.com"),
            (Iam, "eu-west-1", "FD", "iam-fips.global.api.aws"),
            (Iam, "cn-northwest-1", "--", "iam.cn-north-1.amazonaws.com.cn"),
            (Iam, "cn-north-1", "-D", "iam.global.api.amazonwebservices.com.cn"),
            (Iam, "us-gov-east-1", "F-", "iam.us-gov.amazonaws.com"),
            (Iam, "us-gov-east-1", "-D", "iam.us-gov.api.aws"),
            (Sts, "us-gov-west-1", "F-", "sts.us-gov-west-1.amazonaws.com"),
            (Sts, "ap-southeast-2", "F-", "sts-fips.ap-southeast-2.amazonaws.com"),
            (S3, "eu-west-1", "--", "s3.eu-west-1.amazonaws.com"),
            (S3, "eu-west-1", "FD", "s3-fips.dualstack.eu-west-1.amazonaws.com"),
            (S3, "cn-north-1", "-D", "s3.dualstack.cn-north-1.amazonaws.com.cn"),
            (S3, "us-gov-west-1", "F-", "s3-fips.us-gov-west-1.amazonaws.com"),
            (Elb, "us-gov-west-1", "F-", "elasticloadbalancing.us-gov-west-1.amazonaws.com"),
            (Elb, "eu-west-1", "F-", "elasticloadbalancing-fips.eu-west-1.amazonaws.com"),
            (Efs, "us-gov-west-1", "F-", "elasticfilesystem-fips.us-gov-west-1.amazonaws.com"),
            (Efs, "eu-west-1", "-D", "efs.eu-west-1.api.aws"),
        ];
        for (service, region, flags, wanted) in table {
            let endpoints =
                Endpoints::public().with_fips(flags.contains('F')).with_dual_stack(flags.contains('D'));
            assert_eq!(host(&endpoints, service, region), wanted, "{service} {region} {flags}");
        }
    }

    #[test]
    fn iam_is_signed_for_the_partitions_global_region() {
        for (region, signed) in
            [("eu-west-1", "us-east-1"), ("cn-northwest-1", "cn-north-1"), ("us-gov-east-1", "us-gov-west-1")]
        {
            let endpoint = Endpoints::public().resolve(Service::Iam, &Region::new(region).unwrap()).unwrap();
            assert_eq!(endpoint.signing_region, signed);
        }
    }

    #[test]
    fn unknown_regions_are_refused_by_name() {
        for bad in ["eu", "eu-west", "mars-east-1", "us-iso-east-1", "eu-west-1a", "eu-west-1.evil.example/"]
        {
            let error = Endpoints::public().resolve(Service::Ec2, &Region::new(bad).unwrap()).unwrap_err();
            assert!(error.to_string().starts_with("region: "), "{error}");
        }
        let fips = Endpoints::public().with_fips(true);
        let error = fips.resolve(Service::Ec2, &Region::new("cn-north-1").unwrap()).unwrap_err();
        assert!(error.to_string().contains("FIPS"), "{error}");
    }

    #[test]
    fn a_custom_endpoint_of_a_service_wins_over_the_one_for_all() {
        let url = |text: &str| Url::parse(text).unwrap();
        let endpoints = Endpoints::all_at(url("http://127.0.0.1:5000"))
            .with_service(Service::S3, url("http://127.0.0.1:9000"));
        let region = Region::new("eu-west-1").unwrap();
        let s3 = endpoints.resolve(Service::S3, &region).unwrap();
        assert_eq!((s3.url.port(), s3.path_style), (Some(9000), true));
        assert_eq!(endpoints.resolve(Service::Ec2, &region).unwrap().url.port(), Some(5000));
    }
}
