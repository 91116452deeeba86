//! What a case is, and how it ends.

use std::{
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
};

use futures::future::BoxFuture;
use gardener_provider_core::{Capability, Error, ErrorKind};

use crate::{Testbed, Time, World};

/// Why a case did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The provider does not do as its contract says.
    Failed(String),
    /// This provider or world has not got what the case is about.
    NotApplicable(String),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(format!("{:?}: {error}", error.kind()))
    }
}

pub(crate) type Outcome<T = ()> = Result<T, Stop>;

/// Ends the case unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::case::Stop::Failed(format!($($message)+)));
        }
    };
}
pub(crate) use ensure;

/// Adds what was being done.
pub(crate) trait During<T> {
    fn during(self, what: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: Into<Stop>> During<T> for Result<T, E> {
    fn during(self, what: impl fmt::Display) -> Outcome<T> {
        self.map_err(|stop| match stop.into() {
            Stop::Failed(message) => Stop::Failed(format!("{what}: {message}")),
            not_applicable @ Stop::NotApplicable(_) => not_applicable,
        })
    }
}

/// The error of a call that must fail with one of these kinds.
pub(crate) fn refused<T>(
    what: impl fmt::Display,
    result: Result<T, Error>,
    kinds: &[ErrorKind],
) -> Outcome<Error> {
    match result {
        Ok(_) => Err(Stop::Failed(format!("{what}: succeeded; it must fail with {kinds:?}"))),
        Err(error) if kinds.contains(&error.kind()) => Ok(error),
        Err(error) => {
            Err(Stop::Failed(format!("{what}: must fail with {kinds:?}, not {:?}: {error}", error.kind())))
        }
    }
}

/// What a case is given.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) testbed: &'a dyn Testbed,
    pub(crate) kill_points: &'a AtomicUsize,
}

impl Context<'_> {
    pub(crate) async fn world(&self) -> Box<dyn World> {
        self.testbed.fresh().await
    }

    pub(crate) fn time(&self) -> Time {
        self.testbed.time()
    }

    /// Cases in which a driver waits for minutes apply where waiting takes no time.
    pub(crate) fn needs_virtual_time(&self) -> Outcome {
        match self.time() {
            Time::Virtual => Ok(()),
            Time::Real => Err(Stop::NotApplicable("it waits for minutes, and time is real here".to_owned())),
        }
    }

    pub(crate) fn count_kill_point(&self) {
        self.kill_points.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) type Run = Box<dyn for<'a> Fn(&'a Context<'a>) -> BoxFuture<'a, Outcome> + Send + Sync>;

/// A sentence of the contract and the code that tests it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) promise: String,
    pub(crate) needs: Capability,
    pub(crate) run: Run,
}

/// Lists cases: name, the sentence they test, function.
macro_rules! cases {
    ($needs:ident: $($name:literal, $promise:literal, $function:path;)+) => {
        vec![$($crate::case::Case {
            name: $name.to_owned(),
            promise: $promise.to_owned(),
            needs: gardener_provider_core::Capability::$needs,
            run: Box::new(|context| Box::pin($function(context))),
        }),+]
    };
}
pub(crate) use cases;

/// The case does not apply unless the world has the knob.
pub(crate) async fn turn(world: &dyn World, knob: crate::Knob<'_>) -> Outcome {
    if world.turn(knob).await {
        return Ok(());
    }
    let knob = format!("{knob:?}");
    let name = knob.split(['(', ' ']).next().unwrap_or_default();
    Err(Stop::NotApplicable(format!("the world has no knob {name}")))
}
