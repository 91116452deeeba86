//! What every cloud's provider needs and none should write again. Optional for a third-party cloud.
//!
//! # A call's way
//! A cloud's `api/` builds a [`call::Call`]: method, address, body, which rate limit it counts against and whether it may
//! be repeated. [`client::ApiClient`] waits for the family's turn ([`throttle`]), lets the cloud's
//! [`client::Dialect`] sign the request, sends it through the [`transport::Transport`], lets the dialect decode an
//! error, and repeats what may be repeated ([`retry`]). Replies are parsed by the cloud's `api/` again; [`rest`] has what
//! those of JSON APIs share.
//!
//! # On top of calls
//! [`pages`] for lists, [`poll`] for long-running operations and slow transitions, [`token`] for what expires, [`batch`]
//! for many reads in few calls, [`graph`] for infrastructure, [`object_http`] for the data of object stores, [`config`] for
//! what users write ([`retention`] for what they write of backup buckets), [`setup`] and [`recent`] for a provider and its sessions.
//!
//! # Time and tests
//! All waits go through a [`clock::Clock`]. On tokio's paused time with [`clock::TokioClock`] every test of retries and
//! slow clouds is instant; [`fake::FakeTransport`] or a sandbox stands in for the network.

pub mod batch;
pub mod call;
pub mod checks;
pub mod client;
pub mod clock;
pub mod config;
pub mod fake;
pub mod go_duration;
pub mod graph;
pub mod machines;
pub mod object_http;
pub mod observe;
pub mod pages;
pub mod poll;
pub mod recent;
pub mod rest;
pub mod retention;
pub mod retry;
pub mod setup;
pub mod throttle;
pub mod token;
pub mod transport;
