//! How a group's status looks: rows for people, JSON for machines.

use serde_json::{Value, json};

use super::facts::{Carrier, GroupFacts, QueueSight};
use super::group_status::{GroupStatus, StreamStatus};
use super::verdict::Verdict;
use crate::output::{CellText, Heading};
use crate::units;

/// What a row tells.
pub const COLUMNS: [Heading<'_>; 11] = [
    Heading::Text("GROUP"),
    Heading::Text("STREAM"),
    Heading::Number("READY"),
    Heading::Number("DEAD"),
    Heading::Number("MESSAGES"),
    Heading::Number("SEQUENCE"),
    Heading::Number("THROUGH"),
    Heading::Number("ROWS"),
    Heading::Number("PENDING"),
    Heading::Number("OLDEST"),
    Heading::Text("STATE"),
];

impl GroupStatus {
    /// A row for each stream; what is the group's own stands in the first.
    pub fn rows(&self, facts: &GroupFacts, verdict: &Verdict) -> Vec<Vec<CellText>> {
        let mut rows = Vec::new();
        for (i, stream) in self.streams.iter().enumerate() {
            let of_group = |field: CellText| if i == 0 { field } else { "".into() };
            let state =
                if verdict.loud() { CellText::loud(verdict.brief()) } else { verdict.brief().to_owned().into() };
            let (ready, dead) = stream.waiting();
            rows.push(vec![
                of_group(self.group.name.to_string().into()),
                stream.name.to_string().into(),
                ready,
                dead,
                units::count(stream.head.messages).into(),
                stream.head.last.map_or("-".into(), |last| last.sequence.to_string().into()),
                stream.image.as_ref().map_or("-".into(), |image| image.through.to_string().into()),
                stream.image.as_ref().map_or("-".into(), |image| units::count(image.rows).into()),
                of_group(units::count(self.pending()).into()),
                of_group(facts.oldest.map_or("-".into(), |age| units::duration(age).into())),
                of_group(state),
            ]);
        }
        rows
    }

    /// The group for a machine.
    pub fn json(&self, facts: &GroupFacts, verdict: &Verdict) -> Value {
        let marks = self.out.marks;
        let streams: Vec<_> = self.streams.iter().map(StreamStatus::json).collect();
        let held = match self.carrier {
            Carrier::Bridge => Some(true),
            Carrier::NoBridge => Some(false),
            Carrier::Mapping | Carrier::Unknown => None,
        };
        json!({
            "group": self.group.name.as_str(),
            "state": verdict.state(),
            "up_to_date": verdict.up_to_date(),
            "next_step": verdict.next(),
            "halted": verdict.halted,
            "epoch": self.head.as_ref().map(|head| head.epoch.0),
            "owner": self.head.as_ref().map(|head| &head.owner),
            "held": held,
            "next_sequence": self.next(),
            "claimed": marks.claimed.0,
            "done": marks.done.0,
            "imaging": marks.imaging.0,
            "imaged": marks.imaged.0,
            "pending": self.pending(),
            "oldest_ms": facts.oldest,
            "promised_ms": facts.promised,
            "attempts": facts.jobs.iter().map(|job| job.attempts).max(),
            "streams": streams,
        })
    }
}

impl StreamStatus {
    /// The cells of what waits in the queue and in that of its dead letters.
    fn waiting(&self) -> (CellText, CellText) {
        match self.sight {
            QueueSight::Seen { ready, dead_letters, .. } => {
                let dead = match dead_letters {
                    None => "-".into(),
                    Some(0) => "0".into(),
                    Some(dead) => CellText::loud(units::count(dead.into())),
                };
                (units::count(ready.into()).into(), dead)
            }
            QueueSight::Absent => (CellText::loud("no queue"), "-".into()),
            QueueSight::NotNamed | QueueSight::Silent(_) => ("?".into(), "?".into()),
        }
    }

    fn json(&self) -> Value {
        let (mut ready, mut consumers, mut dead, mut held, mut wrong) = (None, None, None, None, None);
        if let QueueSight::Seen { ready: r, consumers: c, dead_letters, unacknowledged, unfit } = &self.sight {
            (ready, consumers, dead, held, wrong) = (Some(r), Some(c), *dead_letters, *unacknowledged, unfit.as_ref());
        }
        json!({
            "stream": self.name.as_str(),
            "queue": self.queue,
            "ready": ready,
            "unacknowledged": held,
            "dead_letters": dead,
            "consumers": consumers,
            "unfit": wrong,
            "last_batch_at_ms": self.last_batch_at.map(|at| at.0),
            "messages": self.head.messages,
            "bytes": self.head.bytes,
            "sequence": self.head.last.map(|last| last.sequence.0),
            "through": self.image.as_ref().map(|image| image.through.0),
            "rows": self.image.as_ref().map(|image| image.rows),
        })
    }
}
