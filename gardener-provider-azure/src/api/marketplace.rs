//! Agreements to the terms of what is offered on the marketplace.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/marketplaceordering/marketplace-agreements?view=rest-marketplaceordering-2021-01-01>

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Operation, RestRequest, family, version, virtual_machines::Plan};

/// The terms of a plan, and whether the subscription has accepted them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Agreement {
    /// All of it.
    pub properties: Properties,
}

/// The terms.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Properties {
    /// Whether they were accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<bool>,
    /// The texts and the signature, sent back as they came.
    #[serde(flatten)]
    pub terms: Map<String, Value>,
}

impl Agreement {
    /// True if the subscription has accepted the terms.
    pub fn is_accepted(&self) -> bool {
        self.properties.accepted == Some(true)
    }

    /// The same terms, accepted.
    #[must_use]
    pub fn accepted(mut self) -> Self {
        self.properties.accepted = Some(true);
        self
    }
}

fn current(
    operation: &'static str,
    family: &'static str,
    method: Method,
    subscription: &str,
    plan: &Plan,
) -> RestRequest {
    RestRequest::new(operation, family, method)
        .segments(["subscriptions", subscription, "providers", "Microsoft.MarketplaceOrdering"])
        .segments(["offerTypes", "virtualmachine", "publishers", &plan.publisher, "offers", &plan.product])
        .segments(["plans", &plan.name, "agreements", "current"])
        .query("api-version", version::MARKETPLACE)
}

/// Reads the terms.
pub fn get(subscription: &str, plan: &Plan) -> Operation<Agreement> {
    Operation::json(current("MarketplaceAgreements_Get", family::READ, Method::GET, subscription, plan))
}

/// Accepts the terms; they must be those that were read.
pub fn create(subscription: &str, plan: &Plan, agreement: &Agreement) -> Operation<Agreement> {
    let request = current("MarketplaceAgreements_Create", family::WRITE, Method::PUT, subscription, plan);
    Operation::json(request.json(agreement))
}

pub(crate) fn samples() -> Vec<RestRequest> {
    let subscription = "01234567-89ab-cdef-0123-456789abcdef";
    let plan =
        Plan { name: "greatest".to_owned(), product: "gardenlinux".to_owned(), publisher: "sap".to_owned() };
    let terms = serde_json::json!({ "publisher": "sap", "product": "gardenlinux", "plan": "greatest",
        "licenseTextLink": "https://a.example", "privacyPolicyLink": "https://b.example",
        "marketplaceTermsLink": "https://c.example", "retrieveDatetime": "2026-11-22T08:00:00Z", "signature": "s" });
    let terms = terms.as_object().cloned().unwrap_or_default();
    let agreement = Agreement { properties: Properties { accepted: None, terms } }.accepted();
    vec![get(subscription, &plan).request, create(subscription, &plan, &agreement).request]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terms_are_sent_back_as_they_came_but_accepted() {
        let read = r#"{"id":"/x","properties":{"signature":"s","accepted":false,"plan":"p"}}"#;
        let agreement: Agreement = serde_json::from_str(read).unwrap();
        assert!(!agreement.is_accepted());
        let sent = serde_json::to_value(agreement.accepted()).unwrap();
        let expected =
            serde_json::json!({ "properties": { "signature": "s", "accepted": true, "plan": "p" } });
        assert_eq!(sent, expected);
    }
}
