//! Running programs.

use std::{
    env,
    ffi::OsStr,
    iter,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::problem::{Context, Problem, Result};

/// Runs a command with this task's own output; an exit code other than 0 is an error.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = described(command);
    let status = command.status().context(&line)?;
    if status.success() { Ok(()) } else { Err(Problem::new(format!("{line}: {status}"))) }
}

/// Runs a command silently and returns its standard output; an error carries what it wrote.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = described(command);
    let output = command.stdin(Stdio::null()).output().context(&line)?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(Problem::new(format!("{line}: {}\n{}{}", output.status, stdout, stderr)))
}

/// Ends this task and becomes the command, so that Ctrl-C reaches it alone and it has the time to clean up.
#[cfg(unix)]
pub(crate) fn replace(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt;
    let line = described(command);
    Err(Problem::new(format!("{line}: {}", command.exec())))
}

/// Runs the command; this system cannot replace a process.
#[cfg(not(unix))]
pub(crate) fn replace(command: &mut Command) -> Result<()> {
    run(command)
}

/// The cargo that runs this task.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// Where the program is on the PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// Takes from the command what this shell's environment holds against local servers: settings of clouds, certificate bundles
/// of other services, etcd settings, and proxies for loopback addresses.
pub(crate) fn without_cloud_settings(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(disturbs) {
            command.env_remove(&name);
        }
    }
    let exempt = "127.0.0.1,localhost,::1";
    command.env("NO_PROXY", exempt).env("no_proxy", exempt)
}

fn disturbs(name: &str) -> bool {
    ["AWS_", "AZURE_", "AZURITE_", "CLOUDSDK_", "ETCD_", "ETCDCTL_", "GOOGLE_", "MOTO_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || name.ends_with("_CA_BUNDLE")
}

fn described(command: &Command) -> String {
    let words: Vec<_> =
        iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    format!("`{}`", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_reports_its_line_and_words() {
        let problem =
            output(Command::new("sh").args(["-c", "echo heard >&2; exit 3"])).unwrap_err().to_string();
        assert!(problem.contains("sh -c") && problem.contains("heard") && problem.contains('3'), "{problem}");
        assert_eq!(output(Command::new("sh").args(["-c", "echo fine"])).unwrap(), "fine\n");
    }

    #[test]
    fn only_disturbing_variables_go() {
        for name in [
            "AWS_PROFILE",
            "AZURE_CLIENT_ID",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "REQUESTS_CA_BUNDLE",
            "ETCD_NAME",
            "MOTO_PORT",
        ] {
            assert!(disturbs(name), "{name}");
        }
        for name in ["PATH", "HOME", "GARDENER_TEST_ETCD", "SSL_CERT_FILE", "CARGO_HOME"] {
            assert!(!disturbs(name), "{name}");
        }
    }

    #[test]
    fn programs_are_found_on_the_path() {
        assert!(find("sh").is_some());
        assert_eq!(find("no-such-program-anywhere"), None);
    }
}
