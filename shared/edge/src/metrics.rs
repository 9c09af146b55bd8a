//! The registry of metrics, emitted in CloudWatch's embedded metric format: one JSON line on standard output.
//!
//! Dashboards and alarms use only names that stand here.

use std::io::Write;
use std::sync::OnceLock;

use foz_domain::Timestamp;
use serde_json::{Map, Value, json};

/// The CloudWatch namespace of all metrics.
pub const NAMESPACE: &str = "Foz";

/// The dimension that every value of every metric carries beside its own: an account may hold several lakes.
pub const LAKE: &str = "lake";

/// The lake that all metrics of this process are about. Set once, at boot, as the logs' subscriber is.
static OF_LAKE: OnceLock<String> = OnceLock::new();

/// Names the lake of everything that is emitted from now on: by its catalog table, whose name is every resource's
/// beginning. The first call wins.
pub fn of_lake(table: &str) {
    let _ = OF_LAKE.set(table.to_owned());
}

/// CloudWatch's unit of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    Bytes,
    Milliseconds,
}

/// A metric as registered.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name in CloudWatch.
    pub name: &'static str,
    pub unit: Unit,
    /// The dimensions that every value carries, beside [`LAKE`].
    pub dimensions: &'static [&'static str],
    /// What a value says.
    pub meaning: &'static str,
}

macro_rules! registry {
    ($($ident:ident = $name:literal, $unit:ident, $dimensions:expr, $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub static $ident: Metric =
                Metric { name: $name, unit: Unit::$unit, dimensions: &$dimensions, meaning: $meaning };
        )*
        /// Every metric that Foz emits.
        pub static ALL: &[&Metric] = &[$(&$ident),*];
    };
}

registry! {
    MESSAGES_IN = "MessagesIn", Count, ["stream"], "Messages that were catalogued.";
    BYTES_IN = "BytesIn", Bytes, ["stream"], "Bytes of uncompressed frames that were catalogued.";
    BATCHES = "Batches", Count, ["stream"], "Batches that were catalogued.";
    REPEATED = "BatchesRepeated", Count, ["stream"], "Batches that were already catalogued when they came again.";
    FENCED = "Fenced", Count, ["stream"], "Batches refused because a newer bridge reigns.";
    CONFLICTS = "Conflicts", Count, ["stream"], "Batches refused because another one stands in their place.";
    BUSY = "Busy", Count, ["stream"], "Batches that could not be catalogued in time and will be sent again.";
    HINTS_LOST = "HintsLost", Count, ["stream"], "Hints that could not be sent; the S3 event or the schedule finds the work.";
    REDELIVERED_DROPPED = "RedeliveredDropped", Count, ["stream"], "Redelivered messages that were dropped because they are catalogued.";
    EVENTS_IGNORED = "EventsIgnored", Count, ["function"], "Events about foreign buckets or prefixes, or hints that cannot be read.";
    OLDEST_PENDING = "OldestPending", Milliseconds, ["group"], "Age of the oldest unprocessed work.";
    SEQUENCE_LAG = "SequenceLag", Count, ["group"], "Batches that are catalogued and not yet in the history tables.";
    IMAGE_LAG = "ImageLag", Count, ["group"], "Batches that are in the history tables and not yet in the current images.";
    RUNS_CLAIMED = "RunsClaimed", Count, ["group"], "Runs, consolidations and compactions that were started.";
    TAKEOVERS = "Takeovers", Count, ["group"], "Runs, consolidations and compactions taken over from an attempt that went silent.";
    HALTS = "Halts", Count, ["group"], "Reasons for which a group stands still until a person, or the EMR engine, comes.";
    RUN_DURATION = "RunDuration", Milliseconds, ["group", "engine"], "From a run's start to the moment its tables and watermark were moved.";
    ROWS_QUARANTINED = "RowsQuarantined", Count, ["stream"], "Messages that could not be typed.";
    HOLDING = "Holding", Count, ["group"], "1 from a bridge that holds the group, 0 from one that does not; each says so three times a minute.";
    OLDEST_UNACKNOWLEDGED = "OldestUnacknowledged", Milliseconds, ["group"], "How long the bridge has held the oldest message that it has not acknowledged; 0 if it holds none.";
    READY = "Ready", Count, ["group"], "Messages that wait in the group's queues for a consumer.";
    DEAD_LETTERS = "DeadLetters", Count, ["group"], "Messages in the queues for the dead letters of the group's queues.";
    QUEUES_UNFIT = "QueuesUnfit", Count, ["group"], "Queues of the group that are gone, or may lose or reorder messages.";
    STRANGERS = "Strangers", Count, ["group"], "Queues of the group that somebody beside the bridge consumes, or waits to consume.";
    CONSUMES_REFUSED = "ConsumesRefused", Count, ["group"], "Logins, channels and consumers that the broker refused the bridge, or took from it.";
    REDELIVERED = "Redelivered", Count, ["group"], "Messages that the broker delivered to the bridge and had delivered before.";
    OLDEST_DEBT = "OldestDebt", Milliseconds, ["group"], "How long tables of the group have waited for a compaction.";
    COMPACTION_DURATION = "CompactionDuration", Milliseconds, ["group"], "From a compaction's start to its end.";
    CONSOLIDATION_DURATION = "ConsolidationDuration", Milliseconds, ["group"], "From a consolidation's start to its last image.";
}

/// Prints values of metrics that share the same dimensions, at `now`.
///
/// A metric whose registered dimensions are not among `dimensions` is a mistake of the caller; its line then lacks them
/// and CloudWatch shows the value without.
pub fn emit(now: Timestamp, dimensions: &[(&str, &str)], values: &[(&'static Metric, f64)]) {
    let lake = OF_LAKE.get().map(|lake| (LAKE, lake.as_str()));
    let line = line(now, &lake.into_iter().chain(dimensions.iter().copied()).collect::<Vec<_>>(), values);
    // Standard output is locked, so a line is never torn; there is nobody to tell if it is closed.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn line(now: Timestamp, dimensions: &[(&str, &str)], values: &[(&'static Metric, f64)]) -> Value {
    let described: Vec<Value> =
        values.iter().map(|(metric, _)| json!({"Name": metric.name, "Unit": format!("{:?}", metric.unit)})).collect();
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({"Timestamp": now.0, "CloudWatchMetrics": [
            {"Namespace": NAMESPACE, "Dimensions": [names], "Metrics": described}]}),
    );
    line.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    line.extend(values.iter().map(|(metric, value)| (metric.name.to_owned(), json!(value))));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_metric_says_what_it_means() {
        let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), ALL.len());
        assert!(ALL.iter().all(|metric| metric.meaning.ends_with('.') && !metric.dimensions.is_empty()));
    }

    #[test]
    fn the_line_is_in_embedded_metric_format() {
        let line = line(Timestamp(5), &[("stream", "orders")], &[(&BATCHES, 1.0), (&BYTES_IN, 10.0)]);
        assert_eq!(
            line,
            json!({
                "_aws": {"Timestamp": 5, "CloudWatchMetrics": [{
                    "Namespace": "Foz", "Dimensions": [["stream"]],
                    "Metrics": [{"Name": "Batches", "Unit": "Count"}, {"Name": "BytesIn", "Unit": "Bytes"}]}]},
                "stream": "orders", "Batches": 1.0, "BytesIn": 10.0,
            })
        );
    }
}
