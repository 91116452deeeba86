//! moto: EC2, IAM, STS, S3 and more on one port.

use std::{env, io, net::SocketAddr, path::Path, process::Command};

use super::{
    MOTO,
    server::{Server, running_on},
};

/// How moto behaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MotoOptions {
    /// After this many calls, signatures and policies are checked; `None` never checks them. The first calls are there to
    /// create a user, a key and a policy.
    pub calls_before_authentication: Option<u32>,
    /// Instance types, key pairs and images must exist.
    pub validation: bool,
    /// There is no image from the start, which makes the first call of an account ten times faster.
    pub without_images: bool,
}

impl MotoOptions {
    /// Checks signatures and policies after `calls` calls.
    pub fn with_authentication_after(mut self, calls: u32) -> Self {
        self.calls_before_authentication = Some(calls);
        self
    }

    /// Refuses instance types, key pairs and images that do not exist.
    pub fn with_validation(mut self) -> Self {
        self.validation = true;
        self
    }

    /// Leaves out the images that are there from the start.
    pub fn without_images(mut self) -> Self {
        self.without_images = true;
        self
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = Vec::new();
        if let Some(calls) = self.calls_before_authentication {
            variables.push(("INITIAL_NO_AUTH_ACTION_COUNT", calls.to_string()));
        }
        if self.validation {
            for name in [
                "MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION",
                "MOTO_ENABLE_KEYPAIR_VALIDATION",
                "MOTO_ENABLE_AMI_VALIDATION",
            ] {
                variables.push((name, "1".into()));
            }
        }
        if self.without_images {
            variables.push(("MOTO_EC2_LOAD_DEFAULT_AMIS", "false".into()));
        }
        variables
    }
}

/// A running [moto](https://docs.getmoto.org) server, which answers as EC2, IAM, STS, S3, ELB and EFS on one loopback
/// port. Dropping it, or the end of this process however it comes, ends the server.
#[derive(Debug)]
pub struct Moto(Server);

impl Moto {
    /// Starts the `moto_server` that [`MOTO`] names, on a port of its own, and waits until it listens. Blocks the thread
    /// for about a second.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the variable is not set or names no program; otherwise what moto last wrote.
    pub fn start(options: &MotoOptions) -> io::Result<Self> {
        let program = env::var_os(MOTO)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{MOTO} is not set")))?;
        Self::start_program(Path::new(&program), options)
    }

    fn start_program(program: &Path, options: &MotoOptions) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", "0"]).env("PYTHONUNBUFFERED", "1").envs(options.environment());
        Server::start("moto", &command, running_on).map(Self)
    }

    /// The URL of every service, without a slash at its end.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.0.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.0.address()
    }

    /// Forgets everything that was created.
    pub fn reset(&self) -> io::Result<()> {
        self.0.request("POST", "/moto-api/reset").map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;
    use crate::tools;

    #[test]
    fn options_become_variables() {
        assert!(MotoOptions::default().environment().is_empty());
        let strict = MotoOptions::default().with_authentication_after(4).with_validation();
        assert_eq!(strict.environment()[0], ("INITIAL_NO_AUTH_ACTION_COUNT", "4".to_owned()));
        assert_eq!(strict.environment().len(), 4);
    }

    #[test]
    fn moto_serves_and_resets() {
        let Some(moto) = tools::moto("moto_serves_and_resets", &MotoOptions::default()) else { return };
        moto.reset().unwrap();
        let address = moto.address();
        drop(moto);
        TcpStream::connect(address).unwrap_err();
    }
}
