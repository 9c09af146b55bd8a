//! A batch gets its sequence: one transaction over group head, stream head and batch.
//!
//! Read, judge, write, and on anything but success read and judge again. Conditions: the group's epoch, members and next
//! sequence are those that were read; the stream's last batch is this one's predecessor; the sequence is free. So a batch
//! is catalogued once, in its place, or not at all, however often and however late it is repeated.

use foz_domain::batch::{Batch, BatchContent};
use foz_domain::groups::Group;
use foz_domain::{Digest, Epoch, Ordinal, Sequence};

use crate::Catalog;
use crate::error::Result;
use crate::item::group::{GroupHead, members_text};
use crate::item::stream::StreamHead;
use crate::item::{Key, number, text};
use crate::patience::Patience;
use crate::table::{Sent, Update, Write};

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Commit {
    /// It is in the catalog.
    Committed {
        /// Its place in the group.
        sequence: Sequence,
        /// Whether it was there before this call, or an earlier try of this call had put it there.
        repeated: bool,
    },
    /// A newer bridge reigns; the batch is not in the catalog, or the newer bridge has found it there.
    Fenced {
        /// The newer reign.
        epoch: Epoch,
    },
    /// Another batch stands in its place, or its predecessor is missing: the bridge ends its reign.
    Conflict {
        /// What was found.
        reason: String,
    },
    /// The group was too contended; send the same batch again.
    Busy,
}

impl Catalog {
    /// Commits the batch to its place in the group, whose streams are those of the definition. May be repeated with the
    /// same batch at will.
    ///
    /// # Errors
    /// Unavailable (the outcome is unknown: repeat), refused or damaged.
    pub async fn commit_batch(&self, group: &Group, batch: &BatchContent) -> Result<Commit> {
        let mut patience = Patience::default();
        loop {
            let (head, stream) =
                tokio::try_join!(self.group_head(&group.name), self.stream_head(&group.name, &batch.stream))?;
            let (sequence, previous) = match judge(group, batch, head.as_ref(), &stream) {
                Judgement::Commit { sequence, previous } => (sequence, previous),
                Judgement::Decided(commit) => return Ok(commit),
                Judgement::Late => return self.late(group, batch, &stream).await,
            };
            let writes = writes(group, &Batch { sequence, previous, content: batch.clone() });
            match self.table.transact(writes).await? {
                Sent::Applied => return Ok(Commit::Committed { sequence, repeated: false }),
                Sent::Refused => {}
                Sent::Unclear(error) => tracing::debug!(%error, stream = %batch.stream, "reading before judging"),
            }
            if !patience.wait().await {
                return Ok(Commit::Busy);
            }
        }
    }

    /// Finds what became of a batch that was overtaken within its own reign: it was committed before, as the bridge
    /// never has two in flight, or it never will be.
    async fn late(&self, group: &Group, batch: &BatchContent, head: &StreamHead) -> Result<Commit> {
        let mut chain = self.tail_before(&group.name, &batch.stream, head);
        while let Some(link) = chain.before().await? {
            let BatchContent { epoch, ordinal, digest, .. } = link.content;
            if epoch < batch.epoch || ordinal < batch.ordinal {
                break;
            }
            if ordinal == batch.ordinal {
                return Ok(same_place(batch, digest, link.sequence));
            }
        }
        Ok(Commit::Conflict { reason: format!("{} is missing from its reign's chain", place(batch)) })
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Judgement {
    /// The batch is the next one.
    Commit { sequence: Sequence, previous: Option<Sequence> },
    /// It is decided already.
    Decided(Commit),
    /// Later ones of the same reign are there: look for it among them.
    Late,
}

/// Judges a batch by strongly consistent reads of its group's and its stream's head.
fn judge(ours: &Group, batch: &BatchContent, group: Option<&GroupHead>, head: &StreamHead) -> Judgement {
    let conflict = |reason: String| Judgement::Decided(Commit::Conflict { reason });
    let Some(group) = group else { return conflict(format!("group {} has no reign yet", ours.name)) };
    // The two reads are not one: a newer reign may show in either.
    let reign = head.last.map_or(group.epoch, |last| last.epoch.max(group.epoch));
    if reign > batch.epoch {
        return Judgement::Decided(Commit::Fenced { epoch: reign });
    }
    if group.epoch < batch.epoch {
        return conflict(format!("epoch {} was never raised, the group is at {}", batch.epoch, group.epoch));
    }
    let (ours, theirs) = (members_text(&ours.streams), members_text(&group.members));
    if ours != theirs {
        return conflict(format!("ingest's definition has the streams [{ours}], the catalog [{theirs}]"));
    }
    let (last, previous) = match head.last {
        Some(last) if last.epoch == batch.epoch => (last.ordinal, Some(last)),
        last => (Ordinal(0), last),
    };
    match previous {
        Some(found) if found.epoch == batch.epoch && last == batch.ordinal => {
            Judgement::Decided(same_place(batch, found.digest, found.sequence))
        }
        _ if last.next() == batch.ordinal => {
            Judgement::Commit { sequence: group.next_sequence, previous: previous.map(|last| last.sequence) }
        }
        Some(_) if last > batch.ordinal => Judgement::Late,
        _ => conflict(format!("{} does not follow ordinal {last}", place(batch))),
    }
}

fn same_place(batch: &BatchContent, found: Digest, sequence: Sequence) -> Commit {
    if found == batch.digest {
        Commit::Committed { sequence, repeated: true }
    } else {
        Commit::Conflict { reason: format!("{} is taken by a batch with another digest", place(batch)) }
    }
}

fn place(batch: &BatchContent) -> String {
    format!("ordinal {} of {} in epoch {}", batch.ordinal, batch.stream, batch.epoch)
}

fn writes(group: &Group, placed: &Batch) -> Vec<Write> {
    let Batch { sequence, content: batch, .. } = placed;
    let sequence = *sequence;
    let head = Update::new(
        Key::inward(&group.name),
        "SET #next_sequence = :next, #pending = :one, #pending_since = if_not_exists(#pending_since, :at)",
        "#epoch = :epoch AND #members = :members AND #next_sequence = :sequence",
        [
            (":epoch", number(batch.epoch)),
            (":members", text(members_text(&group.streams))),
            (":sequence", number(sequence)),
            (":next", number(sequence.next())),
            (":one", text("1")),
            (":at", number(batch.ingested_at)),
        ],
    );
    let mut stream = Update::new(
        Key::stream(&group.name, &batch.stream),
        "SET #epoch = :epoch, #ordinal = :ordinal, #digest = :digest, #sequence = :sequence \
         ADD #messages :messages, #bytes :bytes",
        if batch.ordinal == Ordinal(1) {
            "attribute_not_exists(#epoch) OR #epoch < :epoch"
        } else {
            "#epoch = :epoch AND #ordinal = :before"
        },
        [
            (":epoch", number(batch.epoch)),
            (":ordinal", number(batch.ordinal)),
            (":digest", text(batch.digest)),
            (":sequence", number(sequence)),
            (":messages", number(batch.messages)),
            (":bytes", number(batch.bytes)),
        ],
    );
    if batch.ordinal > Ordinal(1) {
        stream.value(":before", number(batch.ordinal.0 - 1));
    }
    let item = crate::item::batch::to_item(&group.name, placed);
    vec![Write::Update(head), Write::Update(stream), Write::Create(item)]
}

#[cfg(test)]
mod tests {
    use foz_testkit::a_batch;

    use super::*;
    use crate::item::stream::LastBatch;

    const SAME: Digest = Digest([7; 32]);

    fn ours(streams: &[&str]) -> Group {
        let streams = streams.iter().map(|name| name.parse().unwrap()).collect();
        Group { name: "a".parse().unwrap(), streams }
    }

    fn batch(epoch: u64, ordinal: u64) -> BatchContent {
        BatchContent { digest: SAME, ..a_batch(&"a".parse().unwrap(), Epoch(epoch), Ordinal(ordinal)) }
    }

    fn group(epoch: u64) -> GroupHead {
        GroupHead {
            epoch: Epoch(epoch),
            next_sequence: Sequence(9),
            members: vec!["a".parse().unwrap(), "b".parse().unwrap()],
            owner: "o".into(),
            pending_since: None,
        }
    }

    fn head(epoch: u64, ordinal: u64, digest: Digest) -> StreamHead {
        let last = LastBatch { epoch: Epoch(epoch), ordinal: Ordinal(ordinal), digest, sequence: Sequence(5) };
        StreamHead { last: Some(last), ..StreamHead::default() }
    }

    /// `batch`, the group's epoch, the stream's last (epoch, ordinal, same digest?) → what is expected to stand in the judgement.
    fn check((epoch, ordinal): (u64, u64), reign: u64, last: Option<(u64, u64, bool)>, expected: &str) {
        let head = last.map_or_else(StreamHead::default, |(epoch, ordinal, same)| {
            head(epoch, ordinal, if same { SAME } else { Digest([0; 32]) })
        });
        let judgement = format!("{:?}", judge(&ours(&["b", "a"]), &batch(epoch, ordinal), Some(&group(reign)), &head));
        assert!(judgement.contains(expected), "{epoch}.{ordinal} under {reign} after {last:?}: {judgement}");
    }

    #[test]
    fn judged_by_reading() {
        check((1, 1), 1, None, "Commit { sequence: Sequence(9), previous: None }");
        check((1, 2), 1, Some((1, 1, false)), "Commit { sequence: Sequence(9), previous: Some(Sequence(5)) }");
        check((3, 1), 3, Some((1, 7, true)), "Commit { sequence: Sequence(9), previous: Some(Sequence(5)) }");
        check((1, 2), 1, Some((1, 2, true)), "Committed { sequence: Sequence(5), repeated: true }");
        check((1, 2), 1, Some((1, 2, false)), "another digest");
        check((1, 2), 1, Some((1, 3, true)), "Late");
        check((1, 2), 2, Some((1, 1, true)), "Fenced { epoch: Epoch(2) }");
        check((1, 2), 2, Some((1, 2, true)), "Fenced { epoch: Epoch(2) }");
        check((1, 2), 1, Some((2, 1, true)), "Fenced { epoch: Epoch(2) }");
        check((1, 3), 1, Some((1, 1, true)), "does not follow ordinal 1");
        check((2, 2), 2, Some((1, 1, true)), "does not follow ordinal 0");
        check((1, 0), 1, None, "does not follow");
        check((2, 0), 2, Some((1, 1, true)), "does not follow");
        check((2, 1), 1, None, "never raised");
    }

    #[test]
    fn membership_must_be_the_catalogs() {
        let judgement = judge(&ours(&["b"]), &batch(1, 1), Some(&group(1)), &StreamHead::default());
        assert!(matches!(judgement, Judgement::Decided(Commit::Conflict { .. })), "{judgement:?}");
    }
}
