//! What every cloud's provider can be set up with.

use std::{fmt, sync::Arc};

use gardener_provider_core::Result;

use crate::{
    client::ClientSettings,
    clock::{Clock, SystemClock},
    observe::CallObserver,
    retry::RetryPolicy,
    throttle::Rate,
    transport::Transport,
};

/// The settings of a cloud's builder that are the same for all clouds; [`provider_setup`](crate::provider_setup) gives
/// the builder their methods.
#[derive(Default)]
#[non_exhaustive]
pub struct Setup {
    /// What everything is sent through; else the network.
    pub transport: Option<Arc<dyn Transport>>,
    /// Where the time comes from; else the machine.
    pub clock: Option<Arc<dyn Clock>>,
    /// Who is told of every attempt at a call.
    pub observer: Option<Arc<dyn CallObserver>>,
    /// How calls are retried.
    pub retry: Option<RetryPolicy>,
    /// The seed of the jitter of retries.
    pub seed: Option<u64>,
    /// How fast calls may be made, by API family.
    pub rates: Option<Vec<(&'static str, Rate)>>,
}

/// A [`Setup`] with its defaults in place.
#[non_exhaustive]
pub struct Base {
    /// What everything is sent through.
    pub transport: Arc<dyn Transport>,
    /// How calls are made.
    pub settings: ClientSettings,
    /// How fast calls may be made, by API family.
    pub rates: Vec<(&'static str, Rate)>,
}

impl Setup {
    /// Puts the defaults in place; `rates` are those that the cloud documents.
    ///
    /// # Errors
    /// If no transport was given and the network cannot be used.
    pub fn finish(self, rates: &[(&'static str, Rate)]) -> Result<Base> {
        let transport = match self.transport {
            Some(transport) => transport,
            None => network()?,
        };
        let mut settings =
            ClientSettings::new(self.clock.unwrap_or_else(|| Arc::new(SystemClock::default())));
        settings.seed = self.seed;
        if let Some(retry) = self.retry {
            settings = settings.with_retry(retry);
        }
        if let Some(observer) = self.observer {
            settings = settings.with_observer(observer);
        }
        Ok(Base { transport, settings, rates: self.rates.unwrap_or_else(|| rates.to_vec()) })
    }
}

#[cfg(feature = "reqwest")]
fn network() -> Result<Arc<dyn Transport>> {
    Ok(Arc::new(crate::transport::ReqwestTransport::new()?))
}

#[cfg(not(feature = "reqwest"))]
fn network() -> Result<Arc<dyn Transport>> {
    Err(gardener_provider_core::Error::invalid(
        "transport",
        "is missing; the feature `reqwest` would give one",
    ))
}

/// A transport or an observer that was given may show what it has seen, so neither is shown.
impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("rates", &self.rates).finish_non_exhaustive()
    }
}

impl fmt::Debug for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Base").field("rates", &self.rates).finish_non_exhaustive()
    }
}

/// Gives a builder with a field `setup: Setup` the methods that all builders have.
#[macro_export]
macro_rules! provider_setup {
    ($builder:ty) => {
        impl $builder {
            /// Sends everything through this, the data of objects too; else over the network.
            pub fn transport(
                mut self,
                transport: ::std::sync::Arc<dyn $crate::transport::Transport>,
            ) -> Self {
                self.setup.transport = Some(transport);
                self
            }

            /// Takes the time from this clock; else the machine's.
            pub fn clock(mut self, clock: ::std::sync::Arc<dyn $crate::clock::Clock>) -> Self {
                self.setup.clock = Some(clock);
                self
            }

            /// Tells `observer` of every attempt at a call.
            pub fn observer(mut self, observer: ::std::sync::Arc<dyn $crate::observe::CallObserver>) -> Self {
                self.setup.observer = Some(observer);
                self
            }

            /// Sets how calls are retried.
            pub fn retry(mut self, retry: $crate::retry::RetryPolicy) -> Self {
                self.setup.retry = Some(retry);
                self
            }

            /// Sets the seed of the jitter of retries, for tests that must repeat exactly.
            pub fn seed(mut self, seed: u64) -> Self {
                self.setup.seed = Some(seed);
                self
            }

            /// Sets how fast calls may be made, by API family; else what the cloud documents. No rates: as fast as one
            /// can.
            pub fn rates(mut self, rates: ::std::vec::Vec<(&'static str, $crate::throttle::Rate)>) -> Self {
                self.setup.rates = Some(rates);
                self
            }
        }
    };
}
