//! What can be asked on the command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use gardener_etcd_backup::{Compression, RetentionPolicy, Schedule, Target};
use gardener_provider_core::{Error, Result};

/// Backups of etcd, interchangeable with etcd-backup-restore.
///
/// A store is a URL and a prefix in it: file:///var/backup/etcd-main, s3://bucket/shoot--a--b/etcd-main,
/// az://container/prefix, gs://bucket/prefix. Credentials come from the environment, under the names that object_store
/// reads (AWS_ACCESS_KEY_ID, AZURE_STORAGE_ACCOUNT_NAME, GOOGLE_SERVICE_ACCOUNT, …).
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// File with keys to encrypt and read snapshots: lines of an id and 64 hexadecimal digits; the first encrypts, all read.
    #[arg(long, global = true, env = "GARDENER_ETCD_BACKUP_KEYS", value_name = "FILE")]
    pub(crate) keys: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Takes snapshots: one full now with --once, else fulls and deltas until it is stopped (Ctrl-C and SIGTERM write what is left).
    Snapshot(SnapshotCommand),
    /// Makes a data directory from a backup, without etcd.
    Restore(RestoreCommand),
    /// Reads a backup as a restore would and says up to which revision it is good.
    Verify(VerifyCommand),
    /// Lists the snapshots, and which of them a restore would read.
    List(ListCommand),
    /// Deletes what the retention policy no longer keeps.
    Gc(GcCommand),
    /// Copies a backup to another store.
    Copy(CopyCommand),
    /// Makes one full out of a chain, without etcd.
    Compact(CompactCommand),
    /// Prints keys, or how keys changed, as JSON lines with keys and values in base64.
    Get(GetCommand),
}

#[derive(Debug, Args)]
pub(crate) struct SnapshotCommand {
    /// The store.
    #[arg(long)]
    pub(crate) store: String,
    /// URLs of etcd's client ports.
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:2379")]
    pub(crate) endpoints: Vec<String>,
    /// Certificate authority of etcd, PEM.
    #[arg(long)]
    pub(crate) cacert: Option<PathBuf>,
    /// Client certificate, PEM.
    #[arg(long, requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Key of the client certificate, PEM.
    #[arg(long, requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// User of etcd; the password comes from the environment variable ETCD_PASSWORD.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// none, gzip, zlib or lzw.
    #[arg(long, default_value = "gzip")]
    pub(crate) compression: Compression,
    /// One full, and end.
    #[arg(long)]
    pub(crate) once: bool,
    /// Mark the full of --once as the last before the cluster goes.
    #[arg(long, requires = "once")]
    pub(crate) r#final: bool,
    /// When fulls are taken: five cron fields, @daily, @every 90m; TZ=Europe/Berlin before them names whose clock.
    #[arg(long, default_value = "0 */1 * * *")]
    pub(crate) schedule: Schedule,
    /// Seconds after which a delta is written.
    #[arg(long, default_value_t = 20)]
    pub(crate) delta_period: u64,
    /// Bytes after which a delta is written.
    #[arg(long, default_value_t = 10 << 20)]
    pub(crate) delta_size: u64,
    /// The cluster takes the place of the one whose backup is there.
    #[arg(long)]
    pub(crate) new_cluster: bool,
    /// Serve Prometheus metrics at http://<ADDRESS>/metrics.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) metrics: Option<std::net::SocketAddr>,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreCommand {
    /// The store.
    #[arg(long)]
    pub(crate) store: String,
    /// Where the data directory is made; nothing may be there.
    #[arg(long)]
    pub(crate) data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// The member's name.
    #[arg(long, default_value = "default")]
    pub(crate) name: String,
    /// The members: name=http://host:2380,…
    #[arg(long, default_value = "default=http://localhost:2380")]
    pub(crate) initial_cluster: String,
    /// As etcd's flag.
    #[arg(long, default_value = "etcd-cluster")]
    pub(crate) initial_cluster_token: String,
    /// Leave leases out, so that nothing expires.
    #[arg(long)]
    pub(crate) strip_leases: bool,
    /// Leave history out, as after a compaction.
    #[arg(long)]
    pub(crate) compact: bool,
    /// Let the restored etcd begin so many revisions later.
    #[arg(long, default_value_t = 0)]
    pub(crate) bump_revision: i64,
    /// Fail when a snapshot is damaged, rather than go as far as the rest leads.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Only say which snapshots would be read.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TargetArguments {
    /// Up to this revision.
    #[arg(long, conflicts_with = "time")]
    pub(crate) revision: Option<i64>,
    /// Up to this time, RFC 3339.
    #[arg(long)]
    pub(crate) time: Option<String>,
}

impl TargetArguments {
    pub(crate) fn target(&self) -> Result<Target> {
        match (self.revision, &self.time) {
            (Some(revision), _) => Ok(Target::Revision(revision)),
            (None, None) => Ok(Target::Latest),
            (None, Some(time)) => {
                let time = chrono::DateTime::parse_from_rfc3339(time);
                let time = time.map_err(|problem| Error::invalid("time", problem))?;
                Ok(Target::Time(time.into()))
            }
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct VerifyCommand {
    /// The store.
    #[arg(long)]
    pub(crate) store: String,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Also read snapshots that a restore would not need.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListCommand {
    /// The store.
    #[arg(long)]
    pub(crate) store: String,
}

#[derive(Debug, Args)]
pub(crate) struct GcCommand {
    /// The store.
    #[arg(long)]
    pub(crate) store: String,
    /// Exponential, or LimitBased:N.
    #[arg(long, default_value = "Exponential")]
    pub(crate) policy: RetentionPolicy,
    /// Seconds that deltas before the newest full are kept.
    #[arg(long, default_value_t = 0)]
    pub(crate) delta_retention: u64,
    /// Explain, and delete nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CopyCommand {
    /// The store to read.
    #[arg(long)]
    pub(crate) from: String,
    /// The store to write.
    #[arg(long)]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
}

#[derive(Debug, Args)]
pub(crate) struct CompactCommand {
    /// The store.
    #[arg(long)]
    pub(crate) store: String,
    /// none, gzip, zlib or lzw.
    #[arg(long, default_value = "gzip")]
    pub(crate) compression: Compression,
    /// Keep all history rather than the newest value of each key.
    #[arg(long)]
    pub(crate) keep_history: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GetCommand {
    /// The store.
    #[arg(long)]
    pub(crate) store: String,
    #[command(flatten)]
    pub(crate) target: TargetArguments,
    /// Only keys that begin with this.
    #[arg(long, default_value = "")]
    pub(crate) prefix: String,
    /// Print how keys changed since this revision.
    #[arg(long)]
    pub(crate) since: Option<i64>,
}
