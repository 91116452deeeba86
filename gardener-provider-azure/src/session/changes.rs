//! Carries changes out and waits for their end.

use std::{ops::ControlFlow, time::Duration};

use bytes::Bytes;
use gardener_provider_client::{client::retry_after, poll::Poll};
use gardener_provider_core::{Error, ErrorKind, Result};
use http::{Response, StatusCode};

use super::Session;
use crate::{
    api::operations::{Change, State, Watch},
    errors,
};

/// Looks soon after the beginning and less often later on, unless Azure says when.
const LOOKS: Poll =
    Poll::new(Duration::from_secs(1), Duration::from_secs(900)).with_max_interval(Duration::from_secs(15));
/// What was created shows within this time, or somebody has deleted it.
const APPEARANCE: Duration = Duration::from_secs(120);

type Reply = Response<Bytes>;
/// What a look found: the end, or when to look again.
type Look<T> = Result<ControlFlow<T, Option<Duration>>>;

struct Work<'a, R> {
    session: &'a Session,
    change: &'a Change<R>,
    start: Duration,
}

pub(super) async fn carry_out<R>(session: &Session, change: &Change<R>) -> Result<R> {
    let work = Work { session, change, start: session.clock().monotonic() };
    let operation = change.request.operation;
    // What failed later on is told by the name of what was begun, not of the look.
    let reply = work.run().await.map_err(|error| error.with_operation(operation))?;
    (change.parse)(&reply).map_err(|error| error.with_operation(operation))
}

impl<R> Work<'_, R> {
    /// The reply that shows what is there in the end; an empty one of a deletion.
    async fn run(&self) -> Result<Reply> {
        let gone = || Ok(Response::new(Bytes::new()));
        let Some(reply) = self.begin().await? else { return gone() };
        let wait = retry_after(&reply);
        match Watch::of(&reply, self.change.deletes) {
            Watch::Done => return Ok(reply),
            Watch::Status(url) => self.watch(&url, wait, status).await?,
            Watch::Location(url) => self.watch(&url, wait, location).await?,
            Watch::Resource => {
                self.pause(wait).await;
                return self.resource().await;
            }
        }
        if self.change.deletes { gone() } else { self.resource().await }
    }

    /// The reply to the request that begins the change; none if there is nothing to delete.
    async fn begin(&self) -> Result<Option<Reply>> {
        let attempt = || async {
            match self.session.send(&self.change.request).await {
                Ok(reply) => Ok(ControlFlow::Break(Some(reply))),
                Err(error) if self.change.deletes && error.is_not_found() => Ok(ControlFlow::Break(None)),
                Err(error) if is_in_progress(&error) => {
                    tracing::debug!(%error, "waiting for another change");
                    self.settle().await?;
                    Ok(ControlFlow::Continue(None))
                }
                Err(error) => Err(error),
            }
        };
        self.until("for its turn", attempt).await
    }

    /// Returns when the resource is not being changed.
    async fn settle(&self) -> Result<()> {
        let look = || async {
            match self.session.send(&self.change.look).await {
                Err(error) if error.is_not_found() => Ok(ControlFlow::Break(())),
                Err(error) => Err(error),
                Ok(reply) if State::of(&reply) == State::Running => {
                    Ok(ControlFlow::Continue(retry_after(&reply)))
                }
                Ok(_) => Ok(ControlFlow::Break(())),
            }
        };
        self.until("for another change of it", look).await
    }

    /// Looks at the address of the operation until it is over.
    async fn watch(&self, url: &str, wait: Option<Duration>, read: fn(&Reply) -> Look<()>) -> Result<()> {
        self.pause(wait).await;
        let look = || async {
            match self.session.send_to(&self.change.look, url).await {
                Ok(reply) => read(&reply),
                // Records of operations are kept for a while only; the resource knows too.
                Err(error) if error.is_not_found() => Ok(ControlFlow::Break(())),
                Err(error) => Err(error),
            }
        };
        self.until("to end", look).await
    }

    /// Looks at the resource until it is as it is to be: gone, or there and no longer being changed.
    async fn resource(&self) -> Result<Reply> {
        let begin = self.session.clock().monotonic();
        let look = || async {
            let missing_for = self.session.clock().monotonic().saturating_sub(begin);
            match self.session.send(&self.change.look).await {
                Err(error) if error.is_not_found() && self.change.deletes => {
                    Ok(ControlFlow::Break(Response::new(Bytes::new())))
                }
                Err(error) if error.is_not_found() && missing_for < APPEARANCE => {
                    Ok(ControlFlow::Continue(None))
                }
                Err(error) if error.is_not_found() => {
                    let message = "it was carried out, and yet the resource is not there";
                    Err(Error::new(ErrorKind::Unavailable, message).with_source(error))
                }
                Err(error) => Err(error),
                Ok(_) if self.change.deletes => Ok(ControlFlow::Continue(None)),
                Ok(reply) => match State::of(&reply) {
                    State::Done => Ok(ControlFlow::Break(reply)),
                    State::Running => Ok(ControlFlow::Continue(retry_after(&reply))),
                    State::Failed(error) => Err(error),
                },
            }
        };
        self.until("to show", look).await
    }

    async fn pause(&self, asked: Option<Duration>) {
        self.session.clock().sleep(asked.unwrap_or(LOOKS.interval)).await;
    }

    async fn until<T, F, Fut>(&self, what: &str, look: F) -> Result<T>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Look<T>>,
    {
        let clock = &**self.session.clock();
        let mut looks = LOOKS;
        looks.timeout = self.change.limit.saturating_sub(clock.monotonic().saturating_sub(self.start));
        let what = format!("{} {what}", self.change.request.path);
        looks.until(clock, what, look).await
    }
}

/// True if it is refused only until something else is over.
fn is_in_progress(error: &Error) -> bool {
    error.cloud_code().is_some_and(|code| errors::IN_PROGRESS.contains(&code))
}

/// What the address in `Azure-AsyncOperation` answers.
fn status(reply: &Reply) -> Look<()> {
    match State::of_operation(reply)? {
        State::Done => Ok(ControlFlow::Break(())),
        State::Running => Ok(ControlFlow::Continue(retry_after(reply))),
        State::Failed(error) => Err(error),
    }
}

/// What the address in `Location` answers: 202 until it is over.
fn location(reply: &Reply) -> Look<()> {
    if reply.status() == StatusCode::ACCEPTED {
        return Ok(ControlFlow::Continue(retry_after(reply)));
    }
    match State::of(reply) {
        State::Done => Ok(ControlFlow::Break(())),
        State::Running => Ok(ControlFlow::Continue(retry_after(reply))),
        State::Failed(error) => Err(error),
    }
}
