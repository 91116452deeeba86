//! Secrets that cannot slip into a log.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer};

use crate::{Error, Result};

/// A value that never shows in `Debug` or `Display`. Reading it is a visible act: [`Redacted::expose`].
///
/// It has no `Serialize`, so it cannot be written out by accident either.
///
/// ```
/// use gardener_provider_core::Redacted;
/// let key = Redacted::new("hunter2".to_owned());
/// assert_eq!(format!("{key:?} {key}"), "[redacted] [redacted]");
/// assert_eq!(key.expose(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Wraps a secret.
    pub const fn new(secret: T) -> Self {
        Self(secret)
    }

    /// The secret itself.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Unwraps the secret.
    pub fn into_exposed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(secret: T) -> Self {
        Self(secret)
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Redacted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

/// The data of a Kubernetes Secret: keys in the clear, values redacted.
///
/// The values are bytes after base64 decoding, as a Kubernetes client hands them over.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct SecretData(BTreeMap<String, Redacted<Vec<u8>>>);

impl SecretData {
    /// No keys at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a key.
    #[must_use]
    pub fn with(mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.insert(key, value);
        self
    }

    /// Adds or replaces a key.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Vec<u8>>) {
        self.0.insert(key.into(), Redacted::new(value.into()));
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Redacted<Vec<u8>>> {
        self.0.get(key)
    }

    /// The keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// True if there is no key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text of the first of `aliases` that is present, surrounding white space removed; `None` if none is.
    ///
    /// # Errors
    /// `InvalidArgument` if the value is not UTF-8 or is empty.
    pub fn text(&self, aliases: &[&str]) -> Result<Option<Redacted<String>>> {
        let Some((key, value)) = aliases.iter().find_map(|key| Some((*key, self.0.get(*key)?))) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(value.expose())
            .map_err(|_| Error::invalid(format!("secret.{key}"), "is not UTF-8 text"))?
            .trim();
        if text.is_empty() {
            return Err(Error::invalid(format!("secret.{key}"), "is empty; give it a value or remove it"));
        }
        Ok(Some(Redacted::new(text.to_owned())))
    }

    /// Like [`SecretData::text`], but the key must be there.
    ///
    /// # Errors
    /// `InvalidArgument` naming the missing key and its aliases.
    pub fn required(&self, aliases: &[&str]) -> Result<Redacted<String>> {
        self.text(aliases)?.ok_or_else(|| {
            Error::invalid(
                format!("secret.{}", aliases.join(" or secret.")),
                "is missing; add it to the secret",
            )
        })
    }
}

impl fmt::Debug for SecretData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter()).finish()
    }
}

impl<K: Into<String>, V: Into<Vec<u8>>> FromIterator<(K, V)> for SecretData {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut data = Self::new();
        for (key, value) in entries {
            data.insert(key, value);
        }
        data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_keys_and_no_values() {
        let data = SecretData::new().with("accessKeyID", "AKIA").with("userData", "s3cr3t");
        assert_eq!(format!("{data:?}"), r#"{"accessKeyID": [redacted], "userData": [redacted]}"#);
    }

    #[test]
    fn the_first_alias_present_wins_and_white_space_goes() {
        let data = SecretData::new().with("b", " 2\n").with("c", "3");
        assert_eq!(data.text(&["a", "b", "c"]).unwrap().unwrap().expose(), "2");
        assert!(data.text(&["x"]).unwrap().is_none());
    }

    #[test]
    fn errors_name_the_key_and_never_the_value() {
        let data = SecretData::new().with("bad", vec![0xff, 0xfe]).with("empty", "  ");
        assert!(data.text(&["bad"]).unwrap_err().to_string().contains("secret.bad"));
        assert!(data.text(&["empty"]).unwrap_err().to_string().contains("secret.empty"));
        let missing = data.required(&["accessKeyID", "providerAccessKeyId"]).unwrap_err().to_string();
        assert!(missing.contains("secret.accessKeyID or secret.providerAccessKeyId"), "{missing}");
    }
}
