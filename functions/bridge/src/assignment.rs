//! Which groups and queues a bridge is to serve, as the definition has it.

use anyhow::Context;
use foz_domain::bridge::{LaneSpec, Millis, StreamNo};
use foz_domain::{GroupName, StreamName};
use foz_pipeline::{Definition, Door};

/// A group that the bridge is to serve.
#[derive(Debug, Clone)]
pub struct Assignment {
    pub name: GroupName,
    /// The group's streams.
    pub streams: Vec<AssignedStream>,
}

/// A stream of an assigned group.
#[derive(Debug, Clone)]
pub struct AssignedStream {
    pub name: StreamName,
    pub queue: String,
    /// References and latency.
    pub plan: LaneSpec,
}

/// The groups of a definition that the bridge serves: not those whose stream comes by another door.
///
/// # Errors
/// If the definition contradicts itself.
pub fn groups(definition: &Definition) -> anyhow::Result<Vec<Assignment>> {
    let member = |name: &StreamName, streams: &[StreamName]| {
        let stream = definition.stream(name).with_context(|| format!("the definition lacks stream {name}"))?;
        let no = |name: &StreamName| streams.iter().position(|stream| stream == name).map(StreamNo);
        let references = stream.referenced().iter().filter_map(no).collect();
        // Bridge, transformation and consolidation share the latency.
        let max_latency = Millis::try_from(stream.settings.max_latency.as_millis() / 3).unwrap_or(Millis::MAX);
        let plan = LaneSpec { references, max_latency };
        Ok(AssignedStream { name: name.clone(), queue: stream.queue.clone(), plan })
    };
    let group = |group: foz_domain::groups::Group| {
        let streams = group.streams.iter().map(|name| member(name, &group.streams)).collect::<anyhow::Result<_>>()?;
        Ok(Assignment { name: group.name, streams })
    };
    // A stream that comes by another door is a group by itself.
    let ours = |name: &StreamName| definition.stream(name).is_none_or(|stream| stream.settings.door == Door::Bridge);
    definition.groups().into_iter().filter(|group| group.streams.iter().all(ours)).map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_become_places_in_the_group() {
        let text = "
lake: l
streams:
  a: { queue: a.q, key: [k], columns: { k: string, b: string }, references: { b: z }, max_latency: 9s }
  z: { queue: z.q, key: [k], columns: { k: string } }
  c: { queue: c.q, key: [k], columns: { k: string } }
  d: { queue: d.q, key: [k], columns: { k: string }, door: mapping }
";
        let groups = groups(&Definition::stored(text).unwrap()).unwrap();
        let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["a", "c"]);
        let streams = &groups[0].streams;
        let a = streams.iter().find(|member| member.name.as_str() == "a").unwrap();
        assert_eq!((a.queue.as_str(), a.plan.max_latency), ("a.q", 3_000));
        assert_eq!(streams[a.plan.references[0].0].name.as_str(), "z");
    }
}
