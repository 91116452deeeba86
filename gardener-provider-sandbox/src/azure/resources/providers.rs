//! Resource providers: which types there are, where, and in which versions.

use serde_json::{Value, json};

use crate::azure::{
    arm::Arm,
    context::Reply,
    error::{Answer, ArmError},
    kinds,
};

const NAMESPACES: [&str; 7] = [
    "Microsoft.Authorization",
    "Microsoft.Compute",
    "Microsoft.ManagedIdentity",
    "Microsoft.MarketplaceOrdering",
    "Microsoft.Network",
    "Microsoft.Resources",
    "Microsoft.Storage",
];

/// The versions that the replies are written after; any other well-formed version is taken as well.
const VERSIONS: [&str; 4] = ["2025-04-01", "2024-11-01", "2024-10-01", "2023-01-31"];

impl Arm<'_> {
    pub(crate) fn providers(&self, subscription: &str) -> Answer<Reply> {
        self.check_subscription(subscription)?;
        self.page(NAMESPACES.iter().map(|name| self.provider_row(subscription, name)).collect())
    }

    /// One provider; registering it changes nothing, all are registered.
    pub(crate) fn provider(&self, subscription: &str, name: &str) -> Answer<Reply> {
        self.check_subscription(subscription)?;
        match NAMESPACES.iter().find(|known| known.eq_ignore_ascii_case(name)) {
            Some(known) => Ok(Reply::ok(self.provider_row(subscription, known))),
            None => Err(ArmError::missing(
                "InvalidResourceNamespace",
                format!("The resource namespace '{name}' is invalid."),
            )),
        }
    }

    fn provider_row(&self, subscription: &str, name: &str) -> Value {
        let locations: Vec<&str> =
            self.context.options().locations.iter().map(|(name, _)| name.as_str()).collect();
        let types: Vec<Value> = kinds::all()
            .filter(|kind| kind.provider() == name)
            .map(|kind| {
                json!({
                    "resourceType": kind.name.split_once('/').map_or("", |(_, rest)| rest),
                    "locations": locations,
                    "apiVersions": VERSIONS,
                })
            })
            .collect();
        json!({
            "id": format!("/subscriptions/{subscription}/providers/{name}"),
            "namespace": name,
            "registrationPolicy": "RegistrationRequired",
            "registrationState": "Registered",
            "resourceTypes": types,
        })
    }

    /// `api-version` must be there and look like one.
    pub(crate) fn check_api_version(&self) -> Answer<()> {
        let version = &self.context.api_version;
        if version.is_empty() {
            return Err(ArmError::bad(
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            ));
        }
        let (date, rest) = version.split_at_checked(10).unwrap_or_default();
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let parts: Vec<&str> = date.split('-').collect();
        let good = matches!(parts.as_slice(), [year, month, day] if year.len() == 4 && month.len() == 2 && day.len() == 2)
            && parts.iter().all(|part| digits(part))
            && matches!(rest, "" | "-preview" | "-alpha" | "-beta" | "-privatepreview");
        if good {
            return Ok(());
        }
        Err(ArmError::bad(
            "InvalidApiVersionParameter",
            format!(
                "The api-version '{version}' is invalid. The supported versions are '{}'.",
                VERSIONS.join(",")
            ),
        ))
    }
}
