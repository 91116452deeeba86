//! Where the services are: Google's public endpoints, or addresses that were given.
//!
//! Sources: [Compute Engine](https://cloud.google.com/compute/docs/reference/rest/v1),
//! [Cloud Storage](https://cloud.google.com/storage/docs/json_api),
//! [IAM](https://cloud.google.com/iam/docs/reference/rest),
//! [STS](https://cloud.google.com/iam/docs/reference/sts/rest),
//! [IAM credentials](https://cloud.google.com/iam/docs/reference/credentials/rest),
//! [OAuth](https://developers.google.com/identity/protocols/oauth2/service-account),
//! [metadata server](https://cloud.google.com/compute/docs/metadata/querying-metadata).

use std::{collections::BTreeMap, fmt};

use gardener_provider_core::{Error, Result};
use url::Url;

/// A service of Google that this crate calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Service {
    /// Compute Engine: machines, disks and networks.
    Compute,
    /// Cloud Storage.
    Storage,
    /// Identity and Access Management: service accounts.
    Iam,
    /// Access tokens for service-account keys and users.
    OAuth,
    /// Security Token Service: access tokens for workload identities.
    Sts,
    /// Access tokens of service accounts that are impersonated.
    IamCredentials,
    /// The metadata server of the machine that this process runs on.
    Metadata,
}

impl Service {
    /// The public address.
    pub const fn public_url(self) -> &'static str {
        match self {
            Self::Compute => "https://compute.googleapis.com/",
            Self::Storage => "https://storage.googleapis.com/",
            Self::Iam => "https://iam.googleapis.com/",
            Self::OAuth => "https://oauth2.googleapis.com/",
            Self::Sts => "https://sts.googleapis.com/",
            Self::IamCredentials => "https://iamcredentials.googleapis.com/",
            Self::Metadata => "http://metadata.google.internal/",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compute => "compute",
            Self::Storage => "storage",
            Self::Iam => "iam",
            Self::OAuth => "oauth2",
            Self::Sts => "sts",
            Self::IamCredentials => "iamcredentials",
            Self::Metadata => "metadata",
        })
    }
}

/// How endpoints are chosen. The public ones unless told.
///
/// Paths begin with the API and its version (`/compute/v1/…`, `/storage/v1/…`), so one address can serve all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Endpoints {
    all: Option<Url>,
    custom: BTreeMap<Service, Url>,
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

    /// True if `service` is reached at an address that was given.
    pub fn is_custom(&self, service: Service) -> bool {
        self.all.is_some() || self.custom.contains_key(&service)
    }

    /// Where `service` is reached.
    ///
    /// # Errors
    /// None for public endpoints.
    pub fn resolve(&self, service: Service) -> Result<Url> {
        match self.custom.get(&service).or(self.all.as_ref()) {
            Some(url) => Ok(url.clone()),
            None => Url::parse(service.public_url())
                .map_err(|error| Error::internal(format!("the address of {service}: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_public_or_where_they_were_said_to_be() {
        let local = Url::parse("http://127.0.0.1:9000/base/").unwrap();
        for service in [
            Service::Compute,
            Service::Storage,
            Service::Iam,
            Service::OAuth,
            Service::Sts,
            Service::IamCredentials,
            Service::Metadata,
        ] {
            let public = Endpoints::public();
            assert_eq!(public.resolve(service).unwrap().as_str(), service.public_url());
            assert!(!public.is_custom(service));
            assert_eq!(Endpoints::all_at(local.clone()).resolve(service).unwrap(), local);
        }
        let storage = Endpoints::public().with_service(Service::Storage, local.clone());
        assert_eq!(storage.resolve(Service::Storage).unwrap(), local);
        assert!(storage.is_custom(Service::Storage) && !storage.is_custom(Service::Compute));
    }
}
