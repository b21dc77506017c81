//! Samples to aggregates to reports to the table: the learning, whole.
