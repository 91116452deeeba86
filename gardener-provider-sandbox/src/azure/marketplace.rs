//! Microsoft.MarketplaceOrdering: the terms of images that are sold with a plan.
//!
//! <https://learn.microsoft.com/en-us/rest/api/marketplaceordering/marketplace-agreements>

use serde_json::{Map, Value, json};

use super::{
    arm::{Arm, id::ResourceId, kind::Kind},
    context::Reply,
    error::{Answer, ArmError},
};

/// Agreements are not stored as resources are: every plan has one from the start.
pub(crate) const KINDS: &[&Kind] = &[];

const PATH: [&str; 5] = ["offerTypes", "publishers", "offers", "plans", "agreements"];

/// Publisher, offer and plan of the agreement that an id names.
pub(crate) fn plan_of(id: &ResourceId) -> Option<[&str; 3]> {
    let fits = id.group.is_none()
        && id.provider.eq_ignore_ascii_case("Microsoft.MarketplaceOrdering")
        && id.path.len() == PATH.len()
        && id.path.iter().zip(PATH).all(|((kind, _), known)| kind.eq_ignore_ascii_case(known))
        && id.path[0].1.eq_ignore_ascii_case("virtualmachine")
        && id.path[4].1.eq_ignore_ascii_case("current");
    fits.then(|| [id.path[1].1.as_str(), &id.path[2].1, &id.path[3].1])
}

impl Arm<'_> {
    pub(crate) fn agreement(&self, id: &ResourceId) -> Answer<Reply> {
        self.check_subscription(&id.subscription)?;
        let Some([publisher, offer, plan]) = plan_of(id) else { return Err(super::arm::not_found(id)) };
        self.check_plan(publisher, offer, plan)?;
        let accepted =
            self.state.agreements.contains_key(&agreement_key(&id.subscription, publisher, offer, plan));
        Ok(Reply::ok(terms(id, [publisher, offer, plan], accepted)))
    }

    /// Accepts the terms, if the caller has read them: the signature is theirs.
    pub(crate) fn accept_agreement(&mut self, id: &ResourceId, given: &Map<String, Value>) -> Answer<Reply> {
        self.check_subscription(&id.subscription)?;
        let Some([publisher, offer, plan]) = plan_of(id) else { return Err(super::arm::not_found(id)) };
        self.check_plan(publisher, offer, plan)?;
        let settings = given.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let signed =
            settings.get("signature").and_then(Value::as_str) == Some(&signature(publisher, offer, plan));
        if !signed {
            return Err(ArmError::bad(
                "BadRequest",
                "The signature of the agreement terms is not that of the current terms.",
            ));
        }
        let accepted = settings.get("accepted").and_then(Value::as_bool).unwrap_or(false);
        let key = agreement_key(&id.subscription, publisher, offer, plan);
        if accepted {
            self.state.agreements.insert(key, self.context.now);
        } else {
            self.state.agreements.remove(&key);
        }
        Ok(Reply::ok(terms(id, [publisher, offer, plan], accepted)))
    }

    fn check_plan(&self, publisher: &str, offer: &str, plan: &str) -> Answer<()> {
        let known = self.context.options().images.iter().any(|image| {
            image.has_plan
                && image.publisher.eq_ignore_ascii_case(publisher)
                && image.offer.eq_ignore_ascii_case(offer)
                && image.sku.eq_ignore_ascii_case(plan)
        });
        if known {
            return Ok(());
        }
        let message =
            format!("Unable to find the terms of publisher '{publisher}', offer '{offer}', plan '{plan}'.");
        Err(ArmError::bad("BadRequest", message))
    }

    /// True if the terms of an image were accepted.
    pub(crate) fn terms_accepted(
        &self,
        subscription: &str,
        publisher: &str,
        offer: &str,
        plan: &str,
    ) -> bool {
        self.state.agreements.contains_key(&agreement_key(subscription, publisher, offer, plan))
    }
}

pub(crate) fn agreement_key(subscription: &str, publisher: &str, offer: &str, plan: &str) -> String {
    format!("{subscription}/{publisher}/{offer}/{plan}").to_ascii_lowercase()
}

fn signature(publisher: &str, offer: &str, plan: &str) -> String {
    let text = format!("{publisher}.{offer}.{plan}").to_ascii_lowercase();
    let number = text.bytes().fold(7_u64, |sum, byte| crate::ids::scatter(sum ^ u64::from(byte)));
    format!("SANDBOX{number:016X}")
}

fn terms(id: &ResourceId, [publisher, offer, plan]: [&str; 3], accepted: bool) -> Value {
    json!({
        "id": format!(
            "/subscriptions/{}/providers/Microsoft.MarketplaceOrdering/offertypes/virtualmachine/publishers/{publisher}/\
             offers/{offer}/plans/{plan}/agreements/current",
            id.subscription
        ),
        "name": plan,
        "type": "Microsoft.MarketplaceOrdering/offertypes",
        "properties": {
            "publisher": publisher,
            "product": offer,
            "plan": plan,
            "licenseTextLink": "https://sandbox.invalid/license.txt",
            "privacyPolicyLink": "https://sandbox.invalid/privacy",
            "marketplaceTermsLink": "https://sandbox.invalid/terms.txt",
            "retrieveDatetime": "2026-01-01T00:00:00.0000000Z",
            "signature": signature(publisher, offer, plan),
            "accepted": accepted,
        }
    })
}
