//! How the files of a table are kept few and clean: what an image adds, what it rewrites, and when.
//!
//! An image must cost what changed. So it adds a *delta*: the new rows, and the places of those that they replace. Readers pay
//! for each: a file more to open, rows to skip. That is bounded here: beyond it the files of a unit are written anew.

/// The files of a unit: of all buckets whose keys can meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnitFacts {
    /// Files that hold rows.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows, deleted ones included.
    pub rows: u64,
    /// Files that name deleted rows.
    pub delete_files: u64,
    /// The rows that these name.
    pub deleted_rows: u64,
}

/// How much debt a unit may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DebtBounds {
    /// Bytes up to which a unit is written anew with every image: it costs about what a delta costs.
    pub small: u64,
    /// The most files with rows, and the most that name deleted ones.
    pub files: u64,
    /// The number of rows, at least, for each that is deleted.
    pub rows_per_deleted: u64,
}

impl Default for DebtBounds {
    fn default() -> Self {
        Self { small: 2 << 20, files: 16, rows_per_deleted: 5 }
    }
}

/// What an image does with a unit that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitWay {
    /// Adds the new rows, and names the places of those that they replace.
    Delta,
    /// Writes all of its rows anew.
    Rewrite,
}

impl DebtBounds {
    /// What an image does with a unit of which so many entities change.
    pub fn way(&self, unit: UnitFacts, changes: u64) -> UnitWay {
        let would_be_deleted = unit.deleted_rows.saturating_add(changes);
        let owes = unit.files >= self.files
            || unit.delete_files >= self.files
            || would_be_deleted.saturating_mul(self.rows_per_deleted) > unit.rows;
        if unit.bytes <= self.small || owes { UnitWay::Rewrite } else { UnitWay::Delta }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: UnitFacts = UnitFacts { files: 1, bytes: 100 << 20, rows: 1_000_000, delete_files: 0, deleted_rows: 0 };

    #[test]
    fn a_small_unit_is_written_anew() {
        let bounds = DebtBounds::default();
        assert_eq!(bounds.way(UnitFacts { bytes: bounds.small, ..UNIT }, 1), UnitWay::Rewrite);
        assert_eq!(bounds.way(UnitFacts { bytes: bounds.small + 1, ..UNIT }, 1), UnitWay::Delta);
        assert_eq!(bounds.way(UnitFacts::default(), 1), UnitWay::Rewrite);
    }

    #[test]
    fn a_unit_that_owes_too_much_is_written_anew() {
        let bounds = DebtBounds::default();
        assert_eq!(bounds.way(UnitFacts { files: bounds.files, ..UNIT }, 1), UnitWay::Rewrite);
        assert_eq!(bounds.way(UnitFacts { delete_files: bounds.files, ..UNIT }, 1), UnitWay::Rewrite);
        assert_eq!(bounds.way(UNIT, 200_000), UnitWay::Delta);
        assert_eq!(bounds.way(UNIT, 200_001), UnitWay::Rewrite);
        assert_eq!(bounds.way(UnitFacts { deleted_rows: 150_000, ..UNIT }, 50_001), UnitWay::Rewrite);
        assert_eq!(bounds.way(UNIT, u64::MAX), UnitWay::Rewrite);
    }
}
