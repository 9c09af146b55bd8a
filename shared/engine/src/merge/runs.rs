//! Merges runs of rows that are in the order of their keys, without sorting: of equal keys the row with the highest rank
//! stays.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray, RecordBatch, StringArray, make_comparator};
use arrow::compute::{SortOptions, concat_batches, interleave_record_batch};
use arrow::error::ArrowError;
use futures::stream::{BoxStream, StreamExt, TryStreamExt, try_unfold};

use super::error::MergeError;
use crate::types::column;

/// The most rows of a merged batch.
const ROWS: usize = 8192;

/// Rows that follow each other in one batch, on average, from which on they are copied by stretches and not one by one.
const STRETCH: usize = 4;

type Batches = BoxStream<'static, Result<RecordBatch, MergeError>>;

/// Runs that are merged.
pub(super) struct Runs {
    waiting: Vec<(String, Batches)>,
    /// Bytes of a merged batch, at most, as long as it has more rows than one.
    most: usize,
}

/// A run at one of its rows.
struct Head {
    file: String,
    batches: Batches,
    batch: RecordBatch,
    keys: StringArray,
    row: usize,
    /// The batch's number among those that the next output is made of; `None` if none of its rows is in it yet.
    number: Option<usize>,
}

/// Rows of the next output: stretches of batches.
#[derive(Default)]
struct Output {
    batches: Vec<RecordBatch>,
    /// Batch, first row, number of rows.
    stretches: Vec<(usize, usize, usize)>,
    rows: usize,
    bytes: usize,
}

impl Runs {
    /// No runs yet; merged batches have `most` bytes at most.
    pub fn new(most: usize) -> Self {
        Self { waiting: Vec::new(), most }
    }

    /// Adds a run; `file` names it where something is wrong with it.
    pub fn add(&mut self, file: String, batches: Batches) {
        self.waiting.push((file, batches));
    }

    /// The rows of all runs in the order of their keys, each key once.
    pub fn merged(self) -> Batches {
        let state = (Some(self.waiting), Vec::new(), self.most);
        try_unfold(state, |(mut waiting, mut heads, most)| async move {
            if let Some(waiting) = waiting.take() {
                for (file, batches) in waiting {
                    heads.extend(Head::open(file, batches).await?);
                }
            }
            let mut output = Output::default();
            while output.rows < ROWS && output.bytes < most && !heads.is_empty() {
                step(&mut heads, &mut output).await?;
            }
            if output.rows == 0 {
                return Ok(None);
            }
            let merged = output.finish()?;
            heads.iter_mut().for_each(|head| head.number = None);
            Ok(Some((merged, (None, heads, most))))
        })
        .boxed()
    }
}

/// Takes the rows with the least key, or a stretch of rows of one run that are below all others.
async fn step(heads: &mut Vec<Head>, output: &mut Output) -> Result<(), MergeError> {
    let mut least = vec![0];
    for (number, head) in heads.iter().enumerate().skip(1) {
        match head.key().cmp(heads[least[0]].key()) {
            Ordering::Less => least = vec![number],
            Ordering::Equal => least.push(number),
            Ordering::Greater => {}
        }
    }
    if let [only] = least[..] {
        let bound = heads.iter().enumerate().filter(|(number, _)| *number != only).map(|(_, head)| head.key()).min();
        let stretch = heads[only].below(bound, ROWS - output.rows);
        heads[only].take(stretch, output);
    } else {
        let mut winner = least[0];
        for other in &least[1..] {
            if rank(&heads[winner], &heads[*other])?.is_lt() {
                winner = *other;
            }
        }
        for number in &least {
            if *number == winner { heads[*number].take(1, output) } else { heads[*number].row += 1 }
        }
    }
    let mut number = 0;
    while number < heads.len() {
        if heads[number].refill().await? { number += 1 } else { drop(heads.swap_remove(number)) }
    }
    Ok(())
}

/// Which of the rows at two heads is older.
fn rank(one: &Head, other: &Head) -> Result<Ordering, ArrowError> {
    let options = SortOptions { descending: false, nulls_first: true };
    for name in [column::VERSION, column::SEQUENCE, column::INDEX] {
        let (Some(left), Some(right)) = (one.batch.column_by_name(name), other.batch.column_by_name(name)) else {
            continue;
        };
        let order = make_comparator(left, right, options)?(one.row, other.row);
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(Ordering::Equal)
}

impl Head {
    async fn open(file: String, batches: Batches) -> Result<Option<Self>, MergeError> {
        let batch = RecordBatch::new_empty(arrow::datatypes::Schema::empty().into());
        let keys = StringArray::new_null(0);
        let mut head = Self { file, batches, batch, keys, row: 0, number: None };
        Ok(head.refill().await?.then_some(head))
    }

    fn key(&self) -> &str {
        self.keys.value(self.row)
    }

    /// Goes on to the next batch if this one is at its end; `false` if there is none.
    async fn refill(&mut self) -> Result<bool, MergeError> {
        while self.row >= self.keys.len() {
            let Some(batch) = self.batches.try_next().await? else { return Ok(false) };
            let keys = batch[column::KEY].as_string::<i32>().clone();
            let last = self.keys.len().checked_sub(1).map(|last| self.keys.value(last));
            let ascending = |row: usize| keys.value(row - 1) < keys.value(row);
            let follows = keys.is_empty() || last.is_none_or(|last| last < keys.value(0));
            if !follows || !(1..keys.len()).all(ascending) {
                return Err(MergeError::Unsorted { file: self.file.clone() });
            }
            if keys.is_empty() {
                continue;
            }
            (self.batch, self.keys, self.row, self.number) = (batch, keys, 0, None);
        }
        Ok(true)
    }

    /// The number of rows from here on that are below the bound, `most` at most and at least one; all if there is no bound.
    fn below(&self, bound: Option<&str>, most: usize) -> usize {
        let end = self.keys.len().min(self.row + most.max(1));
        let Some(bound) = bound else { return end - self.row };
        // Galloping: a stretch is often one row, and sometimes the rest of the batch.
        let (mut step, mut lo) = (1, self.row + 1);
        while lo + step <= end && self.keys.value(lo + step - 1) < bound {
            lo += step;
            step *= 2;
        }
        let mut hi = end.min(lo + step);
        while lo < hi {
            let middle = lo.midpoint(hi);
            if self.keys.value(middle) < bound { lo = middle + 1 } else { hi = middle }
        }
        lo - self.row
    }

    fn take(&mut self, rows: usize, output: &mut Output) {
        let number = *self.number.get_or_insert_with(|| {
            output.batches.push(self.batch.clone());
            output.batches.len() - 1
        });
        output.rows += rows;
        output.bytes += rows * self.batch.get_array_memory_size() / self.batch.num_rows().max(1);
        match output.stretches.last_mut() {
            Some((batch, first, count)) if *batch == number && *first + *count == self.row => *count += rows,
            _ => output.stretches.push((number, self.row, rows)),
        }
        self.row += rows;
    }
}

impl Output {
    fn finish(self) -> Result<RecordBatch, ArrowError> {
        let Self { batches, stretches, rows, .. } = self;
        if let [(batch, first, count)] = stretches[..] {
            return Ok(batches[batch].slice(first, count));
        }
        if rows >= STRETCH * stretches.len() {
            let parts: Vec<_> =
                stretches.iter().map(|(batch, first, rows)| batches[*batch].slice(*first, *rows)).collect();
            return concat_batches(&batches[0].schema(), &parts);
        }
        let places = stretches.iter().flat_map(|(batch, first, rows)| (*first..first + rows).map(|row| (*batch, row)));
        let places: Vec<_> = places.collect();
        interleave_record_batch(&batches.iter().collect::<Vec<_>>(), &places)
    }
}
