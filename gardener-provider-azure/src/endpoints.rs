//! Where Azure's services are reached: three clouds that share nothing but their shape.
//!
//! Source: [Azure's own list](https://learn.microsoft.com/en-us/azure/china/resources-developer-guide#check-endpoints-in-azure)
//! for China, [for US Government](https://learn.microsoft.com/en-us/azure/azure-government/compare-azure-government-global-azure#guidance-for-developers).

use std::{collections::BTreeMap, fmt};

use gardener_provider_core::{Error, Region, Result};
use url::Url;

/// A service that this crate calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Service {
    /// Azure Resource Manager: everything but tokens and objects.
    ResourceManager,
    /// Microsoft Entra ID, which hands out tokens.
    Login,
    /// The data of storage accounts.
    Blob,
    /// The metadata of the machine that this process runs on, which hands out tokens of its managed identity.
    InstanceMetadata,
}

/// One of the separate Azure clouds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub enum Cloud {
    /// Azure.
    #[default]
    Public,
    /// Azure operated by 21Vianet.
    China,
    /// Azure for the US Government.
    UsGovernment,
}

impl Cloud {
    /// All clouds.
    pub const ALL: [Self; 3] = [Self::Public, Self::China, Self::UsGovernment];

    /// The name in `cloudConfiguration.name`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "AzurePublic",
            Self::China => "AzureChina",
            Self::UsGovernment => "AzureGovernment",
        }
    }

    /// The cloud of this name in `cloudConfiguration.name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cloud| cloud.name() == name)
    }

    /// The cloud that a region lies in, as Gardener guesses it from the region's name where no cloud is configured.
    pub fn of_region(region: &Region) -> Self {
        let region = region.as_str().to_ascii_lowercase();
        if region.starts_with("china") {
            Self::China
        } else if region.starts_with("usgov") || region.starts_with("usdod") {
            Self::UsGovernment
        } else {
            Self::Public
        }
    }

    const fn domain(self) -> &'static str {
        match self {
            Self::Public => "core.windows.net",
            Self::China => "core.chinacloudapi.cn",
            Self::UsGovernment => "core.usgovcloudapi.net",
        }
    }

    /// What the host names of blob services end with: `blob.core.windows.net`.
    pub fn blob_suffix(self) -> String {
        format!("blob.{}", self.domain())
    }

    const fn host(self, service: Service) -> &'static str {
        match (service, self) {
            (Service::ResourceManager, Self::Public) => "management.azure.com",
            (Service::ResourceManager, Self::China) => "management.chinacloudapi.cn",
            (Service::ResourceManager, Self::UsGovernment) => "management.usgovcloudapi.net",
            (Service::Login, Self::Public) => "login.microsoftonline.com",
            (Service::Login, Self::China) => "login.chinacloudapi.cn",
            (Service::Login, Self::UsGovernment) => "login.microsoftonline.us",
            (Service::Blob, Self::Public) => "blob.core.windows.net",
            (Service::Blob, Self::China) => "blob.core.chinacloudapi.cn",
            (Service::Blob, Self::UsGovernment) => "blob.core.usgovcloudapi.net",
            (Service::InstanceMetadata, _) => "169.254.169.254",
        }
    }

    /// What a token for an audience is asked for, without a `/` at its end.
    ///
    /// Storage has one for [all clouds](https://learn.microsoft.com/en-us/azure/storage/blobs/authorize-access-azure-active-directory).
    pub const fn resource(self, audience: Audience) -> &'static str {
        match (audience, self) {
            (Audience::ResourceManager, Self::Public) => "https://management.core.windows.net",
            (Audience::ResourceManager, Self::China) => "https://management.core.chinacloudapi.cn",
            (Audience::ResourceManager, Self::UsGovernment) => "https://management.core.usgovcloudapi.net",
            (Audience::Storage, _) => "https://storage.azure.com",
        }
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whom a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Audience {
    /// Azure Resource Manager.
    ResourceManager,
    /// The data of storage accounts.
    Storage,
}

/// How endpoints are chosen.
///
/// ```
/// use gardener_provider_azure::endpoints::{Cloud, Endpoints, Service};
/// let url = Endpoints::public().resolve(Service::ResourceManager, Cloud::Public)?;
/// assert_eq!(url.as_str(), "https://management.azure.com/");
/// # Ok::<(), gardener_provider_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Endpoints {
    all: Option<Url>,
    custom: BTreeMap<Service, Url>,
}

impl Endpoints {
    /// The clouds' public endpoints.
    pub fn public() -> Self {
        Self::default()
    }

    /// Everything at one address: a sandbox.
    pub fn all_at(url: Url) -> Self {
        Self { all: Some(url), ..Self::default() }
    }

    /// Sets the address of one service. Storage accounts are then found below it by path, not by host.
    pub fn with_service(mut self, service: Service, url: Url) -> Self {
        self.custom.insert(service, url);
        self
    }

    /// True if `service` is reached at an address that was given.
    pub fn is_custom(&self, service: Service) -> bool {
        self.given(service).is_some()
    }

    fn given(&self, service: Service) -> Option<&Url> {
        self.custom.get(&service).or(self.all.as_ref())
    }

    /// Where `service` of `cloud` is reached; the accounts of [`Service::Blob`] have their own addresses
    /// ([`Endpoints::blob`]).
    ///
    /// # Errors
    /// None for what this crate knows.
    pub fn resolve(&self, service: Service, cloud: Cloud) -> Result<Url> {
        if let Some(url) = self.given(service) {
            return Ok(url.clone());
        }
        let scheme = if service == Service::InstanceMetadata { "http" } else { "https" };
        let text = format!("{scheme}://{}/", cloud.host(service));
        Url::parse(&text).map_err(|error| Error::internal(format!("{text} is no address: {error}")))
    }

    /// Where the blobs of a storage account are: `https://<account>.blob.core.windows.net/`, or a path below the address
    /// that was given, as Azurite has it.
    ///
    /// # Errors
    /// `InvalidArgument` if the account's name makes no address.
    pub fn blob(&self, cloud: Cloud, account: &str) -> Result<Url> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if !(3..=24).contains(&account.len()) || !account.bytes().all(is_name) {
            let problem = "is no storage account; its name has 3 to 24 lower-case letters and digits";
            return Err(Error::invalid("storageAccount", format!("{account:?} {problem}")));
        }
        let text = match self.given(Service::Blob) {
            Some(url) => format!("{}/{account}/", url.as_str().trim_end_matches('/')),
            None => format!("https://{account}.{}/", cloud.host(Service::Blob)),
        };
        Url::parse(&text).map_err(|error| Error::invalid("storageAccount", format!("{text}: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cloud_has_its_own_hosts_and_audiences() {
        let table = [
            (
                Cloud::Public,
                "management.azure.com",
                "login.microsoftonline.com",
                "https://management.core.windows.net",
                "https://backups.blob.core.windows.net/",
            ),
            (
                Cloud::China,
                "management.chinacloudapi.cn",
                "login.chinacloudapi.cn",
                "https://management.core.chinacloudapi.cn",
                "https://backups.blob.core.chinacloudapi.cn/",
            ),
            (
                Cloud::UsGovernment,
                "management.usgovcloudapi.net",
                "login.microsoftonline.us",
                "https://management.core.usgovcloudapi.net",
                "https://backups.blob.core.usgovcloudapi.net/",
            ),
        ];
        let endpoints = Endpoints::public();
        for (cloud, manager, login, audience, blob) in table {
            let host = |service| endpoints.resolve(service, cloud).unwrap().host_str().unwrap().to_owned();
            assert_eq!(host(Service::ResourceManager), manager);
            assert_eq!(host(Service::Login), login);
            assert_eq!(cloud.resource(Audience::ResourceManager), audience);
            assert_eq!(cloud.resource(Audience::Storage), "https://storage.azure.com");
            assert_eq!(endpoints.blob(cloud, "backups").unwrap().as_str(), blob);
            assert_eq!(format!("https://backups.{}/", cloud.blob_suffix()), blob);
            assert_eq!(Cloud::named(cloud.name()), Some(cloud));
        }
        assert_eq!(Cloud::named("AzureStack"), None);
    }

    #[test]
    fn a_regions_name_tells_its_cloud() {
        for (region, cloud) in [
            ("westeurope", Cloud::Public),
            ("usgovvirginia", Cloud::UsGovernment),
            ("usdodeast", Cloud::UsGovernment),
            ("chinanorth3", Cloud::China),
            ("ChinaEast2", Cloud::China),
        ] {
            assert_eq!(Cloud::of_region(&Region::new(region).unwrap()), cloud, "{region}");
        }
    }

    #[test]
    fn accounts_are_found_by_path_at_an_address_that_was_given() {
        let url = |text: &str| Url::parse(text).unwrap();
        let endpoints = Endpoints::all_at(url("http://127.0.0.1:5000"))
            .with_service(Service::Blob, url("http://127.0.0.1:10000"));
        let blob = endpoints.blob(Cloud::China, "devstoreaccount1").unwrap();
        assert_eq!(blob.as_str(), "http://127.0.0.1:10000/devstoreaccount1/");
        let manager = endpoints.resolve(Service::ResourceManager, Cloud::China).unwrap();
        assert_eq!(manager.port(), Some(5000));
    }

    #[test]
    fn an_account_that_is_no_name_makes_no_address() {
        for bad in ["", "ab", "evil.example/", "Backups", "a-b", "abcdefghijklmnopqrstuvwxy"] {
            let error = Endpoints::public().blob(Cloud::Public, bad).unwrap_err().to_string();
            assert!(error.starts_with("storageAccount: "), "{error}");
        }
    }
}
