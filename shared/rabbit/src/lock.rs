//! A lock: an exclusive queue, which belongs to one connection and dies with it.

use anyhow::bail;
use lapin::Connection;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;

use crate::connection::Refusal;
use crate::question::declared;

/// The name of the lock on a lake's group.
pub fn name(lake: &str, group: &str) -> String {
    format!("foz.{lake}.{group}.lock")
}

/// Takes the lock of that name for the connection. `false` if another connection holds it.
pub async fn try_lock(connection: &Connection, name: &str) -> anyhow::Result<bool> {
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    match declared(connection, name, options, FieldTable::default()).await? {
        Ok(_) => Ok(true),
        Err(Refusal { code: Refusal::RESOURCE_LOCKED, .. }) => Ok(false),
        Err(Refusal { text, .. }) => bail!("the broker refuses the lock {name}: {text}"),
    }
}
