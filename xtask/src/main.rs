//! Project tasks: `cargo xtask demo`, `cargo xtask test` and their like.

fn main() {}
