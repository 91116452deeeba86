//! Checks of the values that users write, each told by its path.

use std::fmt;

use gardener_provider_core::Violation;

/// What is found wrong below a path such as `providerSpec.disks[0]`.
#[derive(Debug)]
pub struct Checks {
    found: Vec<Violation>,
    path: String,
}

impl Checks {
    /// Checks of the fields of `path`.
    pub fn of(path: impl Into<String>) -> Self {
        Self { found: Vec::new(), path: path.into() }
    }

    /// Says that a field is wrong.
    pub fn say(&mut self, field: &str, problem: impl Into<String>) {
        self.found.push(Violation::new(format!("{}.{field}", self.path), problem));
    }

    /// Checks the fields of a field.
    pub fn within(&mut self, field: &str, check: impl FnOnce(&mut Self)) {
        let outer = self.path.len();
        self.path.push('.');
        self.path.push_str(field);
        check(self);
        self.path.truncate(outer);
    }

    /// Checks the fields of each item of a list.
    pub fn each<T>(&mut self, field: &str, items: &[T], check: impl Fn(&mut Self, &T)) {
        for (index, item) in items.iter().enumerate() {
            self.within(&format!("{field}[{index}]"), |checks| check(checks, item));
        }
    }

    /// It must not be blank.
    pub fn required(&mut self, field: &str, value: &str) {
        if value.trim().is_empty() {
            self.say(field, "is missing; set it");
        }
    }

    /// It may be left out, but must not be blank.
    pub fn not_blank(&mut self, field: &str, value: Option<&str>) {
        if value.is_some_and(|value| value.trim().is_empty()) {
            self.say(field, "is empty; set it or leave it out");
        }
    }

    /// It must be one of these. Empty means left out.
    pub fn one_of(&mut self, field: &str, value: &str, known: &[&str]) {
        if !value.is_empty() && !known.contains(&value) {
            self.say(field, format!("{value:?} is unknown; use one of {}", known.join(", ")));
        }
    }

    /// It must be this much or more, if it is there.
    pub fn at_least<T: PartialOrd + fmt::Display>(&mut self, field: &str, value: Option<T>, least: T) {
        if let Some(value) = value.filter(|value| *value < least) {
            self.say(field, format!("{value} is too small; use {least} or more"));
        }
    }

    /// All that was found.
    pub fn into_violations(self) -> Vec<Violation> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_by_its_path() {
        let mut checks = Checks::of("spec");
        checks.required("name", " ");
        checks.within("scheduling", |checks| checks.one_of("model", "FAST", &["SPOT", "STANDARD"]));
        checks.each("disks", &[10, 0], |checks, size| checks.at_least("size", Some(*size), 1));
        checks.not_blank("key", Some(""));
        checks.not_blank("other", None);
        checks.at_least("none", None::<u8>, 1);
        let told: Vec<_> = checks.into_violations().iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "spec.name: is missing; set it",
                "spec.scheduling.model: \"FAST\" is unknown; use one of SPOT, STANDARD",
                "spec.disks[1].size: 0 is too small; use 1 or more",
                "spec.key: is empty; set it or leave it out",
            ]
        );
    }
}
