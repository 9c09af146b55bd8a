//! The connection to the broker.

use foz_rabbit::{Connection, address};
use foz_wire::env;

use crate::address::LakeAddress;

/// Opens a connection to the lake's broker. Errors do not repeat its URL, which holds a password.
pub async fn connect(lake: &LakeAddress) -> anyhow::Result<Connection> {
    let read = address::uri(lake.amqp_url()?, lake.is_local());
    let uri = read.map_err(|what| anyhow::anyhow!("{} {what}", env::AMQP_URL.name))?;
    foz_rabbit::connect(uri, "foz").await
}
