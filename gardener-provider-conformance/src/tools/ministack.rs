//! ministack: an S3 that is stricter than moto's.

use std::{env, io, path::Path, process::Command};

use super::{
    MINISTACK,
    server::{Server, running_on},
};

/// A running ministack server, of use for its S3: wrong checksums and bucket
/// names are refused, and SSE-C is enforced. Dropping it, or the end of this process however it comes, ends the server.
#[derive(Debug)]
pub struct Ministack(Server);

impl Ministack {
    /// Starts the `ministack` that [`MINISTACK`] names on a port of its own, with its objects in the folder `data`, and waits
    /// until it listens. Blocks the thread for about a second.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the variable is not set or names no program; otherwise what it last wrote.
    pub fn start(data: &Path) -> io::Result<Self> {
        let program = env::var_os(MINISTACK)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{MINISTACK} is not set")))?;
        let mut command = Command::new(program);
        command.env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", "0").env("S3_DATA_DIR", data);
        Server::start("ministack", &command, running_on).map(Self)
    }

    /// The URL of every service, without a slash at its end.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.0.address())
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, net::TcpStream, process};

    use super::*;
    use crate::tools;

    #[test]
    fn ministack_serves() {
        let data = env::temp_dir().join(format!("tools-ministack-{}", process::id()));
        let Some(server) = tools::ministack("ministack_serves", &data) else { return };
        let address = server.0.address();
        TcpStream::connect(address).unwrap();
        drop(server);
        TcpStream::connect(address).unwrap_err();
        let _ = fs::remove_dir_all(data);
    }
}
