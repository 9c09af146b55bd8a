//! What is wrong with a queue.

use std::fmt;

use super::management::QueueCounts;

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

/// What was found out about a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fitness {
    /// What is wrong, or `None` if the queue is fit.
    pub unfit: Option<Unfit>,
    /// What a person should know of a queue, each in a sentence that names the argument.
    pub remarks: Vec<String>,
    /// What the management API counted, or `None` if it was not asked or there is no such queue.
    pub counts: Option<QueueCounts>,
}

impl Fitness {
    /// The queue with all that is wrong and all that is to be said.
    pub(super) fn of(queue: &str, wrong: Vec<String>, remarks: Vec<String>) -> Self {
        let unfit = (!wrong.is_empty()).then(|| Unfit { queue: queue.to_owned(), wrong });
        Self { unfit, remarks, counts: None }
    }
}

/// What is wrong with a queue that is not there.
pub(super) fn missing() -> String {
    "it does not exist (`foz queues` prints the right declaration)".to_owned()
}

/// What is wrong with the queue for the dead letters.
pub(super) fn of_dead_letters(queue: &str, wrong: &str) -> String {
    format!("its dead letters' queue {queue}: {wrong}")
}
