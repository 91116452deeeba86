//! Where the workspace and its build folder are.

use std::{
    env,
    path::{Path, PathBuf},
};

#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn locate() -> Self {
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest.parent().unwrap_or(&manifest).to_path_buf();
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |path| root.join(path));
        Self { root, target }
    }

    /// The folder of everything that tasks install.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    pub(crate) fn requirements(&self, name: &str) -> PathBuf {
        self.root.join("xtask").join("requirements").join(format!("{name}.txt"))
    }

    pub(crate) fn script(&self, name: &str) -> PathBuf {
        self.root.join("xtask").join("scripts").join(name)
    }

    /// The path below the root, for messages.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
