//! The connection to the broker.

use foz_rabbit::inspect::management::Management;
use foz_rabbit::{AMQPUri, BrokerConnection, address};
use foz_wire::env;

use crate::address::LakeAddress;

/// Opens a connection to the lake's broker. Errors do not repeat its URL, which holds a password.
pub async fn connect(lake: &LakeAddress) -> anyhow::Result<BrokerConnection> {
    foz_rabbit::connect(uri(lake)?, "foz").await
}

/// The management API of the lake's broker, or `None` if its address is not known.
pub fn management(lake: &LakeAddress) -> anyhow::Result<Option<Management>> {
    let Some(url) = lake.management_url() else { return Ok(None) };
    // Two parts of the process link different defaults; rustls wants one named.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Ok(Some(Management::of_broker(url, &uri(lake)?, lake.is_local())?))
}

fn uri(lake: &LakeAddress) -> anyhow::Result<AMQPUri> {
    let read = address::uri(lake.amqp_url()?, lake.is_local());
    read.map_err(|what| anyhow::anyhow!("{} {what}", env::AMQP_URL.name))
}
