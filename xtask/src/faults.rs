//! `cargo xtask faults`: the fault campaign of the etcd backup at full size.

use crate::{
    problem::{Problem, Result},
    process::{cargo, run as execute, without_cloud_settings},
    tools::{Tool, install},
    workspace::Workspace,
};

/// Sets how many points are tried; the tests read it.
const POINTS: &str = "GARDENER_FAULTS";
const FULL_SIZE: u32 = 5_000;

/// Runs the campaign with so many points.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let points = match arguments {
        [] => FULL_SIZE,
        [points] => points
            .parse()
            .map_err(|_| Problem::new(format!("{points:?} is not how many points are to be tried")))?,
        other => return Err(Problem::new(format!("unknown arguments {other:?}; `faults` takes a number"))),
    };
    let installed = install(workspace, &[Tool::Etcd, Tool::Etcd34])?;
    installed.explain();
    let mut command = cargo(&workspace.root);
    without_cloud_settings(&mut command);
    installed.tell(&mut command).env(POINTS, points.to_string());
    command.args(["test", "-p", "gardener-etcd-backup", "--all-features", "--no-fail-fast"]);
    execute(command.args(["--test", "faults", "--test", "tool_live", "--", "--nocapture"]))
        .map_err(|_| Problem::new("a fault was not borne; its seed stands above"))
}
