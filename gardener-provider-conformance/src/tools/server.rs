//! A server as a child process that cannot outlive this one.

use std::{
    collections::VecDeque,
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Runs its arguments and watches its standard input: a line asks the server to end, the end of the input (this process
/// was killed) kills it. What the server says on either output comes on the standard error, of which the keeper keeps no
/// copy, so that the reader sees the server's end.
const KEEPER: &str = r#"
"$@" >&2 & server=$!
exec 2>/dev/null
if read -r word; then kill -TERM $server; else kill -KILL $server; fi
wait $server
"#;
const START_LIMIT: Duration = Duration::from_secs(60);
const REPLY_LIMIT: Duration = Duration::from_secs(30);
const REPORTED_LINES: usize = 20;

#[derive(Debug)]
pub(super) struct Server {
    name: &'static str,
    keeper: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts the program and waits until `listening` finds in a line of its output where it listens.
    pub(super) fn start(
        name: &'static str,
        program: &Command,
        listening: fn(&str) -> Option<SocketAddr>,
    ) -> io::Result<Self> {
        let path = program.get_program();
        if !std::path::Path::new(path).is_file() {
            let message = format!("there is no {}", path.to_string_lossy());
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        let mut command = Command::new("sh");
        command.args(["-c", KEEPER, name]).arg(path).args(program.get_args());
        for (variable, value) in program.get_envs() {
            match value {
                Some(value) => command.env(variable, value),
                None => command.env_remove(variable),
            };
        }
        apart(&mut command);
        let mut keeper =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let announced = match keeper.stderr.take() {
            Some(stderr) => wait_for(name, stderr, listening),
            None => Err(io::Error::other("no standard error")),
        };
        match announced {
            Ok(address) => Ok(Self { name, keeper, address }),
            Err(problem) => {
                end(&mut keeper)?;
                Err(problem)
            }
        }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks the server to end, and waits.
    pub(super) fn stop(mut self) -> io::Result<()> {
        if let Some(input) = self.keeper.stdin.as_mut() {
            input.write_all(b"stop\n")?;
        }
        end(&mut self.keeper)
    }

    /// The body of the reply to a small request; an error unless the status is 200.
    pub(super) fn request(&self, method: &str, path: &str) -> io::Result<String> {
        let mut connection = TcpStream::connect_timeout(&self.address, REPLY_LIMIT)?;
        connection.set_read_timeout(Some(REPLY_LIMIT))?;
        let host = self.address;
        write!(connection, "{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n")?;
        let mut reply = String::new();
        connection.read_to_string(&mut reply)?;
        let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((&reply, ""));
        match head.split_whitespace().nth(1) {
            Some("200") => Ok(body.to_owned()),
            status => {
                let status = status.unwrap_or("nothing");
                Err(io::Error::other(format!("{} answered {status} to {method} {path}", self.name)))
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = end(&mut self.keeper);
    }
}

/// Ctrl-C at the terminal reaches this process alone, which may still need the server to clean up.
#[cfg(unix)]
fn apart(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn apart(_: &mut Command) {}

/// Closes the keeper's input, which kills a server that was not asked to end, and waits for both.
fn end(keeper: &mut Child) -> io::Result<()> {
    drop(keeper.stdin.take());
    keeper.wait().map(drop)
}

/// The address that the server writes once it listens. Reads on in the background, so that its writes never block.
fn wait_for(
    name: &'static str,
    stderr: ChildStderr,
    listening: fn(&str) -> Option<SocketAddr>,
) -> io::Result<SocketAddr> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().name(format!("{name}-stderr")).spawn(move || {
        let mut reader = BufReader::new(stderr);
        // The receiver is gone when the start took too long.
        let _ = sender.send(announced(name, &mut reader, listening));
        let _ = io::copy(&mut reader, &mut io::sink());
    })?;
    receiver.recv_timeout(START_LIMIT).unwrap_or_else(|_| {
        let message = format!("{name} does not listen after {} s", START_LIMIT.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, message))
    })
}

fn announced(
    name: &str,
    reader: &mut impl BufRead,
    listening: fn(&str) -> Option<SocketAddr>,
) -> io::Result<SocketAddr> {
    let mut seen = VecDeque::new();
    for line in reader.lines() {
        let line = line?;
        if let Some(address) = listening(&line) {
            return Ok(address);
        }
        seen.push_back(line);
        if seen.len() > REPORTED_LINES {
            seen.pop_front();
        }
    }
    Err(io::Error::other(format!("{name} ended: {}", seen.make_contiguous().join(" | "))))
}

/// The address in the announcement that Python's web servers have in common.
pub(super) fn running_on(line: &str) -> Option<SocketAddr> {
    address_after(line, "Running on ")
}

/// The address in the URL that follows these words.
pub(super) fn address_after(line: &str, words: &str) -> Option<SocketAddr> {
    let (_, url) = line.split_once(words)?;
    let (_, address) = url.split_once("://")?;
    let end = address.find(|c: char| !c.is_ascii_digit() && !".:".contains(c)).unwrap_or(address.len());
    address[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_announcement_of_python_servers_is_read() {
        for line in [
            " * Running on http://127.0.0.1:41234",
            "[INFO] Running on http://127.0.0.1:41234/ (CTRL + C to quit)",
        ] {
            assert_eq!(running_on(line), "127.0.0.1:41234".parse().ok());
        }
        assert_eq!(running_on("WARNING: This is a development server."), None);
    }

    #[test]
    fn the_address_of_other_servers_is_read() {
        let expected = "127.0.0.1:4443".parse().ok();
        for (line, words) in [
            ("Azurite Blob service successfully listens on https://127.0.0.1:4443", "listens on "),
            (r#"level=INFO msg="server started at http://127.0.0.1:4443""#, "started at "),
        ] {
            assert_eq!(address_after(line, words), expected, "{line}");
        }
        assert_eq!(address_after("starting on 127.0.0.1:0", "starting on "), None);
    }

    fn port_alone(line: &str) -> Option<SocketAddr> {
        line.trim().parse().ok()
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_first_line_with_an_address_counts() {
        let server =
            Server::start("shell", &shell("echo soon >&2; echo 127.0.0.1:7 >&2; cat"), port_alone).unwrap();
        assert_eq!(server.address(), "127.0.0.1:7".parse().unwrap());
    }

    #[test]
    fn either_output_may_announce() {
        let server = Server::start("shell", &shell("echo 127.0.0.1:7; cat"), port_alone).unwrap();
        assert_eq!(server.address(), "127.0.0.1:7".parse().unwrap());
    }

    #[test]
    fn an_early_end_reports_what_was_written() {
        let problem =
            Server::start("shell", &shell("echo no such module >&2; exit 1"), port_alone).unwrap_err();
        assert_eq!(problem.to_string(), "shell ended: no such module");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let problem = Server::start("shell", &Command::new("/nonexistent/server"), port_alone).unwrap_err();
        assert_eq!(problem.kind(), io::ErrorKind::NotFound);
        assert!(problem.to_string().contains("/nonexistent/server"), "{problem}");
    }
}
