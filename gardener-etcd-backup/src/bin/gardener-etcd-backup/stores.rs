//! Stores by their URLs, with the keys that were given.

use std::{fs, path::Path, sync::Arc};

use gardener_etcd_backup::{KeyKeeper, StaticKeys, Store};
use gardener_provider_core::{Error, ErrorKind, Result};

/// Opens stores.
pub(crate) struct Stores {
    keys: Option<Arc<dyn KeyKeeper>>,
}

impl Stores {
    /// With the keys of this file, if there is one.
    pub(crate) fn new(keys: Option<&Path>) -> Result<Self> {
        let Some(path) = keys else { return Ok(Self { keys: None }) };
        let wrong = |problem: String| Error::invalid("keys", format!("{}: {problem}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        let keys = read_keys(&text).map_err(wrong)?;
        Ok(Self { keys: Some(Arc::new(keys)) })
    }

    /// The store of this URL.
    pub(crate) fn open(&self, text: &str) -> Result<Store> {
        let store = plain(text)?;
        Ok(match &self.keys {
            Some(keys) => store.with_keys(Arc::clone(keys)),
            None => store,
        })
    }
}

fn read_keys(text: &str) -> Result<StaticKeys, String> {
    let mut keys: Option<StaticKeys> = None;
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let (Some(id), Some(digits), None) = (words.next(), words.next(), words.next()) else {
            return Err(format!("line {number} is not an id and a key"));
        };
        let key = key(digits).ok_or(format!("the key in line {number} has not 64 hexadecimal digits"))?;
        keys = Some(match keys {
            Some(keys) => keys.with_older(id, key),
            None => StaticKeys::new(id, key),
        });
    }
    keys.ok_or("it holds no key".to_owned())
}

fn key(digits: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    for (at, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(key)
}

fn plain(text: &str) -> Result<Store> {
    let invalid = |problem: String| Error::invalid("store", format!("{text:?}: {problem}"));
    let url = url::Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    if url.scheme() == "file" {
        // The last part of the path is the prefix, as for the others.
        let path = url.to_file_path().map_err(|()| invalid("it must be an absolute path".to_owned()))?;
        let (Some(root), Some(prefix)) = (path.parent(), path.file_name()) else {
            return Err(invalid("it names no directory".to_owned()));
        };
        fs::create_dir_all(root).map_err(|error| {
            Error::new(ErrorKind::PermissionDenied, format!("cannot create {}: {error}", root.display()))
        })?;
        let files = object_store::local::LocalFileSystem::new_with_prefix(root);
        let files = files.map_err(|error| invalid(error.to_string()))?;
        return Store::new(Arc::new(files), &prefix.to_string_lossy());
    }
    // Names in the environment are in capitals, those of the options in small letters.
    let variables = std::env::vars().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let cloud = ["aws_", "azure_", "google_"];
    let options = variables.filter(|(name, _)| cloud.iter().any(|prefix| name.starts_with(prefix)));
    let (objects, prefix) =
        object_store::parse_url_opts(&url, options).map_err(|error| invalid(error.to_string()))?;
    Store::new(Arc::from(objects), prefix.as_ref())
}
