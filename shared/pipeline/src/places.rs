//! Where each part of a definition stands in its file.

use std::collections::BTreeMap;

use crate::problem::Place;

/// Where each path stands in the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places(pub(crate) BTreeMap<String, Place>);

impl Places {
    pub(crate) fn of(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(place) = self.0.get(path) {
                return *place;
            }
            match path.rsplit_once('.') {
                Some((parent, _)) => path = parent,
                None => return Place { line: 1, column: 1 },
            }
        }
    }
}

/// Where something stands is no part of what it means.
impl PartialEq for Places {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
impl Eq for Places {}
