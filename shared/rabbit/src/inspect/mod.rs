//! Whether a queue can lose messages.
//!
//! AMQP cannot read a queue's arguments. The management API can, policies included; where there is none, a queue is
//! declared again with the arguments that it should have, and the broker's refusal names one that differs.

pub mod management;
mod redeclare;
mod unfit;

use anyhow::Context;
use lapin::Connection;

use self::management::Management;
pub use self::unfit::Unfit;
use self::unfit::missing;
use crate::queue::ARGUMENTS;

/// Where queues are looked up.
#[derive(Debug)]
pub enum Inspector {
    /// The management API.
    Management(Management),
    /// The broker's refusals.
    Redeclaration,
}

/// Looks at one queue. `None` if it is fit.
///
/// # Errors
/// If the broker or its management API does not answer.
pub async fn inspect(inspector: &Inspector, connection: &Connection, queue: &str) -> anyhow::Result<Option<Unfit>> {
    let wrong = match inspector {
        Inspector::Management(management) => {
            match management.queue(queue).await.context("asking the management API")? {
                None => vec![missing()],
                Some(described) => {
                    ARGUMENTS.iter().filter_map(|argument| argument.wrong(described.value(argument).as_ref())).collect()
                }
            }
        }
        Inspector::Redeclaration => redeclare::redeclare(connection, queue).await?,
    };
    Ok(Unfit::of(queue, wrong))
}
