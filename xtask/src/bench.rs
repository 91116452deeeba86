//! `cargo xtask bench`: the workspace's benches, or those of the peers outside it.

use crate::{
    problem::{Problem, Result},
    process::{cargo, run as execute, without_cloud_settings},
    tools::{Tool, install},
    workspace::Workspace,
};

/// Runs the benches; arguments other than `--peers` go to `cargo bench`.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let (peers, given): (Vec<_>, Vec<_>) = arguments.iter().partition(|word| *word == "--peers");
    let mut command = cargo(&workspace.root);
    without_cloud_settings(&mut command).arg("bench");
    if peers.is_empty() {
        command.args(["-p", "gardener-provider-benches"]);
    } else {
        let manifest = workspace.root.join("benches").join("peers").join("Cargo.toml");
        if !manifest.is_file() {
            return Err(Problem::new(format!("there is no {}", workspace.shown(&manifest))));
        }
        command.arg("--manifest-path").arg(manifest);
    }
    let installed = install(workspace, &[Tool::Etcd])?;
    installed.explain();
    installed.tell(&mut command);
    execute(command.args(given))
}
