//! examples of the gardener-provider family.
