//! Embedded clouds that speak the wire protocols of AWS, Azure and Google Cloud, with faults on demand.
//!
//! A [`Sandbox`] keeps its clouds in memory: [AWS](aws::Aws), [Azure](azure::Azure) and [Google Cloud](gcp::Gcp). A provider
//! reaches it in process, because [`Sandbox`] is a [`Transport`](gardener_provider_client::transport::Transport), or over a
//! loopback port ([`Sandbox::serve`]) that the clouds' own commands (`aws`, `az`, `gcloud`) can talk to as well.
//!
//! What it is faithful in is what a driver can trip over: dependency rules, idempotency tokens, error codes, states that
//! change slowly, lists that lag behind, replies that get lost. Time is an injected
//! [`Clock`](gardener_provider_client::clock::Clock), so a test of a slow cloud takes no time.
//!
//! ```
//! use gardener_provider_sandbox::{Fault, Sandbox, SandboxOptions};
//!
//! let sandbox = Sandbox::new(SandboxOptions::instant());
//! sandbox.faults().add(Fault::throttled().on("ec2", "RunInstances").times(2));
//! // … drive the cloud through `sandbox.aws()` …
//! assert!(sandbox.journal().mutating_calls().is_empty());
//! assert!(sandbox.aws().inventory(None).is_empty());
//! ```
//!
//! Every call is written to the [`Journal`], without secrets.

pub mod aws;
pub mod azure;
mod call;
mod fault;
pub mod gcp;
mod glob;
mod ids;
mod journal;
mod options;
mod resource;
mod sandbox;
mod server;
mod world;

pub use fault::{Fault, FaultId, Faults};
pub use journal::{Journal, JournalEntry};
pub use options::SandboxOptions;
pub use resource::Resource;
pub use sandbox::Sandbox;
pub use server::{ServeOptions, Server};
