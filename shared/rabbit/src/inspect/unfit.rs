//! What is wrong with a queue.

use std::fmt;

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

impl Unfit {
    /// `None` if nothing is wrong.
    pub(super) fn of(queue: &str, wrong: Vec<String>) -> Option<Self> {
        (!wrong.is_empty()).then(|| Self { queue: queue.to_owned(), wrong })
    }
}

/// What is wrong with a queue that is not there.
pub(super) fn missing() -> String {
    "it does not exist (`foz queues` prints the right declaration)".to_owned()
}
