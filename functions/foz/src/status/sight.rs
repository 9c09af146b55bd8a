//! What can be seen of a group at the broker.

use foz_domain::GroupName;
use foz_rabbit::inspect::Inspector;
use foz_rabbit::look::{self, QueueDepth, QueueLook};
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

    /// Whether what it shows can be some seconds old: that is true of all that the management API counts.
    pub fn lags(&self) -> bool {
        matches!(self, Self::Asked(_, Some(Inspector::Management(_))))
    }

    /// Whether a bridge holds the group, or `None` if the broker is not asked, or does not answer.
    pub async fn holds(&self, lake: &str, group: &GroupName) -> Option<bool> {
        match self {
            Self::Asked(connection, _) => look::is_locked(connection, &lock::name(lake, group.as_str())).await.ok(),
            Self::NotNamed | Self::Silent(_) => None,
        }
    }

    /// The queue with its dead letters.
    pub async fn queue(&self, queue: &str) -> QueueSight {
        let looked = match self {
            Self::Asked(connection, inspector) => look::look(connection, inspector.as_ref(), queue).await,
            Self::NotNamed => return QueueSight::NotNamed,
            Self::Silent(why) => return QueueSight::Silent(why.clone()),
        };
        // One queue that cannot be looked at hides nothing of the others, nor of the catalog.
        looked.map_or_else(|error| QueueSight::Silent(format!("{error:#}")), seen)
    }
}

/// What a look shows.
fn seen(QueueLook { depth, dead_letters, fitness }: QueueLook) -> QueueSight {
    let Some(QueueDepth { ready, consumers }) = depth else { return QueueSight::Absent };
    let counts = fitness.as_ref().and_then(|fitness| fitness.counts);
    QueueSight::Seen {
        ready,
        consumers: counts.map_or(consumers, |counts| consumers.max(counts.consumers)),
        dead_letters,
        // What was in the queue and is not ready now may have been fetched since it was counted.
        unacknowledged: counts.map(|counts| counts.unacknowledged.max(counts.messages.saturating_sub(ready.into()))),
        unfit: fitness.and_then(|fitness| fitness.unfit).map(|unfit| unfit.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use foz_rabbit::inspect::Fitness;
    use foz_rabbit::inspect::management::QueueCounts;

    use super::*;

    #[test]
    fn input_5_6_the_management_api_adds_what_a_declaration_cannot_see() {
        let check = |counts: Option<(u64, u64, u32)>, expected: (u32, Option<u64>)| {
            let counts =
                counts.map(|(messages, unacknowledged, consumers)| QueueCounts { messages, unacknowledged, consumers });
            let fitness = counts.map(|_| Fitness { unfit: None, remarks: Vec::new(), counts });
            let depth = Some(QueueDepth { ready: 3, consumers: 1 });
            let QueueSight::Seen { consumers, unacknowledged, .. } =
                seen(QueueLook { depth, dead_letters: None, fitness })
            else {
                panic!("there is a queue");
            };
            assert_eq!((consumers, unacknowledged), expected, "{counts:?}");
        };
        check(None, (1, None));
        check(Some((3, 0, 1)), (1, Some(0)));
        // One consumer waits behind the other.
        check(Some((23, 20, 2)), (2, Some(20)));
        // Counted before the consumer came, and before five were fetched.
        check(Some((8, 0, 0)), (1, Some(5)));
        // Counted before anything was published.
        check(Some((0, 0, 1)), (1, Some(0)));
    }
}
