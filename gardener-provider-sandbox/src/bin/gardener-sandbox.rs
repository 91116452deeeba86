//! Serves a sandbox on a loopback port until it is interrupted.
//!
//! ```text
//! gardener-sandbox [--instant] [--tls CERTIFICATE] [PORT]
//! aws --endpoint-url http://127.0.0.1:PORT ec2 describe-vpcs
//! gcloud compute networks list
//! ```
//!
//! It prints the environment variables that point the `aws` CLI, the AWS SDKs and `gcloud compute` to it. With `--instant`
//! no state change takes time. With `--tls` the same sandbox is also served with TLS, on a free port: its certificate is
//! written to this file, and what is printed points the `az` CLI to it.

use std::{error::Error, io::Write};

use gardener_provider_sandbox::{Sandbox, SandboxOptions, ServeOptions, Server};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Wish { options, port, certificate } = Wish::read(std::env::args().skip(1))?;
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
    let tls = match certificate {
        Some(file) => Some(with_tls(&sandbox, &server, &file, &mut out).await?),
        None => None,
    };
    out.flush()?;
    drop(out);
    std::future::pending::<()>().await;
    drop(tls);
    Ok(())
}

/// What the command line asks for.
#[derive(Default)]
struct Wish {
    options: SandboxOptions,
    port: u16,
    certificate: Option<String>,
}

impl Wish {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        const USAGE: &str = "usage: gardener-sandbox [--instant] [--tls CERTIFICATE] [PORT]";
        let mut wish = Self::default();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--instant" => wish.options = SandboxOptions::instant(),
                "--tls" => {
                    let file = arguments.next().ok_or_else(|| format!("--tls needs a file; {USAGE}"))?;
                    wish.certificate = Some(file);
                }
                port => wish.port = port.parse().map_err(|_| format!("{port:?} is no port; {USAGE}"))?,
            }
        }
        Ok(wish)
    }
}

async fn with_tls(
    sandbox: &Sandbox,
    plain: &Server,
    file: &str,
    out: &mut impl Write,
) -> Result<Server, Box<dyn Error>> {
    let server = sandbox.serve_with(ServeOptions::default().with_tls()).await?;
    std::fs::write(file, server.certificate().unwrap_or_default())?;
    let header = &sandbox.azure().options().identity_header;
    writeln!(out, "export REQUESTS_CA_BUNDLE={file}")?;
    writeln!(
        out,
        "export IDENTITY_ENDPOINT={}/msi/token IDENTITY_HEADER={}",
        plain.endpoint(),
        header.expose()
    )?;
    writeln!(out, "# az cloud register -n sandbox --endpoint-resource-manager {}", server.endpoint())?;
    writeln!(out, "# az cloud set -n sandbox && az login --identity")?;
    Ok(server)
}
