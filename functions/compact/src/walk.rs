//! Table by table, step by step, as long as there is time.

use foz_domain::{TableName, Timestamp};

/// What came of looking for a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// One was taken; the table may need another one.
    Step,
    /// The table owes nothing.
    NothingDue,
}

/// What came of the walk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Walked {
    /// Nothing is due in any table.
    All,
    /// The time was up before all of them were looked at.
    Part,
}

/// When a walk begins no further step.
#[derive(Debug, Clone, Copy)]
pub struct WalkTime {
    /// When the function began.
    pub began: Timestamp,
    /// When it ends, finished or not.
    pub deadline: Timestamp,
}

impl WalkTime {
    /// Whether another step is begun at `now`, so that it has at least half of the function's time. How long a step takes
    /// does not follow from those before it: they merge the small files first.
    pub fn is_left(self, now: Timestamp) -> bool {
        now.since(self.began) <= self.deadline.since(now)
    }
}

/// Takes steps in the tables, one table after the other. The first step is begun at any time, or a compaction that comes late
/// would never get on.
///
/// # Errors
/// Those of a step.
pub async fn walk(
    tables: &[TableName],
    time: WalkTime,
    now: impl Fn() -> Timestamp,
    mut step: impl AsyncFnMut(&TableName) -> anyhow::Result<Taken>,
) -> anyhow::Result<Walked> {
    let mut steps = 0;
    for table in tables {
        loop {
            if steps > 0 && !time.is_left(now()) {
                return Ok(Walked::Part);
            }
            match step(table).await? {
                Taken::Step => steps += 1,
                Taken::NothingDue => break,
            }
        }
    }
    Ok(Walked::All)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use foz_domain::StreamName;

    use super::*;

    /// Walks over tables that owe so many steps, each of which takes so long, in a function that has 100 ms from `late` on;
    /// tells what came of it, and in which tables steps were taken.
    async fn walked(owed: &[(&str, u32)], each: u64, late: i64) -> (Walked, Vec<String>) {
        let clock = Cell::new(Timestamp(late));
        let tables: Vec<_> = owed.iter().map(|(name, _)| name.parse::<StreamName>().unwrap().current()).collect();
        let mut left: Vec<_> = owed.iter().map(|(_, steps)| *steps).collect();
        let mut taken = Vec::new();
        let time = WalkTime { began: Timestamp(0), deadline: Timestamp(100) };
        let step = async |table: &TableName| {
            let left = &mut left[tables.iter().position(|other| other == table).unwrap()];
            if *left == 0 {
                return Ok(Taken::NothingDue);
            }
            *left -= 1;
            taken.push(table.to_string());
            clock.set(clock.get().plus(each));
            Ok(Taken::Step)
        };
        let walked = walk(&tables, time, || clock.get(), step).await.unwrap();
        (walked, taken)
    }

    #[tokio::test]
    async fn each_table_is_brought_to_its_end_before_the_next() {
        assert_eq!(walked(&[("a", 0), ("b", 0)], 1, 0).await, (Walked::All, vec![]));
        let expected = ["a", "a", "c"].map(str::to_owned).to_vec();
        assert_eq!(walked(&[("a", 2), ("b", 0), ("c", 1)], 5, 0).await, (Walked::All, expected));
    }

    #[tokio::test]
    async fn a_step_has_half_of_the_time_and_the_first_one_is_always_begun() {
        let (walked_part, taken) = walked(&[("a", 9)], 25, 0).await;
        assert_eq!((walked_part, taken.len()), (Walked::Part, 3), "at 0, 25 and 50 of 100 ms");
        assert_eq!(walked(&[("a", 9)], 1, 99).await, (Walked::Part, vec!["a".to_owned()]));
        assert_eq!(walked(&[("a", 0), ("b", 0)], 1, 99).await.0, Walked::All);
    }

    #[tokio::test]
    async fn what_fails_ends_the_walk() {
        let tables = ["a", "b"].map(|name| name.parse::<StreamName>().unwrap().current());
        let time = WalkTime { began: Timestamp(0), deadline: Timestamp(100) };
        let failed = walk(&tables, time, || Timestamp(0), async |_: &TableName| anyhow::bail!("no answer")).await;
        assert_eq!(failed.unwrap_err().to_string(), "no answer");
    }
}
