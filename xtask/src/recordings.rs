//! Recorded exchanges with clouds, from the source distributions that hold them.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    npm::entries,
    problem::{Context, Result},
    process::output,
    stamp::Stamp,
    venv::Python,
    workspace::Workspace,
};

/// The folder with the recordings, made when it is not there: `azure/PACKAGE/NAME.json` and `gce/NAME.json`.
pub(crate) fn ensure(workspace: &Workspace, python: &Python) -> Result<PathBuf> {
    let sources = workspace.requirements("recordings-sources");
    let list = fs::read_to_string(&sources).context(sources.display())?;
    let script = workspace.script("recordings.py");
    let recipe = format!("{list}\n{}", fs::read_to_string(&script).context(script.display())?);
    let folder = workspace.tools().join("recorded");
    let stamp = Stamp::new(&folder, &recipe);
    if stamp.is_current() {
        return Ok(folder);
    }
    let python = python.environment(workspace, "recordings")?.join("bin").join("python");
    eprintln!("installing {} from {}", workspace.shown(&folder), workspace.shown(&sources));
    stamp.begin()?;
    let archives = folder.join("archives");
    for source in entries(&list) {
        // As a source distribution, built by the pinned tools of the environment: nothing else is fetched.
        let options =
            "download --quiet --no-input --disable-pip-version-check --no-deps --no-build-isolation";
        let mut command = Command::new(&python);
        command.args(["-m", "pip"]).args(options.split(' ')).args(["--no-binary", ":all:", "--dest"]);
        output(command.arg(&archives).arg(source))?;
    }
    output(Command::new(&python).arg(&script).arg(&archives).arg(&folder))?;
    fs::remove_dir_all(&archives).context(archives.display())?;
    stamp.finish()?;
    Ok(folder)
}
