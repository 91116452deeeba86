//! etcd backup and restore, interchangeable with etcd-backup-restore.
