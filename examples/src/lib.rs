//! What the examples share: the command line, a live display, a real etcd, and what to say on Ctrl-C.

pub mod args;
pub mod etcd;
pub mod interrupt;
pub mod show;

/// The README's code, compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
