//! Service accounts.

use http::Method;
use serde_json::{Value, json};

use crate::{
    SandboxOptions,
    gcp::testing::{Caller, INSTANCES, PROJECT, instance},
};

async fn iam(caller: &Caller, method: Method, path: &str, body: Option<&Value>) -> (u16, Value) {
    let url = format!("https://iam.googleapis.com/v1/projects/{PROJECT}/serviceAccounts{path}");
    let reply = caller.send(method, &url, body).await;
    (reply.status().as_u16(), serde_json::from_slice(reply.body()).unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn an_account_is_made_found_and_deleted() {
    let caller = Caller::instant();
    let ask = json!({ "accountId": "shoot-node", "serviceAccount": { "displayName": "Nodes" } });
    let (status, made) = iam(&caller, Method::POST, "", Some(&ask)).await;
    let email = format!("shoot-node@{PROJECT}.iam.gserviceaccount.com");
    assert_eq!((status, &made["email"], &made["displayName"]), (200, &json!(email), &json!("Nodes")));
    let (status, again) = iam(&caller, Method::POST, "", Some(&ask)).await;
    assert_eq!((status, &again["error"]["status"]), (409, &json!("ALREADY_EXISTS")));
    for name in [email.as_str(), made["uniqueId"].as_str().unwrap()] {
        assert_eq!(iam(&caller, Method::GET, &format!("/{name}"), None).await.1, made);
    }
    let any = format!("https://iam.googleapis.com/v1/projects/-/serviceAccounts/{email}");
    assert_eq!(caller.send(Method::GET, &any, None).await.status(), 200);
    let found = caller.sandbox.gcp().inventory(None);
    assert_eq!((found.len(), found[0].service, found[0].name.as_str()), (1, "iam", "shoot-node"));
    let list = iam(&caller, Method::GET, "?pageSize=1", None).await.1;
    let token = list["nextPageToken"].as_str().unwrap();
    assert_eq!(
        iam(&caller, Method::GET, &format!("?pageSize=9&pageToken={token}"), None).await.1["accounts"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    assert_eq!(iam(&caller, Method::DELETE, &format!("/{email}"), None).await, (200, json!({})));
    let (status, gone) = iam(&caller, Method::GET, &format!("/{email}"), None).await;
    assert_eq!((status, &gone["error"]["status"]), (404, &json!("NOT_FOUND")));
    assert_eq!(iam(&caller, Method::DELETE, &format!("/{email}"), None).await.0, 404);
    for bad in ["short", "Upper-case", "ends-with-dash-", "9starts", "much-too-long-for-an-account-id"] {
        let (status, reply) = iam(&caller, Method::POST, "", Some(&json!({ "accountId": bad }))).await;
        assert_eq!((status, &reply["error"]["status"]), (400, &json!("INVALID_ARGUMENT")), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_may_need_an_account_that_exists() {
    let mut options = SandboxOptions::instant();
    options.gcp.check_service_accounts = true;
    let caller = Caller::new(options);
    caller.network().await;
    let mut machine = instance("one");
    let email = format!("shoot-node@{PROJECT}.iam.gserviceaccount.com");
    machine["serviceAccounts"] =
        json!([{ "email": email, "scopes": ["https://www.googleapis.com/auth/cloud-platform"] }]);
    let message = caller.message(INSTANCES, machine.clone()).await;
    assert!(message.contains("of type 'serviceAccount' was not found"), "{message}");
    iam(&caller, Method::POST, "", Some(&json!({ "accountId": "shoot-node" }))).await;
    caller.done(INSTANCES, machine).await;
}
