//! A real etcd on free loopback ports, stopped when it is dropped.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use gardener_provider_core::{Error, ErrorKind, Result};
use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

/// A running etcd.
#[derive(Debug)]
pub struct Etcd {
    process: Child,
    endpoint: String,
}

impl Etcd {
    /// Starts the etcd that is in `binaries` on `data_dir` and waits until it answers.
    ///
    /// `data_dir` may be empty or hold a restored member named `default` with the peer URL that
    /// [`Etcd::PEER_URL`] says.
    ///
    /// # Errors
    /// `FailedPrecondition` if it does not start; its output is in `<data_dir>.log`.
    pub async fn start(binaries: &Path, data_dir: &Path) -> Result<Self> {
        let log = data_dir.with_extension("log");
        let output = std::fs::File::create(&log).map_err(|error| failed("creating etcd's log", error))?;
        let port = free_port().await?;
        let endpoint = format!("http://127.0.0.1:{port}");
        let process = Command::new(binaries.join("etcd"))
            .arg("--name=default")
            .arg("--data-dir")
            .arg(data_dir)
            .args([
                format!("--listen-client-urls={endpoint}"),
                format!("--advertise-client-urls={endpoint}"),
                format!("--listen-peer-urls=http://127.0.0.1:{}", free_port().await?),
                format!("--initial-advertise-peer-urls={}", Self::PEER_URL),
                format!("--initial-cluster=default={}", Self::PEER_URL),
                "--log-level=warn".to_owned(),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed("starting etcd", error))?;
        let mut etcd = Self { process, endpoint };
        etcd.wait_until_it_answers(port, &log).await?;
        Ok(etcd)
    }

    /// The peer URL of the single member; nobody connects to it.
    pub const PEER_URL: &str = "http://localhost:2380";

    /// Where clients connect to.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Stops it and waits until it is gone.
    ///
    /// # Errors
    /// If the process cannot be stopped.
    pub async fn stop(mut self) -> Result<()> {
        self.process.kill().await.map_err(|error| failed("stopping etcd", error))
    }

    async fn wait_until_it_answers(&mut self, port: u16, log: &Path) -> Result<()> {
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                let message = format!("etcd ended at once ({status}); see {}", log.display());
                return Err(Error::new(ErrorKind::FailedPrecondition, message));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let message = format!("etcd does not answer after 10 s; see {}", log.display());
        Err(Error::new(ErrorKind::FailedPrecondition, message))
    }
}

/// The folder with etcd's programs, as `cargo xtask demo` tells it.
///
/// # Errors
/// `FailedPrecondition` saying how to get it.
pub fn binaries() -> Result<PathBuf> {
    gardener_provider_conformance::tools::etcd_dir("etcd").ok_or_else(|| {
        let message = "etcd is not installed; `cargo xtask demo` installs it and runs the demo with it";
        Error::new(ErrorKind::FailedPrecondition, message)
    })
}

async fn free_port() -> Result<u16> {
    let listener =
        TcpListener::bind("127.0.0.1:0").await.map_err(|error| failed("finding a free port", error))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| failed("finding a free port", error))
}

fn failed(doing: &str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::FailedPrecondition, format!("{doing}: {error}")).with_source(error)
}
