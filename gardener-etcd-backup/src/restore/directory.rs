//! The data directory: written beside its place, synced, and renamed into it; never over anything.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use gardener_provider_core::{Error, ErrorKind, Result, Retry};

use crate::error::file;

/// A directory under construction. Dropping it before [`Workplace::publish`] removes it.
#[derive(Debug)]
pub(crate) struct Workplace {
    target: PathBuf,
    part: PathBuf,
    /// Held while the restore runs, so that another one does not clear the same place.
    _lock: File,
    published: bool,
}

const LOCK: &str = "restore.lock";
const DATA: &str = "data";

impl Workplace {
    /// Makes `<target>.part`, clearing what an interrupted restore left there.
    pub(crate) fn prepare(target: &Path) -> Result<Self> {
        refuse_content(target)?;
        let name = target.file_name().ok_or_else(|| Error::invalid("data-dir", "it has no name"))?;
        let parent = match target.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => return Err(Error::invalid("data-dir", "it is the root directory")),
        };
        fs::create_dir_all(parent).map_err(|error| file("create", parent, error))?;
        let mut part_name = name.to_owned();
        part_name.push(".part");
        let part = parent.join(part_name);
        let lock = claim(&part)?;
        make(&part.join(DATA))?;
        make(&part.join(DATA).join("member"))?;
        make(&part.join(DATA).join("member/snap"))?;
        make(&part.join(DATA).join("member/wal"))?;
        Ok(Self { target: parent.join(name), part, _lock: lock, published: false })
    }

    /// Where temporary files may go.
    pub(crate) fn path(&self) -> &Path {
        &self.part
    }

    /// The `member` directory under construction.
    pub(crate) fn member(&self) -> PathBuf {
        self.part.join(DATA).join("member")
    }

    /// Syncs the directories and renames the data directory into place.
    pub(crate) fn publish(mut self) -> Result<()> {
        let data = self.part.join(DATA);
        for directory in
            [data.join("member/snap"), data.join("member/wal"), data.join("member"), data.clone()]
        {
            sync(&directory)?;
        }
        refuse_content(&self.target)?;
        // Renaming over an empty directory replaces it; a directory that got content meanwhile makes it fail.
        fs::rename(&data, &self.target).map_err(|error| file("rename into place", &self.target, error))?;
        self.published = true;
        if let Some(parent) = self.target.parent() {
            sync(parent)?;
        }
        Ok(())
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.part) {
            tracing::warn!(directory = %self.part.display(), %error, "a temporary directory is left behind");
        }
    }
}

/// Takes the lock in `part`, making the directory if it is not there, and clears the rest.
fn claim(part: &Path) -> Result<File> {
    let lock_path = part.join(LOCK);
    if let Err(error) = DirBuilder::new().mode(0o700).create(part) {
        if error.kind() != io::ErrorKind::AlreadyExists {
            return Err(file("create", part, error));
        }
        let is_ours = lock_path.is_file() || is_empty(part)?;
        if !is_ours {
            let message = format!("{} exists and was not made by a restore; remove it", part.display());
            return Err(Error::new(ErrorKind::FailedPrecondition, message));
        }
    }
    let mut options = OpenOptions::new();
    let lock = options.write(true).create(true).truncate(false).open(&lock_path);
    let lock = lock.map_err(|error| file("open", &lock_path, error))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let message = format!("another restore works in {}", part.display());
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        Err(TryLockError::Error(error)) => return Err(file("lock", &lock_path, error)),
    }
    let data = part.join(DATA);
    match fs::remove_dir_all(&data) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file("clear", &data, error)),
        _ => Ok(lock),
    }
}

/// A data directory with anything in it is never touched.
pub(crate) fn refuse_content(target: &Path) -> Result<()> {
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(file("look at", target, error)),
        Ok(metadata) if metadata.is_dir() && is_empty(target)? => Ok(()),
        Ok(_) => {
            let message =
                format!("{} is there and not an empty directory; nothing was touched", target.display());
            Err(Error::new(ErrorKind::FailedPrecondition, message).with_retry(Retry::Never))
        }
    }
}

fn is_empty(directory: &Path) -> Result<bool> {
    let mut entries = fs::read_dir(directory).map_err(|error| file("read", directory, error))?;
    Ok(entries.next().is_none())
}

fn make(directory: &Path) -> Result<()> {
    let made = DirBuilder::new().mode(0o700).create(directory);
    made.map_err(|error| file("create", directory, error))
}

fn sync(directory: &Path) -> Result<()> {
    let synced = File::open(directory).and_then(|handle| handle.sync_all());
    synced.map_err(|error| file("sync", directory, error))
}
