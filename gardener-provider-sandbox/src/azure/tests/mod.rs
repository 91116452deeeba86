//! The rules of Azure, each by the calls that run into it.

mod conditions;
mod faults;
mod hostile;
mod images;
mod lists;
mod login;
mod machines;
mod network;
mod operations;
mod rules;

use http::Method;
use serde_json::{Value, json};

use super::testing::*;
use crate::{Fault, SandboxOptions};

const NSG: &str = "Microsoft.Network/networkSecurityGroups/n";
const TABLE: &str = "Microsoft.Network/routeTables/r";
const ADDRESS: &str = "Microsoft.Network/publicIPAddresses/a";
const NAT: &str = "Microsoft.Network/natGateways/nat";
const VM: &str = "Microsoft.Compute/virtualMachines/m";

fn here() -> Value {
    json!({ "location": "westeurope" })
}

fn address(sku: &str) -> Value {
    json!({ "location": "westeurope", "sku": { "name": sku }, "properties": { "publicIPAllocationMethod": "Static" } })
}

/// With the durations of the real cloud.
async fn slow() -> Caller {
    Caller::new(SandboxOptions::default()).group().await
}

impl Caller {
    /// Waits until nothing goes on any more.
    async fn settle(&self) {
        self.sleep(600).await;
    }

    async fn refuses(&self, method: Method, path: &str, body: Value, status: u16, code: &str) {
        let found = self.refused(method.clone(), path, body).await;
        assert_eq!(found, (status, code.to_owned()), "{method} {path}");
    }
}
