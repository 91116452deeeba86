//! Nonsense from outside is answered like anything else; it never ends in a panic.

use bytes::Bytes;
use gardener_provider_client::transport::Transport;
use http::Request;

use super::*;

const RESOURCES: [&str; 14] = [
    VNET,
    SUBNET,
    "Microsoft.Network/virtualNetworks/v/virtualNetworkPeerings/p",
    NSG,
    "Microsoft.Network/networkSecurityGroups/n/securityRules/r",
    TABLE,
    "Microsoft.Network/routeTables/r/routes/r",
    ADDRESS,
    "Microsoft.Network/publicIPPrefixes/p",
    NAT,
    "Microsoft.Network/loadBalancers/l",
    "Microsoft.Network/networkInterfaces/i",
    VM,
    "Microsoft.Compute/disks/d",
];

/// A sane body for each of these and for what else there is.
fn bodies(arm: &Caller) -> Vec<Value> {
    let link = |path: &str| json!({ "id": arm.path(path) });
    vec![
        vnet(),
        json!({ "properties": { "addressPrefix": "10.0.0.0/24", "natGateway": link(NAT), "routeTable": link(TABLE) } }),
        json!({ "properties": { "remoteVirtualNetwork": link(VNET) } }),
        here(),
        json!({ "properties": { "protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": 100 } }),
        json!({ "properties": { "addressPrefix": "10.0.0.0/8", "nextHopType": "None" } }),
        address("Standard"),
        json!({ "location": "westeurope", "sku": { "name": "Standard" }, "properties": { "prefixLength": 28 } }),
        json!({ "location": "westeurope", "sku": { "name": "Standard" }, "properties": { "publicIpAddresses": [link(ADDRESS)] } }),
        json!({ "location": "westeurope", "properties": { "frontendIPConfigurations": [
            { "name": "f", "properties": { "subnet": link(SUBNET) } }], "backendAddressPools": [{ "name": "p" }] } }),
        interface(&arm.path(SUBNET)),
        machine(&arm.path("Microsoft.Network/networkInterfaces/i")),
        json!({ "location": "westeurope", "properties": { "creationData": { "createOption": "FromImage" }, "diskSizeGB": 9 } }),
        json!({ "properties": { "mode": "Incremental", "template": { "resources": [{ "type": "x", "name": "[parameters('y')]" }] } } }),
    ]
}

const VALUES: [&str; 14] = [
    "null",
    "true",
    "-1",
    "18446744073709551616",
    "1e400",
    "\"\"",
    "\"\\u0000\"",
    "\"💥/../\"",
    "\"0.0.0.0/0\"",
    "\"::/0\"",
    "[]",
    "[[]]",
    "{}",
    "{\"id\":\"/subscriptions/\"}",
];

/// Every way into a value.
fn ways(value: &Value, at: &str, found: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (format!("{at}/{}", name.replace('/', "~1")), value)).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| (format!("{at}/{index}"), value)).collect()
        }
        _ => Vec::new(),
    };
    for (way, value) in inner {
        found.push(way.clone());
        ways(value, &way, found);
    }
}

#[tokio::test]
async fn any_value_in_any_place() {
    let arm = Caller::instant().group().await;
    arm.subnet().await;
    let other = [
        "Microsoft.Compute/availabilitySets/a",
        "Microsoft.Compute/virtualMachineScaleSets/a",
        "Microsoft.Compute/capacityReservationGroups/a",
        "Microsoft.Compute/images/a",
        "Microsoft.ManagedIdentity/userAssignedIdentities/a",
        "Microsoft.Resources/deployments/a",
        "",
    ];
    let bodies = bodies(&arm);
    for (row, path) in RESOURCES.into_iter().chain(other).enumerate() {
        // Its own body, and some that were meant for others.
        for body in [0, 3, 11].map(|more| &bodies[(row + more) % bodies.len()]) {
            let mut places = Vec::new();
            ways(body, "", &mut places);
            for (at, place) in places.iter().enumerate() {
                let value = VALUES[at % VALUES.len()];
                let Ok(value) = serde_json::from_str(value) else { continue };
                let mut body = body.clone();
                *body.pointer_mut(place).unwrap() = value;
                for method in [Method::PUT, Method::PATCH] {
                    let status = arm.call(method, path, &body).await.0;
                    assert!(status < 500, "{path} {body}");
                }
            }
            arm.call(Method::GET, path, &Value::Null).await;
        }
    }
    for path in RESOURCES.iter().rev() {
        assert!(arm.call(Method::DELETE, path, &Value::Null).await.0 < 500);
    }
}

#[tokio::test]
async fn bodies_that_are_none() {
    let arm = Caller::instant().group().await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let nested = format!("{{\"properties\":{}{{}}{}", "{\"a\":".repeat(120), "}".repeat(121));
    let huge = format!("{{\"location\":\"westeurope\",\"x\":\"{}\"}}", "x".repeat(5 << 20));
    for path in RESOURCES {
        for (body, status) in [
            ("", 400),
            ("nonsense", 400),
            ("[]", 400),
            ("\"\u{1F4A5}", 400),
            (deep.as_str(), 400),
            (&nested, 400),
            (&huge, 413),
        ] {
            for method in [Method::PUT, Method::PATCH] {
                let reply = arm.send(method, path, body.to_owned()).await;
                assert!(
                    reply.status().as_u16() == status || reply.status() == 404,
                    "{path} {}",
                    reply.status()
                );
            }
        }
        assert_eq!(arm.send(Method::PUT, path, vec![0xff, 0xfe]).await.status(), 400);
    }
}

#[tokio::test]
async fn paths_that_lead_nowhere() {
    let arm = Caller::instant().group().await;
    let subscription = arm.sandbox.azure().subscription().to_owned();
    let paths = [
        "/".to_owned(),
        "/subscriptions//resourceGroups".to_owned(),
        "/subscriptions/%00".to_owned(),
        "/subscriptions/%FF%FE/resourceGroups/%2F".to_owned(),
        format!("/subscriptions/{subscription}/resourceGroups/g/providers"),
        format!("/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Network"),
        format!("/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Network/x/y/z/w/v"),
        format!(
            "/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/%20"
        ),
        format!(
            "/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/{}",
            "n".repeat(5000)
        ),
        format!("/subscriptions/{subscription}/resourceGroups/{}", "%F0%9F%92%A5".repeat(50)),
        format!("/subscriptions/{subscription}/providers/Microsoft.Compute/locations/mars/usages"),
        format!(
            "/subscriptions/{subscription}/providers/Microsoft.Compute/locations/westeurope/publishers/a/b/c/d/e/f/g/h/i/j"
        ),
        format!(
            "/subscriptions/{subscription}/providers/Microsoft.Network/locations/westeurope/operations/x"
        ),
        format!(
            "/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m/instanceView"
        ),
        format!(
            "/subscriptions/{subscription}/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m/explode"
        ),
        format!("/subscriptions/{subscription}/resources?$filter=a"),
        format!("/subscriptions/{subscription}/resourcegroups?$filter=tagName%20eq%20'&$top=0&$skiptoken=x"),
        "/providers/Microsoft.Resources/x".to_owned(),
        "/../..".to_owned(),
    ];
    for path in paths {
        for method in [
            Method::GET,
            Method::HEAD,
            Method::PUT,
            Method::PATCH,
            Method::POST,
            Method::DELETE,
            Method::OPTIONS,
        ] {
            let status = arm.send(method.clone(), &path, "{}").await.status().as_u16();
            assert!(
                (400..500).contains(&status) || status == 204 && method == Method::DELETE,
                "{method} {path}: {status}"
            );
        }
    }
}

#[tokio::test]
async fn heads_that_say_nothing() {
    let arm = Caller::instant().group().await;
    let url = "https://management.azure.com/subscriptions?api-version=2022-12-01";
    for value in [&b"Bearer"[..], b"Bearer ", b"Basic eDp5", b"\xff\xfe", b"bearer a.b.c"] {
        let request = Request::get(url).header("authorization", value).body(Bytes::new()).unwrap();
        assert_eq!(arm.sandbox.send(request).await.unwrap().status(), 401);
    }
    for (host, body) in [
        ("https://login.microsoftonline.com/a/oauth2/v2.0/token", "%ff=%ff&&&=&grant_type"),
        ("https://login.microsoftonline.com/a/b", ""),
    ] {
        let request = Request::post(host).body(Bytes::from(body)).unwrap();
        assert!(arm.sandbox.send(request).await.unwrap().status().as_u16() < 500);
    }
    let odd = arm.with("if-match", "W/").with("if-none-match", "\"");
    assert_eq!(odd.call(Method::PUT, NSG, &here()).await.0, 412);
}
