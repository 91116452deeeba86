#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| gardener_etcd_backup_fuzz::delta(bytes));
