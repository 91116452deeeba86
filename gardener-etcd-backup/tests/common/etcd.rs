//! A real etcd, started for a test, and a client that writes to it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "helpers of tests: small numbers, and failing loudly is their purpose"
)]

use std::{
    env,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use gardener_etcd_backup::{Etcd, EtcdOptions};
use http::uri::PathAndQuery;
use prost::Message;
use tonic::{client::Grpc, transport::Channel};
use tonic_prost::ProstCodec;

/// The installed servers, by what they are called in messages. Says which are missing.
pub fn servers(test: &str) -> Vec<Server> {
    let known = [("3.5.1", "GARDENER_TEST_ETCD"), ("3.4.23", "GARDENER_TEST_ETCD_34")];
    let found = known.into_iter().filter_map(|(version, variable)| {
        let Some(directory) = env::var_os(variable) else {
            println!("skipped: {test}: {variable} does not name a directory with etcd {version}");
            return None;
        };
        let binary = PathBuf::from(directory).join("etcd");
        assert!(binary.is_file(), "{variable} is set, but there is no {}", binary.display());
        Some(Server { version, binary })
    });
    found.collect()
}

#[derive(Debug, Clone)]
pub struct Server {
    pub version: &'static str,
    pub binary: PathBuf,
}

/// A running etcd. It is killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    pub url: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Server {
    /// Starts a single member on `data_dir` and waits until it serves.
    pub fn start(&self, data_dir: &Path) -> Running {
        self.start_with(data_dir, &[])
    }

    pub fn start_with(&self, data_dir: &Path, more: &[&str]) -> Running {
        // Another process may take a free port before etcd does.
        let mut started = self.try_start(data_dir, more);
        for _ in 0..5 {
            if !started.as_ref().is_err_and(|log| log.contains("address already in use")) {
                break;
            }
            started = self.try_start(data_dir, more);
        }
        started.unwrap_or_else(|log| panic!("etcd ended before it served:\n{log}"))
    }

    fn try_start(&self, data_dir: &Path, more: &[&str]) -> Result<Running, String> {
        let mut arguments = vec!["--name".to_owned(), "default".to_owned()];
        let peer = format!("http://127.0.0.1:{}", free_port());
        if !more.contains(&"--initial-cluster") {
            arguments.extend(["--initial-cluster".to_owned(), format!("default={peer}")]);
            arguments.extend(["--listen-peer-urls".to_owned(), peer.clone()]);
            arguments.extend(["--initial-advertise-peer-urls".to_owned(), peer]);
        }
        arguments.extend(more.iter().map(ToString::to_string));
        self.spawn(data_dir, &arguments).try_until_ready()
    }

    pub fn spawn(&self, data_dir: &Path, arguments: &[String]) -> Starting {
        let secure = arguments.iter().any(|argument| argument == "--cert-file");
        let url = format!("{}://127.0.0.1:{}", if secure { "https" } else { "http" }, free_port());
        let child = Command::new(&self.binary)
            .args(["--listen-client-urls", &url, "--advertise-client-urls", &url])
            .arg("--data-dir")
            .arg(data_dir)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Starting { running: Running { child, url } }
    }
}

#[derive(Debug)]
pub struct Starting {
    running: Running,
}

impl Starting {
    pub fn wait_until_ready(self) -> Running {
        self.try_until_ready().unwrap_or_else(|log| panic!("etcd ended before it served:\n{log}"))
    }

    /// Reads the log until it says that clients are served, or answers the log.
    fn try_until_ready(mut self) -> Result<Running, String> {
        let mut log = BufReader::new(self.running.child.stderr.take().unwrap());
        let mut seen = String::new();
        loop {
            let mut line = String::new();
            if log.read_line(&mut line).unwrap() == 0 {
                return Err(seen);
            }
            let ready = [
                "serving client traffic insecurely",
                "serving insecure client requests",
                "serving client traffic securely",
                "serving client requests on",
            ];
            if ready.iter().any(|text| line.contains(text)) {
                break;
            }
            seen.push_str(&line);
        }
        // The pipe must not run full.
        std::thread::spawn(move || log.lines().for_each(drop));
        Ok(self.running)
    }
}

impl Running {
    pub fn client(&self) -> Etcd {
        Etcd::new(&EtcdOptions::new([self.url.clone()])).unwrap()
    }

    pub fn writer(&self) -> Writer {
        Writer(Channel::from_shared(self.url.clone()).unwrap().connect_lazy())
    }
}

/// Writes to etcd.
#[derive(Debug, Clone)]
pub struct Writer(Channel);

#[derive(Clone, PartialEq, Message)]
pub struct Put {
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
    #[prost(int64, tag = "3")]
    pub lease: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Delete {
    #[prost(bytes = "vec", tag = "1")]
    pub key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub range_end: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Header {
    #[prost(int64, tag = "3")]
    pub revision: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Reply {
    #[prost(message, optional, tag = "1")]
    pub header: Option<Header>,
    #[prost(int64, tag = "2")]
    pub number: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Txn {
    #[prost(message, repeated, tag = "2")]
    pub success: Vec<Op>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Op {
    #[prost(message, optional, tag = "2")]
    pub put: Option<Put>,
    #[prost(message, optional, tag = "3")]
    pub delete: Option<Delete>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Number {
    #[prost(int64, tag = "1")]
    pub number: i64,
    #[prost(bool, tag = "2")]
    pub physical: bool,
}

impl Writer {
    async fn call<Q: Message + 'static>(&self, path: &'static str, request: Q) -> Reply {
        let mut client = Grpc::new(self.0.clone());
        client.ready().await.unwrap();
        let request = tonic::Request::new(request);
        let reply = client.unary(request, PathAndQuery::from_static(path), ProstCodec::default()).await;
        reply.unwrap().into_inner()
    }

    /// Answers the revision.
    pub async fn put(&self, key: &[u8], value: &[u8], lease: i64) -> i64 {
        let put = Put { key: key.to_vec(), value: value.to_vec(), lease };
        self.call("/etcdserverpb.KV/Put", put).await.header.unwrap().revision
    }

    pub async fn delete(&self, key: &[u8], range_end: &[u8]) -> i64 {
        let delete = Delete { key: key.to_vec(), range_end: range_end.to_vec() };
        self.call("/etcdserverpb.KV/DeleteRange", delete).await.header.unwrap().revision
    }

    pub async fn txn(&self, ops: Vec<Op>) -> i64 {
        self.call("/etcdserverpb.KV/Txn", Txn { success: ops }).await.header.unwrap().revision
    }

    /// Answers the lease's id.
    pub async fn grant(&self, seconds: i64) -> i64 {
        self.call("/etcdserverpb.Lease/LeaseGrant", Number { number: seconds, physical: false }).await.number
    }

    pub async fn compact(&self, revision: i64) {
        self.call("/etcdserverpb.KV/Compact", Number { number: revision, physical: true }).await;
    }

    /// Makes the user `root` with this password and turns authentication on.
    pub async fn enable_auth(&self, password: &str) {
        let pair = |first: &str, second: &str| Put { key: first.into(), value: second.into(), lease: 0 };
        self.call("/etcdserverpb.Auth/UserAdd", pair("root", password)).await;
        self.call("/etcdserverpb.Auth/RoleAdd", pair("root", "")).await;
        self.call("/etcdserverpb.Auth/UserGrantRole", pair("root", "root")).await;
        self.call("/etcdserverpb.Auth/AuthEnable", pair("", "")).await;
    }

    /// Puts of every kind: binary keys, empty and large values, overwrites, deletions, several in one transaction, leases.
    pub async fn variety(&self, rounds: u32) {
        let lease = self.grant(3600).await;
        for round in 0..rounds {
            self.put(format!("/plain/{}", round % 50).as_bytes(), &round.to_le_bytes(), 0).await;
            self.put(&[0xff, 0x00, round as u8], b"", 0).await;
            self.put(format!("/leased/{round}").as_bytes(), b"x", lease).await;
            let put = |n: u32| Op {
                put: Some(Put { key: format!("/txn/{n}").into(), value: vec![7; 100], lease: 0 }),
                delete: None,
            };
            let delete = Delete { key: b"/plain/1".to_vec(), range_end: b"/plain/2".to_vec() };
            let ops = vec![put(round), Op { put: None, delete: Some(delete) }, put(round + 1000)];
            self.txn(ops).await;
            if round == 3 {
                self.put(format!("/large/{round}").as_bytes(), &vec![round as u8; 1 << 20], 0).await;
                self.delete(b"/txn/", b"/txn0").await;
            }
        }
    }
}
