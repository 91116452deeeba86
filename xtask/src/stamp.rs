//! A note, written last, of what a folder was made from: a folder without it, or with another, is made anew.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::problem::{Context, Result};

const FILE: &str = "made-from.txt";

#[derive(Debug)]
pub(crate) struct Stamp {
    folder: PathBuf,
    content: String,
}

impl Stamp {
    /// The stamp of `folder` when it is made from `recipe`. A virtual environment holds its own path, so a moved folder
    /// does not match.
    pub(crate) fn new(folder: &Path, recipe: &str) -> Self {
        Self { folder: folder.to_path_buf(), content: format!("{}\n{recipe}", folder.display()) }
    }

    /// True if the folder was made from this recipe, completely.
    pub(crate) fn is_current(&self) -> bool {
        fs::read_to_string(self.folder.join(FILE)).is_ok_and(|found| found == self.content)
    }

    /// Empties the folder; from here until [`Stamp::finish`] it counts as not made.
    pub(crate) fn begin(&self) -> Result<()> {
        // First the note: an interrupted removal must not look complete.
        ignore_missing(fs::remove_file(self.folder.join(FILE))).context(self.folder.display())?;
        ignore_missing(fs::remove_dir_all(&self.folder)).context(self.folder.display())?;
        fs::create_dir_all(&self.folder).context(self.folder.display())
    }

    /// Notes that the folder is complete.
    pub(crate) fn finish(&self) -> Result<()> {
        let draft = self.folder.join(format!("{FILE}.draft"));
        fs::write(&draft, &self.content).context(draft.display())?;
        fs::rename(&draft, self.folder.join(FILE)).context(draft.display())
    }
}

fn ignore_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::{env, process};

    use super::*;

    /// A folder of its own that goes when the test ends.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            Self(env::temp_dir().join(format!("xtask-stamp-{name}-{}", process::id())))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn current_only_after_finish() {
        let scratch = Scratch::new("finish");
        let stamp = Stamp::new(&scratch.0, "moto 1");
        assert!(!stamp.is_current());
        stamp.begin().unwrap();
        assert!(!stamp.is_current(), "an interrupted installation must not count");
        stamp.finish().unwrap();
        assert!(stamp.is_current());
    }

    #[test]
    fn another_recipe_or_place_is_not_current() {
        let scratch = Scratch::new("recipe");
        let stamp = Stamp::new(&scratch.0, "moto 1");
        stamp.begin().unwrap();
        stamp.finish().unwrap();
        assert!(!Stamp::new(&scratch.0, "moto 2").is_current());
        let moved = Scratch::new("moved");
        fs::rename(&scratch.0, &moved.0).unwrap();
        assert!(!Stamp::new(&moved.0, "moto 1").is_current(), "a virtual environment cannot be moved");
    }

    #[test]
    fn beginning_again_empties_the_folder() {
        let scratch = Scratch::new("again");
        let stamp = Stamp::new(&scratch.0, "moto 1");
        stamp.begin().unwrap();
        fs::write(scratch.0.join("left-over"), "").unwrap();
        stamp.finish().unwrap();
        stamp.begin().unwrap();
        assert!(!stamp.is_current());
        assert_eq!(fs::read_dir(&scratch.0).unwrap().count(), 0);
    }
}
