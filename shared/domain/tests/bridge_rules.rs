//! The protocol holds, and its rules are for something: without one, or without several that cover for each other, the
//! simulation finds a seed that goes wrong. What is released has no switches, so there only the first can be shown.

mod bridge_sim;

use bridge_sim::{Rules, explain, run};

/// How many seeds the whole protocol is tried with. `FOZ_SEEDS` is for longer runs.
const SEEDS: u64 = 10_000;

#[test]
fn nothing_is_lost_repeated_reordered_or_stuck() {
    holds(Rules::ALL);
}

fn holds(rules: Rules) {
    let seeds = option_env!("FOZ_SEEDS").and_then(|n| n.parse().ok()).unwrap_or(SEEDS);
    for seed in 0..seeds {
        assert!(run(seed, rules).is_ok(), "seed {seed}:\n{}", explain(seed, rules));
    }
}

#[cfg(debug_assertions)]
mod without {
    use foz_domain::bridge::Rule;

    use super::bridge_sim::Guard;
    use super::{Rules, holds, run};

    /// Giving back, and reading the group head while aligning, would heal what the rules for lost markers are for; they are
    /// not what makes the protocol end.
    #[test]
    fn nothing_is_stuck_even_without_the_rules_that_cover_others() {
        holds(Rules::without(&[Rule::GiveBack, Rule::AlignmentHeadAgain], &[]));
    }

    /// Something must go wrong within `seeds` seeds.
    fn needed(seeds: u64, rules: &[Rule], guards: &'static [Guard]) {
        let rules = Rules::without(rules, guards);
        let found = (0..seeds).find_map(|seed| Some((seed, run(seed, rules).err()?)));
        assert!(found.is_some(), "nothing goes wrong without the rule");
        eprintln!("{found:?}");
    }

    macro_rules! each_is_needed {
        ($($name:ident within $seeds:literal: [$($rule:ident),*] [$($guard:ident),*];)*) => {
            $(#[test] fn $name() { needed($seeds, &[$(Rule::$rule),*], &[$(Guard::$guard),*]); })*
        };
    }

    // By name: the seeds within which something goes wrong without these rules of the core and these of catalog and broker.
    each_is_needed! {
        fence within 20_000: [] [Fence];
        ordinal within 1_000: [] [Ordinal];
        ordinal_tied_to_its_epoch within 1_000: [] [OrdinalInEpoch];
        tail_deeper_than_a_batch within 1_000: [] [DeepTail];
        tail_read_after_the_raise within 1_000: [] [TailAfterRaise];
        single_active_consumer within 1_000: [] [SingleActiveConsumer];
        digest_compared_and_invocation_resolved_first within 1_000: [ResolveFirst] [Digest];
        protocol_12_marker_by_its_own_connection within 1_000: [] [MarkerByItsOwnConnection];
        raise_again_when_unknown within 20_000: [RaiseAgain] [];
        prefetch_is_kept within 1_000: [KeepPrefetch] [];
        align within 1_000: [Align] [];
        align_each_channel within 1_000: [AlignEachChannel] [];
        whole_prefix within 1_000: [WholePrefix] [];
        silence_proves_nothing within 1_000: [SilenceProvesNothing] [];
        alignment_marker_again within 20_000: [AlignmentMarkerAgain, GiveBack] [];
        markers within 1_000: [Markers] [];
        marker_after_cut within 1_000: [MarkerAfterCut] [];
        marker_counts_when_all_before_is_committed within 1_000: [CountCommitted] [];
        own_markers_only within 1_000: [OwnMarkers] [];
        marker_forgotten_on_close within 1_000: [ForgetOnClose] [];
        newer_marker_fences within 20_000: [NewerMarkerFences, AlignmentHeadAgain, GiveBack] [];
        marker_again within 20_000: [MarkerAgain, GiveBack] [];
        head_again within 20_000: [HeadAgain, AlignmentHeadAgain, GiveBack] [];
        acknowledge_after_commit within 1_000: [AckCommitted] [];
        close_what_was_cancelled within 1_000: [CloseCancelled] [];
    }
}
