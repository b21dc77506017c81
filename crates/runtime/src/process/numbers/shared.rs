//! The numbers of the store, and of etcd where several overwatches share what operators make.

use super::super::keeper::StoreKept;
use super::super::overwatch::SharingCounters;
use crate::metrics::Page;
use crate::metrics::families::shared as family;

/// How it stands.
pub(in crate::process) struct Shared {
    pub(in crate::process) is_in_step: bool,
    pub(in crate::process) is_holder: bool,
    pub(in crate::process) revision: u64,
    pub(in crate::process) counters: SharingCounters,
}

/// Nothing where nothing is shared.
pub(in crate::process) fn of_shared(page: &mut Page, shared: Option<Shared>) {
    let Some(Shared { is_in_step, is_holder, revision, counters }) = shared else { return };
    page.set(&family::ETCD_IN_STEP, u64::from(is_in_step));
    page.set(&family::ETCD_HOLDER, u64::from(is_holder));
    page.set(&family::ETCD_REVISION, revision);
    let SharingCounters { done, lost, refused, heard } = counters;
    page.each(&family::ETCD_CHANGES, [("done", done), ("lost", lost), ("refused", refused)]);
    page.set(&family::ETCD_HEARD, heard);
}

/// What is kept of all changes; nothing while another process does that.
pub(in crate::process) fn of_store(page: &mut Page, kept: Option<StoreKept>) {
    let Some(kept) = kept else { return };
    page.set(&family::STORE_KEPT, kept.is_kept.into());
    page.set(&family::STORE_UNSAVED, kept.unsaved_s);
    page.set(&family::STORE_FAILURES, kept.failures);
}
