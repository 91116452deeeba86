//! examples of the gardener-provider family.

/// The README's code, compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
