//! Serves a sandbox on a loopback port until it is interrupted.
//!
//! ```text
//! gardener-sandbox [PORT]
//! aws --endpoint-url http://127.0.0.1:PORT ec2 describe-vpcs
//! ```

use std::{error::Error, io::Write};

use gardener_provider_sandbox::{Sandbox, SandboxOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = match std::env::args().nth(1) {
        Some(port) => {
            port.parse().map_err(|_| format!("{port:?} is no port; usage: gardener-sandbox [PORT]"))?
        }
        None => 0,
    };
    let sandbox = Sandbox::new(SandboxOptions::default());
    let server = sandbox.serve_on(port).await?;
    let key = sandbox.aws().access_key();
    let mut out = std::io::stdout().lock();
    writeln!(out, "export AWS_ENDPOINT_URL={}", server.endpoint())?;
    writeln!(out, "export AWS_ACCESS_KEY_ID={}", key.id)?;
    writeln!(out, "export AWS_SECRET_ACCESS_KEY={}", key.secret.expose())?;
    writeln!(out, "export AWS_REGION=eu-west-1")?;
    // boto3 reads this name only.
    writeln!(out, "export AWS_DEFAULT_REGION=eu-west-1")?;
    out.flush()?;
    drop(out);
    std::future::pending().await
}
