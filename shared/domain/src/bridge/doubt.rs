//! Markers that seem to be of a newer reign.
//!
//! A bridge that publishes markers of an epoch has raised the catalog to it before. So a group head that is read after
//! such a marker came either shows a newer epoch, or proves that no reign of this catalog published it.

/// Whether the group head is being read because of such markers.
#[derive(Debug, Default)]
pub(super) struct Doubt {
    reading: bool,
    again: bool,
}

impl Doubt {
    /// Another such marker came. Returns whether the group head must be read now.
    pub(super) fn rise(&mut self) -> bool {
        self.again = self.reading;
        !std::mem::replace(&mut self.reading, true)
    }

    /// The group head was read, and the reign is still ours. Returns whether it must be read once more, for a marker that
    /// came meanwhile.
    pub(super) fn settle(&mut self) -> bool {
        let again = std::mem::take(&mut self.again);
        self.reading = again;
        again
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_marker_gets_a_read_that_begins_after_it_and_no_two_at_once() {
        let mut doubt = Doubt::default();
        assert!(doubt.rise());
        assert!(!doubt.rise());
        assert!(!doubt.rise());
        assert!(doubt.settle(), "the second and third came while the head was read");
        assert!(!doubt.settle());
        assert!(doubt.rise());
    }
}
