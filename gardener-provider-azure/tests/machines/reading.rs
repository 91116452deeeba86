//! Looking machines up: few calls, the right cloud.

use futures::future::join_all;
use gardener_provider_core::{ErrorKind, MachineState, ProviderId};

use super::*;

#[tokio::test(start_paused = true)]
async fn many_lookups_are_few_calls_and_a_few_are_not_lists() {
    let world = World::new().await;
    let mut requests = Vec::new();
    for n in 1..=30 {
        let mut request = world.request(plain());
        request.machine.name = MachineName::new(format!("m-{n}")).unwrap();
        requests.push(request);
    }
    for result in join_all(requests.iter().map(|request| world.driver().create_machine(request))).await {
        result.unwrap();
    }
    world.sandbox.journal().clear();
    for result in join_all(requests.iter().map(|request| world.driver().get_machine_status(request))).await {
        assert_eq!(result.unwrap().state, MachineState::Running);
    }
    assert!(world.sandbox.journal().calls().len() <= 8, "{:?}", world.sandbox.journal().calls().len());
    world.sandbox.journal().clear();
    world.driver().get_machine_status(&requests[7]).await.unwrap();
    assert_eq!((world.count("*_Get"), world.count("*_List")), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_found_by_the_provider_id_of_its_node_too() {
    let world = World::new().await;
    let mut request = world.request(plain());
    world.driver().create_machine(&request).await.unwrap();
    for id in ["azure:///westeurope/m-1".to_owned(), format!("azure://{}", world.machine_id())] {
        request.machine.provider_id = Some(ProviderId::new(id).unwrap());
        let status = world.driver().get_machine_status(&request).await.unwrap();
        assert_eq!(status.provider_id.as_str(), "azure:///westeurope/m-1");
    }
    request.machine.provider_id = Some(ProviderId::new("azure:///northeurope/m-1").unwrap());
    for error in [
        world.driver().get_machine_status(&request).await.unwrap_err(),
        world.driver().delete_machine(&request).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains("machine.spec.providerID"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_cloud_is_asked_at_its_own_address() {
    for (location, login, manager) in [
        ("chinanorth3", "login.chinacloudapi.cn", "management.chinacloudapi.cn"),
        ("usgovvirginia", "login.microsoftonline.us", "management.usgovcloudapi.net"),
        ("westeurope", "login.microsoftonline.com", "management.azure.com"),
    ] {
        let world = World::new().await;
        let request = world.request(with(plain(), "/location", json!(location)));
        let error = world.driver().get_machine_status(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{location}: {error}");
        assert_eq!(world.wire.hosts(), [login, manager]);
    }
}

/// A list that began before a machine was made must not be the answer to who asks after that.
#[tokio::test(start_paused = true)]
async fn a_lookup_under_way_hides_nothing() {
    let world = World::with(|options| options.latency = std::time::Duration::from_secs(3)).await;
    let mut others = Vec::new();
    for n in 2..=12 {
        let mut request = world.request(plain());
        request.machine.name = MachineName::new(format!("m-{n}")).unwrap();
        others.push(request);
    }
    let ours = world.request(plain());
    let looking = async {
        for _ in 0..40 {
            let found =
                join_all(others.iter().map(|request| world.driver().get_machine_status(request))).await;
            assert!(
                found
                    .iter()
                    .all(|found| found.as_ref().is_err_and(gardener_provider_core::Error::is_not_found))
            );
        }
    };
    let making = async {
        world.driver().create_machine(&ours).await.unwrap();
        world.driver().get_machine_status(&ours).await.unwrap();
    };
    futures::future::join(looking, making).await;
}
