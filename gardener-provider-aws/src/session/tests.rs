use std::sync::Arc;

use gardener_provider_client::fake::FakeTransport;
use gardener_provider_core::{ErrorKind, Region};

use crate::{
    api::sts,
    testing::{KEY, SECRET, builder, region, secret},
};

const CALLER: &str = "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/u</Arn>\
                      <Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

#[tokio::test(start_paused = true)]
async fn requests_of_one_identity_in_one_region_share_a_session() {
    let sessions = builder(&FakeTransport::new()).sessions().unwrap();
    let one = sessions.get(&secret(), &region()).unwrap();
    assert!(Arc::ptr_eq(&one, &sessions.get(&secret().with("userData", "x"), &region()).unwrap()));
    let other = secret().with("secretAccessKey", "another");
    assert!(!Arc::ptr_eq(&one, &sessions.get(&other, &region()).unwrap()));
    let elsewhere = sessions.get(&secret(), &Region::new("us-east-1").unwrap()).unwrap();
    assert!(!Arc::ptr_eq(&one, &elsewhere));
}

#[tokio::test(start_paused = true)]
async fn an_operation_goes_out_signed_and_its_reply_comes_back_parsed() {
    let script = FakeTransport::new().reply(200, CALLER);
    let sessions = builder(&script).sessions().unwrap();
    let session = sessions.get(&secret(), &region()).unwrap();
    assert_eq!(session.run(&sts::get_caller_identity()).await.unwrap().account, "1");
    let request = &script.requests()[0];
    assert_eq!(request.uri(), "https://sts.eu-west-1.amazonaws.com/");
    let signature = request.headers()["authorization"].to_str().unwrap();
    let scope = format!("AWS4-HMAC-SHA256 Credential={KEY}/20261122/eu-west-1/sts/aws4_request, ");
    assert!(signature.starts_with(&scope), "{signature}");
    assert_eq!(request.headers()["x-amz-date"], "20261122T080000Z");
    assert!(!format!("{sessions:?} {session:?}").contains(SECRET));
    assert!(!format!("{sessions:?} {session:?}").contains(KEY));
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_makes_no_sense_names_the_operation() {
    let script = FakeTransport::new().reply(200, "<Other/>");
    let session = builder(&script).sessions().unwrap().get(&secret(), &region()).unwrap();
    let error = session.run(&sts::get_caller_identity()).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Internal, Some("GetCallerIdentity")));
}
