//! The command-line tool. `gardener-etcd-backup help` lists the commands.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is what the tool is for")]

use std::{fmt::Write, fs, ops::ControlFlow, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand};
use gardener_etcd_backup::{
    BackupState, Compression, Etcd, EtcdOptions, EtcdTls, InitialCluster, KeyChange, LeasePolicy, Listing,
    RestoreOptions, RetentionOptions, RetentionPolicy, Schedule, Snapshotter, SnapshotterOptions, Store,
    Target, VerifyOptions, copy, plan, restore, retain, verify,
};
use gardener_provider_core::{Error, ErrorKind, Redacted, Result};

/// Backups of etcd, interchangeable with etcd-backup-restore.
///
/// A store is a URL and a prefix in it: file:///var/backup/etcd-main, s3://bucket/shoot--a--b/etcd-main,
/// az://container/prefix, gs://bucket/prefix. Credentials come from the environment, under the names that object_store
/// reads (AWS_ACCESS_KEY_ID, AZURE_STORAGE_ACCOUNT_NAME, GOOGLE_SERVICE_ACCOUNT, …).
#[derive(Debug, Parser)]
#[command(version, max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
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
struct SnapshotCommand {
    /// The store.
    #[arg(long)]
    store: String,
    /// URLs of etcd's client ports.
    #[arg(long, value_delimiter = ',', default_value = "http://127.0.0.1:2379")]
    endpoints: Vec<String>,
    /// Certificate authority of etcd, PEM.
    #[arg(long)]
    cacert: Option<PathBuf>,
    /// Client certificate, PEM.
    #[arg(long, requires = "key")]
    cert: Option<PathBuf>,
    /// Key of the client certificate, PEM.
    #[arg(long, requires = "cert")]
    key: Option<PathBuf>,
    /// User of etcd; the password comes from the environment variable ETCD_PASSWORD.
    #[arg(long)]
    user: Option<String>,
    /// none, gzip, zlib or lzw.
    #[arg(long, default_value = "gzip")]
    compression: Compression,
    /// One full, and end.
    #[arg(long)]
    once: bool,
    /// Mark the full of --once as the last before the cluster goes.
    #[arg(long, requires = "once")]
    r#final: bool,
    /// When fulls are taken: five cron fields, @daily, @every 90m; TZ=Europe/Berlin before them names whose clock.
    #[arg(long, default_value = "0 */1 * * *")]
    schedule: Schedule,
    /// Seconds after which a delta is written.
    #[arg(long, default_value_t = 20)]
    delta_period: u64,
    /// Bytes after which a delta is written.
    #[arg(long, default_value_t = 10 << 20)]
    delta_size: u64,
    /// The cluster takes the place of the one whose backup is there.
    #[arg(long)]
    new_cluster: bool,
}

#[derive(Debug, Args)]
struct RestoreCommand {
    /// The store.
    #[arg(long)]
    store: String,
    /// Where the data directory is made; nothing may be there.
    #[arg(long)]
    data_dir: PathBuf,
    #[command(flatten)]
    target: TargetArguments,
    /// The member's name.
    #[arg(long, default_value = "default")]
    name: String,
    /// The members: name=http://host:2380,…
    #[arg(long, default_value = "default=http://localhost:2380")]
    initial_cluster: String,
    /// As etcd's flag.
    #[arg(long, default_value = "etcd-cluster")]
    initial_cluster_token: String,
    /// Leave leases out, so that nothing expires.
    #[arg(long)]
    strip_leases: bool,
    /// Let the restored etcd begin so many revisions later.
    #[arg(long, default_value_t = 0)]
    bump_revision: i64,
    /// Fail when a snapshot is damaged, rather than go as far as the rest leads.
    #[arg(long)]
    strict: bool,
    /// Only say which snapshots would be read.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct TargetArguments {
    /// Up to this revision.
    #[arg(long, conflicts_with = "time")]
    revision: Option<i64>,
    /// Up to this time, RFC 3339.
    #[arg(long)]
    time: Option<String>,
}

impl TargetArguments {
    fn target(&self) -> Result<Target> {
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
struct VerifyCommand {
    /// The store.
    #[arg(long)]
    store: String,
    #[command(flatten)]
    target: TargetArguments,
    /// Also read snapshots that a restore would not need.
    #[arg(long)]
    all: bool,
}

#[derive(Debug, Args)]
struct ListCommand {
    /// The store.
    #[arg(long)]
    store: String,
}

#[derive(Debug, Args)]
struct GcCommand {
    /// The store.
    #[arg(long)]
    store: String,
    /// Exponential, or LimitBased:N.
    #[arg(long, default_value = "Exponential")]
    policy: RetentionPolicy,
    /// Seconds that deltas before the newest full are kept.
    #[arg(long, default_value_t = 0)]
    delta_retention: u64,
    /// Explain, and delete nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Args)]
struct CopyCommand {
    /// The store to read.
    #[arg(long)]
    from: String,
    /// The store to write.
    #[arg(long)]
    to: String,
    #[command(flatten)]
    target: TargetArguments,
}

#[derive(Debug, Args)]
struct CompactCommand {
    /// The store.
    #[arg(long)]
    store: String,
    /// none, gzip, zlib or lzw.
    #[arg(long, default_value = "gzip")]
    compression: Compression,
    /// Keep all history rather than the newest value of each key.
    #[arg(long)]
    keep_history: bool,
}

#[derive(Debug, Args)]
struct GetCommand {
    /// The store.
    #[arg(long)]
    store: String,
    #[command(flatten)]
    target: TargetArguments,
    /// Only keys that begin with this.
    #[arg(long, default_value = "")]
    prefix: String,
    /// Print how keys changed since this revision.
    #[arg(long)]
    since: Option<i64>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments.command)) {
        Ok(sound) => ExitCode::from(if sound { 0 } else { 2 }),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// False when it was done but something is wrong with the backup: the exit code is 2.
async fn run(command: Command) -> Result<bool> {
    match command {
        Command::Snapshot(arguments) => snapshot(arguments).await,
        Command::Restore(arguments) => run_restore(arguments).await,
        Command::Verify(arguments) => run_verify(arguments).await,
        Command::List(arguments) => list(&open(&arguments.store)?).await,
        Command::Gc(arguments) => gc(arguments).await,
        Command::Copy(arguments) => {
            let (from, to) = (open(&arguments.from)?, open(&arguments.to)?);
            let copied = copy(&from, &to, arguments.target.target()?).await?;
            for snapshot in &copied {
                println!("copied {} ({} bytes)", snapshot.name, snapshot.size);
            }
            Ok(true)
        }
        Command::Compact(arguments) => {
            let store = open(&arguments.store)?;
            let temporary = std::env::temp_dir();
            let state = BackupState::open(&store, Target::Latest, &temporary).await?;
            let drop_history = !arguments.keep_history;
            let full = state.write_full(&store, arguments.compression, drop_history, &temporary).await?;
            println!("wrote {} ({} bytes)", full.name, full.size);
            Ok(true)
        }
        Command::Get(arguments) => get(arguments).await,
    }
}

async fn snapshot(arguments: SnapshotCommand) -> Result<bool> {
    let etcd = Etcd::new(&etcd_options(&arguments)?)?;
    let store = open(&arguments.store)?;
    if arguments.once {
        let backup = gardener_etcd_backup::Backup::new(etcd, store).with_compression(arguments.compression);
        let full = backup.with_final(arguments.r#final).full().await?;
        println!(
            "wrote {} ({} bytes, database {})",
            full.snapshot.path, full.snapshot.size, full.database_size
        );
        return Ok(true);
    }
    let options = SnapshotterOptions::default()
        .with_compression(arguments.compression)
        .with_schedule(arguments.schedule)
        .with_deltas(Duration::from_secs(arguments.delta_period), arguments.delta_size);
    let options = options.with_new_cluster(arguments.new_cluster);
    let (snapshotter, handle) = Snapshotter::new(etcd, store, options);
    let mut running = tokio::spawn(snapshotter.run());
    tokio::select! {
        ended = &mut running => {
            ended.map_err(|error| Error::internal(error.to_string()))??;
        }
        () = asked_to_stop() => {
            eprintln!("writing what is left …");
            handle.stop().await?;
            let progress = handle.progress();
            println!("everything up to revision {} is in the store", progress.safe_revision);
        }
    }
    Ok(true)
}

/// Ctrl-C, or the signal by which containers are stopped.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

fn etcd_options(arguments: &SnapshotCommand) -> Result<EtcdOptions> {
    let mut options = EtcdOptions::new(arguments.endpoints.clone());
    if arguments.cacert.is_some() || arguments.cert.is_some() {
        let ca = arguments.cacert.as_ref().map(|path| read("cacert", path)).transpose()?;
        let mut tls = EtcdTls::new(ca.unwrap_or_default());
        if let (Some(certificate), Some(key)) = (&arguments.cert, &arguments.key) {
            tls = tls.with_identity(read("cert", certificate)?, Redacted::new(read("key", key)?));
        }
        options = options.with_tls(tls);
    }
    if let Some(user) = &arguments.user {
        let password = std::env::var("ETCD_PASSWORD");
        let password = password.map_err(|_| Error::invalid("ETCD_PASSWORD", "it must be set for --user"))?;
        options = options.with_login(user, password);
    }
    Ok(options)
}

async fn run_restore(arguments: RestoreCommand) -> Result<bool> {
    let store = open(&arguments.store)?;
    let target = arguments.target.target()?;
    if arguments.dry_run {
        let chain = plan(&store, target).await?;
        println!("{}", describe(&chain.full));
        chain.deltas.iter().for_each(|delta| println!("{}", describe(delta)));
        chain.remarks.iter().for_each(|remark| println!("note: {remark}"));
        println!("would restore to revision {} at most", chain.last());
        return Ok(true);
    }
    let cluster = InitialCluster::parse(&arguments.initial_cluster, &arguments.initial_cluster_token)?;
    let leases = if arguments.strip_leases { LeasePolicy::Strip } else { LeasePolicy::Keep };
    let options = RestoreOptions::default()
        .with_target(target)
        .with_cluster(cluster, arguments.name)
        .with_leases(leases)
        .with_bump_revision(arguments.bump_revision)
        .with_fall_back(!arguments.strict);
    let report = restore(&store, &arguments.data_dir, &options).await?;
    report.chain.remarks.iter().for_each(|remark| eprintln!("note: {remark}"));
    report.unusable.iter().for_each(|problem| eprintln!("warning: {problem}"));
    let (revision, changes) = (report.revision, report.changes);
    println!("restored to revision {revision} from {} and {changes} changes", report.chain.full.name);
    Ok(report.is_complete())
}

async fn run_verify(arguments: VerifyCommand) -> Result<bool> {
    let options =
        VerifyOptions::default().with_target(arguments.target.target()?).with_everything(arguments.all);
    let report = verify(&open(&arguments.store)?, &options).await?;
    report.remarks.iter().for_each(|remark| println!("note: {remark}"));
    report.unusable.iter().for_each(|problem| println!("damaged: {problem}"));
    let hash = report.hash;
    println!("restorable to revision {} of {} promised", hash.revision, report.promised);
    println!(
        "HashKV {} (compacted to {}); {} snapshots are good",
        hash.hash, hash.compact_revision, report.good
    );
    Ok(report.is_sound())
}

async fn list(store: &Store) -> Result<bool> {
    let Listing { snapshots, chunks, foreign, .. } = store.list().await?;
    let chain = plan(store, Target::Latest).await.ok();
    for snapshot in &snapshots {
        let used =
            chain.as_ref().is_some_and(|chain| chain.full == *snapshot || chain.deltas.contains(snapshot));
        println!("{} {}", if used { '*' } else { ' ' }, describe(snapshot));
    }
    println!(
        "{} snapshots, {} leftover parts, {} other objects",
        snapshots.len(),
        chunks.len(),
        foreign.len()
    );
    Ok(true)
}

fn describe(snapshot: &gardener_etcd_backup::Snapshot) -> String {
    let mut line = format!("{:>12} bytes  {}", snapshot.size, snapshot.path);
    let time = chrono::DateTime::<chrono::Utc>::from(snapshot.name.created_at());
    // Writing to a string does not fail.
    let _ = write!(line, "  {}", time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    line
}

async fn gc(arguments: GcCommand) -> Result<bool> {
    let options = RetentionOptions::new(arguments.policy)
        .with_delta_retention(Duration::from_secs(arguments.delta_retention))
        .with_dry_run(arguments.dry_run);
    let report = retain(&open(&arguments.store)?, &options).await?;
    for decision in &report.decisions {
        println!(
            "{} {}: {}",
            if decision.delete { "delete" } else { "keep  " },
            decision.path,
            decision.reason
        );
    }
    report.failed.iter().for_each(|(path, problem)| eprintln!("warning: {path} stays: {problem}"));
    println!("{} deleted, {} left for the next run", report.deleted.len(), report.failed.len());
    Ok(report.failed.is_empty())
}

async fn get(arguments: GetCommand) -> Result<bool> {
    let store = open(&arguments.store)?;
    let state = BackupState::open(&store, arguments.target.target()?, &std::env::temp_dir()).await?;
    let work = tokio::task::spawn_blocking(move || match arguments.since {
        Some(since) => {
            let changes: Vec<KeyChange> = state.changes(since, arguments.prefix.as_bytes())?;
            changes.iter().try_for_each(print_json)
        }
        None => state.keys(arguments.prefix.as_bytes(), |record| {
            print_json(&record)?;
            Ok(ControlFlow::Continue(()))
        }),
    });
    work.await.map_err(|error| Error::internal(error.to_string()))??;
    Ok(true)
}

fn print_json(value: &impl serde::Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(value).map_err(|error| Error::internal(error.to_string()))?);
    Ok(())
}

fn read(field: &str, path: &PathBuf) -> Result<Vec<u8>> {
    fs::read(path).map_err(|error| Error::invalid(field, format!("{}: {error}", path.display())))
}

fn open(text: &str) -> Result<Store> {
    let invalid = |problem: String| Error::invalid("store", format!("{text:?}: {problem}"));
    let url = url::Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    if url.scheme() == "file" {
        // The last part of the path is the prefix, as for the others.
        let path = url.to_file_path().map_err(|()| invalid("it must be an absolute path".to_owned()))?;
        let (Some(root), Some(prefix)) = (path.parent(), path.file_name()) else {
            return Err(invalid("it names no directory".to_owned()));
        };
        fs::create_dir_all(root).map_err(|error| {
            Error::new(ErrorKind::PermissionDenied, format!("cannot create {}: {error}", root.display()))
        })?;
        let files = object_store::local::LocalFileSystem::new_with_prefix(root);
        let files = files.map_err(|error| invalid(error.to_string()))?;
        return Store::new(std::sync::Arc::new(files), &prefix.to_string_lossy());
    }
    // Names in the environment are in capitals, those of the options in small letters.
    let variables = std::env::vars().map(|(name, value)| (name.to_ascii_lowercase(), value));
    let cloud = ["aws_", "azure_", "google_"];
    let options = variables.filter(|(name, _)| cloud.iter().any(|prefix| name.starts_with(prefix)));
    let (objects, prefix) =
        object_store::parse_url_opts(&url, options).map_err(|error| invalid(error.to_string()))?;
    Store::new(std::sync::Arc::from(objects), prefix.as_ref())
}
