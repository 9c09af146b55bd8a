//! The rules of the protocol, and the switches that only development builds have.

/// A rule of the protocol. `tests/bridge_rules.rs` shows what goes wrong without one, or, where rules cover for each other,
/// without several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Rule {
    /// An epoch raise with an unknown outcome is never adopted.
    RaiseAgain,
    /// The prefetch that the stream head records is never undercut.
    KeepPrefetch,
    /// What was committed already is dropped from what is redelivered.
    Align,
    /// Every channel is aligned, not only a stream's first.
    AlignEachChannel,
    /// A channel is aligned when the whole redelivered prefix has come.
    WholePrefix,
    /// Silence does not prove that the whole redelivered prefix has come.
    SilenceProvesNothing,
    /// The alignment marker is published again if it does not come.
    AlignmentMarkerAgain,
    /// A channel is opened only when the stream's invocation is resolved.
    ResolveFirst,
    /// A batch waits for markers in the queues that its stream refers to.
    Markers,
    /// A marker serves only batches cut before it was published.
    MarkerAfterCut,
    /// A marker counts when everything before it is committed.
    CountCommitted,
    /// Only markers of the own reign count.
    OwnMarkers,
    /// A marker received on a channel that was closed since does not count.
    ForgetOnClose,
    /// A marker of a newer reign means fenced.
    NewerMarkerFences,
    /// A marker that was not answered is published again.
    MarkerAgain,
    /// The group head is read before a marker is published again.
    HeadAgain,
    /// The group head is read before an alignment marker is published again. This rule alone may be missing: a zombie that
    /// it does not find out about itself gets a newer marker, or waits for one of its own. But it covers most of what those
    /// two are for, sooner, and spares the queues a zombie's alignment markers.
    AlignmentHeadAgain,
    /// Messages are acknowledged after they are committed.
    AckCommitted,
    /// A cancelled consumer's channel is closed before another is opened.
    CloseCancelled,
    /// Deliveries are given back before the consumer timeout strikes.
    GiveBack,
}

/// The rules that a reign keeps: all of them, in what is released.
///
/// A rule that is off loses, repeats or reorders messages, so the switches are compiled out of what is released. They
/// go with `debug_assertions`, which every development build of this workspace has and no release. A feature would have
/// to be named to every cargo call of ours in the same way (or the crates above would be compiled twice), and a release
/// for which it was forgotten would ship the switches; a custom cfg comes by `RUSTFLAGS`, which compiles every
/// dependency anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// A bit for each rule that is off, by the rule's number.
    #[cfg(debug_assertions)]
    off: u32,
}

// Whatever happens to the memory of what is released, no rule can be off.
const _: () = assert!(cfg!(debug_assertions) || size_of::<Rules>() == 0);

impl Rules {
    /// Every rule.
    pub const ALL: Self = Self {
        #[cfg(debug_assertions)]
        off: 0,
    };

    /// Every rule but these: to show what they are for.
    #[cfg(debug_assertions)]
    pub fn without(rules: &[Rule]) -> Self {
        Self { off: rules.iter().fold(0, |off, &rule| off | bit(rule)) }
    }

    /// Whether the rule is kept.
    pub const fn keeps(self, rule: Rule) -> bool {
        #[cfg(debug_assertions)]
        return self.off & bit(rule) == 0;
        #[cfg(not(debug_assertions))]
        return {
            _ = rule;
            true
        };
    }
}

#[cfg(debug_assertions)]
const fn bit(rule: Rule) -> u32 {
    1 << rule as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_kept() {
        assert!(Rules::ALL.keeps(Rule::RaiseAgain) && Rules::ALL.keeps(Rule::GiveBack));
    }

    #[cfg(debug_assertions)]
    #[test]
    fn all_are_kept_but_those_that_are_off() {
        let rules = Rules::without(&[Rule::RaiseAgain, Rule::GiveBack]);
        assert!(!rules.keeps(Rule::RaiseAgain) && !rules.keeps(Rule::GiveBack));
        assert!(rules.keeps(Rule::KeepPrefetch) && rules.keeps(Rule::CloseCancelled));
        assert_eq!(Rules::without(&[]), Rules::ALL);
    }
}
