//! Creation: exactly one instance, however often and wherever it is interrupted.

use std::{collections::HashSet, time::Duration};

use aws_smithy_types::base64;
use gardener_provider_client::{machines, machines::dangling, poll::Poll};
use gardener_provider_core::{Error, ErrorKind, MachineStatus, MachineUid, Redacted, Result};
use http::StatusCode;

use super::{Job, NAME_TAG, UID_TAG, status};
use crate::{
    api::{
        instances::{Instance, RunInstances, run_instances},
        tags::Tags,
    },
    errors,
};

/// Until a new instance shows in lists and has its DNS name.
const APPEARANCE: Poll =
    Poll::new(Duration::from_millis(500), Duration::from_secs(300)).with_max_interval(Duration::from_secs(5));
/// EC2 says the token is used, so the instance shows within seconds if it is there at all.
const TOKEN_HOLDER: Poll =
    Poll::new(Duration::from_secs(1), Duration::from_secs(120)).with_max_interval(Duration::from_secs(10));
/// No Machine dies that often; more says that something else is wrong.
const MOST_TOKENS: u32 = 50;
/// EC2's limit, before base64
/// ([source](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html)).
const MOST_USER_DATA: usize = 16 * 1024;

pub(super) async fn create(job: &Job<'_>) -> Result<MachineStatus> {
    let uid = &job.request.machine.uid;
    let user_data = user_data(job)?;
    token(uid, 0)?;
    job.instance_id()?;
    let (dead, alive): (Vec<_>, Vec<_>) = job.named().await?.into_iter().partition(Instance::is_dead);
    if let Some(found) = job.only(alive)? {
        return adopt(job, found).await;
    }
    let root_device = if job.spec.block_devices.is_empty() {
        None
    } else {
        Some(job.session.fleet().root_device(&job.session, &job.spec.ami).await?)
    };
    let spent: HashSet<_> = dead.into_iter().filter_map(|found| found.client_token).collect();
    let launch = Launch { job, root_device, user_data, tags: tags(job) };
    for generation in 0..MOST_TOKENS {
        let token = token(uid, generation)?;
        if spent.contains(&token) {
            continue;
        }
        if let Some(instance) = launch.with_token(&token).await? {
            return appear(job, &instance.instance_id).await;
        }
    }
    let message = format!("{MOST_TOKENS} instances of machine {} have died", job.request.machine.name);
    Err(Error::new(ErrorKind::FailedPrecondition, message))
}

/// Takes an instance over that an earlier, interrupted call created.
async fn adopt(job: &Job<'_>, found: Instance) -> Result<MachineStatus> {
    let machine = &job.request.machine;
    let is_named = job.instance_id()? == Some(found.instance_id.as_str());
    match found.tags.get(UID_TAG) {
        Some(uid) if uid != machine.uid.as_str() && !is_named => {
            let message = format!(
                "instance {} has the name of machine {} and belongs to another one, of UID {uid}; delete it first",
                found.instance_id, machine.name
            );
            Err(Error::new(ErrorKind::AlreadyExists, message))
        }
        _ => appear(job, &found.instance_id).await,
    }
}

struct Launch<'a> {
    job: &'a Job<'a>,
    root_device: Option<String>,
    user_data: Redacted<String>,
    tags: Tags,
}

impl Launch<'_> {
    /// The living instance of this token, created if there is none; none if the token's instance is dead.
    async fn with_token(&self, token: &str) -> Result<Option<Instance>> {
        let operation = run_instances(&RunInstances {
            spec: &self.job.spec,
            root_device: self.root_device.as_deref(),
            tags: &self.tags,
            user_data: self.user_data.expose(),
            client_token: token,
        });
        let instance = match self.job.session.run(&operation).await {
            Ok(instances) => Some(instances.into_iter().next().ok_or_else(no_instance)?),
            Err(error) => match error.cloud_code() {
                Some("IdempotentInstanceTerminated") => None,
                Some("IdempotentParameterMismatch") => self.holder(token).await?,
                _ => return Err(dangling(error)),
            },
        };
        Ok(instance.filter(|instance| !instance.is_dead()))
    }

    /// The instance of a token that EC2 says is used; none if it does not show, as the call that used it failed.
    async fn holder(&self, token: &str) -> Result<Option<Instance>> {
        let look = || async {
            let found = self.job.named().await?;
            Ok(found.into_iter().find(|found| found.client_token.as_deref() == Some(token)))
        };
        let what = format!("the instance of token {token}");
        match TOKEN_HOLDER.until_some(&**self.job.session.clock(), what, look).await {
            Err(error) if error.kind() == ErrorKind::DeadlineExceeded => Ok(None),
            found => found.map(Some),
        }
    }
}

fn no_instance() -> Error {
    Error::internal("the reply holds no instance").with_operation("RunInstances")
}

/// Waits until the instance is found by its name, as every later call looks for it, and has the name of its node.
async fn appear(job: &Job<'_>, id: &str) -> Result<MachineStatus> {
    let look = || async {
        let found = job.named().await?;
        match found.iter().find(|found| found.instance_id == id) {
            Some(dead) if dead.is_dead() => Err(died(dead)),
            Some(alive) if alive.private_dns_name.is_some() => {
                status::of(alive, &job.spec, job.session.region()).map(Some)
            }
            _ => Ok(None),
        }
    };
    APPEARANCE.until_some(&**job.session.clock(), format!("instance {id} to appear"), look).await
}

/// Why an instance died right after its creation: its state's reason is an error code behind `Server.` or `Client.`
/// ([source](https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html)).
fn died(instance: &Instance) -> Error {
    let reason = &instance.state_reason;
    let code = reason.code.split_once('.').map_or(reason.code.as_str(), |(_, code)| code);
    let kind = match errors::kind(code, StatusCode::OK) {
        // Terminated by somebody, or for a reason that has no code: another attempt may do better.
        ErrorKind::Internal => ErrorKind::Unavailable,
        ErrorKind::NotFound => ErrorKind::InvalidArgument,
        kind => kind,
    };
    let message = format!("instance {} died while it was created: {}", instance.instance_id, reason.message);
    let error = Error::new(kind, message);
    if reason.code.is_empty() { error } else { error.with_cloud_code(&reason.code) }
}

/// The client token of the n-th instance for a UID, from 0.
fn token(uid: &MachineUid, generation: u32) -> Result<String> {
    // EC2 takes 64 ASCII characters; some are kept for the number.
    if uid.as_str().len() > 60 || !uid.as_str().is_ascii() {
        let problem = "is no UID of Kubernetes; expected at most 60 ASCII characters";
        return Err(Error::invalid("machine.metadata.uid", format!("{uid} {problem}")));
    }
    Ok(if generation == 0 { uid.to_string() } else { format!("{uid}-{generation}") })
}

fn tags(job: &Job<'_>) -> Tags {
    let mut tags = job.spec.tags.clone();
    tags.insert(NAME_TAG.to_owned(), job.request.machine.name.to_string());
    tags.insert(UID_TAG.to_owned(), job.request.machine.uid.to_string());
    tags
}

fn user_data(job: &Job<'_>) -> Result<Redacted<String>> {
    let data = machines::user_data(&job.request.secret, "EC2", MOST_USER_DATA)?;
    Ok(Redacted::new(base64::encode(data.expose())))
}
