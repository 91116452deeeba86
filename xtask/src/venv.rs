//! Python virtual environments with pinned packages.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    problem::{Context, Problem, Result},
    process::{find, output},
    stamp::Stamp,
    workspace::Workspace,
};

/// What the pinned packages ask for at least.
const PYTHON: (u32, u32) = (3, 11);

/// The Python that makes virtual environments.
#[derive(Debug, Clone)]
pub(crate) struct Python {
    program: PathBuf,
    version: String,
}

impl Python {
    /// The `python3` on the PATH.
    pub(crate) fn find() -> Result<Self> {
        let program = find("python3").ok_or_else(|| {
            Problem::new(
                "python3 is not on the PATH; install Python 3.11 or newer (Debian: python3 python3-venv)",
            )
        })?;
        let script = "import sys; print('.'.join(map(str, sys.version_info[:3])))";
        let version = output(Command::new(&program).args(["-c", script]))?.trim().to_owned();
        if is_new_enough(&version) {
            Ok(Self { program, version })
        } else {
            Err(Problem::new(format!("{} is Python {version}; 3.11 or newer is needed", program.display())))
        }
    }

    /// The virtual environment `name` with the packages of its requirements file: made when it is not there or was made
    /// from another list.
    pub(crate) fn environment(&self, workspace: &Workspace, name: &str) -> Result<PathBuf> {
        let requirements = workspace.requirements(name);
        let list = fs::read_to_string(&requirements).context(requirements.display())?;
        let folder = workspace.tools().join(name);
        let stamp = Stamp::new(&folder, &format!("Python {}\n{list}", self.version));
        if stamp.is_current() {
            return Ok(folder);
        }
        eprintln!("installing {} from {}", workspace.shown(&folder), workspace.shown(&requirements));
        stamp.begin()?;
        self.create(&folder)?;
        output(
            Command::new(folder.join("bin").join("python"))
                .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
                .arg("--requirement")
                .arg(&requirements),
        )?;
        stamp.finish()?;
        Ok(folder)
    }

    fn create(&self, folder: &Path) -> Result<()> {
        output(Command::new(&self.program).args(["-m", "venv"]).arg(folder))
            .context("the virtual environment cannot be made (Debian: install python3-venv)")
            .map(drop)
    }
}

/// Installs while no other task installs into the same folder.
pub(crate) fn locked<T>(workspace: &Workspace, install: impl FnOnce() -> Result<T>) -> Result<T> {
    let folder = workspace.tools();
    fs::create_dir_all(&folder).context(folder.display())?;
    let path = folder.join("lock");
    let file = File::create(&path).context(path.display())?;
    file.lock().context(path.display())?;
    // Closing the file, which the end of a killed task does too, lets the next one in.
    install()
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= PYTHON
}

/// The folder of installed packages in a virtual environment.
pub(crate) fn packages(environment: &Path) -> Result<PathBuf> {
    let libraries = environment.join("lib");
    fs::read_dir(&libraries)
        .context(libraries.display())?
        .filter_map(std::result::Result::ok)
        .map(|entry| entry.path().join("site-packages"))
        .find(|folder| folder.is_dir())
        .ok_or_else(|| Problem::new(format!("no site-packages below {}", libraries.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        for version in ["3.11.0", "3.11.7", "3.14.0", "4.0.1"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["3.10.14", "3.9.18", "2.7.18", "", "three"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }
}
