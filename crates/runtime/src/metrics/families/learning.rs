//! Metrics of learning: the table that agents fill, and what was tried and moved by it.

use latency::TableRefusal;

use crate::metrics::family::{Bound, Family, Label};

families! {
    ENTRIES = gauge("overwatch_latency_table_entries", &[], "Rows held");
    REPORTS = counter("overwatch_latency_reports_received", &[], "Reports taken");
    REPORTS_REFUSED = counter(
        "overwatch_latency_reports_refused",
        &[Label::new("reason", Bound::Words(|| TableRefusal::NAMES.to_vec()))],
        "Reports refused"
    );
    ROWS_RECEIVED = counter("overwatch_latency_rows_received", &[], "Rows set");
    ROWS_WAITING = counter(
        "overwatch_latency_rows_waiting", &[], "Rows that did not count yet"
    );
    ENTRIES_PRUNED = counter("overwatch_latency_entries_pruned", &[], "Rows too old");
    ENTRIES_EVICTED = counter("overwatch_latency_entries_evicted", &[], "Rows that made room");
    ROWS_LEFT_OUT = counter(
        "overwatch_latency_rows_left_out", &[], "New rows that found no room in a full table"
    );
    KEPT = gauge(
        "overwatch_latency_table_kept", &[],
        "1 where rows are kept on disk, 0 where that is wanted and does not go well"
    );
    KEPT_UNSAVED = gauge(
        "overwatch_latency_table_unsaved_seconds", &[],
        "For how long something has not been on the disk"
    );
    KEPT_BYTES = gauge("overwatch_latency_table_file_bytes", &[], "Bytes of the table's files");
    KEPT_SNAPSHOTS = counter(
        "overwatch_latency_table_snapshots", &[], "Times that the table was written whole"
    );
    KEPT_FAILURES = counter(
        "overwatch_latency_table_write_failures", &[], "Writes of the table that failed"
    );
    EXPLORED_CONNECTIONS = counter(
        "learning_explored_connections", &[],
        "Connections sent to a region that was tried, as estimated"
    );
    EXPLORED_COST = counter(
        "learning_explored_cost_ms", &[],
        "Milliseconds that they lost by it together, as estimated"
    );
    EXPLORED_SHARE = gauge(
        "learning_explored_share_ppm", &[],
        "Millionths of the connections that are explored now, in the domain with most"
    );
    FOUND = counter("learning_found", &[], "Networks that moved to a region they had tried");
    GIVEN_UP = counter(
        "learning_given_up", &[], "Regions that a network tried and was never measured at"
    );
    MOVED = counter("learning_moved", &[], "Networks that moved");
    MOVES_PUT_OFF = counter(
        "learning_moves_put_off", &[], "Moves that waited since enough had moved"
    );
    IMPOSSIBLE = gauge(
        "learning_impossible_rows", &[], "Rows that are not used since light is not that fast"
    );
}
