//! The next step of one table.

use foz_domain::TableName;
use foz_lake::Tables;

use crate::walk::Taken;

/// Takes the step that is due next in the table. There is none yet: an image itself writes those units anew that owe
/// readers too much, so nothing is ever due.
///
/// # Errors
/// The table cannot be read. A step that was taken stays taken.
pub async fn take_next_step(lake: &Tables, table: &TableName) -> anyhow::Result<Taken> {
    // A table whose files cannot be found is a fault, also where none of them is merged.
    if let Some(found) = lake.find(table.as_str()).await? {
        found.files().await?;
    }
    Ok(Taken::NothingDue)
}
