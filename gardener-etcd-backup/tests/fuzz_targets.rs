//! The fuzz targets on good input and on some hundred changes of it. `fuzz/` runs them for as long as one likes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests")]

mod common;
#[path = "../fuzz/src/lib.rs"]
#[allow(dead_code, unreachable_pub, reason = "a crate of its own elsewhere")]
mod targets;

use common::{compress, etcd_34, etcd_35};
use gardener_etcd_backup::Compression;
use proptest::prelude::*;

/// Good input of each target, by its number.
fn seeds(target: usize) -> Vec<Vec<u8>> {
    let (old, new) = (etcd_34(), etcd_35());
    let without_hash = |full: &[u8]| full[..full.len() - 32].to_vec();
    match target {
        0 => vec![without_hash(&old.full), without_hash(&new.full)],
        1 => vec![without_hash(&old.delta(5, 7)), without_hash(&old.delta(5, 25))],
        2 => (0..4)
            .map(|kind| {
                let compression = [Compression::None, Compression::Gzip, Compression::Zlib, Compression::Lzw]
                    [usize::from(kind)];
                [&[kind], &compress(compression, &new.full)[..]].concat()
            })
            .collect(),
        _ => vec![b"Full-00000000-00030009-1518427675.gz.enc.final".to_vec()],
    }
}

fn run(target: usize, bytes: &[u8]) {
    [targets::database, targets::delta, targets::object, targets::name][target](bytes);
}

#[test]
fn good_and_empty_input_is_borne() {
    for target in 0..4 {
        run(target, &[]);
        for seed in seeds(target) {
            run(target, &seed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn changed_input_is_borne(
        target in 0..4_usize,
        seed: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        length in prop::option::weighted(0.2, any::<prop::sample::Index>()),
    ) {
        let seeds = seeds(target);
        let mut bytes = seeds[seed.index(seeds.len())].clone();
        if let Some(length) = length {
            bytes.truncate(length.index(bytes.len()));
        }
        for (at, value) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        run(target, &bytes);
    }
}
