//! The provider's way to the cloud: credentials, errors, repetition. A cloud with HTTP takes
//! `gardener_provider_client::client::ApiClient` for this.

use std::{sync::Arc, time::Duration};

use futures::future::{Either, select};
use gardener_provider_client::clock::Clock;
use gardener_provider_core::{Error, ErrorKind, Redacted, Result, Retry, SecretData};

use crate::cloud::{Api, Map, Refusal, Reply, Request, Thing};

const ATTEMPTS: u32 = 6;
const PATIENCE: Duration = Duration::from_secs(30);

/// What all parts of the provider share.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    /// The way to the cloud.
    pub(crate) api: Arc<dyn Api>,
    /// Time, so that tests of waiting take none.
    pub(crate) clock: Arc<dyn Clock>,
}

impl Connection {
    /// Signs in with a secret. Makes no call: the cloud refuses a bad token when it is used.
    ///
    /// # Errors
    /// `InvalidArgument` naming the missing key.
    pub(crate) fn sign_in(&self, secret: &SecretData) -> Result<Client> {
        Ok(Client { connection: self.clone(), token: secret.required(&["token"])? })
    }
}

/// Makes calls with somebody's credentials.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    connection: Connection,
    token: Redacted<String>,
}

impl Client {
    /// The clock.
    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.connection.clock
    }

    /// Creates a thing, or answers the one this key created before.
    pub(crate) async fn create(&self, kind: &str, key: String, labels: Map, fields: Map) -> Result<Thing> {
        match self.call(Request::Create { kind: kind.to_owned(), key, labels, fields }).await? {
            Reply::Thing(thing) => Ok(thing),
            other => Err(unexpected(&other)),
        }
    }

    /// Sets fields.
    pub(crate) async fn update(&self, id: &str, fields: Map) -> Result<Thing> {
        match self.call(Request::Update { id: id.to_owned(), fields }).await? {
            Reply::Thing(thing) => Ok(thing),
            other => Err(unexpected(&other)),
        }
    }

    /// Deletes a thing. Gone already is success: a repeated call must not fail because the first one did its work.
    pub(crate) async fn delete(&self, id: &str) -> Result<()> {
        match self.call(Request::Delete { id: id.to_owned() }).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// All things of a kind that have these labels, from all pages.
    pub(crate) async fn list(&self, kind: &str, labels: &Map) -> Result<Vec<Thing>> {
        let (mut things, mut cursor) = (Vec::new(), String::new());
        loop {
            let request = Request::List { kind: kind.to_owned(), labels: labels.clone(), cursor };
            let Reply::Page(page, next) = self.call(request).await? else {
                return Err(Error::internal("a list was answered with something else"));
            };
            things.extend(page);
            if next.is_empty() {
                return Ok(things);
            }
            cursor = next;
        }
    }

    /// Every call of this cloud may be repeated: creations have a key, the rest is so by nature.
    async fn call(&self, request: Request) -> Result<Reply> {
        let mut wait = Duration::from_millis(500);
        for attempt in 1.. {
            let refusal = match self.attempt(request.clone()).await {
                Ok(reply) => return Ok(reply),
                Err(refusal) => refusal,
            };
            let passes = matches!(refusal, Refusal::TooManyRequests | Refusal::NoAnswer);
            if !passes {
                return Err(error(refusal));
            }
            if attempt == ATTEMPTS {
                return Err(error(refusal).with_retry(Retry::Exhausted));
            }
            self.clock().sleep(wait).await;
            wait *= 2;
        }
        Err(Error::internal("unreachable: the loop ends by itself"))
    }

    async fn attempt(&self, request: Request) -> Result<Reply, Refusal> {
        let call = self.connection.api.call(self.token.expose(), request);
        match select(call, self.clock().sleep(PATIENCE)).await {
            Either::Left((result, _)) => result,
            Either::Right(_) => Err(Refusal::NoAnswer),
        }
    }
}

/// The cloud's refusals as the family's errors: this table decides how Gardener reacts.
fn error(refusal: Refusal) -> Error {
    let (kind, message) = match &refusal {
        Refusal::BadToken => (ErrorKind::Unauthenticated, "the token is not accepted".to_owned()),
        Refusal::TooManyRequests => (ErrorKind::RateLimited, "too many calls".to_owned()),
        Refusal::NoRoom => (ErrorKind::OutOfCapacity, "no room for another machine".to_owned()),
        Refusal::NoSuchThing(id) => (ErrorKind::NotFound, format!("{id} does not exist")),
        Refusal::InUse(by) => (ErrorKind::DependencyViolation, format!("{by} still needs it")),
        Refusal::NameTaken(name) => (ErrorKind::AlreadyExists, format!("the name {name} is taken")),
        Refusal::NoAnswer => (ErrorKind::Unavailable, "the cloud does not answer".to_owned()),
    };
    Error::new(kind, message)
}

fn unexpected(reply: &Reply) -> Error {
    Error::internal(format!("an unexpected reply: {reply:?}"))
}

/// Labels or fields.
pub(crate) fn map<const N: usize>(entries: [(&str, &str); N]) -> Map {
    entries.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
