//! etcd 3.4.23 as Debian 12 packages it, unpacked without being installed.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    problem::{Context, Problem, Result},
    process::{find, output},
    stamp::Stamp,
    workspace::Workspace,
};

const VERSION: &str = "3.4.23";

/// The folder with `etcd` and `etcdctl`, made when it is not there. An error says why this machine cannot have it.
pub(crate) fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.tools().join("etcd34");
    let stamp = Stamp::new(&folder, VERSION);
    if !stamp.is_current() {
        for program in ["apt-get", "dpkg-deb"] {
            find(program)
                .ok_or_else(|| Problem::new(format!("{program} is not here: not a Debian system")))?;
        }
        eprintln!("installing {} from Debian's packages", workspace.shown(&folder));
        stamp.begin()?;
        download(&folder)?;
        unpack(&folder)?;
        let said = output(Command::new(folder.join("usr/bin/etcd")).arg("--version"))?;
        if !said.contains(VERSION) {
            return Err(Problem::new(format!("this Debian packages another version than {VERSION}: {said}")));
        }
        stamp.finish()?;
    }
    Ok(folder.join("usr").join("bin"))
}

fn download(folder: &Path) -> Result<()> {
    if fetch(folder, &[]).is_ok() {
        return Ok(());
    }
    // The system's package lists may be missing or stale; own ones change nothing outside the folder.
    let lists = folder.join("apt");
    for part in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(lists.join(part)).context(lists.display())?;
    }
    let options = [
        format!("-oDir::State={}", lists.join("state").display()),
        format!("-oDir::Cache={}", lists.join("cache").display()),
        "-oDir::State::status=/var/lib/dpkg/status".to_owned(),
        "-oDebug::NoLocking=1".to_owned(),
    ];
    output(Command::new("apt-get").args(&options).arg("update"))?;
    fetch(folder, &options)
}

fn fetch(folder: &Path, options: &[String]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.current_dir(folder).args(options).args(["download", "etcd-server", "etcd-client"]);
    output(&mut command).map(drop)
}

fn unpack(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).context(folder.display())? {
        let package = entry.context(folder.display())?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            output(Command::new("dpkg-deb").arg("-x").arg(&package).arg(folder))?;
            fs::remove_file(&package).context(package.display())?;
        }
    }
    Ok(())
}
