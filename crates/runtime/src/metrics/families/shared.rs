//! Metrics of etcd, where several overwatches share what operators make.

use crate::metrics::family::{Bound, Family, Label};

/// What comes of this overwatch's changes.
const OUTCOMES: Bound = Bound::Words(|| vec!["done", "lost", "refused"]);

families! {
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
