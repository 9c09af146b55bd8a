//! What can be seen of a group at the broker.

use foz_domain::GroupName;
use foz_rabbit::inspect::{Fitness, Inspector, inspect};
use foz_rabbit::look::{self, QueueDepth};
use foz_rabbit::queue::StreamQueue;
use foz_rabbit::{BrokerConnection, lock};

use super::facts::QueueSight;
use crate::address::LakeAddress;
use crate::broker;

/// The broker, as far as it can be asked.
pub enum BrokerSight {
    /// It is asked; without a management API some of it stays unknown.
    Asked(Box<BrokerConnection>, Option<Inspector>),
    /// Nobody said where it is.
    NotNamed,
    /// It does not answer, for this reason.
    Silent(String),
}

impl BrokerSight {
    /// Connects, if a broker is named.
    pub async fn open(address: &LakeAddress) -> Self {
        if address.amqp_url().is_err() {
            return Self::NotNamed;
        }
        let opened = async { anyhow::Ok((broker::connect(address).await?, broker::management(address)?)) };
        match opened.await {
            Ok((connection, management)) => Self::Asked(Box::new(connection), management.map(Inspector::Management)),
            Err(error) => Self::Silent(format!("{error:#}")),
        }
    }

    /// Whether a bridge holds the group, or `None` if the broker is not asked.
    pub async fn holds(&self, lake: &str, group: &GroupName) -> anyhow::Result<Option<bool>> {
        match self {
            Self::Asked(connection, _) => {
                Ok(Some(look::is_locked(connection, &lock::name(lake, group.as_str())).await?))
            }
            Self::NotNamed | Self::Silent(_) => Ok(None),
        }
    }

    /// The queue with its dead letters.
    pub async fn queue(&self, queue: &str) -> anyhow::Result<QueueSight> {
        let (connection, inspector) = match self {
            Self::Asked(connection, inspector) => (connection, inspector.as_ref()),
            Self::NotNamed => return Ok(QueueSight::NotNamed),
            Self::Silent(why) => return Ok(QueueSight::Silent(why.clone())),
        };
        let Some(QueueDepth { ready, mut consumers }) = look::depth(connection, queue).await? else {
            return Ok(QueueSight::Absent);
        };
        let dead = look::depth(connection, &StreamQueue::new(queue).dead_letters).await?;
        let (mut unacknowledged, mut unfit) = (None, None);
        if let Some(inspector) = inspector {
            let Fitness { unfit: found, .. } = inspect(inspector, connection, queue).await?;
            unfit = found.map(|unfit| unfit.to_string());
            if let Inspector::Management(management) = inspector {
                // What was never delivered is not counted by some versions: then there is nothing.
                unacknowledged = Some(management.unacknowledged(queue).await?.unwrap_or(0));
                consumers = consumers.max(management.consumers(queue).await?.unwrap_or(0));
            }
        }
        Ok(QueueSight::Seen { ready, consumers, dead_letters: dead.map(|dead| dead.ready), unacknowledged, unfit })
    }
}
