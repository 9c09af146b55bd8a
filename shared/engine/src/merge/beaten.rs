//! Which changes are older than what is there.

use arrow::array::{ArrayRef, BooleanArray, make_comparator};
use arrow::compute::SortOptions;
use arrow::error::ArrowError;
use foz_lake::{Places, cast};

/// Of each change, whether a newer state of its entity is there.
#[derive(Debug, Clone)]
pub(super) struct Beaten(Vec<bool>);

impl Beaten {
    /// None of that number of changes is.
    pub fn none(changes: usize) -> Self {
        Self(vec![false; changes])
    }

    /// Those whose version is below that of a row with their key.
    pub fn by(found: &[&Places], versions: &ArrayRef) -> Result<Self, ArrowError> {
        let mut beaten = Self::none(versions.len());
        let options = SortOptions { descending: false, nulls_first: true };
        for places in found {
            let Some(there) = &places.versions else { continue };
            let there = cast(there, versions.data_type())?;
            let compare = make_comparator(&there, versions, options)?;
            for (row, key) in places.keys.iter().enumerate() {
                let key = *key as usize;
                beaten.0[key] |= compare(row, key).is_gt();
            }
        }
        Ok(beaten)
    }

    /// Whether the change is.
    pub fn has(&self, change: u32) -> bool {
        self.0.get(change as usize) == Some(&true)
    }

    /// Those that are not.
    pub fn others(&self) -> BooleanArray {
        self.0.iter().map(|beaten| Some(!beaten)).collect()
    }
}
