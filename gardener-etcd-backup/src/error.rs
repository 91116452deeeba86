//! Errors of this crate are [`gardener_provider_core::Error`]; here are the few ways they are made.

use std::{fmt, io, path::Path};

use gardener_provider_core::{Error, ErrorKind};

/// The bytes of `what` are not what they must be.
pub(crate) fn damaged(what: impl fmt::Display, problem: impl fmt::Display) -> Error {
    Error::new(ErrorKind::DataLoss, format!("{what} is damaged: {problem}"))
}

/// A file or directory could not be used.
pub(crate) fn file(action: &str, path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::QuotaExceeded,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("cannot {action} {}: {error}", path.display())).with_source(error)
}

/// The object store failed.
pub(crate) fn store(action: &str, error: object_store::Error) -> Error {
    use object_store::Error as Store;
    let kind = match &error {
        Store::NotFound { .. } => ErrorKind::NotFound,
        Store::AlreadyExists { .. } => ErrorKind::AlreadyExists,
        Store::PermissionDenied { .. } => ErrorKind::PermissionDenied,
        Store::Unauthenticated { .. } => ErrorKind::Unauthenticated,
        Store::Precondition { .. } | Store::NotModified { .. } => ErrorKind::Conflict,
        Store::NotSupported { .. } | Store::NotImplemented { .. } => ErrorKind::Unimplemented,
        Store::InvalidPath { .. } | Store::UnknownConfigurationKey { .. } => ErrorKind::InvalidArgument,
        _ => ErrorKind::Unavailable,
    };
    Error::new(kind, format!("cannot {action}: {error}")).with_source(error)
}

/// A blocking task of ours panicked or was cancelled with the runtime.
pub(crate) fn task(error: tokio::task::JoinError) -> Error {
    Error::internal(format!("a background task ended early: {error}")).with_source(error)
}
