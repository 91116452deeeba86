//! Third-party servers and data for tests, as `cargo xtask test` installs them.
//!
//! A test asks for what it needs and returns when it is not there; the helper has then said so by name and reason:
//!
//! ```no_run
//! use gardener_provider_conformance::tools::{self, MotoOptions};
//!
//! let Some(moto) = tools::moto("applies_on_moto", &MotoOptions::default()) else { return };
//! println!("EC2, IAM, STS and S3 at {}", moto.endpoint());
//! ```
//!
//! Where the tools are, is told by environment variables, which `cargo xtask test` and `cargo xtask demo` set:
//!
//! | variable | value |
//! |---|---|
//! | [`VENV`] | the Python virtual environment with moto, botocore, boto3 and the `aws` command |
//! | [`MOTO`] | its `moto_server` command |
//! | [`BOTOCORE`] | botocore's `data` folder: the vendor's service descriptions |
//! | [`ETCD`] | the folder with `etcd`, `etcdctl` and `etcdutl` 3.5.1 |
//! | [`ETCD_34`] | the folder with `etcd` and `etcdctl` 3.4.23 |
//! | [`MINISTACK`] | the `ministack` command (`cargo xtask test --all` only) |
//! | [`AZURITE`] | the `azurite-blob` command |
//! | [`ARM`] | the folder with Azure's descriptions of its management API, one JSON file for each npm package |
//! | [`AZ`] | the `az` command (`cargo xtask test --all` only) |
//! | [`GCP_VENV`] | the Python virtual environment with gcp-storage-emulator and Google's client library |
//! | [`DISCOVERY`] | the folder with Google's discovery documents |
//! | [`FAKE_GCS`] | the `fake-gcs-server` program |
//! | [`GCLOUD`] | the `gcloud` command, where this machine has it |
//! | [`RECORDINGS`] | the folder with recorded replies of Azure and Google |
//! | [`ALL`] | set when the tests that take minutes shall run too |
//! | [`SKIPS`] | the file that collects the lines of skipped tests |

use std::{
    env,
    ffi::OsStr,
    fs::OpenOptions,
    io::{self, Write},
    path::{Path, PathBuf},
};

mod azurite;
mod etcd;
mod gcs;
mod ministack;
mod moto;
mod server;

pub use azurite::{Azurite, AzuriteOptions};
pub use etcd::Etcd;
pub use gcs::{FakeGcs, GcsEmulator};
pub use ministack::Ministack;
pub use moto::{Moto, MotoOptions};

/// Names the Python virtual environment with moto, botocore, boto3 and the `aws` command.
pub const VENV: &str = "GARDENER_TEST_VENV";
/// Names the `moto_server` command.
pub const MOTO: &str = "GARDENER_TEST_MOTO";
/// Names botocore's `data` folder.
pub const BOTOCORE: &str = "GARDENER_TEST_BOTOCORE";
/// Names the folder with `etcd`, `etcdctl` and `etcdutl` 3.5.1.
pub const ETCD: &str = "GARDENER_TEST_ETCD";
/// Names the folder with `etcd` and `etcdctl` 3.4.23.
pub const ETCD_34: &str = "GARDENER_TEST_ETCD_34";
/// Names the `ministack` command.
pub const MINISTACK: &str = "GARDENER_TEST_MINISTACK";
/// Names the `azurite-blob` command.
pub const AZURITE: &str = "GARDENER_TEST_AZURITE";
/// Names the folder with Azure's descriptions of its management API: `arm-compute.json` and so on.
pub const ARM: &str = "GARDENER_TEST_ARM";
/// Names the `az` command.
pub const AZ: &str = "GARDENER_TEST_AZ";
/// Names the Python virtual environment with gcp-storage-emulator and `googleapiclient`.
pub const GCP_VENV: &str = "GARDENER_TEST_GCP_VENV";
/// Names the folder with Google's discovery documents: `compute.v1.json` and so on.
pub const DISCOVERY: &str = "GARDENER_TEST_DISCOVERY";
/// Names the `fake-gcs-server` program.
pub const FAKE_GCS: &str = "GARDENER_TEST_FAKE_GCS";
/// Names the `gcloud` command.
pub const GCLOUD: &str = "GARDENER_TEST_GCLOUD";
/// Names the folder with recorded replies: `azure/PACKAGE/NAME.json` and `gce/NAME.json`.
pub const RECORDINGS: &str = "GARDENER_TEST_RECORDINGS";
/// Set when the tests that take minutes shall run too.
pub const ALL: &str = "GARDENER_TEST_ALL";
/// Names the file that collects the lines of skipped tests.
pub const SKIPS: &str = "GARDENER_TEST_SKIPS";

/// A fresh moto for the test `name`, or `None` after saying that the test is skipped.
///
/// # Panics
/// If moto is installed but does not start: that is a failure of the test, not a reason to skip it.
pub fn moto(name: &str, options: &MotoOptions) -> Option<Moto> {
    tool(name, MOTO)?;
    Some(started("moto", Moto::start(options)))
}

/// A fresh ministack with its objects in the folder `data` for the test `name`, or `None` after saying that the test is
/// skipped.
///
/// # Panics
/// As [`moto`].
pub fn ministack(name: &str, data: &Path) -> Option<Ministack> {
    tool(name, MINISTACK)?;
    Some(started("ministack", Ministack::start(data)))
}

/// A fresh Azurite for the test `name`, or `None` after saying that the test is skipped.
///
/// # Panics
/// As [`moto`].
pub fn azurite(name: &str, options: &AzuriteOptions) -> Option<Azurite> {
    tool(name, AZURITE)?;
    Some(started("Azurite", Azurite::start(options)))
}

/// A fresh fake-gcs-server for the test `name`, or `None` after saying that the test is skipped.
///
/// # Panics
/// As [`moto`].
pub fn fake_gcs(name: &str) -> Option<FakeGcs> {
    fake_gcs_in(name, FakeGcs::LOCATION)
}

/// As [`fake_gcs`], with all buckets in this location.
///
/// # Panics
/// As [`moto`].
pub fn fake_gcs_in(name: &str, location: &str) -> Option<FakeGcs> {
    tool(name, FAKE_GCS)?;
    Some(started("fake-gcs-server", FakeGcs::start_in(location)))
}

/// A fresh gcp-storage-emulator for the test `name`, or `None` after saying that the test is skipped.
///
/// # Panics
/// As [`moto`].
pub fn gcs_emulator(name: &str) -> Option<GcsEmulator> {
    tool(name, GCP_VENV)?;
    Some(started("gcp-storage-emulator", GcsEmulator::start()))
}

fn started<T>(server: &str, outcome: io::Result<T>) -> T {
    outcome.unwrap_or_else(|problem| panic!("{server} is installed but did not start: {problem}"))
}

/// The Python virtual environment with boto3 and the `aws` command, or `None` after saying that `name` is skipped.
pub fn venv(name: &str) -> Option<PathBuf> {
    tool(name, VENV)
}

/// botocore's `data` folder, or `None` after saying that the test `name` is skipped.
pub fn botocore(name: &str) -> Option<PathBuf> {
    tool(name, BOTOCORE)
}

/// The folder with etcd 3.5.1, or `None` after saying that the test `name` is skipped.
pub fn etcd_dir(name: &str) -> Option<PathBuf> {
    tool(name, ETCD)
}

/// The folder with etcd 3.4.23, or `None` after saying that the test `name` is skipped.
pub fn etcd_34_dir(name: &str) -> Option<PathBuf> {
    tool(name, ETCD_34)
}

/// The folder with Azure's descriptions of its management API, or `None` after saying that the test `name` is skipped.
pub fn arm(name: &str) -> Option<PathBuf> {
    tool(name, ARM)
}

/// The `az` command, or `None` after saying that the test `name` is skipped.
pub fn az(name: &str) -> Option<PathBuf> {
    tool(name, AZ)
}

/// The Python virtual environment with Google's client library, or `None` after saying that the test `name` is skipped.
pub fn gcp_venv(name: &str) -> Option<PathBuf> {
    tool(name, GCP_VENV)
}

/// The folder with Google's discovery documents, or `None` after saying that the test `name` is skipped.
pub fn discovery(name: &str) -> Option<PathBuf> {
    tool(name, DISCOVERY)
}

/// The `gcloud` command, or `None` after saying that the test `name` is skipped.
pub fn gcloud(name: &str) -> Option<PathBuf> {
    tool(name, GCLOUD)
}

/// The folder with recorded replies, or `None` after saying that the test `name` is skipped.
pub fn recordings(name: &str) -> Option<PathBuf> {
    tool(name, RECORDINGS)
}

/// True if tests that take minutes shall run; otherwise says that the test `name` is skipped.
pub fn all(name: &str) -> bool {
    let wanted = env::var_os(ALL).is_some();
    if !wanted {
        skip(name, "it takes minutes; `cargo xtask test --all` runs it");
    }
    wanted
}

/// The path that the environment variable `variable` names, or `None` after saying that the test `name` is skipped.
pub fn tool(name: &str, variable: &str) -> Option<PathBuf> {
    match located(env::var_os(variable).as_deref(), variable) {
        Ok(path) => Some(path),
        Err(reason) => {
            skip(name, &reason);
            None
        }
    }
}

/// Says that the test `name` is skipped and why: one line on standard error, past the test harness's capture, and one in
/// the file that [`SKIPS`] names.
pub fn skip(name: &str, reason: &str) {
    let line = format!("skipped: {name}: {}\n", reason.replace('\n', " "));
    // A closed standard error or a full disk must not turn a skipped test into a failed one.
    let _ = io::stderr().write_all(line.as_bytes());
    if let Some(path) = env::var_os(SKIPS) {
        let _ = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .and_then(|mut file| file.write_all(line.as_bytes()));
    }
}

fn located(value: Option<&OsStr>, variable: &str) -> Result<PathBuf, String> {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        let task =
            if [MINISTACK, AZ].contains(&variable) { "cargo xtask test --all" } else { "cargo xtask test" };
        return Err(format!("{variable} is not set (`{task}` installs the tool and sets it)"));
    };
    let path = PathBuf::from(value);
    if path.exists() {
        Ok(path)
    } else {
        Err(format!("{variable} names {}, which does not exist", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_is_named_with_the_remedy() {
        let unset = located(None, ETCD).unwrap_err();
        assert!(unset.contains(ETCD) && unset.contains("cargo xtask test"), "{unset}");
        assert_eq!(located(Some(OsStr::new("")), ETCD), Err(unset));
        let gone = located(Some(OsStr::new("/nonexistent/etcd")), ETCD).unwrap_err();
        assert!(gone.contains("/nonexistent/etcd"), "{gone}");
        assert_eq!(located(Some(OsStr::new("/")), ETCD), Ok(PathBuf::from("/")));
    }
}
