//! Every way to prove who one is.

use gardener_provider_azure::{credentials::CredentialSource, endpoints::Cloud};
use gardener_provider_core::ErrorKind;
use gardener_provider_sandbox::azure::Client;

use super::*;

/// A machine's status is asked for; that it does not exist is an answer to somebody who may ask.
async fn ask(world: &World, builder: AzureProviderBuilder, secret: SecretData) -> ErrorKind {
    let mut request = world.request(plain());
    request.secret = secret;
    let provider = builder.build().unwrap();
    provider.machines.get_machine_status(&request).await.unwrap_err().kind()
}

const PEM: &str = include_str!("../../src/credentials/testdata/client.pem");

fn certificate() -> Vec<u8> {
    use base64::Engine as _;
    let (_, text) = PEM.split_once("-----BEGIN CERTIFICATE-----").unwrap();
    let (text, _) = text.split_once("-----END").unwrap();
    base64::engine::general_purpose::STANDARD.decode(text.replace('\n', "")).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_certificate_opens_and_an_unknown_one_does_not() {
    let world = World::new().await;
    let secret = identity(&world.sandbox).with("clientCertificate", PEM);
    assert_eq!(ask(&world, world.builder(), secret.clone()).await, ErrorKind::Unauthenticated);
    let client = Client::new(world.sandbox.azure().client().id).with_certificate(certificate());
    world.sandbox.azure().add_client(client);
    assert_eq!(ask(&world, world.builder(), secret).await, ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_federated_token_opens_and_another_subject_does_not() {
    use base64::Engine as _;
    let world = World::new().await;
    let encode = |value: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let claims = json!({ "iss": "https://garden.example", "sub": "workload:demo", "aud": "api://AzureADTokenExchange",
        "nbf": now - 60, "iat": now - 60, "exp": now + 3600 });
    let token = format!("{}.{}.c2ln", encode(json!({ "alg": "RS256", "typ": "JWT" })), encode(claims));
    let path = std::env::temp_dir().join(format!("gardener-azure-token-{}", std::process::id()));
    std::fs::write(&path, token).unwrap();
    let secret = identity(&world.sandbox).with("workloadIdentityTokenFile", path.to_str().unwrap());
    let client = || Client::new(world.sandbox.azure().client().id);
    let federated = |subject: &str| client().with_federation("https://garden.example", subject);
    world.sandbox.azure().add_client(federated("workload:other"));
    assert_eq!(ask(&world, world.builder(), secret.clone()).await, ErrorKind::Unauthenticated);
    world.sandbox.azure().add_client(federated("workload:demo"));
    assert_eq!(ask(&world, world.builder(), secret).await, ErrorKind::NotFound);
    std::fs::remove_file(path).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_managed_identity_needs_no_secret() {
    let world = World::new().await;
    let secret = SecretData::new().with("subscriptionID", world.sandbox.azure().subscription());
    let builder = |client: Option<&str>| {
        let client_id = client.map(str::to_owned);
        world.builder().credentials(CredentialSource::ManagedIdentity { client_id })
    };
    assert_eq!(ask(&world, builder(None), secret.clone()).await, ErrorKind::NotFound);
    let known = world.sandbox.azure().options().managed_identity.clone().unwrap();
    assert_eq!(ask(&world, builder(Some(&known)), secret.clone()).await, ErrorKind::NotFound);
    let unknown = "00000000-0000-0000-0000-00000000dead";
    assert_eq!(ask(&world, builder(Some(unknown)), secret).await, ErrorKind::Unauthenticated);
}

/// The sandbox lets tokens expire within an hour; a driver that lives longer asks again.
#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_expires_and_when_it_is_refused() {
    let world = World::new().await;
    let request = world.request(plain());
    let session = world.builder().sessions().unwrap();
    assert!(session.get(&request.secret, Cloud::Public).is_ok());
    for _ in 0..3 {
        assert_eq!(
            world.driver().get_machine_status(&request).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
        tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
    }
    let expired = gardener_provider_sandbox::Fault::expired_credentials().on("compute", "*").times(1);
    world.sandbox.faults().add(expired);
    assert_eq!(world.driver().get_machine_status(&request).await.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(world.wire.bodies("POST", "/oauth2/v2.0/token").len() >= 4);
}
