//! Networks and what is in them.

use super::*;

#[tokio::test]
async fn a_network_is_made_and_taken_down_in_order() {
    let arm = Caller::instant().group().await;
    arm.put(VNET, vnet()).await;
    let nsg = arm.put(NSG, json!({ "location": "West Europe" })).await;
    assert_eq!(nsg["location"], "westeurope");
    let table = arm.put(TABLE, json!({ "location": "westeurope" })).await;
    let address = arm
        .put(
            ADDRESS,
            json!({
                "location": "westeurope", "sku": { "name": "Standard" },
                "properties": { "publicIPAllocationMethod": "Static" }
            }),
        )
        .await;
    let nat = arm
        .put(
            NAT,
            json!({
                "location": "westeurope", "sku": { "name": "Standard" },
                "properties": { "publicIpAddresses": [{ "id": address["id"] }] }
            }),
        )
        .await;
    let subnet = arm
        .put(
            SUBNET,
            json!({ "properties": {
                "addressPrefix": "10.0.0.0/24",
                "networkSecurityGroup": { "id": nsg["id"] },
                "routeTable": { "id": table["id"] },
                "natGateway": { "id": nat["id"] },
            } }),
        )
        .await;
    assert_eq!(arm.get(VNET).await["properties"]["subnets"][0]["id"], subnet["id"]);
    assert_eq!(arm.get(NAT).await["properties"]["subnets"][0]["id"], subnet["id"]);
    assert_eq!(arm.get(ADDRESS).await["properties"]["natGateway"]["id"], nat["id"]);
    for (path, status, code) in [
        (NSG, 400, "InUseNetworkSecurityGroupCannotBeDeleted"),
        (TABLE, 400, "InUseRouteTableCannotBeDeleted"),
        (ADDRESS, 400, "PublicIPAddressCannotBeDeleted"),
        (NAT, 400, "InUseNatGatewayCannotBeDeleted"),
    ] {
        assert_eq!(arm.refused(Method::DELETE, path, json!(null)).await, (status, code.to_owned()), "{path}");
    }
    arm.interface("i").await;
    let (status, code) = arm.refused(Method::DELETE, SUBNET, json!(null)).await;
    assert_eq!((status, code.as_str()), (400, "InUseSubnetCannotBeDeleted"));
    assert_eq!(arm.delete("Microsoft.Network/networkInterfaces/i").await, 200);
    for path in [SUBNET, NAT, ADDRESS, TABLE, NSG, VNET] {
        assert_eq!(arm.delete(path).await, 200, "{path}");
        if path != SUBNET {
            assert_eq!(arm.delete(path).await, 204, "{path}");
        }
    }
    assert_eq!(arm.left(), ["resourceGroups"]);
    arm.delete("").await;
    assert!(arm.left().is_empty());
}
