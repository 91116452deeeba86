//! A cache that keeps what was used last.

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use gardener_provider_core::Result;

/// Shared values by key, such as the sessions of a provider by identity. Beyond its size, what was unused for longest goes.
pub struct Recent<K, V> {
    size: usize,
    held: Mutex<Held<K, V>>,
}

struct Held<K, V> {
    values: HashMap<K, (Arc<V>, u64)>,
    uses: u64,
}

impl<K: Hash + Eq + Clone, V> Recent<K, V> {
    /// A cache of so many values.
    pub fn new(size: usize) -> Self {
        Self { size: size.max(1), held: Mutex::new(Held { values: HashMap::new(), uses: 0 }) }
    }

    /// The value of this key, made if there is none.
    ///
    /// # Errors
    /// Those of `make`; nothing is kept then.
    pub fn get_or_make(&self, key: K, make: impl FnOnce(&K) -> Result<V>) -> Result<Arc<V>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.uses += 1;
        let now = held.uses;
        if let Some((value, used)) = held.values.get_mut(&key) {
            *used = now;
            return Ok(Arc::clone(value));
        }
        let value = Arc::new(make(&key)?);
        if held.values.len() >= self.size {
            let oldest = held.values.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone());
            oldest.and_then(|key| held.values.remove(&key));
        }
        held.values.insert(key, (Arc::clone(&value), now));
        Ok(value)
    }
}

/// Keys hold credentials and values may show what they have seen, so neither is shown.
impl<K, V> fmt::Debug for Recent<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").field("size", &self.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use gardener_provider_core::Error;

    use super::*;

    #[test]
    fn a_value_is_made_once_and_the_one_unused_for_longest_goes() {
        let cache = Recent::new(2);
        let made = Mutex::new(Vec::new());
        let get = |key: &'static str| {
            cache.get_or_make(key, |key| {
                made.lock().unwrap().push(*key);
                Ok(key.len())
            })
        };
        for key in ["a", "bb", "a", "ccc", "a", "bb"] {
            assert_eq!(*get(key).unwrap(), key.len());
        }
        assert_eq!(*made.lock().unwrap(), ["a", "bb", "ccc", "bb"]);
    }

    #[test]
    fn what_could_not_be_made_is_not_kept() {
        let cache = Recent::<_, u8>::new(2);
        assert!(cache.get_or_make("a", |_| Err(Error::internal("no"))).is_err());
        assert_eq!(*cache.get_or_make("a", |_| Ok(7)).unwrap(), 7);
    }
}
