//! The connection to the broker.

use foz_rabbit::{AMQPUri, Connection};
use foz_wire::env;

/// Opens a connection. Errors do not repeat the URL, which holds a password.
pub async fn connect(url: &str) -> anyhow::Result<Connection> {
    let variable = env::AMQP_URL.name;
    let uri: AMQPUri =
        url.parse().map_err(|_| anyhow::anyhow!("{variable} is not an AMQP URL, amqps://user:password@host/vhost"))?;
    foz_rabbit::connect(uri, "foz").await
}
