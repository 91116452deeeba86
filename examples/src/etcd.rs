//! A real etcd for the examples.

use std::path::{Path, PathBuf};

pub use gardener_provider_conformance::tools::Etcd;
use gardener_provider_conformance::tools::etcd_dir;
use gardener_provider_core::{Error, ErrorKind, Result};

/// The folder with etcd's programs, as `cargo xtask demo` tells it.
///
/// # Errors
/// `FailedPrecondition` saying how to get it.
pub fn binaries() -> Result<PathBuf> {
    etcd_dir("quickstart").ok_or_else(|| {
        let message = "etcd is not installed; `cargo xtask demo` installs it and runs the demo with it";
        Error::new(ErrorKind::FailedPrecondition, message)
    })
}

/// Starts an etcd on `data_dir`.
///
/// # Errors
/// `FailedPrecondition` with what etcd wrote last.
pub async fn start(binaries: &Path, data_dir: &Path) -> Result<Etcd> {
    let (binaries, data_dir) = (binaries.to_owned(), data_dir.to_owned());
    blocking(move || Etcd::start(&binaries, &data_dir, &[])).await
}

/// Stops an etcd and waits until it is gone.
///
/// # Errors
/// `FailedPrecondition` if it does not end.
pub async fn stop(etcd: Etcd) -> Result<()> {
    blocking(move || etcd.stop()).await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::FailedPrecondition, format!("etcd: {error}")).with_source(error)
    };
    let result = tokio::task::spawn_blocking(work).await;
    result
        .map_err(|error| Error::internal("starting or stopping etcd panicked").with_source(error))?
        .map_err(failed)
}
