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
pub use self::unfit::{Fitness, Unfit};
use self::unfit::{missing, of_dead_letters};
use crate::queue::{ARGUMENTS, ARGUMENTS_OF_DEAD_LETTERS, StreamQueue};

/// Where queues are looked up.
#[derive(Debug)]
pub enum Inspector {
    /// The management API.
    Management(Management),
    /// The broker's refusals.
    Redeclaration,
}

/// Looks at one queue, and with the management API at the queue for its dead letters, if there is one of the usual name.
///
/// # Errors
/// If the broker or its management API does not answer.
pub async fn inspect(inspector: &Inspector, connection: &Connection, queue: &str) -> anyhow::Result<Fitness> {
    let Inspector::Management(management) = inspector else { return redeclare::redeclare(connection, queue).await };
    const ASKING: &str = "asking the management API";
    let Some(described) = management.queue(queue).await.context(ASKING)? else {
        return Ok(Fitness::of(queue, vec![missing()], Vec::new()));
    };
    let mut wrong: Vec<_> =
        ARGUMENTS.iter().filter_map(|argument| argument.wrong(described.value(argument).as_ref())).collect();
    let remarks = ARGUMENTS.iter().filter_map(|argument| argument.remark(described.value(argument).as_ref())).collect();
    let dead = StreamQueue::new(queue).dead_letters;
    // The counts are of the first answer: a third question for them would be one more that may fail.
    let counts = Some(described.counts());
    if let Some(described) = management.queue(&dead).await.context(ASKING)? {
        let told = ARGUMENTS_OF_DEAD_LETTERS.iter().filter_map(|a| a.wrong(described.value(a).as_ref()));
        wrong.extend(told.map(|wrong| of_dead_letters(&dead, &wrong)));
    }
    Ok(Fitness { counts, ..Fitness::of(queue, wrong, remarks) })
}
