//! Two servers that answer as Google Cloud Storage: one knows preconditions, the other resumes uploads.

use std::{
    env, io,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Command,
};

use super::{
    FAKE_GCS, GCP_VENV,
    server::{Server, address_after},
};

/// How often another port is tried when somebody else took the chosen one.
const PORTS: usize = 5;

/// A running [fake-gcs-server](https://github.com/fsouza/fake-gcs-server) with its objects in memory. It keeps preconditions
/// (412), pages and compositions; a query for the state of a resumable upload ends the upload, lifecycle and retention are
/// not kept. Dropping it, or the end of this process however it comes, ends the server.
#[derive(Debug)]
pub struct FakeGcs(Server);

impl FakeGcs {
    /// Where its buckets are unless told.
    pub const LOCATION: &str = "US-CENTRAL1";

    /// Starts the `fake-gcs-server` that [`FAKE_GCS`] names on a port of its own, and waits until it listens.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the variable is not set or names no program; otherwise what it last wrote.
    pub fn start() -> io::Result<Self> {
        Self::start_in(Self::LOCATION)
    }

    /// As [`FakeGcs::start`]; every bucket is in this location, wherever it was asked for.
    ///
    /// # Errors
    /// As [`FakeGcs::start`].
    pub fn start_in(location: &str) -> io::Result<Self> {
        let program = named_by(FAKE_GCS)?;
        let mut tries = 1;
        loop {
            // It writes URLs with the port that it was told, so it cannot choose one itself.
            let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
            match Self::start_at(&program, address, location) {
                Err(problem) if problem.to_string().contains("in use") && tries < PORTS => tries += 1,
                outcome => return outcome,
            }
        }
    }

    fn start_at(program: &Path, address: SocketAddr, location: &str) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(["-scheme", "http", "-backend", "memory", "-host", "127.0.0.1"]);
        command.args(["-location", location]);
        command.arg("-port").arg(address.port().to_string());
        command.arg("-public-host").arg(address.to_string());
        command.arg("-external-url").arg(format!("http://{address}"));
        Server::start("fake-gcs-server", &command, |line| address_after(line, "server started at ")).map(Self)
    }

    /// The URL below which `/storage/v1` and `/upload/storage/v1` are, without a slash at its end.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.0.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

/// It announces no port, so this does; one that the system chose is not known before.
const EMULATOR: &str = "
import threading
from gcp_storage_emulator.server import create_server
server = create_server('127.0.0.1', 0, in_memory=True)
server.start()
print('listening on http://%s:%d' % server._api._httpd.server_address[:2], flush=True)
threading.Event().wait()
";

/// A running [gcp-storage-emulator](https://github.com/oittaa/gcp-storage-emulator) with its objects in memory. Resumable
/// uploads and MD5 checks are right; preconditions and pages are ignored. Dropping it, or the end of this process however it
/// comes, ends the server.
#[derive(Debug)]
pub struct GcsEmulator(Server);

impl GcsEmulator {
    /// Starts the one in the virtual environment that [`GCP_VENV`] names, on a port of its own, and waits until it listens.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the variable is not set or names no such environment; otherwise what it last wrote.
    pub fn start() -> io::Result<Self> {
        let mut command = Command::new(named_by(GCP_VENV)?.join("bin").join("python"));
        command.args(["-c", EMULATOR]);
        Server::start("gcp-storage-emulator", &command, |line| address_after(line, "listening on ")).map(Self)
    }

    /// The URL below which `/storage/v1` and `/upload/storage/v1` are, without a slash at its end.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.0.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

fn named_by(variable: &str) -> io::Result<std::path::PathBuf> {
    env::var_os(variable)
        .map(Into::into)
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{variable} is not set")))
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::tools;

    fn lists_buckets(server: &Server) {
        let said = server.request("GET", "/storage/v1/b?project=p").unwrap();
        assert!(said.contains("storage#buckets"), "{said}");
    }

    #[test]
    fn fake_gcs_serves() {
        let Some(server) = tools::fake_gcs("fake_gcs_serves") else { return };
        lists_buckets(&server.0);
        let address = server.address();
        drop(server);
        TcpStream::connect(address).unwrap_err();
    }

    #[test]
    fn gcs_emulator_serves() {
        let Some(server) = tools::gcs_emulator("gcs_emulator_serves") else { return };
        lists_buckets(&server.0);
        let address = server.address();
        drop(server);
        TcpStream::connect(address).unwrap_err();
    }
}
