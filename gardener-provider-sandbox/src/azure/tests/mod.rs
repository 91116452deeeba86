//! The rules of Azure, each by the calls that run into it.

mod machines;
mod network;

use serde_json::json;

use super::testing::*;
