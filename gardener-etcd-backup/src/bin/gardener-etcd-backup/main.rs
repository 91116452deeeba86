//! The command-line tool. `gardener-etcd-backup help` lists the commands.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is what the tool is for")]

mod arguments;
mod bars;
mod serve;
mod stores;

use std::{fmt::Write, fs, ops::ControlFlow, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::Parser;
use gardener_etcd_backup::{
    BackupState, Etcd, EtcdOptions, EtcdTls, InitialCluster, KeyChange, LeasePolicy, Listing, Metrics,
    RestoreOptions, RetentionOptions, Snapshotter, SnapshotterOptions, Store, Target, VerifyOptions, copy,
    plan, restore, retain, verify,
};
use gardener_provider_core::{Error, Redacted, Result};

use crate::{
    arguments::{Arguments, Command, GcCommand, GetCommand, RestoreCommand, SnapshotCommand, VerifyCommand},
    stores::Stores,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(arguments)) {
        Ok(sound) => ExitCode::from(if sound { 0 } else { 2 }),
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// False when it was done but something is wrong with the backup: the exit code is 2.
async fn run(arguments: Arguments) -> Result<bool> {
    let stores = Stores::new(arguments.keys.as_deref())?;
    match arguments.command {
        Command::Snapshot(arguments) => snapshot(arguments, &stores).await,
        Command::Restore(arguments) => run_restore(arguments, &stores).await,
        Command::Verify(arguments) => run_verify(arguments, &stores).await,
        Command::List(arguments) => list(&stores.open(&arguments.store)?).await,
        Command::Gc(arguments) => gc(arguments, &stores).await,
        Command::Copy(arguments) => {
            let (from, to) = (stores.open(&arguments.from)?, stores.open(&arguments.to)?);
            let copied = copy(&from, &to, arguments.target.target()?).await?;
            for snapshot in &copied {
                println!("copied {} ({} bytes)", snapshot.name, snapshot.size);
            }
            Ok(true)
        }
        Command::Compact(arguments) => {
            let store = stores.open(&arguments.store)?;
            let temporary = std::env::temp_dir();
            let state = BackupState::open(&store, Target::Latest, &temporary).await?;
            let drop_history = !arguments.keep_history;
            let full = state.write_full(&store, arguments.compression, drop_history, &temporary).await?;
            println!("wrote {} ({} bytes)", full.name, full.size);
            Ok(true)
        }
        Command::Get(arguments) => get(arguments, &stores).await,
    }
}

async fn snapshot(arguments: SnapshotCommand, stores: &Stores) -> Result<bool> {
    let etcd = Etcd::new(&etcd_options(&arguments)?)?;
    let store = stores.open(&arguments.store)?;
    if arguments.once {
        let backup = gardener_etcd_backup::Backup::new(etcd, store).with_compression(arguments.compression);
        let full = backup.with_final(arguments.r#final).with_observers(bars::shown()).full().await?;
        println!(
            "wrote {} ({} bytes, database {})",
            full.snapshot.path, full.snapshot.size, full.database_size
        );
        return Ok(true);
    }
    let metrics = Metrics::new()?;
    let observers = bars::shown().and(Arc::new(metrics.clone()));
    let _server = match arguments.metrics {
        Some(address) => Some(serve::metrics(address, metrics).await?),
        None => None,
    };
    let options = SnapshotterOptions::default()
        .with_observers(observers)
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

async fn run_restore(arguments: RestoreCommand, stores: &Stores) -> Result<bool> {
    let store = stores.open(&arguments.store)?;
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
        .with_compact(arguments.compact)
        .with_fall_back(!arguments.strict)
        .with_observers(bars::shown());
    let report = restore(&store, &arguments.data_dir, &options).await?;
    report.chain.remarks.iter().for_each(|remark| eprintln!("note: {remark}"));
    report.unusable.iter().for_each(|problem| eprintln!("warning: {problem}"));
    let (revision, changes) = (report.revision, report.changes);
    println!("restored to revision {revision} from {} and {changes} changes", report.chain.full.name);
    Ok(report.is_complete())
}

async fn run_verify(arguments: VerifyCommand, stores: &Stores) -> Result<bool> {
    let options = VerifyOptions::default()
        .with_target(arguments.target.target()?)
        .with_everything(arguments.all)
        .with_observers(bars::shown());
    let report = verify(&stores.open(&arguments.store)?, &options).await?;
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

async fn gc(arguments: GcCommand, stores: &Stores) -> Result<bool> {
    let options = RetentionOptions::new(arguments.policy)
        .with_delta_retention(Duration::from_secs(arguments.delta_retention))
        .with_dry_run(arguments.dry_run);
    let report = retain(&stores.open(&arguments.store)?, &options).await?;
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

async fn get(arguments: GetCommand, stores: &Stores) -> Result<bool> {
    let store = stores.open(&arguments.store)?;
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
