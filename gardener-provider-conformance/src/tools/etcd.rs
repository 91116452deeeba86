//! etcd: a cluster of one member.

use std::{io, net::SocketAddr, path::Path, process::Command};

use super::server::Server;

/// A running [etcd](https://etcd.io) of one member on loopback ports of its own. Dropping it, or the end of this process
/// however it comes, kills it.
#[derive(Debug)]
pub struct Etcd(Server);

impl Etcd {
    /// The member's name, the default of etcd and of its restore command.
    pub const NAME: &str = "default";
    /// The member's peer URL, the default of etcd and of its restore command. Nobody connects to it.
    pub const PEER_URL: &str = "http://localhost:2380";

    /// Starts the `etcd` in the folder `programs` on `data`, and waits until it serves. Blocks the thread for about a
    /// second. `data` is empty, or restored for [`Etcd::NAME`] at [`Etcd::PEER_URL`]; `flags` are further ones of etcd.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is no such program; otherwise what etcd last wrote.
    pub fn start(programs: &Path, data: &Path, flags: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(programs.join("etcd"));
        command.args(["--name", Self::NAME, "--initial-advertise-peer-urls", Self::PEER_URL]);
        command.arg("--initial-cluster").arg(format!("{}={}", Self::NAME, Self::PEER_URL));
        command.args([
            "--listen-peer-urls",
            "http://127.0.0.1:0",
            "--listen-client-urls",
            "http://127.0.0.1:0",
        ]);
        command.args(["--advertise-client-urls", "http://localhost:2379"]);
        command.arg("--data-dir").arg(data).args(flags);
        Server::start("etcd", &command, address_in).map(Self)
    }

    /// The URL for clients, without a slash at its end.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.0.address())
    }

    /// Where it serves clients.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Lets it end in good order and waits.
    pub fn stop(self) -> io::Result<()> {
        self.0.stop()
    }

    /// What `/version` says: the versions of server and cluster as JSON.
    pub fn version(&self) -> io::Result<String> {
        self.0.request("GET", "/version")
    }
}

/// etcd 3.5 and later write JSON, 3.4 text; both name the address they really serve clients on.
fn address_in(line: &str) -> Option<SocketAddr> {
    let after =
        line.split_once("serving client traffic").or_else(|| line.split_once("client requests on "))?.1;
    let start = after.find("127.0.0.1:")?;
    let address = &after[start..];
    let end = address.find(|c: char| c != ':' && c != '.' && !c.is_ascii_digit()).unwrap_or(address.len());
    address[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{env, fs, process};

    use super::*;
    use crate::tools;

    #[test]
    fn the_client_address_is_read_from_both_logs() {
        let expected = "127.0.0.1:41059".parse().ok();
        let json = r#"{"msg":"serving client traffic insecurely; this is strongly discouraged!","address":"127.0.0.1:41059"}"#;
        assert_eq!(address_in(json), expected);
        let text = "2026-11-22 N | embed: serving insecure client requests on 127.0.0.1:41059, this is strongly discouraged!";
        assert_eq!(address_in(text), expected);
        assert_eq!(address_in(r#"{"msg":"serving peer traffic","address":"127.0.0.1:35005"}"#), None);
    }

    fn serves(programs: &Path, version: &str) {
        let data = env::temp_dir().join(format!("tools-etcd-{version}-{}", process::id()));
        let etcd = Etcd::start(programs, &data, &[]).unwrap();
        let said = etcd.version().unwrap();
        assert!(said.contains(version), "{said}");
        etcd.stop().unwrap();
        // The data survive: the same member starts again.
        drop(Etcd::start(programs, &data, &["--snapshot-count", "100"]).unwrap());
        fs::remove_dir_all(data).unwrap();
    }

    #[test]
    fn etcd_3_5_serves() {
        let Some(programs) = tools::etcd_dir("etcd_3_5_serves") else { return };
        serves(&programs, "3.5.1");
    }

    #[test]
    fn etcd_3_4_serves() {
        let Some(programs) = tools::etcd_34_dir("etcd_3_4_serves") else { return };
        serves(&programs, "3.4.23");
    }
}
