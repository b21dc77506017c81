//! Metrics of what survives a restart: the store, and etcd where several overwatches share what operators make.

use crate::metrics::family::{Bound, Family, Label};

/// What comes of this overwatch's changes.
const OUTCOMES: Bound = Bound::Words(|| vec!["done", "lost", "refused"]);

families! {
    STORE_KEPT = gauge(
        "overwatch_store_kept", &[],
        "1 while the store on disk takes what changes, else 0: a restart would forget it; absent while another process has it"
    );
    STORE_UNSAVED = gauge(
        "overwatch_store_unsaved_seconds", &[],
        "For how long a change has not been in the store"
    );
    STORE_FAILURES = counter("overwatch_store_write_failures", &[], "Writes of the store that failed");
    ETCD_IN_STEP = gauge(
        "overwatch_etcd_in_step", &[],
        "1 while etcd is reached and all that is there is known here, else 0; absent where nothing is shared"
    );
    ETCD_HOLDER = gauge(
        "overwatch_etcd_holder", &[],
        "1 where this overwatch looks after what is shared, and makes zones' keys; one of all has 1"
    );
    ETCD_REVISION = gauge(
        "overwatch_etcd_revision", &[],
        "Etcd's revision up to which changes are known here"
    );
    ETCD_CHANGES = counter(
        "overwatch_etcd_changes",
        &[Label::new("outcome", OUTCOMES)],
        "Changes of this overwatch; lost: another one changed the same first; refused: etcd was not there"
    );
    ETCD_HEARD = counter(
        "overwatch_etcd_rows_heard", &[],
        "Rows that others changed and this overwatch took in"
    );
}
