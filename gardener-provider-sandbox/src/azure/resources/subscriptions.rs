//! Subscriptions, tenants and locations.

use serde_json::{Value, json};

use crate::azure::{arm::Arm, context::Reply, error::Answer};

impl Arm<'_> {
    pub(crate) fn subscriptions(&self) -> Answer<Reply> {
        let all = self.context.options().subscriptions.iter();
        self.page(all.enumerate().map(|(at, id)| self.subscription_row(at, id)).collect())
    }

    pub(crate) fn subscription(&self, id: &str) -> Answer<Reply> {
        self.check_subscription(id)?;
        let all = &self.context.options().subscriptions;
        let at = all.iter().position(|known| known.eq_ignore_ascii_case(id)).unwrap_or_default();
        Ok(Reply::ok(self.subscription_row(at, &all[at])))
    }

    fn subscription_row(&self, at: usize, id: &str) -> Value {
        json!({
            "id": format!("/subscriptions/{id}"),
            "subscriptionId": id,
            "tenantId": self.context.options().tenant,
            "displayName": format!("sandbox {}", at + 1),
            "state": "Enabled",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": "PayAsYouGo_2014-09-01",
                "spendingLimit": "Off",
            },
        })
    }

    pub(crate) fn tenants(&self) -> Answer<Reply> {
        let tenant = &self.context.options().tenant;
        self.page(vec![json!({
            "id": format!("/tenants/{tenant}"),
            "tenantId": tenant,
            "tenantCategory": "Home",
            "displayName": "sandbox",
            "defaultDomain": "sandbox.onmicrosoft.com",
            "domains": ["sandbox.onmicrosoft.com"],
        })])
    }

    pub(crate) fn locations(&self, subscription: &str) -> Answer<Reply> {
        self.check_subscription(subscription)?;
        let all = self.context.options().locations.iter().map(|(name, zones)| {
            let mappings: Vec<Value> = zones
                .iter()
                .map(|zone| json!({ "logicalZone": zone, "physicalZone": format!("{name}-az{zone}") }))
                .collect();
            let mut row = json!({
                "id": format!("/subscriptions/{subscription}/locations/{name}"),
                "name": name,
                "type": "Region",
                "displayName": name,
                "regionalDisplayName": name,
                "metadata": { "regionType": "Physical", "regionCategory": "Recommended", "geographyGroup": "Sandbox" },
            });
            if !mappings.is_empty() {
                row["availabilityZoneMappings"] = mappings.into();
            }
            row
        });
        Ok(Reply::ok(json!({ "value": all.collect::<Vec<Value>>() })))
    }
}
