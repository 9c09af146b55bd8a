//! From text to a valid definition.

use std::path::Path as FilePath;
use std::{fs, io};

use foz_domain::groups;

use crate::definition::{Definition, references};
use crate::places::Places;
use crate::problem::{Place, Problem, Problems};
use crate::section::Reader;
use crate::yaml;

/// The file's name in messages, where no other is known.
const DEFAULT_FILE: &str = "pipeline.yaml";

/// The result of reading a text: what is wrong with it, and what is right nevertheless.
#[derive(Debug)]
pub struct Examined {
    /// Everything that is wrong, in the order of the file.
    pub problems: Vec<Problem>,
    /// The definition without the streams that have problems of their own, so that the rest can be examined further.
    /// `None` if the file as a whole cannot be read.
    pub sound: Option<Definition>,
}

/// By whom a text was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// A person, who can still mend it: limits are asked for.
    Person,
    /// Foz, into a lake that works with it: a limit that came later must not stop it.
    Lake,
}

impl Definition {
    /// Reads a definition. `sql` reads the SQL file of the name that a `transform` gives.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn parse(text: &str, sql: &dyn Fn(&str) -> io::Result<String>) -> Result<Self, Problems> {
        Self::examine(text, sql).definition(DEFAULT_FILE)
    }

    /// Reads a definition as it is stored in the lake: its SQL is inlined.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn stored(text: &str) -> Result<Self, Problems> {
        let sql = |_: &str| Err(io::Error::other("a stored definition holds its SQL itself"));
        Self::read(text, &sql, Origin::Lake).definition(DEFAULT_FILE)
    }

    /// Reads a definition and the SQL files that it names, relative to its folder.
    ///
    /// # Errors
    /// Everything that is wrong, at once; a file that cannot be read is one problem.
    pub fn load(file: &FilePath) -> Result<Self, Problems> {
        Self::examine_file(file).definition(&file.display().to_string())
    }

    /// As [`Definition::load`], keeping what is right when something is wrong.
    pub fn examine_file(file: &FilePath) -> Examined {
        let folder = file.parent().unwrap_or(FilePath::new(""));
        match fs::read_to_string(file) {
            Ok(text) => Self::examine(&text, &|name| fs::read_to_string(folder.join(name))),
            Err(why) => {
                let place = Place { line: 1, column: 1 };
                let what = format!("cannot read the file: {why}");
                Examined { problems: vec![Problem { place, path: String::new(), what, instead: None }], sound: None }
            }
        }
    }

    /// As [`Definition::parse`], keeping what is right when something is wrong.
    pub fn examine(text: &str, sql: &dyn Fn(&str) -> io::Result<String>) -> Examined {
        Self::read(text, sql, Origin::Person)
    }

    fn read(text: &str, sql: &dyn Fn(&str) -> io::Result<String>, origin: Origin) -> Examined {
        let (root, problems) = yaml::parse(text);
        let unreadable = !problems.is_empty() && root.is_none();
        let mut reader = Reader { problems, places: Places::default(), sql };
        let Some(root) = root else {
            if !unreadable {
                reader.wrong(
                    Place { line: 1, column: 1 },
                    "",
                    "the file is empty",
                    Some("begin with lake: and streams:".to_owned()),
                );
            }
            return Examined { problems: reader.problems, sound: None };
        };
        let mut draft = reader.definition(&root);
        reader.across(&mut draft);
        if origin == Origin::Person {
            reader.bounded(&draft);
        }
        let Reader { mut problems, places, .. } = reader;
        problems.sort();
        problems.dedup();
        draft.streams.retain(|name, _| !draft.broken.contains(name));
        let whole = groups::groups(&references(draft.streams.values())).is_ok();
        let sound = match (draft.lake, draft.broker) {
            (Some(lake), Some(broker)) if whole => Some(Definition { lake, broker, streams: draft.streams, places }),
            _ => None,
        };
        Examined { problems, sound }
    }
}

impl Examined {
    /// The definition, if nothing is wrong.
    ///
    /// # Errors
    /// Everything that is wrong, under the file's name.
    pub fn definition(self, file: &str) -> Result<Definition, Problems> {
        match self.sound {
            Some(definition) if self.problems.is_empty() => Ok(definition),
            _ => Err(Problems { file: file.to_owned(), list: self.problems }),
        }
    }
}
