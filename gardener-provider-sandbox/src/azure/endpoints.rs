//! What the `az` command asks an endpoint of Resource Manager about the rest of its cloud.

use serde_json::json;

use super::context::Reply;

/// The endpoints of a cloud whose parts are all here; version 2022-09-01 speaks of one cloud, those before of many.
pub(super) fn metadata(base: &str, tenant: &str, version: &str) -> Reply {
    let cloud = json!({
        "name": "sandbox",
        "resourceManager": base,
        "portal": base,
        "authentication": {
            "loginEndpoint": base,
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": tenant,
            "identityProvider": "AAD",
        },
        "media": base,
        "graph": base,
        "graphAudience": base,
        "batch": base,
        "sqlManagement": base,
        "vmImageAliasDoc": format!("{base}/metadata/aliases"),
        "gallery": base,
        "activeDirectoryDataLake": base,
        "microsoftGraphResourceId": format!("{base}/"),
        "suffixes": {
            "storage": "core.windows.net",
            "keyVaultDns": "vault.azure.net",
            "sqlServerHostname": "database.windows.net",
            "acrLoginServer": "azurecr.io",
            "mhsmDns": "managedhsm.azure.net",
        },
    });
    Reply::ok(if version < "2022-09-01" { json!([cloud]) } else { cloud })
}
