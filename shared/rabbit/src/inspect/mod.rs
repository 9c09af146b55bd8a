//! Whether a queue can lose messages.
//!
//! AMQP cannot read a queue's arguments. The management API can, policies included; where there is none, a queue is
//! declared again with the arguments that it should have, and the broker's refusal names one that differs.

pub mod management;
mod redeclare;

use std::fmt;

use anyhow::Context;
use lapin::Connection;

use self::management::Management;
use crate::queue::ARGUMENTS;

/// Everything that is wrong with a queue, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    queue: String,
    wrong: Vec<String>,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "queue {} is not fit: {}", self.queue, self.wrong.join("; "))
    }
}

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
    Ok((!wrong.is_empty()).then(|| Unfit { queue: queue.to_owned(), wrong }))
}

fn missing() -> String {
    "it does not exist (`foz queues` prints the right declaration)".to_owned()
}
