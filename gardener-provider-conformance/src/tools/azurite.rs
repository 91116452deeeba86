//! Azurite: Azure's blob storage.

use std::{
    env, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    AZURITE,
    server::{Server, address_after},
};

/// How Azurite behaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AzuriteOptions {
    /// Storage accounts with their keys in base64; without any there is [`Azurite::ACCOUNT`] alone.
    pub accounts: Vec<(String, String)>,
    /// Certificate and key, as PEM files: it then speaks TLS and takes bearer tokens too, of which it checks claims but no
    /// signature.
    pub tls: Option<(PathBuf, PathBuf)>,
}

impl AzuriteOptions {
    /// With this storage account.
    pub fn with_account(mut self, name: impl Into<String>, key: impl Into<String>) -> Self {
        self.accounts.push((name.into(), key.into()));
        self
    }

    /// Speaks TLS with these PEM files and takes bearer tokens.
    pub fn with_tls(mut self, certificate: &Path, key: &Path) -> Self {
        self.tls = Some((certificate.to_owned(), key.to_owned()));
        self
    }

    fn apply(&self, command: &mut Command) {
        let accounts: Vec<_> = self.accounts.iter().map(|(name, key)| format!("{name}:{key}")).collect();
        match accounts.as_slice() {
            [] => command.env_remove("AZURITE_ACCOUNTS"),
            accounts => command.env("AZURITE_ACCOUNTS", accounts.join(";")),
        };
        if let Some((certificate, key)) = &self.tls {
            command.arg("--cert").arg(certificate).arg("--key").arg(key).args(["--oauth", "basic"]);
        }
    }
}

/// A running [Azurite](https://github.com/Azure/Azurite) with its blobs in memory. Dropping it, or the end of this process
/// however it comes, ends the server.
#[derive(Debug)]
pub struct Azurite {
    server: Server,
    tls: bool,
}

impl Azurite {
    /// The account that is there unless others are asked for, and that everybody knows
    /// ([source](https://learn.microsoft.com/azure/storage/common/storage-connect-azurite)).
    pub const ACCOUNT: &str = "devstoreaccount1";
    /// Its key, which is no secret.
    pub const KEY: &str =
        "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    /// Starts the `azurite-blob` that [`AZURITE`] names on a port of its own, and waits until it listens. Blocks the thread
    /// for about a second.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the variable is not set or names no program; otherwise what it last wrote.
    pub fn start(options: &AzuriteOptions) -> io::Result<Self> {
        let program = env::var_os(AZURITE)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{AZURITE} is not set")))?;
        let mut command = Command::new(program);
        command.args(["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence"]);
        command.args(["--skipApiVersionCheck", "--disableTelemetry", "--silent"]);
        options.apply(&mut command);
        let server =
            Server::start("azurite", &command, |line| address_after(line, "successfully listens on "))?;
        Ok(Self { server, tls: options.tls.is_some() })
    }

    /// The URL of all accounts, without a slash at its end. An account's own is one step below: `URL/ACCOUNT`.
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.server.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::tools;

    #[test]
    fn options_become_arguments_and_variables() {
        let mut command = Command::new("azurite-blob");
        let options = AzuriteOptions::default().with_account("one", "a2V5").with_account("two", "a2V5");
        options.with_tls(Path::new("c.pem"), Path::new("k.pem")).apply(&mut command);
        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(arguments, ["--cert", "c.pem", "--key", "k.pem", "--oauth", "basic"]);
        let variable = command.get_envs().next().unwrap();
        assert_eq!(variable.1.unwrap(), "one:a2V5;two:a2V5");
    }

    #[test]
    fn azurite_serves() {
        let Some(azurite) = tools::azurite("azurite_serves", &AzuriteOptions::default()) else { return };
        let address = azurite.address();
        let refused = azurite.server.request("GET", "/devstoreaccount1?comp=list").unwrap_err().to_string();
        assert!(refused.contains("403"), "it wants a signature: {refused}");
        drop(azurite);
        TcpStream::connect(address).unwrap_err();
    }
}
