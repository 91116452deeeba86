//! The tool against real etcd servers: killed at any moment, the backup stays whole.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;
#[path = "common/etcd.rs"]
mod etcd;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use gardener_etcd_backup::{RestoreOptions, Store, compare_hash_kv, hash_kv_of_file, restore};
use object_store::local::LocalFileSystem;

/// `gardener-etcd-backup snapshot`, running.
struct Tool(Child);

impl Tool {
    fn start(etcd: &str, store: &str, more: &[&str]) -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_gardener-etcd-backup"))
            .args(["snapshot", "--store", store, "--endpoints", etcd, "--delta-period", "1"])
            .args(["--delta-size", "2000", "--schedule", "@every 1h"])
            .args(more)
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        Self(command.unwrap())
    }

    /// As `kill -9` does.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to stop and answers what it printed.
    fn stop(mut self) -> String {
        let mut out = self.0.stdout.take().unwrap();
        let asked = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        assert!(asked.unwrap().success());
        let mut printed = String::new();
        out.read_to_string(&mut printed).unwrap();
        assert!(self.0.wait().unwrap().success(), "{printed}");
        printed
    }
}

/// `GARDENER_FAULTS`, as the other faults.
fn points() -> usize {
    std::env::var("GARDENER_FAULTS").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

fn snapshots(bucket: &Path) -> usize {
    std::fs::read_dir(bucket.join("etcd-main/v2")).map_or(0, Iterator::count)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_takes_up_again_and_loses_nothing() {
    for server in etcd::servers("killed_at_any_moment_it_takes_up_again_and_loses_nothing") {
        let place = tempfile::tempdir().unwrap();
        let bucket = place.path().join("bucket");
        let url = format!("file://{}/etcd-main", bucket.display());
        let source = server.start(&place.path().join("source"));
        let kills = (points() / 25).clamp(5, 200);
        for kill in 0..kills {
            let tool = Tool::start(&source.url, &url, &[]);
            // From before its first call to the middle of its deltas, as the writes pace it.
            let (begun, mut rounds) = (snapshots(&bucket), 0);
            while snapshots(&bucket) < begun + kill % 4 && rounds < 400 {
                source.writer().variety(1).await;
                rounds += 1;
            }
            tool.kill();
            source.writer().variety(2).await;
        }
        let tool = Tool::start(&source.url, &url, &[]);
        let before = snapshots(&bucket);
        while snapshots(&bucket) == before {
            source.writer().variety(1).await;
        }
        let said = tool.stop();
        let revision = source.client().revision().await.unwrap();
        assert!(said.contains(&format!("everything up to revision {revision} is in the store")), "{said}");

        let objects = Arc::new(LocalFileSystem::new_with_prefix(&bucket).unwrap());
        let store = Store::new(objects, "etcd-main").unwrap();
        let data_dir = place.path().join("restored");
        let report = restore(&store, &data_dir, &RestoreOptions::default()).await.unwrap();
        assert!(report.is_complete() && report.revision == revision, "{report:?}");
        let expected = source.client().hash_kv(None).await.unwrap();
        compare_hash_kv(expected, hash_kv_of_file(&data_dir, None).unwrap()).unwrap();
        println!("etcd {}: killed {kills} times, {} snapshots", server.version, snapshots(&bucket));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_can_be_scraped() {
    for server in etcd::servers("the_metrics_can_be_scraped").into_iter().take(1) {
        let place = tempfile::tempdir().unwrap();
        let url = format!("file://{}/bucket/etcd-main", place.path().display());
        let source = server.start(&place.path().join("source"));
        source.writer().variety(3).await;
        let mut tool = Tool::start(&source.url, &url, &["--metrics", "127.0.0.1:0"]);
        let (mut line, mut said) = (String::new(), BufReader::new(tool.0.stderr.take().unwrap()));
        said.read_line(&mut line).unwrap();
        let address =
            line.trim().strip_prefix("metrics at http://").unwrap().strip_suffix("/metrics").unwrap();
        let scrape = || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            assert!(text.starts_with("HTTP/1.1 200"), "{text}");
            text
        };
        let full = "etcdbr_snapshot_duration_seconds_count{kind=\"Full\",succeeded=\"true\"} 1";
        while !scrape().contains(full) {
            source.writer().variety(1).await;
        }
        tool.stop();
    }
}
