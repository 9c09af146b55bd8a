//! Whether a table waits for a compaction after its image.

use foz_lake::commit::TableState;

/// Whether compaction has anything to do with a table that is in this state. There is nothing yet: an image itself writes
/// those units anew that owe readers too much.
pub const fn maintenance_due(_: &TableState) -> bool {
    false
}
