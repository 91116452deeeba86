//! Pinned packages for Node.

use std::{fs, path::PathBuf, process::Command};

use crate::{
    problem::{Context, Problem, Result},
    process::{find, output},
    stamp::Stamp,
    workspace::Workspace,
};

/// The `node` and `npm` of this machine.
#[derive(Debug, Clone)]
pub(crate) struct Npm {
    node: PathBuf,
    npm: PathBuf,
}

impl Npm {
    /// Those on the PATH.
    pub(crate) fn find() -> Result<Self> {
        let program = |name| {
            let message = format!("{name} is not on the PATH; install Node 20 or newer with npm");
            find(name).ok_or_else(|| Problem::new(message))
        };
        Ok(Self { node: program("node")?, npm: program("npm")? })
    }

    /// The folder `name` with the packages of its requirements file and all that they depend on.
    pub(crate) fn environment(&self, workspace: &Workspace, name: &str) -> Result<PathBuf> {
        let requirements = workspace.requirements(name);
        let list = fs::read_to_string(&requirements).context(requirements.display())?;
        let folder = workspace.tools().join(name);
        let stamp = Stamp::new(&folder, &list);
        if stamp.is_current() {
            return Ok(folder);
        }
        eprintln!("installing {} from {}", workspace.shown(&folder), workspace.shown(&requirements));
        stamp.begin()?;
        let manifest = folder.join("package.json");
        fs::write(&manifest, "{ \"private\": true }\n").context(manifest.display())?;
        let mut command = Command::new(&self.npm);
        command
            .current_dir(&folder)
            .args("install --ignore-scripts --no-audit --no-fund --silent".split(' '));
        output(command.args(entries(&list)))?;
        stamp.finish()?;
        Ok(folder)
    }

    /// One JSON document in the folder `name` for each package of its requirements file: what the script makes of the
    /// unpacked package. The packages' own dependencies are not installed.
    pub(crate) fn documents(&self, workspace: &Workspace, name: &str) -> Result<PathBuf> {
        let requirements = workspace.requirements(name);
        let list = fs::read_to_string(&requirements).context(requirements.display())?;
        let script = workspace.script(&format!("{name}.mjs"));
        let recipe = format!("{list}\n{}", fs::read_to_string(&script).context(script.display())?);
        let folder = workspace.tools().join(name);
        let stamp = Stamp::new(&folder, &recipe);
        if !stamp.is_current() {
            eprintln!("installing {} from {}", workspace.shown(&folder), workspace.shown(&requirements));
            stamp.begin()?;
            for entry in entries(&list) {
                let package = Pinned::parse(entry)?;
                let unpacked = self.unpack(&folder, &package)?;
                let document = output(Command::new(&self.node).arg(&script).arg(&unpacked))?;
                let path = folder.join(format!("{}.json", package.short_name()));
                fs::write(&path, document).context(path.display())?;
                fs::remove_dir_all(&unpacked).context(unpacked.display())?;
            }
            stamp.finish()?;
        }
        Ok(folder)
    }

    /// Fetches the package, compares its hash and unpacks it.
    fn unpack(&self, folder: &std::path::Path, package: &Pinned<'_>) -> Result<PathBuf> {
        let mut pack = Command::new(&self.npm);
        let said = output(pack.current_dir(folder).args(["pack", "--silent", "--json", package.name]))?;
        if !said.contains(package.integrity) {
            return Err(Problem::new(format!("{} has not the hash {}", package.name, package.integrity)));
        }
        let archive = fs::read_dir(folder)
            .context(folder.display())?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
            .ok_or_else(|| Problem::new(format!("npm left no archive of {}", package.name)))?;
        output(Command::new("tar").current_dir(folder).arg("-xzf").arg(&archive))?;
        fs::remove_file(&archive).context(archive.display())?;
        Ok(folder.join("package"))
    }
}

/// The lines of a list that are no comments.
pub(crate) fn entries(list: &str) -> impl Iterator<Item = &str> {
    list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// `@scope/name@version hash`.
#[derive(Debug, PartialEq, Eq)]
struct Pinned<'a> {
    name: &'a str,
    integrity: &'a str,
}

impl<'a> Pinned<'a> {
    fn parse(line: &'a str) -> Result<Self> {
        line.split_once(' ')
            .filter(|(_, integrity)| integrity.starts_with("sha512-"))
            .map(|(name, integrity)| Self { name, integrity })
            .ok_or_else(|| Problem::new(format!("{line:?} is not a package and its sha512 hash")))
    }

    /// Without scope and version.
    fn short_name(&self) -> &'a str {
        let name = self.name.rsplit('/').next().unwrap_or(self.name);
        name.split('@').next().unwrap_or(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_package_has_a_hash() {
        let package = Pinned::parse("@azure/arm-msi@2.2.0 sha512-abc==").unwrap();
        assert_eq!(package, Pinned { name: "@azure/arm-msi@2.2.0", integrity: "sha512-abc==" });
        assert_eq!(package.short_name(), "arm-msi");
        assert!(Pinned::parse("@azure/arm-msi@2.2.0").unwrap_err().to_string().contains("arm-msi"));
        assert!(Pinned::parse("@azure/arm-msi@2.2.0 2.2.0").is_err());
    }

    #[test]
    fn comments_are_no_entries() {
        let list = "# one\n--before=2026-11-21\n\nazurite@3.37.0\n";
        assert_eq!(entries(list).collect::<Vec<_>>(), ["--before=2026-11-21", "azurite@3.37.0"]);
    }
}
