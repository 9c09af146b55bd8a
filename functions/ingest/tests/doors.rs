//! Both front doors, with the real SDKs against services in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod doors {
    mod events;
    mod frames;
}

use std::time::Duration;

use foz_catalog::Catalog;
use foz_domain::{GroupName, Range, Sequence};
use foz_edge::Hints;
use foz_lake::Store;
use foz_pipeline::Definition;
use foz_testkit::{Cloud, Memory};
use foz_wire::IngestAnswer;
use ingest::Ingest;

/// An ingest and the services around it.
struct Stage {
    cloud: Cloud,
    memory: Memory,
    catalog: Catalog,
    ingest: Ingest,
    group: GroupName,
}

impl Stage {
    /// For the first group of the definition.
    fn new(definition: &str) -> Self {
        Self::within(definition, Duration::from_secs(30))
    }

    /// The same, with so much time for an invocation.
    fn within(definition: &str, timeout: Duration) -> Self {
        let (cloud, memory) = (Cloud::default(), Memory::default());
        let definition = Definition::stored(definition).unwrap();
        let catalog = Catalog::new(memory.client(), "foz");
        let store = Store::new(cloud.s3(), "lake");
        let hints = Hints::with_client(cloud.sqs(), "http://queue/1/hints");
        let ingest = Ingest::new(store, catalog.clone(), hints, &definition, timeout);
        let group = definition.groups().remove(0).name;
        Self { cloud, memory, catalog, ingest, group }
    }

    /// Checks that exactly `count` batches are catalogued, each with its object.
    async fn holds(&self, count: u64) {
        let head = self.catalog.group_head(&self.group).await.unwrap();
        let next = head.map(|head| head.next_sequence).unwrap_or_default();
        assert_eq!(next, Sequence(count));
        if let Some(range) = Range::new(Sequence(0), next) {
            for batch in self.catalog.batches(&self.group, range).await.unwrap() {
                let state = self.cloud.state();
                let (bytes, digest) = state.objects.get(&batch.content.raw_key.to_string()).expect("the object");
                assert_eq!(
                    (bytes.len() as u64, digest),
                    (batch.content.object_bytes, &batch.content.digest.to_string())
                );
                assert!(batch.content.raw_key.to_string().contains("/date=1970-01-"), "{}", batch.content.raw_key);
            }
        }
    }
}

fn committed(sequence: u64, repeated: bool) -> IngestAnswer {
    IngestAnswer::Committed { sequence: Sequence(sequence), repeated }
}
