//! benches of the gardener-provider family.
