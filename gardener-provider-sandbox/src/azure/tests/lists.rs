//! Lists, names and paths.

use std::time::Duration;

use super::*;

#[tokio::test]
async fn lists_come_in_pages() {
    let arm = Caller::instant().group().await;
    for at in 0..5 {
        arm.put(&format!("Microsoft.Network/routeTables/t{at}"), here()).await;
    }
    arm.sandbox.set_max_page(2);
    let mut page = arm.get("Microsoft.Network/routeTables").await;
    let mut sizes = vec![page["value"].as_array().unwrap().len()];
    while let Some(next) = page["nextLink"].as_str().map(str::to_owned) {
        page = json(&arm.follow(&next).await);
        sizes.push(page["value"].as_array().unwrap().len());
    }
    assert_eq!(sizes, [2, 2, 1]);
    let subscription = format!("/subscriptions/{}", arm.sandbox.azure().subscription());
    arm.sandbox.set_max_page(100);
    for path in [
        "/providers/Microsoft.Network/routeTables",
        "/resources?$filter=resourceType%20eq%20'Microsoft.Network/routeTables'",
    ] {
        let list = arm.get(&format!("{subscription}{path}")).await;
        assert_eq!(list["value"].as_array().unwrap().len(), 5, "{path}");
    }
    let all = arm.get(&format!("{}/resources", arm.path(""))).await;
    assert_eq!(all["value"][0]["type"], "Microsoft.Network/routeTables");
}

#[tokio::test(start_paused = true)]
async fn what_is_new_is_not_seen_yet() {
    let arm = Caller::instant().group().await;
    arm.sandbox.set_lag(Duration::from_secs(5));
    arm.put(NSG, here()).await;
    arm.refuses(Method::GET, NSG, Value::Null, 404, "ResourceNotFound").await;
    assert_eq!(arm.get("Microsoft.Network/networkSecurityGroups").await["value"], json!([]));
    assert_eq!(arm.call(Method::PUT, NSG, &here()).await.0, 200, "but it is there");
    arm.sleep(5).await;
    assert_eq!(arm.get("Microsoft.Network/networkSecurityGroups").await["value"][0]["name"], "n");
}

#[tokio::test]
async fn nobody_minds_the_case() {
    let arm = Caller::instant().group().await;
    let made = arm.put("MICROSOFT.network/NETWORKsecurityGROUPS/Name", here()).await;
    assert_eq!(
        made["id"],
        arm.path("Microsoft.Network/networkSecurityGroups/Name"),
        "types are written as Azure writes them, names as they were given"
    );
    assert_eq!(arm.get("microsoft.network/networksecuritygroups/NAME").await["name"], "Name");
    let again =
        arm.put("Microsoft.Network/networkSecurityGroups/nAME", json!({ "LOCATION": "West Europe" })).await;
    assert_eq!(again["name"], "Name");
    let group = arm.path("").replace("/resourceGroups/g", "/RESOURCEGROUPS/G");
    assert_eq!(arm.get(&group).await["name"], "g");
}

#[tokio::test]
async fn what_is_not_there() {
    let arm = Caller::instant().group().await;
    arm.put(VNET, vnet()).await;
    let elsewhere = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/g";
    let group = arm.path("").replace("/g", "/none");
    for (path, code) in [
        (NSG, "ResourceNotFound"),
        (SUBNET, "NotFound"),
        ("Microsoft.Network/virtualNetworks/none/subnets/s", "ResourceNotFound"),
        ("Microsoft.Network/thing/x", "InvalidResourceType"),
        ("Contoso.Stuff/thing/x", "InvalidResourceNamespace"),
        (elsewhere, "SubscriptionNotFound"),
        (&group, "ResourceGroupNotFound"),
        (&format!("{group}/providers/{NSG}"), "ResourceGroupNotFound"),
        ("/subscriptions", ""),
    ] {
        if !code.is_empty() {
            arm.refuses(Method::GET, path, Value::Null, 404, code).await;
        }
    }
    let subnet = json!({ "properties": { "addressPrefix": "10.0.0.0/24" } });
    let orphan = "Microsoft.Network/virtualNetworks/none/subnets/s";
    arm.refuses(Method::PUT, orphan, subnet, 404, "ParentResourceNotFound").await;
    arm.refuses(Method::PUT, &format!("{group}/providers/{NSG}"), here(), 404, "ResourceGroupNotFound").await;
    assert_eq!(arm.delete(NSG).await, 204);
}

#[tokio::test]
async fn a_version_must_be_asked_for() {
    let arm = Caller::instant().group().await;
    for (query, code) in [
        ("", "MissingApiVersionParameter"),
        ("?api-version=yesterday", "InvalidApiVersionParameter"),
        ("?api-version=2024-1%C3%A90-0", "InvalidApiVersionParameter"),
    ] {
        let reply = arm.follow(&format!("https://management.azure.com/subscriptions{query}")).await;
        assert_eq!(
            (reply.status().as_u16(), json(&reply)["error"]["code"].as_str()),
            (400, Some(code)),
            "{query}"
        );
    }
}
