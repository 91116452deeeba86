//! The conformance suite that every Gardener cloud provider runs.
//!
//! A cloud implements [`Testbed`] and [`World`] once, on an emulator of its own or a third party's, and gets every case:
//!
//! ```no_run
//! # use gardener_provider_conformance::{self as conformance, Testbed};
//! # fn sandbox() -> Box<dyn Testbed> { unreachable!() }
//! #[test]
//! fn conformance() {
//!     conformance::run(&*sandbox());
//! }
//! ```
//!
//! # What is tested
//! The sentences of the contract that stand on the methods of `MachineDriver`, `InfrastructureDriver` and
//! `ObjectStorage`. A case is enrolled by what the provider can ([`Capability`](gardener_provider_core::Capability))
//! and by what the world has: samples and [`Knob`]s. What is not there is reported as not applicable, what the world
//! cannot do properly as a known gap, each by name and reason.
//!
//! # Kill points
//! For every call that creating, initializing and deleting a machine, applying and destroying an infrastructure, creating
//! and emptying a bucket make, the process ends before the call, after it, or with its reply lost; a new driver
//! finishes the job or undoes it; then exactly the wanted resources exist, or none. The [`Tap`] does that.

mod case;
mod infrastructure;
mod inventory;
mod kill;
mod logs;
mod machines;
pub mod recordings;
mod samples;
mod storage;
mod suite;
mod tap;
mod testbed;
pub mod tools;
pub mod wire;

pub use samples::{BadInput, InfrastructureSamples, MachineSamples, Secrets, StorageSamples};
pub use suite::{CASE, CaseReport, Report, STRICT, Suite, Verdict, run};
pub use tap::{CallInfo, NoReply, Tap};
pub use testbed::{Knob, Testbed, Time, World};

fn all_cases() -> Vec<case::Case> {
    let mut cases = kill::cases();
    cases.extend(machines::cases());
    cases.extend(infrastructure::cases());
    cases.extend(storage::cases());
    cases
}
