//! The overwatch as a value, and the query path.
