//! How a command ended.

/// How a command ended that was able to do its work; the exit code follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CliStatus {
    /// All is well.
    Ok,
    /// Something that was asked for is not as it should be, and was reported.
    Attention,
}
