//! Creation: exactly one instance, however often and wherever it is interrupted.

use std::time::Duration;

use gardener_provider_client::{machines, machines::dangling, poll::Poll};
use gardener_provider_core::{Error, ErrorKind, MachineState, MachineStatus, MachineUid, Redacted, Result};
use uuid::Uuid;

use super::{Job, UID_LABEL, labels, status, status::Place};
use crate::{
    api::{
        instances::{Insert, Instance, Labels, insert},
        operations::{ComputeOperation, REQUEST_ID},
    },
    provider_spec::ProviderSpec,
};

/// Until an instance whose creation has ended shows.
const APPEARANCE: Poll = Poll::new(Duration::from_millis(500), Duration::from_secs(120))
    .with_max_interval(Duration::from_secs(10));
/// A failure this old is that of an earlier attempt, whose request id is spent.
const NEWS: Duration = Duration::from_secs(30);
/// No Machine fails that often within the time for which Google remembers; more says that something else is wrong.
const MOST_REQUESTS: u32 = 50;
/// The most that a value of metadata may hold
/// ([source](https://cloud.google.com/compute/docs/metadata/setting-custom-metadata#limitations)).
const MOST_USER_DATA: usize = 256 * 1024;

pub(super) async fn create(job: &Job<'_>) -> Result<MachineStatus> {
    let launch = Launch::new(job)?;
    let named = job.place()?;
    if let Some(found) = job.only(job.listed().await?)? {
        launch.own(&found, named.as_ref())?;
        // One that is still being made may yet fail: its creation is joined.
        if status::state(&found.status) != MachineState::Pending || Place::of(&found) != job.own_place() {
            return status::of(&found, job.session.project());
        }
    }
    for generation in 0..MOST_REQUESTS {
        let id = request_id(&job.request.machine.uid, generation);
        if let Some(instance) = launch.with_id(&id).await? {
            launch.own(&instance, named.as_ref())?;
            return status::of(&instance, job.session.project());
        }
    }
    let message = format!("{MOST_REQUESTS} creations of machine {} have failed", job.request.machine.name);
    Err(Error::new(ErrorKind::FailedPrecondition, message))
}

struct Launch<'a> {
    job: &'a Job<'a>,
    labels: Labels,
    disk_labels: Labels,
    user_data: Redacted<String>,
}

impl<'a> Launch<'a> {
    fn new(job: &'a Job<'a>) -> Result<Self> {
        let user_data = user_data(job)?;
        let disk_labels = labels(job)?;
        let labels = job.spec.labels.clone().into_iter().chain(disk_labels.clone()).collect();
        Ok(Self { job, labels, disk_labels, user_data })
    }

    /// Checks that an instance of the machine's name is the machine's: created by an earlier, interrupted call for the
    /// same UID, or named by its provider id.
    fn own(&self, found: &Instance, named: Option<&Place>) -> Result<()> {
        let machine = &self.job.request.machine;
        let taken = |whose: String| {
            let place = format!("{}/{}", found.zone(), found.name);
            let message = format!("instance {place} has the name of machine {} and {whose}", machine.name);
            Err(Error::new(ErrorKind::AlreadyExists, message))
        };
        if !found.has_tags(&self.job.tags) {
            return taken(format!("lacks the tags {}", self.job.tags.join(", ")));
        }
        match found.labels.get(UID_LABEL) {
            Some(uid) if uid != machine.uid.as_str() && named != Some(&Place::of(found)) => {
                taken(format!("belongs to another one, of UID {uid}; delete it first"))
            }
            _ => Ok(()),
        }
    }

    /// The instance of this request id, created if there is none; none if the id is spent.
    async fn with_id(&self, id: &str) -> Result<Option<Instance>> {
        let job = self.job;
        let mutation = insert(&Insert {
            project: job.session.project(),
            name: job.request.machine.name.as_str(),
            spec: &job.spec,
            labels: &self.labels,
            disk_labels: &self.disk_labels,
            user_data: &self.user_data,
            request_id: id,
        });
        let begun = match job.session.begin(&mutation).await {
            Ok(begun) => begun,
            Err(error) if error.message().contains(REQUEST_ID) => return Ok(None),
            Err(error) => return self.holder(error).await.map(Some),
        };
        // A new operation is never done at once; one that is has been answered before.
        let is_old = begun.is_done();
        match job.session.done(begun.clone()).await {
            Ok(_) if is_old => job.at(&job.own_place()).await,
            Ok(_) => self.appear().await.map(Some),
            Err(_) if is_old && self.is_history(&begun) => Ok(None),
            Err(error) => self.holder(error.with_operation(mutation.request.operation)).await.map(Some),
        }
    }

    fn is_history(&self, operation: &ComputeOperation) -> bool {
        let now = self.job.session.clock().now();
        operation.ended().is_some_and(|end| end + NEWS < now)
    }

    /// The instance that has the name already, if that is the error; lists and reads may not show it yet.
    async fn holder(&self, error: Error) -> Result<Instance> {
        match error.kind() {
            ErrorKind::AlreadyExists => self.appear().await.map_err(|missing| match missing.kind() {
                ErrorKind::DeadlineExceeded => Error::new(ErrorKind::FailedPrecondition, error.message())
                    .context("the name is taken by an instance that does not show"),
                _ => missing,
            }),
            _ => Err(dangling(error)),
        }
    }

    async fn appear(&self) -> Result<Instance> {
        let place = self.job.own_place();
        let what = format!("instance {}/{} to appear", place.zone, place.name);
        APPEARANCE.until_some(&**self.job.session.clock(), what, || self.job.at(&place)).await
    }
}

/// The request id of the n-th creation for a UID, from 0: a UUID, as the UID is one.
pub(super) fn request_id(uid: &MachineUid, generation: u32) -> String {
    match Uuid::parse_str(uid.as_str()) {
        Ok(id) if generation == 0 && !id.is_nil() => id.to_string(),
        _ => Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{uid}/{generation}").as_bytes()).to_string(),
    }
}

/// The UID as the value of a label.
pub(super) fn uid_label(uid: &MachineUid) -> Result<&str> {
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    if uid.as_str().len() <= 63 && uid.as_str().bytes().all(is_good) {
        return Ok(uid.as_str());
    }
    let problem = "is no UID of Kubernetes; expected at most 63 lower-case letters, digits, '-' and '_'";
    Err(Error::invalid("machine.metadata.uid", format!("{uid} {problem}")))
}

fn user_data(job: &Job<'_>) -> Result<Redacted<String>> {
    let data = machines::user_data(&job.request.secret, "Google", MOST_USER_DATA)?;
    let text = str::from_utf8(data.expose())
        .map_err(|_| Error::invalid("secret.userData", "is not UTF-8 text, which metadata has to be"))?;
    let key = ProviderSpec::user_data_key(text);
    if let Some(index) = job.spec.metadata.iter().position(|item| item.key == key) {
        let problem = format!("{key} is where the secret's userData goes; leave it out");
        return Err(Error::invalid(format!("providerSpec.metadata[{index}].key"), problem));
    }
    Ok(Redacted::new(text.to_owned()))
}
