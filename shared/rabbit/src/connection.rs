//! Connections to the broker, their channels, and how both fail.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use futures::StreamExt;
use lapin::uri::AMQPUri;
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind, Event};
use tokio::time::timeout;

use crate::address::{self, HEARTBEAT_SECONDS};
use crate::broker_error::BrokerError;
use crate::stream;

/// How long the broker may take to answer before the connection is taken for dead.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// After how long the broker has missed the heartbeats of a dead client, and has closed its connection.
pub const ALIVE: Duration = Duration::from_secs(3 * HEARTBEAT_SECONDS as u64);

/// How long a connection may take to close; then it is hung up.
const CLOSING: Duration = Duration::from_secs(3);

/// A connection to the broker, which does not come back by itself. It is closed when it is dropped, if the broker answers;
/// [`close`](Self::close) ends it in any case.
#[derive(Debug)]
pub struct BrokerConnection {
    connection: Connection,
    hung_up: Arc<AtomicBool>,
}

impl BrokerConnection {
    /// Closes the connection, or hangs up if the broker does not answer: as one that reads nothing, because it blocks
    /// publishers, or that lapin waits for in vain. So its thread and its socket go in any case, and what belongs to it.
    pub async fn close(&self, why: &str) {
        if !matches!(timeout(CLOSING, self.connection.close(200, why.into())).await, Ok(Ok(()))) {
            self.hung_up.store(true, Ordering::Relaxed);
        }
    }

    /// What ends the connection when it is dropped, without a word to the broker. A broker that blocks publishers reads
    /// nothing more of a connection that has published, so it would never learn that the connection is to be closed.
    pub fn hang_up(&self) -> HangUp {
        HangUp(Arc::clone(&self.hung_up))
    }
}

impl Deref for BrokerConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// Ends a connection when it is dropped, at the broker's next heartbeat at the latest.
#[derive(Debug)]
pub struct HangUp(Arc<AtomicBool>);

impl Drop for HangUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Opens a connection. Errors name the broker's host, not its URL, which holds a password.
///
/// # Errors
/// [`LoginRefused`], in the chain of causes, if the broker does not let this user in.
pub async fn connect(uri: AMQPUri, name: &str) -> anyhow::Result<BrokerConnection> {
    let place = address::place(&uri);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let hung_up = Arc::<AtomicBool>::default();
    let of_stream = Arc::clone(&hung_up);
    let open = async move |uri: AMQPUri, _| Ok(stream::open(&uri, Arc::clone(&of_stream)).await?);
    let user = uri.authority.userinfo.username.clone();
    let opened = timeout(PATIENCE, Connection::connector(uri, stream::runtime(), open, properties)).await;
    let connection = opened
        .with_context(|| format!("connecting to the broker at {place} took too long"))?
        .map_err(|error| match LoginRefused::of(&error, user) {
            Some(refused) => anyhow::Error::new(refused),
            None => anyhow::Error::new(BrokerError::from(error)),
        })
        .with_context(|| format!("connecting to the broker at {place}"))?;
    Ok(BrokerConnection { connection, hung_up })
}

/// The broker does not let the user in. Trying again helps only once somebody has changed a password or a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginRefused {
    user: String,
    text: String,
}

impl LoginRefused {
    /// Who the broker refused for that error, or `None` if it is another. `NOT_ALLOWED` is about the virtual host.
    fn of(error: &lapin::Error, user: String) -> Option<Self> {
        let refusal = Refusal::of(error)?;
        let refused = [Refusal::ACCESS_REFUSED, Refusal::NOT_ALLOWED].contains(&refusal.code);
        refused.then_some(Self { user, text: refusal.text })
    }
}

impl fmt::Display for LoginRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the broker refuses the user {}: {}", self.user, self.text)
    }
}

impl std::error::Error for LoginRefused {}

/// Opens a channel.
pub async fn channel(connection: &Connection) -> anyhow::Result<Channel> {
    timeout(PATIENCE, connection.create_channel())
        .await
        .context("opening a channel took too long")?
        .map_err(BrokerError::from)
        .context("opening a channel")
}

/// Resolves when the connection fails.
pub async fn failure(connection: &Connection) -> anyhow::Error {
    failure_telling(connection, |_| ()).await
}

/// Resolves when the connection fails. Until then tells whether the broker blocks what is published on it.
pub async fn failure_telling(connection: &Connection, blocked: impl Fn(bool)) -> anyhow::Error {
    let mut events = connection.events_listener();
    while let Some(event) = events.next().await {
        match event {
            // A channel's failure is its consumer's to tell.
            Event::Error(error) if error.is_amqp_soft_error() => {}
            Event::Error(error) => {
                return anyhow::Error::new(BrokerError::from(error)).context("the connection to the broker failed");
            }
            Event::ConnectionBlocked(reason) => {
                tracing::warn!(reason, "the broker blocks publishing");
                blocked(true);
            }
            Event::ConnectionUnblocked => {
                tracing::info!("the broker accepts publishing again");
                blocked(false);
            }
            _ => {}
        }
    }
    anyhow::anyhow!("the connection to the broker ended")
}

/// What the broker says when it refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// AMQP's reply code.
    pub code: u16,
    /// The broker's words.
    pub text: String,
}

impl Refusal {
    /// The user may not do this, or is not let in.
    pub const ACCESS_REFUSED: u16 = 403;
    /// There is no such queue.
    pub const NOT_FOUND: u16 = 404;
    /// The queue is exclusive to another connection.
    pub const RESOURCE_LOCKED: u16 = 405;
    /// The virtual host is not there, or not this user's.
    pub const NOT_ALLOWED: u16 = 530;

    /// The refusal, or `None` if the error is another.
    pub fn of(error: &lapin::Error) -> Option<Self> {
        match error.kind() {
            ErrorKind::ProtocolError(refused) => {
                Some(Self { code: refused.get_id(), text: refused.get_message().to_string() })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use lapin::protocol::{AMQPError, AMQPHardError, AMQPSoftError};

    use super::*;

    #[test]
    fn input_4_a_refused_login_is_told_from_other_refusals() {
        let refused = |error: AMQPError| LoginRefused::of(&ErrorKind::ProtocolError(error).into(), "foz".to_owned());
        let access = AMQPError::new(AMQPSoftError::ACCESSREFUSED.into(), "Login was refused".into());
        assert_eq!(refused(access).unwrap().to_string(), "the broker refuses the user foz: Login was refused");
        assert!(refused(AMQPError::new(AMQPHardError::NOTALLOWED.into(), "vhost".into())).is_some());
        assert!(refused(AMQPError::new(AMQPHardError::CONNECTIONFORCED.into(), "shutdown".into())).is_none());
    }
}
