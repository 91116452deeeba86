//! A moto server as a child process.

use std::{
    collections::VecDeque,
    env,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::VENV;

/// moto, ending when its standard input closes: it cannot outlive a test process that was killed.
const PROGRAM: &str = "
import os, sys, threading
def wait():
    sys.stdin.read()
    os._exit(0)
threading.Thread(target=wait, daemon=True).start()
from moto.server import main
main(['-H', '127.0.0.1', '-p', '0'])
";
const START_LIMIT: Duration = Duration::from_secs(60);
const RESET_LIMIT: Duration = Duration::from_secs(30);
const REPORTED_LINES: usize = 20;

/// How moto behaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MotoOptions {
    /// After this many calls, signatures and policies are checked; `None` never checks them. The first calls are there to
    /// create a user, a key and a policy.
    pub calls_before_authentication: Option<u32>,
    /// Instance types, key pairs and images must exist.
    pub validation: bool,
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
        variables
    }
}

/// A running [moto](https://docs.getmoto.org) server, which answers as EC2, IAM, STS, S3, ELB and EFS on one loopback
/// port. Dropping it, or the end of this process however it comes, ends the server.
#[derive(Debug)]
pub struct Moto {
    address: SocketAddr,
    child: Child,
}

impl Moto {
    /// Starts moto of the virtual environment that [`VENV`] names, on a port of its own, and waits until it listens.
    /// Blocks the thread for about a second.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when the variable is not set or names no virtual environment; otherwise what moto last
    /// wrote.
    pub fn start(options: &MotoOptions) -> io::Result<Self> {
        let venv = env::var_os(VENV)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("{VENV} is not set")))?;
        Self::start_in(Path::new(&venv), options)
    }

    fn start_in(venv: &Path, options: &MotoOptions) -> io::Result<Self> {
        let mut child = Command::new(venv.join("bin").join("python"))
            .args(["-u", "-c", PROGRAM])
            .envs(options.environment())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let started =
            child.stderr.take().ok_or_else(|| io::Error::other("no standard error")).and_then(listening);
        match started {
            Ok(address) => Ok(Self { address, child }),
            Err(problem) => {
                end(&mut child);
                Err(problem)
            }
        }
    }

    /// The URL of every service, without a slash at its end.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Forgets everything that was created.
    pub fn reset(&self) -> io::Result<()> {
        let mut connection = TcpStream::connect_timeout(&self.address, RESET_LIMIT)?;
        connection.set_read_timeout(Some(RESET_LIMIT))?;
        let host = self.address;
        write!(connection, "POST /moto-api/reset HTTP/1.0\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n")?;
        let mut reply = String::new();
        connection.read_to_string(&mut reply)?;
        let status = reply.split_whitespace().nth(1).unwrap_or("no status");
        if status == "200" {
            Ok(())
        } else {
            Err(io::Error::other(format!("moto answered {status} to the reset")))
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // Both fail only when it has already ended.
    let _ = child.kill();
    let _ = child.wait();
}

/// The address that the server writes once it listens. Reads on in the background, so that its writes never block.
fn listening(stderr: ChildStderr) -> io::Result<SocketAddr> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().name("moto-stderr".into()).spawn(move || {
        let mut reader = BufReader::new(stderr);
        // The receiver is gone when the start took too long.
        let _ = sender.send(announced(&mut reader));
        let _ = io::copy(&mut reader, &mut io::sink());
    })?;
    receiver
        .recv_timeout(START_LIMIT)
        .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "moto did not listen within 60 s")))
}

fn announced(reader: &mut impl BufRead) -> io::Result<SocketAddr> {
    let mut seen = VecDeque::new();
    for line in reader.lines() {
        let line = line?;
        if let Some(address) = address_in(&line) {
            return Ok(address);
        }
        seen.push_back(line);
        if seen.len() > REPORTED_LINES {
            seen.pop_front();
        }
    }
    Err(io::Error::other(format!("moto ended: {}", seen.make_contiguous().join(" | "))))
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once("Running on http://")?;
    address.trim_end().trim_end_matches('/').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools;

    #[test]
    fn the_address_is_read_from_the_announcement() {
        let mut text =
            "WARNING: a development server\n * Running on http://127.0.0.1:41234\nGET /\n".as_bytes();
        assert_eq!(announced(&mut text).unwrap(), "127.0.0.1:41234".parse().unwrap());
    }

    #[test]
    fn an_early_end_reports_what_was_written() {
        let problem = announced(&mut "Traceback\nNo module named moto\n".as_bytes()).unwrap_err();
        assert!(problem.to_string().contains("No module named moto"), "{problem}");
    }

    #[test]
    fn a_folder_without_python_is_not_found() {
        let problem = Moto::start_in(Path::new("/nonexistent"), &MotoOptions::default()).unwrap_err();
        assert_eq!(problem.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn options_become_variables() {
        assert!(MotoOptions::default().environment().is_empty());
        let strict = MotoOptions::default().with_authentication_after(4).with_validation();
        assert_eq!(strict.environment()[0], ("INITIAL_NO_AUTH_ACTION_COUNT", "4".to_owned()));
        assert_eq!(strict.environment().len(), 4);
    }

    #[test]
    fn serves_and_resets() {
        let Some(moto) = tools::moto("serves_and_resets", &MotoOptions::default()) else { return };
        moto.reset().unwrap();
        let address = moto.address();
        drop(moto);
        TcpStream::connect(address).unwrap_err();
    }
}
