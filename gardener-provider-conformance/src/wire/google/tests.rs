use http::Method;
use serde_json::json;

use super::*;
use crate::{tools, wire::Wire};

/// A made-up service.
fn zoo() -> Wire {
    let in_path = json!({ "location": "path", "required": true, "type": "string", "pattern": "[a-z]+" });
    let document = json!({
        "name": "zoo", "version": "v1", "rootUrl": "https://zoo.googleapis.com/", "servicePath": "zoo/v1/",
        "parameters": { "alt": { "type": "string", "enum": ["json", "media"], "location": "query" } },
        "resources": { "animals": {
            "methods": {
                "insert": {
                    "id": "zoo.animals.insert", "httpMethod": "POST", "path": "cages/{cage}/animals",
                    "parameters": {
                        "cage": in_path,
                        "requestId": { "location": "query", "type": "string" },
                        "days": { "location": "query", "type": "integer", "format": "uint32" },
                        "with": { "location": "query", "type": "string", "repeated": true },
                        "kind": { "location": "query", "type": "string", "required": true }
                    },
                    "request": { "$ref": "Animal" }, "response": { "$ref": "Animal" },
                    "mediaUpload": { "protocols": { "simple": { "path": "/upload/zoo/v1/cages/{cage}/animals" } } }
                },
                "get": {
                    "id": "zoo.animals.get", "httpMethod": "GET", "path": "{+name}", "flatPath": "cages/{cagesId}/animals/{animalsId}",
                    "response": { "$ref": "Animal" }
                },
                "delete": { "id": "zoo.animals.delete", "httpMethod": "DELETE", "path": "cages/{cage}/animals/{animal}", "parameters": { "cage": in_path } }
            }
        } },
        "schemas": { "Animal": { "type": "object", "properties": {
            "name": { "type": "string", "pattern": "[a-z]([-a-z0-9]*[a-z0-9])?", "annotations": { "required": ["zoo.animals.insert"] } },
            "id": { "type": "string", "format": "uint64", "readOnly": true },
            "legs": { "type": "integer", "format": "int32" },
            "diet": { "type": "string", "enum": ["MEAT", "PLANTS"] },
            "tame": { "type": "boolean" },
            "born": { "type": "string", "format": "date-time" },
            "mark": { "type": "string", "format": "byte" },
            "labels": { "type": "object", "additionalProperties": { "type": "string" } },
            "young": { "type": "array", "items": { "$ref": "Animal" } }
        } } }
    });
    Wire::of(Documents(vec![Document::parse(&document.to_string()).unwrap()]))
}

const ANIMALS: &str = "/zoo/v1/cages/c/animals?kind=x";

fn request(method: &Method, uri: &str, body: &str) -> Request<Bytes> {
    let uri = format!("https://zoo.googleapis.com{uri}");
    Request::builder().method(method).uri(uri).body(Bytes::from(body.to_owned())).unwrap()
}

fn told((_, problems): (String, Vec<Problem>)) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn insert(uri: &str, body: &serde_json::Value) -> Vec<String> {
    told(zoo().request(&request(&Method::POST, uri, &body.to_string())).unwrap())
}

#[test]
fn what_is_described_has_no_problems() {
    let lion = json!({
        "name": "lion", "legs": 4, "diet": "MEAT", "tame": false, "born": "2026-11-22T00:00:00.000-08:00",
        "mark": "aGk=", "labels": { "a": "b" }, "young": [{ "name": "cub" }]
    });
    assert_eq!(
        insert("/zoo/v1/cages/c/animals?kind=x&with=a&with=b&days=3&alt=json", &lion),
        Vec::<String>::new()
    );
    let mut zoo = zoo();
    let (method, problems) = zoo.request(&request(&Method::GET, "/zoo/v1/cages/c/animals/lion", "")).unwrap();
    assert_eq!((method.as_str(), problems), ("zoo.animals.get", Vec::new()));
    let upload = request(&Method::POST, "/upload/zoo/v1/cages/c/animals?kind=x", "data");
    assert_eq!(told(zoo.request(&upload).unwrap()), Vec::<String>::new());
    assert_eq!(zoo.to_string(), "wire truth: 2 requests, 0 replies, 2 operations validated");
}

#[test]
fn misspelt_missing_and_wrong_fields_are_found() {
    for (body, expected) in [
        (json!({ "name": "a", "lesg": 4 }), "lesg: is not described here"),
        (
            json!({ "name": "a", "young": [{ "name": "b", "dite": 1 }] }),
            "young[0].dite: is not described here",
        ),
        (json!({ "legs": 4 }), "name: is required and missing"),
        (json!({ "name": "A" }), "name: \"A\" is not of the form [a-z]([-a-z0-9]*[a-z0-9])?"),
        (json!({ "name": "a", "legs": "4" }), "legs: is \"4\", not a integer"),
        (json!({ "name": "a", "legs": 4.5 }), "legs: is 4.5, not a integer"),
        (
            json!({ "name": "a", "legs": 2_147_483_648_u32 }),
            "legs: 2147483648 is not between -2147483648 and 2147483647",
        ),
        (json!({ "name": "a", "diet": "GRASS" }), "diet: \"GRASS\" is none of the values MEAT, PLANTS"),
        (json!({ "name": "a", "tame": "no" }), "tame: is \"no\", not a boolean"),
        (json!({ "name": "a", "tame": null }), "tame: is null, not a boolean"),
        (json!({ "name": "a", "born": "today" }), "born: \"today\" is not of the format date-time"),
        (json!({ "name": "a", "mark": "%" }), "mark: \"%\" is not of the format byte"),
        (json!({ "name": "a", "labels": { "a": 1 } }), "labels.a: is 1, not a string"),
        (json!({ "name": "a", "id": "1" }), "id: is read-only: the service sets it"),
    ] {
        assert_eq!(insert(ANIMALS, &body), [expected], "{body}");
    }
}

#[test]
fn paths_and_parameters_are_checked() {
    let lion = json!({ "name": "lion" });
    for (uri, expected) in [
        ("/zoo/v1/cages/C/animals?kind=x", "cage: \"C\" is not of the form [a-z]+"),
        ("/zoo/v1/cages/c/animals", "kind: is required and missing"),
        ("/zoo/v1/cages/c/animals?kind=x&kind=y", "kind: is there twice"),
        ("/zoo/v1/cages/c/animals?kind=x&reqestId=1", "reqestId: is no parameter of this method"),
        ("/zoo/v1/cages/c/animals?kind=x&days=-1", "days: -1 is not between 0 and 4294967295"),
        ("/zoo/v1/cages/c/animals?kind=x&days=ten", "days: is \"ten\", not a integer"),
        ("/zoo/v1/cages/c/animals?kind=x&alt=xml", "alt: \"xml\" is none of the values json, media"),
    ] {
        assert_eq!(insert(uri, &lion), [expected]);
    }
    for (method, uri) in
        [(Method::PUT, ANIMALS), (Method::POST, "/zoo/v1/cage/c/animals"), (Method::POST, "/cages/c/animals")]
    {
        zoo().request(&request(&method, uri, "{}")).unwrap_err();
    }
    let delete = request(&Method::DELETE, "/zoo/v1/cages/c/animals/lion", "{}");
    assert_eq!(told(zoo().request(&delete).unwrap()), ["there is a body, and this method has none"]);
}

#[test]
fn replies_are_held_against_their_schema() {
    let reply = |method: &Method, uri: &str, status: u16, body: &str| {
        let reply = Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap();
        told(zoo().reply(&request(method, uri, ""), &reply).unwrap())
    };
    let lion = "/zoo/v1/cages/c/animals/lion";
    assert_eq!(reply(&Method::GET, lion, 200, "{\"id\":\"7\"}"), Vec::<String>::new());
    assert_eq!(reply(&Method::DELETE, lion, 204, ""), Vec::<String>::new());
    let good = "{\"error\":{\"code\":404,\"message\":\"m\",\"errors\":[{\"reason\":\"notFound\"}]}}";
    assert_eq!(reply(&Method::GET, lion, 404, good), Vec::<String>::new());
    for (method, status, body, expected) in [
        (Method::GET, 200, "{\"id\":7}", "id: is 7, not a string"),
        (Method::GET, 200, "{\"id\":\"x\"}", "id: \"x\" is not of the format uint64"),
        (Method::GET, 200, "", "there is no body, and this reply needs one"),
        (Method::GET, 403, good, "error.code: is 404, not the status 403"),
        (Method::GET, 404, "{\"error\":{\"code\":404}}", "error.message: is missing in the error"),
        (Method::DELETE, 200, "{}", "there is a body, and this reply has none"),
    ] {
        assert_eq!(reply(&method, lion, status, body), [expected]);
    }
}

#[test]
fn googles_own_documents_are_read() {
    let Some(folder) = tools::discovery("googles_own_documents_are_read") else { return };
    let mut wire = Wire::discovery(&folder, &["compute.v1", "storage.v1", "iam.v1"]).unwrap();
    let uri = "https://compute.googleapis.com/compute/v1/projects/p/zones/europe-west1-b/instances";
    let mut post = |body: serde_json::Value| {
        told(wire.request(&Request::post(uri).body(Bytes::from(body.to_string())).unwrap()).unwrap())
    };
    let disk = |kind: &str| json!({ "name": "m", "disks": [{ "boot": true, "type": kind }] });
    assert_eq!(post(disk("PERSISTENT")), Vec::<String>::new());
    assert_eq!(
        post(disk("PERMANENT")),
        ["disks[0].type: \"PERMANENT\" is none of the values PERSISTENT, SCRATCH"]
    );
    assert_eq!(post(json!({ "name": "m", "machineTyp": "x" })), ["machineTyp: is not described here"]);
    assert_eq!(post(json!({ "name": "m", "id": "1" })), ["id: is read-only: the service sets it"]);
    let account = "https://iam.googleapis.com/v1/projects/p/serviceAccounts";
    let body = Bytes::from_static(b"{\"accountId\":\"nodes\"}");
    assert_eq!(
        wire.request(&Request::post(account).body(body).unwrap()).unwrap().0,
        "iam.projects.serviceAccounts.create"
    );
}
