//! Columns: what is read from a body.

use std::collections::BTreeMap;

use crate::names::reserved_column;
use crate::path::Path;
use crate::problem::did_you_mean;
use crate::section::{Reader, Section, join};
use crate::types::DataType;
use crate::yaml::{Node, Value};

/// A value read from a message's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in SQL and tables.
    pub name: String,
    pub ty: DataType,
    /// Where it stands in the body.
    pub from: Path,
    /// What it is, for people who find the tables; `None` if that is not said.
    pub description: Option<String>,
}

/// The columns that a stream has.
pub(crate) type Known<'a> = BTreeMap<&'a str, &'a DataType>;

/// A column that the definition names, and where.
pub(crate) struct Named<'a> {
    pub(crate) name: &'a str,
    pub(crate) path: &'a str,
}

impl Reader<'_> {
    /// The columns, or `None` if any is wrong, which is reported.
    pub(crate) fn columns(&mut self, node: &Node, path: &str) -> Option<Vec<Column>> {
        let section = self.section(node, path)?;
        let before = self.problems.len();
        let mut columns = Vec::new();
        for entry in section.named(self, "column", reserved_column) {
            columns.extend(self.column(&entry.key, &entry.value, &join(path, &entry.key)));
        }
        if columns.is_empty() && self.problems.len() == before {
            self.wrong(
                node.place,
                path,
                "there are no columns",
                Some("foz infer proposes them from messages".to_owned()),
            );
        }
        (self.problems.len() == before).then_some(columns)
    }

    fn column(&mut self, name: &str, node: &Node, path: &str) -> Option<Column> {
        let (ty_node, ty_path, from, description) = match &node.value {
            Value::Map(_) => {
                let mut section = self.section(node, path)?;
                let ty = section.require(self, "type", "string");
                let from = self.from(&mut section);
                let description = self.description(&mut section);
                section.finish(self);
                (ty?, join(path, "type"), from, description)
            }
            _ => (node, path.to_owned(), None, None),
        };
        let text = self.text_or_word(ty_node, &ty_path)?;
        match text.parse::<DataType>() {
            Ok(ty) => {
                let from = from.unwrap_or_else(|| Path::top(name));
                Some(Column { name: name.to_owned(), ty, from, description })
            }
            Err(error) => {
                let instead = error
                    .instead
                    .map(|instead| if instead.contains("needs quotes") { instead } else { format!("write {instead}") });
                self.wrong(ty_node.place, &ty_path, error.what, instead);
                None
            }
        }
    }

    /// What people say of a stream or a column. `None` if they say nothing.
    pub(crate) fn description(&mut self, section: &mut Section<'_>) -> Option<String> {
        let node = section.take(self, "description")?;
        self.text_or_word(node, &join(&section.path, "description")).map(str::to_owned)
    }

    /// Where in the body the column stands. `None` if that is not said, or wrong, which is reported.
    fn from(&mut self, section: &mut Section<'_>) -> Option<Path> {
        let node = section.take(self, "from")?;
        let path = join(&section.path, "from");
        match &node.value {
            Value::Scalar(text)
                if ["$headers", "$properties", "$routing_key", "$exchange"].iter().any(|it| text.starts_with(it)) =>
            {
                let what = format!("\"{text}\" is beside the body, and a column can only be read from the body");
                let instead = "let the publisher write it into the body, and say from: $.its.path.there".to_owned();
                self.wrong(node.place, &path, what, Some(instead));
                None
            }
            _ => self.parsed(node, &path, |text| text.parse().ok(), "a path into the body, such as $.plane.seats"),
        }
    }

    /// Reports a column that does not exist or has a type that cannot serve.
    pub(crate) fn usable(&mut self, named: &Named<'_>, known: &Known<'_>, can: fn(&DataType) -> bool, what: &str) {
        let Named { name, path } = *named;
        match known.get(name) {
            None => {
                let instead = did_you_mean(name, known.keys().copied());
                self.wrong_at(path, format!("there is no column \"{name}\""), instead);
            }
            Some(ty) if !can(ty) => {
                let instead = match ty {
                    DataType::Float | DataType::Double => Some("decimal(18,6) is exact".to_owned()),
                    _ => None,
                };
                self.wrong_at(path, format!("the column \"{name}\" is {ty}, which cannot {what}"), instead);
            }
            Some(_) => {}
        }
    }
}
