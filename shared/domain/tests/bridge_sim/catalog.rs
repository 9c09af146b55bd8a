//! The catalog as ingest sees it, and the oracle that looks at every commit.

use foz_domain::bridge::{InvokeOutcome, StreamNo};
use foz_domain::{Epoch, Ordinal};

use super::{Guard, Rules};

#[derive(Debug, Clone, Default)]
struct Head {
    epoch: Epoch,
    ordinal: Ordinal,
    content: Vec<usize>,
}

/// What the publishers did, and what must therefore be true.
#[derive(Debug, Default)]
pub struct Published {
    /// For every message of every stream: how many messages of each stream were published before it.
    pub before: Vec<Vec<Vec<usize>>>,
    /// For every stream, the streams that it refers to.
    pub references: Vec<Vec<StreamNo>>,
}

#[derive(Debug, Default)]
pub struct Catalog {
    pub epoch: Epoch,
    heads: Vec<Head>,
    /// Messages of each stream in the order of their commits.
    pub committed: Vec<Vec<usize>>,
    pub prefetch: Vec<u16>,
    pub violation: Option<String>,
}

/// A batch that is sent to be committed.
pub struct SentBatch<'a> {
    pub stream: StreamNo,
    pub epoch: Epoch,
    pub ordinal: Ordinal,
    pub content: &'a [usize],
}

impl Catalog {
    pub fn new(streams: usize) -> Self {
        Self {
            heads: vec![Head::default(); streams],
            committed: vec![vec![]; streams],
            prefetch: vec![0; streams],
            ..Self::default()
        }
    }

    pub fn raise(&mut self) -> Epoch {
        self.epoch = self.epoch.next();
        self.epoch
    }

    /// The last messages of a stream; without the rule, only those of its last batch.
    pub fn tail(&self, stream: StreamNo, depth: usize, rules: &Rules) -> Vec<usize> {
        let committed = &self.committed[stream.0];
        let depth = if rules.keeps(Guard::DeepTail) { depth } else { self.heads[stream.0].content.len() };
        committed[committed.len().saturating_sub(depth)..].to_vec()
    }

    /// Ingest's transaction.
    pub fn commit(
        &mut self,
        &SentBatch { stream, epoch, ordinal, content }: &SentBatch<'_>,
        rules: &Rules,
        published: &Published,
    ) -> InvokeOutcome {
        if rules.keeps(Guard::Fence) && epoch != self.epoch {
            return InvokeOutcome::Fenced;
        }
        let head = &self.heads[stream.0];
        let (same, next) = if rules.keeps(Guard::OrdinalInEpoch) {
            let same = head.epoch == epoch && head.ordinal == ordinal;
            let next = head.epoch == epoch && head.ordinal.next() == ordinal;
            (same, next || head.epoch < epoch && ordinal == Ordinal(1))
        } else {
            (ordinal <= head.ordinal, head.ordinal.next() == ordinal)
        };
        if rules.keeps(Guard::Ordinal) && !next {
            let repeated =
                same && (!rules.keeps(Guard::Digest) || !rules.keeps(Guard::OrdinalInEpoch) || head.content == content);
            return if repeated { InvokeOutcome::Committed } else { InvokeOutcome::Conflict };
        }
        self.heads[stream.0] = Head { epoch, ordinal, content: content.to_vec() };
        for &n in content {
            self.look(stream, n, published);
            self.committed[stream.0].push(n);
        }
        InvokeOutcome::Committed
    }

    /// The oracle: nothing twice, nothing left out, and nothing before what it refers to.
    fn look(&mut self, stream: StreamNo, n: usize, published: &Published) {
        let expected = self.committed[stream.0].len();
        let wrong = match n.cmp(&expected) {
            std::cmp::Ordering::Less => Some("again".to_owned()),
            std::cmp::Ordering::Greater => Some(format!("instead of message {expected}")),
            std::cmp::Ordering::Equal => published.references[stream.0]
                .iter()
                .find(|queue| self.committed[queue.0].len() < published.before[stream.0][n][queue.0])
                .map(|queue| format!("before what came before it in stream {}", queue.0)),
        };
        if let Some(wrong) = wrong {
            self.violation.get_or_insert(format!("message {n} of stream {} committed {wrong}", stream.0));
        }
    }
}
