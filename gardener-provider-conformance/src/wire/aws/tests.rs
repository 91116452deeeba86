use http::Method;

use super::*;
use crate::wire::Wire;

fn wire(service: Description) -> Wire {
    Wire::of(Services(vec![service]))
}

/// A made-up service for forms.
fn form_service(protocol: &str) -> Description {
    let json = serde_json::json!({
        "metadata": { "protocol": protocol, "endpointPrefix": "toys", "apiVersion": "2026-01-01" },
        "operations": {
            "MakeToy": {
                "name": "MakeToy",
                "http": { "method": "POST", "requestUri": "/" },
                "input": { "shape": "MakeToyRequest" },
                "output": { "shape": "MakeToyResult", "resultWrapper": "MakeToyResult" }
            },
            "Ping": { "name": "Ping", "http": { "method": "POST", "requestUri": "/" } }
        },
        "shapes": {
            "MakeToyRequest": {
                "type": "structure",
                "required": ["Name"],
                "members": {
                    "Name": { "shape": "Name" },
                    "Count": { "shape": "Count", "locationName": "count" },
                    "Loud": { "shape": "Flag" },
                    "Manual": { "shape": "Data" },
                    "Due": { "shape": "Date" },
                    "Parts": { "shape": "Parts", "locationName": "Part" },
                    "Color": { "shape": "Color", "locationName": "tint", "queryName": "Hue" }
                }
            },
            "MakeToyResult": {
                "type": "structure",
                "members": {
                    "Id": { "shape": "Name", "locationName": "toyId" },
                    "Parts": { "shape": "Parts", "locationName": "partSet" }
                }
            },
            "Parts": { "type": "list", "max": 2, "member": { "shape": "Part", "locationName": "item" } },
            "Part": {
                "type": "structure",
                "required": ["Weight"],
                "members": { "Weight": { "shape": "Count", "locationName": "weight" } }
            },
            "Name": { "type": "string", "min": 1, "max": 8 },
            "Count": { "type": "integer", "min": 0 },
            "Flag": { "type": "boolean" },
            "Data": { "type": "blob" },
            "Date": { "type": "timestamp" },
            "Color": { "type": "string", "enum": ["red", "blue"] }
        }
    });
    Description::parse(&json.to_string()).unwrap()
}

fn form_request(body: &str) -> Request<Bytes> {
    Request::post("http://toys.local/")
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=K/20260101/r/toys/aws4_request, SignedHeaders=host",
        )
        .body(Bytes::from(body.to_owned()))
        .unwrap()
}

fn problems(protocol: &str, parameters: &str) -> Vec<String> {
    let mut wire = wire(form_service(protocol));
    let body = format!("Action=MakeToy&Version=2026-01-01&{parameters}");
    let (operation, problems) = wire.request(&form_request(&body)).unwrap();
    assert_eq!(operation, "MakeToy");
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn what_ec2_describes_has_no_problems() {
    let good = "Name=a&Count=3&Loud=true&Manual=aGk%3D&Due=2026-11-22T08%3A00%3A00Z&Part.1.Weight=1&Part.2.Weight=2&Hue=red";
    assert_eq!(problems("ec2", good), Vec::<String>::new());
}

#[test]
fn a_misspelt_parameter_a_wrong_type_and_a_missing_one_are_found() {
    for (parameters, expected) in [
        ("Name=a&Cuont=3", "Cuont: is not a parameter of this operation here"),
        ("Name=a&count=3", "count: is not a parameter of this operation here"),
        (
            "Name=a&Part.1.Wieght=1&Part.1.Weight=1",
            "Part.1.Wieght: is not a parameter of this operation here",
        ),
        ("Name=a&Count=three", "Count: \"three\" is not an integer of 32 bits"),
        ("Name=a&Count=-1", "Count: -1 is not between 0 and inf"),
        ("Name=a&Loud=yes", "Loud: \"yes\" is not true or false"),
        ("Name=a&Manual=%25", "Manual: \"%\" is not base64"),
        ("Name=a&Due=today", "Due: \"today\" is not a timestamp of the form that the API uses here"),
        ("Name=a&Hue=green", "Hue: \"green\" is none of the values red, blue"),
        ("Name=a&tint=red", "tint: is not a parameter of this operation here"),
        ("Name=waytoolong", "Name: has 10 characters, not 1 to 8"),
        ("Count=1", "Name: is required and missing"),
        ("Name=a&Part.1=x", "Part.1.Weight: is required and missing"),
        ("Name=a&Part.2.Weight=1", "Part: has 1 items but none of number 1"),
        (
            "Name=a&Part.1.Weight=1&Part.2.Weight=1&Part.3.Weight=1",
            "Part: has 3 items, not None to Some(2.0)",
        ),
        ("Name=a&Name=b", "Name: is there twice"),
        ("Name.1=a", "Name.1: has parts where it should have a value"),
        ("Name=a&Part.member.1.Weight=1", "Part.member.Weight: is required and missing"),
    ] {
        let found = problems("ec2", parameters);
        assert!(found.iter().any(|problem| problem == expected), "{parameters}: {found:?}");
    }
}

#[test]
fn the_query_protocol_numbers_lists_below_their_items_name() {
    assert_eq!(problems("query", "Name=a&count=3&Part.item.1.weight=1&tint=red"), Vec::<String>::new());
    for (parameters, expected) in [
        ("Name=a&Part.1.weight=1", "Part.1: should be item in this list"),
        ("Name=a&Part.item.1.Weight=1", "Part.item.1.Weight: is not a parameter of this operation here"),
        ("Name=a&Hue=red", "Hue: is not a parameter of this operation here"),
    ] {
        let found = problems("query", parameters);
        assert!(found.iter().any(|problem| problem == expected), "{parameters}: {found:?}");
    }
}

#[test]
fn unknown_operations_and_versions_are_errors() {
    let mut wire = wire(form_service("ec2"));
    for body in ["Action=MakeTyo&Version=2026-01-01", "Action=MakeToy&Version=2025-01-01", ""] {
        assert!(wire.request(&form_request(body)).is_err(), "{body}");
    }
    assert_eq!(wire.to_string(), "wire truth: 0 requests, 0 replies, 0 operations validated");
}

fn reply_problems(protocol: &str, action: &str, status: u16, body: &str) -> Vec<String> {
    let mut wire = wire(form_service(protocol));
    let request = form_request(&format!("Action={action}&Version=2026-01-01"));
    let reply = Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap();
    let (_, problems) = wire.reply(&request, &reply).unwrap();
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn replies_of_ec2_are_held_against_their_shape() {
    let good = "<MakeToyResponse xmlns=\"x\"><requestId>1</requestId><toyId>t&amp;1</toyId><partSet>\
                <item><weight>1</weight></item></partSet></MakeToyResponse>";
    assert_eq!(reply_problems("ec2", "MakeToy", 200, good), Vec::<String>::new());
    let nothing = "<PingResponse><requestId>1</requestId><return>true</return></PingResponse>";
    assert_eq!(reply_problems("ec2", "Ping", 200, nothing), Vec::<String>::new());
    for (from, to, expected) in [
        ("toyId", "toyID", "toyID: is not described here"),
        ("item", "member", "partSet.member: should be item in this list"),
        ("<weight>1<", "<weight>x<", "partSet.item[0].weight: \"x\" is not an integer of 32 bits"),
        ("<weight>1</weight>", "", "partSet.item[0].weight: is required and missing"),
        ("<requestId>1</requestId>", "", "requestId: is missing"),
        ("MakeToyResponse", "MakeToyReply", "the root is <MakeToyReply>, not <MakeToyResponse>"),
        ("</toyId>", "</toyId><toyId>2</toyId>", "toyId: is there 2 times"),
        ("</MakeToyResponse>", "", "the document has not exactly one root element"),
    ] {
        let found = reply_problems("ec2", "MakeToy", 200, &good.replace(from, to));
        assert!(found.iter().any(|problem| problem == expected), "{to}: {found:?}");
    }
}

#[test]
fn replies_of_the_query_protocol_have_a_wrapper_and_metadata() {
    let good = "<MakeToyResponse><MakeToyResult><toyId>t</toyId></MakeToyResult>\
                <ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></MakeToyResponse>";
    assert_eq!(reply_problems("query", "MakeToy", 200, good), Vec::<String>::new());
    let found = reply_problems("query", "MakeToy", 200, &good.replace("MakeToyResult", "Result"));
    assert_eq!(found, ["Result: is not part of this reply", "MakeToyResult: is missing"]);
    let found = reply_problems("query", "MakeToy", 200, &good.replace("RequestId", "Id"));
    assert_eq!(found, ["ResponseMetadata.RequestId: is missing"]);
}

#[test]
fn errors_have_the_form_of_their_protocol() {
    let ec2 = "<Response><Errors><Error><Code>X</Code><Message>m</Message></Error></Errors><RequestID>1</RequestID></Response>";
    let query = "<ErrorResponse><Error><Type>Sender</Type><Code>X</Code><Message>m</Message></Error>\
                 <RequestId>1</RequestId></ErrorResponse>";
    assert_eq!(reply_problems("ec2", "MakeToy", 400, ec2), Vec::<String>::new());
    assert_eq!(reply_problems("query", "MakeToy", 400, query), Vec::<String>::new());
    assert!(!reply_problems("ec2", "MakeToy", 400, query).is_empty());
    assert!(!reply_problems("query", "MakeToy", 400, ec2).is_empty());
}

/// A made-up service for paths and bodies.
fn rest_service(protocol: &str) -> Description {
    let json = serde_json::json!({
        "metadata": { "protocol": protocol, "endpointPrefix": "shop", "apiVersion": "2026-01-01" },
        "operations": {
            "PutSign": {
                "http": { "method": "PUT", "requestUri": "/{Shop}?sign" },
                "httpChecksum": { "requestChecksumRequired": true },
                "input": { "shape": "PutSignRequest" }
            },
            "OpenShop": { "http": { "method": "PUT", "requestUri": "/{Shop}" }, "input": { "shape": "OpenShop" } },
            "PutThing": { "http": { "method": "PUT", "requestUri": "/{Shop}/{Thing+}" }, "input": { "shape": "Thing" } },
            "PutPart": { "http": { "method": "PUT", "requestUri": "/{Shop}/{Thing+}" }, "input": { "shape": "ThingPart" } },
            "ListThings": {
                "http": { "method": "GET", "requestUri": "/{Shop}?list-type=2" },
                "input": { "shape": "OpenShop" },
                "output": { "shape": "Things" }
            }
        },
        "shapes": {
            "PutSignRequest": {
                "type": "structure", "required": ["Shop", "Sign"], "payload": "Sign",
                "members": {
                    "Shop": { "shape": "Text", "location": "uri", "locationName": "Shop" },
                    "Owner": { "shape": "Text", "location": "header", "locationName": "x-amz-owner" },
                    "Sign": { "shape": "Sign", "locationName": "SignBoard", "xmlNamespace": { "uri": "http://shop/" } }
                }
            },
            "Sign": {
                "type": "structure", "required": ["Words"],
                "members": { "Words": { "shape": "Words", "locationName": "Word" }, "Size": { "shape": "Number" } }
            },
            "Words": { "type": "list", "flattened": true, "member": { "shape": "Text" } },
            "OpenShop": {
                "type": "structure", "required": ["Shop"],
                "members": {
                    "Shop": { "shape": "Text", "location": "uri", "locationName": "Shop" },
                    "Prefix": { "shape": "Text", "location": "querystring", "locationName": "prefix" },
                    "Max": { "shape": "Number", "location": "querystring", "locationName": "max" }
                }
            },
            "Thing": {
                "type": "structure", "required": ["Shop", "Thing"],
                "members": {
                    "Shop": { "shape": "Text", "location": "uri", "locationName": "Shop" },
                    "Thing": { "shape": "Text", "location": "uri", "locationName": "Thing" }
                }
            },
            "ThingPart": {
                "type": "structure", "required": ["Shop", "Thing", "Number"],
                "members": {
                    "Shop": { "shape": "Text", "location": "uri", "locationName": "Shop" },
                    "Thing": { "shape": "Text", "location": "uri", "locationName": "Thing" },
                    "Number": { "shape": "Number", "location": "querystring", "locationName": "number" }
                }
            },
            "Things": {
                "type": "structure",
                "members": {
                    "Count": { "shape": "Number" },
                    "Names": { "shape": "Words", "locationName": "Name" },
                    "Fresh": { "shape": "Flag", "location": "header", "locationName": "x-amz-fresh" }
                }
            },
            "Text": { "type": "string" },
            "Number": { "type": "integer" },
            "Flag": { "type": "boolean" }
        }
    });
    Description::parse(&json.to_string()).unwrap()
}

fn rest(protocol: &str) -> Wire {
    wire(rest_service(protocol))
}

fn rest_request(method: Method, uri: &str, headers: &[(&str, &str)], body: &str) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(format!("http://shop.local{uri}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Bytes::from(body.to_owned())).unwrap()
}

fn checked(protocol: &str, request: &Request<Bytes>) -> (String, Vec<String>) {
    let (operation, problems) = rest(protocol).request(request).unwrap();
    (operation, problems.iter().map(ToString::to_string).collect())
}

#[test]
fn the_operation_that_names_the_most_is_meant() {
    for (method, uri, operation) in [
        (Method::PUT, "/s?sign=", "PutSign"),
        (Method::PUT, "/s", "OpenShop"),
        (Method::PUT, "/s/a/b", "PutThing"),
        (Method::PUT, "/s/a/b?number=1", "PutPart"),
        (Method::GET, "/s?list-type=2&prefix=x", "ListThings"),
    ] {
        assert_eq!(checked("rest-xml", &rest_request(method, uri, &[], "")).0, operation, "{uri}");
    }
    assert!(rest("rest-xml").request(&rest_request(Method::DELETE, "/s", &[], "")).is_err());
}

const SIGN: &str = "<SignBoard xmlns=\"http://shop/\"><Word>a</Word><Word>b</Word><Size>3</Size></SignBoard>";

#[test]
fn paths_queries_headers_and_xml_bodies_are_checked() {
    let headers = [("x-amz-owner", "me"), ("content-md5", "x"), ("x-amz-date", "d")];
    let (_, good) = checked("rest-xml", &rest_request(Method::PUT, "/s?sign=", &headers, SIGN));
    assert_eq!(good, Vec::<String>::new());
    let md5 = [("content-md5", "x")];
    let odd = [("content-md5", "x"), ("x-amz-onwer", "me")];
    let sign = |from: &str, to: &str| SIGN.replace(from, to);
    for (uri, headers, body, expected) in [
        ("/s?sign=", &[][..], SIGN.to_owned(), "Content-MD5: or another checksum is required and missing"),
        ("/s?sign=", &odd[..], SIGN.to_owned(), "x-amz-onwer: is not a header of this operation"),
        ("/s?sign=&loud=", &md5[..], SIGN.to_owned(), "loud: is not in the query string of this operation"),
        ("/s?sign=", &md5[..], String::new(), "Sign: is required and missing: there is no body"),
        ("/s?sign=", &md5[..], sign("SignBoard", "Sign"), "the root of the body is <Sign>, not <SignBoard>"),
        (
            "/s?sign=",
            &md5[..],
            sign("shop", "shoop"),
            "xmlns: of the body is Some(\"http://shoop/\"), not Some(\"http://shop/\")",
        ),
        ("/s?sign=", &md5[..], sign("Word", "Wrod"), "SignBoard.Wrod: is not described here"),
        ("/s?sign=", &md5[..], sign(">3<", ">big<"), "SignBoard.Size: \"big\" is not an integer of 32 bits"),
        ("/s?max=x", &[][..], String::new(), "max: \"x\" is not an integer of 32 bits"),
        ("/s", &[][..], "<x/>".to_owned(), "there is a body, and this operation has none"),
    ] {
        let (_, found) = checked("rest-xml", &rest_request(Method::PUT, uri, headers, &body));
        assert!(found.iter().any(|problem| problem == expected), "{expected}: {found:?}");
    }
}

#[test]
fn json_bodies_are_checked() {
    let md5 = [("content-md5", "x")];
    let found = |body: &str| checked("rest-json", &rest_request(Method::PUT, "/s?sign=", &md5, body)).1;
    assert_eq!(found(r#"{"Word": ["a"], "Size": 3}"#), Vec::<String>::new());
    assert_eq!(
        found(r#"{"Word": "a", "Size": "3"}"#),
        ["Sign.Size: is \"3\", not a number", "Sign.Word: is \"a\", not a list"]
    );
    assert_eq!(
        found(r#"{"Wrod": []}"#),
        ["Sign.Word: is required and missing", "Sign.Wrod: is not described here"]
    );
}

#[test]
fn replies_to_rest_requests_are_checked() {
    let request = rest_request(Method::GET, "/s?list-type=2", &[], "");
    let reply = |status: u16, fresh: &str, body: &str| {
        let reply = Response::builder().status(status).header("x-amz-fresh", fresh);
        let reply = reply.body(Bytes::from(body.to_owned())).unwrap();
        let (_, problems) = rest("rest-xml").reply(&request, &reply).unwrap();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let good = "<Things><Count>2</Count><Name>a</Name><Name>b</Name></Things>";
    assert_eq!(reply(200, "true", good), Vec::<String>::new());
    assert_eq!(reply(200, "soon", good), ["x-amz-fresh: \"soon\" is not true or false"]);
    assert_eq!(reply(200, "true", &good.replace("Count", "Cuont")), ["Cuont: is not described here"]);
    assert_eq!(
        reply(404, "true", "<Error><Code>X</Code><Message>m</Message><RequestId>1</RequestId></Error>"),
        Vec::<String>::new()
    );
    assert_eq!(reply(404, "true", "<Error><Code>X</Code></Error>").len(), 2);
    assert_eq!(reply(404, "true", "gone").len(), 1);
}

#[test]
fn what_was_checked_is_counted() {
    let mut wire = rest("rest-xml");
    let request = rest_request(Method::GET, "/s?list-type=2", &[], "");
    wire.request(&request).unwrap();
    wire.reply(&request, &Response::new(Bytes::from_static(b"<Things/>"))).unwrap();
    wire.request(&rest_request(Method::PUT, "/s", &[], "")).unwrap();
    assert_eq!(wire.to_string(), "wire truth: 2 requests, 1 replies, 2 operations validated");
}
