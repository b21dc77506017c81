//! Query bytes to a question, an answer to bytes.
