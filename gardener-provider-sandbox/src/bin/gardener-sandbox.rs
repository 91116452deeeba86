//! Serves a sandbox on a loopback port until it is interrupted.
//!
//! ```text
//! gardener-sandbox [--instant] [PORT]
//! aws --endpoint-url http://127.0.0.1:PORT ec2 describe-vpcs
//! gcloud compute networks list
//! ```
//!
//! It prints the environment variables that point the `aws` CLI, the AWS SDKs and `gcloud compute` to it. With `--instant`
//! no state change takes time.

use std::{error::Error, io::Write};

use gardener_provider_sandbox::{Sandbox, SandboxOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut options = SandboxOptions::default();
    let mut port = 0;
    for argument in std::env::args().skip(1) {
        if argument == "--instant" {
            options = SandboxOptions::instant();
        } else {
            let usage = |_| format!("{argument:?} is no port; usage: gardener-sandbox [--instant] [PORT]");
            port = argument.parse().map_err(usage)?;
        }
    }
    let sandbox = Sandbox::new(options);
    let server = sandbox.serve_on(port).await?;
    let key = sandbox.aws().access_key();
    let mut out = std::io::stdout().lock();
    writeln!(out, "export AWS_ENDPOINT_URL={}", server.endpoint())?;
    writeln!(out, "export AWS_ACCESS_KEY_ID={}", key.id)?;
    writeln!(out, "export AWS_SECRET_ACCESS_KEY={}", key.secret.expose())?;
    writeln!(out, "export AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1")?;
    let gcp = sandbox.gcp();
    writeln!(out, "export CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE={}/compute/v1/", server.endpoint())?;
    writeln!(out, "export CLOUDSDK_AUTH_ACCESS_TOKEN={}", gcp.access_token())?;
    writeln!(
        out,
        "export CLOUDSDK_CORE_PROJECT={}",
        gcp.options().projects.first().map_or("", String::as_str)
    )?;
    out.flush()?;
    drop(out);
    std::future::pending().await
}
