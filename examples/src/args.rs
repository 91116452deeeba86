//! The command line that all examples share.

use gardener_provider_core::{Error, Result};

/// Which cloud answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The embedded sandbox, in this process.
    Sandbox,
    /// A third-party emulator that the example starts.
    Emulator,
    /// A real account, with the credentials of the environment.
    Cloud,
}

/// What an example was told on its command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Args {
    /// The provider's name.
    pub cloud: String,
    /// Which cloud answers.
    pub target: Target,
    /// Go on without asking.
    pub yes: bool,
}

impl Args {
    /// Reads the command line of this process.
    ///
    /// # Errors
    /// `InvalidArgument` naming the option.
    pub fn read() -> Result<Self> {
        Self::parse(std::env::args().skip(1))
    }

    /// Itself, unless a real account is meant and the user has not said `--yes` to what will be made there.
    ///
    /// # Errors
    /// `InvalidArgument` naming `--yes` and what would be made.
    pub fn confirmed(self, creates: &str) -> Result<Self> {
        if self.target == Target::Cloud && !self.yes {
            let problem = format!(
                "is needed, as this creates in your account, for money: {creates}; it is removed again"
            );
            return Err(Error::invalid("--yes", problem));
        }
        Ok(self)
    }

    fn parse(words: impl Iterator<Item = String>) -> Result<Self> {
        let mut args = Self { cloud: "aws".to_owned(), target: Target::Sandbox, yes: false };
        let mut words = words.flat_map(|word| match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => vec![name.to_owned(), value.to_owned()],
            _ => vec![word],
        });
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| Error::invalid(&word, "needs a value"));
            match word.as_str() {
                "--cloud" => args.cloud = value()?,
                "--target" => args.target = target(&value()?)?,
                "--yes" => args.yes = true,
                other => {
                    return Err(Error::invalid(other, "is not known; there are --cloud, --target and --yes"));
                }
            }
        }
        Ok(args)
    }
}

fn target(word: &str) -> Result<Target> {
    match word {
        "sandbox" => Ok(Target::Sandbox),
        "emulator" => Ok(Target::Emulator),
        "cloud" => Ok(Target::Cloud),
        other => Err(Error::invalid("--target", format!("{other:?}: choose sandbox, emulator or cloud"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Args> {
        Args::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn options_are_read_in_both_spellings() {
        let args = parse("--cloud aws --target=emulator --yes").unwrap();
        assert_eq!(args, Args { cloud: "aws".to_owned(), target: Target::Emulator, yes: true });
        assert_eq!(parse("").unwrap().target, Target::Sandbox);
    }

    #[test]
    fn a_real_account_needs_a_yes() {
        assert!(parse("").unwrap().confirmed("a VPC").is_ok());
        assert!(parse("--target cloud --yes").unwrap().confirmed("a VPC").is_ok());
        let refused = parse("--target cloud").unwrap().confirmed("a VPC").unwrap_err().to_string();
        assert!(refused.contains("--yes") && refused.contains("a VPC"), "{refused}");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, named) in [("--target moon", "--target"), ("--cloud", "--cloud"), ("--what", "--what")] {
            assert!(parse(line).unwrap_err().to_string().contains(named), "{line}");
        }
    }
}
