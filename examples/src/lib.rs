//! What the examples share: the command line, the clouds, a live display, a real etcd, and what to say on Ctrl-C.

pub mod args;
pub mod aws;
pub mod azure;
mod azurite;
pub mod backup;
pub mod etcd;
pub mod gcp;
pub mod interrupt;
pub mod lab;
mod route;
pub mod show;

use std::process::ExitCode;

use gardener_provider_core::{Error, Result};

/// The exit code of an example; its error is printed.
pub fn finish(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The error of something that an example shows failing.
///
/// # Errors
/// `Internal` if it succeeded.
pub fn refused<T, E>(what: &str, result: std::result::Result<T, E>) -> Result<E> {
    result.err().ok_or_else(|| Error::internal(format!("{what} should have failed and did not")))
}

/// The README's code, compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
