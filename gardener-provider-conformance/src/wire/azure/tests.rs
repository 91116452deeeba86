use serde_json::json;

use super::*;
use crate::{recordings, tools, wire::Wire};

/// A made-up resource provider.
fn zoo() -> Wire {
    let text = |name: &str| json!({ "serializedName": name, "type": { "name": "String" } });
    let composite = |name: &str| json!({ "type": { "name": "Composite", "className": name } });
    let path = |name: &str| json!({ "in": "path", "serializedName": name, "required": true, "type": { "name": "String" } });
    let version = json!({ "in": "query", "serializedName": "api-version", "isConstant": true, "defaultValue": "2026-01-01", "type": { "name": "String" } });
    let package = json!({
        "package": "@azure/arm-zoo@1.0.0",
        "operations": {
            "animals.createOrUpdate": {
                "path": "/subscriptions/{subscriptionId}/providers/Zoo/animals/{name}",
                "method": "PUT",
                "parameters": [path("subscriptionId"), { "in": "path", "serializedName": "name", "constraints": { "MaxLength": 5, "Pattern": "^[a-z]+$" }, "type": { "name": "String" } }, version],
                "body": { "required": true, "type": { "name": "Composite", "className": "Animal" } },
                "replies": { "200": composite("Animal"), "202": null, "default": composite("CloudError") }
            },
            "animals.list": {
                "path": "/subscriptions/{subscriptionId}/providers/Zoo/animals",
                "method": "GET",
                "parameters": [path("subscriptionId"), version, { "in": "query", "serializedName": "$top", "constraints": { "InclusiveMaximum": 10 }, "type": { "name": "Number" } }],
                "body": null,
                "replies": { "200": composite("AnimalList") }
            }
        },
        "types": {
            "Animal": { "name": "Composite", "className": "Animal", "modelProperties": {
                "id": { "serializedName": "id", "readOnly": true, "type": { "name": "String" } },
                "location": { "serializedName": "location", "required": true, "type": { "name": "String" } },
                "tags": { "serializedName": "tags", "type": { "name": "Dictionary", "value": { "type": { "name": "String" } } } },
                "legs": { "serializedName": "properties.body.legs", "constraints": { "InclusiveMinimum": 0, "InclusiveMaximum": 8 }, "type": { "name": "Number" } },
                "born": { "serializedName": "properties.born", "type": { "name": "DateTime" } },
                "diet": { "serializedName": "properties.diet", "type": { "name": "String", "knownValues": ["Meat", "Plants"] } },
                "kept": { "serializedName": "properties.kept", "type": { "name": "Enum", "allowedValues": ["In", "Out"] } },
                "friends": { "serializedName": "properties.friends", "constraints": { "MaxItems": 2 }, "type": { "name": "Sequence", "element": composite("Friend") } },
                "odd": { "serializedName": "odata\\.type", "type": { "name": "String" } }
            } },
            "Friend": { "name": "Composite", "className": "Friend", "modelProperties": {
                "name": { "serializedName": "name", "required": true, "type": { "name": "String" } },
                "tame": { "serializedName": "tame", "nullable": true, "type": { "name": "Boolean" } }
            } },
            "AnimalList": { "name": "Composite", "className": "AnimalList", "modelProperties": {
                "value": { "serializedName": "value", "required": true, "type": { "name": "Sequence", "element": composite("Animal") } },
                "nextLink": text("nextLink")
            } },
            "CloudError": { "name": "Composite", "className": "CloudError", "modelProperties": {
                "error": { "serializedName": "error", "type": { "name": "any" } }
            } }
        }
    });
    Wire::of(Packages(vec![serde_json::from_value(package).unwrap()]))
}

const ANIMAL: &str = "/subscriptions/s/providers/Zoo/animals/lion?api-version=2026-01-01";

fn request(method: &str, uri: &str, body: &str) -> Request<Bytes> {
    let uri = format!("https://management.azure.com{uri}");
    Request::builder().method(method).uri(uri).body(Bytes::from(body.to_owned())).unwrap()
}

fn put(body: &serde_json::Value) -> Vec<String> {
    told(zoo().request(&request("PUT", ANIMAL, &body.to_string())).unwrap())
}

fn told((_, problems): (String, Vec<Problem>)) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn lion() -> serde_json::Value {
    json!({
        "location": "westeurope",
        "tags": { "a": "b" },
        "odata.type": "x",
        "properties": {
            "body": { "legs": 4 },
            "born": "2026-11-22T08:00:00.1234567+00:00",
            "diet": "Meat",
            "kept": "In",
            "friends": [{ "name": "mouse", "tame": null }]
        }
    })
}

#[test]
fn what_is_described_has_no_problems() {
    let mut zoo = zoo();
    let (operation, problems) = zoo.request(&request("PUT", ANIMAL, &lion().to_string())).unwrap();
    assert_eq!((operation.as_str(), problems), ("animals.createOrUpdate", Vec::new()));
    assert_eq!(zoo.to_string(), "wire truth: 1 requests, 0 replies, 1 operations validated");
}

#[test]
fn misspelt_missing_and_wrong_properties_are_found() {
    let with = |pointer: &str, value: serde_json::Value| {
        let mut lion = lion();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        lion.pointer_mut(parent).unwrap()[name] = value;
        lion
    };
    for (body, expected) in [
        (with("/properties/dite", json!("Meat")), "properties.dite: is not described here"),
        (with("/loaction", json!("x")), "loaction: is not described here"),
        (
            with("/properties/diet", json!("Grass")),
            "properties.diet: \"Grass\" is none of the values Meat, Plants",
        ),
        (with("/properties/kept", json!("in")), "properties.kept: \"in\" is none of the values In, Out"),
        (with("/properties/born", json!("today")), "properties.born: is \"today\", not a DateTime"),
        (with("/properties/body", json!(4)), "properties.body: is 4, not an object"),
        (with("/properties/body", json!({ "legs": "4" })), "properties.body.legs: is \"4\", not a Number"),
        (with("/properties/body", json!({ "legs": 9 })), "properties.body.legs: is 9, not 0 to 8"),
        (with("/properties/friends", json!([{}])), "properties.friends[0].name: is required and missing"),
        (with("/properties/friends", json!([{ "name": null }])), "properties.friends[0].name: is null"),
        (
            with("/properties/friends", json!([{ "name": "a" }, { "name": "b" }, { "name": "c" }])),
            "properties.friends: has items: 3, not any to 2",
        ),
        (with("/tags", json!({ "a": 1 })), "tags.a: is 1, not a String"),
        (with("/id", json!("x")), "id: is read-only: the service sets it"),
        (json!({}), "location: is required and missing"),
    ] {
        let found = put(&body);
        assert_eq!(found, [expected], "{body}");
    }
}

#[test]
fn paths_and_query_strings_are_checked() {
    let lion = lion().to_string();
    for (uri, expected) in [
        ("/subscriptions/s/providers/zoo/ANIMALS/tiger?api-version=2026-01-01", None),
        (
            "/subscriptions/s/providers/Zoo/animals/lions1?api-version=2026-01-01",
            Some("name: has characters: 6, not any to 5"),
        ),
        (
            "/subscriptions/s/providers/Zoo/animals/Li?api-version=2026-01-01",
            Some("name: \"Li\" is not of the form ^[a-z]+$"),
        ),
        ("/subscriptions/s/providers/Zoo/animals/lion", Some("api-version: is required and missing")),
        (
            "/subscriptions/s/providers/Zoo/animals/lion?api-version=2025-01-01",
            Some("api-version: is \"2025-01-01\", not \"2026-01-01\""),
        ),
        (
            "/subscriptions/s/providers/Zoo/animals/lion?api-version=2026-01-01&$expand=x",
            Some("$expand: is not in the query string of this operation"),
        ),
    ] {
        let found = told(zoo().request(&request("PUT", uri, &lion)).unwrap());
        assert_eq!(found.first().map(String::as_str), expected, "{uri}");
    }
    let list = "/subscriptions/s/providers/Zoo/animals?api-version=2026-01-01";
    for (more, expected) in [
        ("&$skipToken=x", None),
        ("&$top=3", None),
        ("&$top=11", Some("$top: is 11, not any to 10")),
        ("&$top=x", Some("$top: is \"x\", not a Number")),
    ] {
        let found = told(zoo().request(&request("GET", &format!("{list}{more}"), "")).unwrap());
        assert_eq!(found.first().map(String::as_str), expected, "{more}");
    }
    assert_eq!(told(zoo().request(&request("GET", list, "{}")).unwrap()).len(), 1);
    assert_eq!(told(zoo().request(&request("PUT", ANIMAL, "")).unwrap()).len(), 1);
    zoo().request(&request("DELETE", ANIMAL, "")).unwrap_err();
}

fn reply(method: &str, uri: &str, status: u16, body: &str) -> Vec<String> {
    let reply = Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap();
    told(zoo().reply(&request(method, uri, ""), &reply).unwrap())
}

#[test]
fn replies_may_hold_what_is_read_only_and_must_hold_what_is_required() {
    let mut lion = lion();
    lion["id"] = json!("x");
    assert_eq!(reply("PUT", ANIMAL, 200, &lion.to_string()), Vec::<String>::new());
    assert_eq!(reply("PUT", ANIMAL, 202, ""), Vec::<String>::new());
    let list = "/subscriptions/s/providers/Zoo/animals?api-version=2026-01-01";
    for (uri, status, body, expected) in [
        (ANIMAL, 200, "{}", "location: is required and missing"),
        (ANIMAL, 200, "", "there is no body, and this reply needs one"),
        (ANIMAL, 201, "{}", "the status 201 is not described for this operation"),
        (ANIMAL, 404, "{\"error\":{\"code\":\"X\"}}", "error.message: is missing in the error"),
    ] {
        assert_eq!(reply("PUT", uri, status, body), [expected]);
    }
    assert_eq!(reply("GET", list, 200, "{\"value\":[{}]}"), ["value[0].location: is required and missing"]);
}

#[test]
fn operations_that_go_on_have_a_form_of_their_own() {
    let uri = "/subscriptions/s/providers/Zoo/locations/westeurope/operations/1?api-version=2026-01-01";
    let good = "{\"status\":\"InProgress\",\"startTime\":\"2026-11-22T08:00:00Z\",\"name\":\"1\"}";
    assert_eq!(reply("GET", uri, 200, good), Vec::<String>::new());
    assert_eq!(reply("GET", uri, 200, "{\"state\":1}").len(), 2);
    assert_eq!(reply("GET", uri, 200, "{\"status\":\"Failed\"}").len(), 2);
    let result = uri.replace("operations", "operationResults");
    assert_eq!(reply("GET", &result, 202, ""), Vec::<String>::new());
}

#[test]
fn azures_own_description_is_read() {
    let Some(folder) = tools::arm("azures_own_description_is_read") else { return };
    let mut wire = Wire::arm(&folder, &["arm-compute", "arm-network"]).unwrap();
    let uri = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/m?api-version=2025-04-01";
    let body = |priority: &str, caching: &str| {
        let disk = json!({ "createOption": "FromImage", "caching": caching });
        json!({ "location": "westeurope", "properties": { "priority": priority, "storageProfile": { "osDisk": disk } } })
    };
    let mut put =
        |body: serde_json::Value| told(wire.request(&request("PUT", uri, &body.to_string())).unwrap());
    assert_eq!(put(body("Spot", "None")), Vec::<String>::new());
    assert_eq!(
        put(body("Cheap", "None")),
        ["properties.priority: \"Cheap\" is none of the values Regular, Low, Spot"]
    );
    assert_eq!(
        put(body("Spot", "none")),
        [
            "properties.storageProfile.osDisk.caching: \"none\" is none of the values None, ReadOnly, ReadWrite"
        ]
    );
    assert_eq!(put(json!({ "location": "x", "propreties": {} })), ["propreties: is not described here"]);
}

/// What Gardener uses of what was recorded.
const OURS: &[&str] = &[
    "availabilitySets.",
    "disks.",
    "natGateways.",
    "networkInterfaces.",
    "networkSecurityGroups.",
    "operations.",
    "publicIPAddresses.",
    "routeTables.",
    "routes.",
    "storageAccounts.",
    "subnets.",
    "virtualMachines.",
    "virtualNetworks.",
];

/// Where the real cloud, or its older versions, differ from the description: operation and place.
const DIFFERENT: &[(&str, &str)] = &[
    ("disks.createOrUpdate", "properties.isArmResource"),
    ("disks.update", "properties.isArmResource"),
    ("natGateways.createOrUpdate", "sku.tier"),
    ("natGateways.get", "sku.tier"),
    ("natGateways.updateTags", "sku.tier"),
    // With capitals in requests of today.
    ("subnets.createOrUpdate", "properties.privateEndpointNetworkPolicies"),
    ("subnets.createOrUpdate", "properties.privateLinkServiceNetworkPolicies"),
    // The outcome of an action stands beside its state.
    ("operations.status", "accessSAS"),
    ("operations.status", "value"),
    ("storageAccounts.listKeys", "keys.permissions"),
    // Lists name extensions by their ids alone, and sizes are added faster than descriptions.
    ("virtualMachines.list", "value.resources.location"),
    ("virtualMachines.listAll", "value.resources.location"),
    ("virtualMachines.listAll", "value.properties.hardwareProfile.vmSize"),
    ("virtualMachines.listByLocation", "value.resources.location"),
    ("virtualNetworks.get", "properties.virtualNetworkPeerings.properties.routeServiceVips"),
    ("virtualNetworks.updateTags", "properties.virtualNetworkPeerings.properties.routeServiceVips"),
    ("virtualNetworks.listAll", "value.properties.vmProtectionFlagHasChanged"),
    // Recorded without its body, and with the body of the end.
    ("networkInterfaces.createOrUpdate", ""),
    ("networkInterfaces.getEffectiveRouteTable", ""),
    ("networkInterfaces.listEffectiveNetworkSecurityGroups", ""),
];

#[test]
fn what_the_real_cloud_said_is_as_described() {
    let name = "what_the_real_cloud_said_is_as_described";
    let (Some(folder), Some(recorded)) = (tools::arm(name), tools::recordings(name)) else { return };
    let mut wire = Wire::arm(&folder, &["arm-compute", "arm-network", "arm-storage"]).unwrap();
    let (mut ours, mut wrong) = (0, Vec::new());
    for exchange in recordings::azure(&recorded).unwrap() {
        for half in [wire.request(&exchange.request), wire.reply(&exchange.request, &exchange.reply)] {
            let Ok((operation, mut problems)) = half else { continue };
            if OURS.iter().any(|group| operation.starts_with(group)) {
                ours += 1;
                // They were recorded with older versions.
                problems.retain(|problem| problem.path != "api-version");
                problems.retain(|problem| !DIFFERENT.contains(&(&operation, &problem.place())));
                wrong.extend(problems.iter().map(|problem| format!("{operation}: {problem}")));
            }
        }
    }
    println!("{wire}; {ours} halves of exchanges about what Gardener uses");
    assert!(ours > 5000, "{ours}");
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
}
