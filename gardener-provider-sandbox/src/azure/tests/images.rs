//! Images, plans and their terms.

use super::*;

async fn ready() -> (Caller, String) {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let nic = arm.interface("i").await;
    (arm, nic)
}

fn gardenlinux(nic: &str) -> Value {
    let mut body = machine(nic);
    body["properties"]["storageProfile"]["imageReference"] =
        json!({ "publisher": "sap", "offer": "gardenlinux", "sku": "greatest", "version": "latest" });
    body["plan"] = json!({ "publisher": "sap", "product": "gardenlinux", "name": "greatest" });
    body
}

#[tokio::test]
async fn the_terms_of_a_plan_are_accepted_first() {
    let (arm, nic) = ready().await;
    let mut unplanned = gardenlinux(&nic);
    unplanned.as_object_mut().unwrap().remove("plan");
    arm.refuses(Method::PUT, VM, unplanned, 400, "VMMarketplaceInvalidInput").await;
    arm.refuses(Method::PUT, VM, gardenlinux(&nic), 400, "MarketplacePurchaseEligibilityFailed").await;
    let agreement = format!(
        "/subscriptions/{}/providers/Microsoft.MarketplaceOrdering/offerTypes/virtualmachine/publishers/sap/offers/gardenlinux\
         /plans/greatest/agreements/current",
        arm.sandbox.azure().subscription()
    );
    let mut terms = arm.get(&agreement).await;
    assert_eq!(terms["properties"]["accepted"], false);
    terms["properties"]["accepted"] = true.into();
    let mut forged = terms.clone();
    forged["properties"]["signature"] = "X".into();
    arm.refuses(Method::PUT, &agreement, forged, 400, "BadRequest").await;
    arm.put(&agreement, terms).await;
    assert_eq!(arm.get(&agreement).await["properties"]["accepted"], true);
    let made = arm.put(VM, gardenlinux(&nic)).await;
    assert_eq!(made["properties"]["storageProfile"]["imageReference"]["exactVersion"], "1877.3.0");
}

#[tokio::test]
async fn images_are_found_or_refused() {
    let (arm, nic) = ready().await;
    let community =
        json!({ "communityGalleryImageId": "/CommunityGalleries/gardenlinux/Images/x/Versions/1.0.0" });
    let shared = json!({ "sharedGalleryImageId": "/SharedGalleries/sap/Images/x/Versions/1.0.0" });
    for reference in [community, shared] {
        let mut body = machine(&nic);
        body["properties"]["storageProfile"]["imageReference"] = reference;
        arm.put(VM, body).await;
        arm.delete(VM).await;
        arm.interface("i").await;
    }
    for (reference, status, code) in [
        (json!({ "publisher": "p", "offer": "o", "sku": "s", "version": "v" }), 404, "PlatformImageNotFound"),
        (json!({ "communityGalleryImageId": "/Galleries/x" }), 400, "InvalidParameter"),
        (json!({}), 400, "InvalidParameter"),
        (json!({ "id": arm.path("Microsoft.Compute/images/none") }), 404, "NotFound"),
        (
            json!({ "publisher": "Canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts-arm64", "version": "latest" }),
            400,
            "BadRequest",
        ),
    ] {
        let mut body = machine(&nic);
        body["properties"]["storageProfile"]["imageReference"] = reference;
        arm.refuses(Method::PUT, VM, body, status, code).await;
    }
}

#[tokio::test]
async fn the_catalogue_of_a_location() {
    let arm = Caller::instant();
    let base = format!(
        "/subscriptions/{}/providers/Microsoft.Compute/locations/westeurope",
        arm.sandbox.azure().subscription()
    );
    let image =
        format!("{base}/publishers/sap/artifacttypes/vmimage/offers/gardenlinux/skus/greatest/versions");
    assert_eq!(arm.get(&format!("{image}/1877.3.0")).await["properties"]["plan"]["product"], "gardenlinux");
    arm.refuses(Method::GET, &format!("{image}/1.2.3"), Value::Null, 404, "NotFound").await;
    let (_, versions) = arm.call(Method::GET, &image, &Value::Null).await;
    assert_eq!(versions.as_array().unwrap().len(), 2, "{versions}");
    arm.get(&format!("{base}/communityGalleries/g/images/i/versions/1.0.0")).await;
    arm.get(&format!("{base}/sharedGalleries/g/images/i/versions/1.0.0")).await;
    arm.get(&format!("{base}/usages")).await;
    arm.get(&format!("{base}/vmSizes")).await;
    let skus = arm
        .get(&format!(
            "/subscriptions/{}/providers/Microsoft.Compute/skus",
            arm.sandbox.azure().subscription()
        ))
        .await;
    assert!(!skus["value"].as_array().unwrap().is_empty());
}
