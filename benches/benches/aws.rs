//! CPU time of what the AWS provider does most often.
//!
//! ```text
//! cargo xtask bench --bench aws
//! cargo xtask bench --bench aws -- parse
//! ```
#![allow(clippy::expect_used, reason = "a bench that cannot go on says why and ends")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::future::try_join_all;
use gardener_provider_aws::api::instances::describe_instances;
use gardener_provider_benches::{Cloud, Pace};
use gardener_provider_core::{Result, RunOptions};
use gardener_provider_sandbox::SandboxOptions;
use tokio::runtime::{Builder, Runtime};

const MACHINES: usize = 1000;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn cloud() -> Cloud {
    Cloud::new(SandboxOptions::instant(), Pace::Unlimited).expect("a provider over the sandbox")
}

/// The parser of `DescribeInstances` alone, on a reply of the sandbox.
fn parse(criterion: &mut Criterion) {
    let reply = runtime().block_on(async {
        let cloud = cloud();
        let class = cloud.machine_class().await?;
        let requests = cloud.machines(&class, MACHINES)?;
        try_join_all(requests.iter().map(|request| cloud.provider.machines.create_machine(request))).await?;
        cloud.page_of_instances().await
    });
    let reply = reply.expect("a page of instances");
    let parse = describe_instances(&[], None).parse;
    assert_eq!(parse(&reply).expect("instances").items.len(), MACHINES);
    let mut group = criterion.benchmark_group("parse");
    group.throughput(Throughput::Bytes(reply.body().len() as u64));
    group.bench_function("a page of 1,000 instances", |bencher| bencher.iter(|| parse(black_box(&reply))));
    group.finish();
}

/// Plan and apply of an infrastructure that is as wanted: provider, signatures, sandbox and parsing, in one thread.
fn nothing_to_do(criterion: &mut Criterion) {
    let (runtime, cloud) = (runtime(), cloud());
    let driver = &cloud.provider.infrastructure;
    let options = RunOptions::default();
    let request: Result<_> = runtime.block_on(async {
        let request = cloud.infrastructure()?;
        let made = driver.apply(&request, &options).await?;
        let request = request.with_state(made.state);
        cloud.sandbox.journal().clear();
        driver.apply(&request, &options).await?;
        Ok(request)
    });
    let request = request.expect("an infrastructure");
    assert!(cloud.sandbox.journal().mutating_calls().is_empty(), "something was changed");
    let mut group = criterion.benchmark_group("three zones, nothing to do");
    group.bench_function("plan", |bencher| {
        bencher.iter(|| {
            cloud.sandbox.journal().clear();
            runtime.block_on(driver.plan(&request)).expect("a plan")
        });
    });
    group.bench_function("apply", |bencher| {
        bencher.iter(|| {
            cloud.sandbox.journal().clear();
            runtime.block_on(driver.apply(&request, &options)).expect("an infrastructure")
        });
    });
    group.finish();
}

criterion_group!(aws, parse, nothing_to_do);
criterion_main!(aws);
