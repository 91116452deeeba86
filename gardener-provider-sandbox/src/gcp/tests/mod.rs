//! Tests of the GCP part.
