//! A body as the paths of the columns see it.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::column::{ColumnBuilder, column};
use super::object::{FieldNames, Members, Object};
use super::problem::DecodeProblem;
use super::tape::{Token, kind};

/// An object of the body, as the paths of the columns see it.
pub(super) struct Shape {
    names: FieldNames,
    fields: Vec<Field>,
}

/// One field of such an object, and all that is read from it.
struct Field {
    name: String,
    readers: Readers,
}

/// Columns of this very value, by their numbers, and columns of what lies within it.
struct Readers {
    columns: Vec<(usize, Box<dyn ColumnBuilder>)>,
    inner: Option<Shape>,
}

/// A column that is wanted: its number, what remains of its path, and its type.
pub(super) type Wanted<'a> = (usize, &'a [String], &'a DataType);

impl Shape {
    /// The shape of an object from which these columns are read.
    pub fn new(columns: &[Wanted<'_>]) -> Result<Self, ArrowError> {
        let mut children: BTreeMap<&str, Vec<Wanted<'_>>> = BTreeMap::new();
        for (number, path, data_type) in columns {
            let (name, rest) = path.split_first().ok_or_else(|| ArrowError::SchemaError("an empty path".to_owned()))?;
            children.entry(name).or_default().push((*number, rest, data_type));
        }
        let field = |(name, children): (&&str, &Vec<Wanted<'_>>)| {
            let (here, deeper): (Vec<_>, Vec<_>) = children.iter().partition(|(_, rest, _)| rest.is_empty());
            let columns = here.iter().map(|(number, _, data_type)| Ok((*number, column(data_type)?)));
            let columns = columns.collect::<Result<_, ArrowError>>()?;
            let inner = if deeper.is_empty() { None } else { Some(Self::new(&deeper)?) };
            Ok(Field { name: (*name).to_owned(), readers: Readers { columns, inner } })
        };
        let mut fields = children.iter().map(field).collect::<Result<Vec<Field>, ArrowError>>()?;
        // In the order in which the columns are declared, which is likely that of the bodies.
        fields.sort_by_key(|field| field.readers.first());
        Ok(Self { names: FieldNames::new(fields.iter().map(|field| field.name.clone())), fields })
    }

    pub fn append(&mut self, token: Token<'_>, extra: &mut String) -> Result<bool, DecodeProblem> {
        let object = match token {
            Token::Null => Ok(Object::default()),
            Token::Object(object) => self.names.read(object).map_err(DecodeProblem::from),
            other => Err(DecodeProblem::expected("an object", kind(&other))),
        };
        let (object, mut outcome) = match object {
            Ok(object) => (object, Ok(())),
            Err(problem) => (Object::default(), Err(problem)),
        };
        let mut members = Members::new(extra);
        for (index, field) in self.fields.iter_mut().enumerate() {
            let appended = members.add(&field.name, |extra| field.readers.append(object.get(index), extra));
            outcome = outcome.and(appended.map_err(|problem| problem.within(&field.name)));
        }
        outcome?;
        members.rest(&object);
        Ok(members.finish())
    }

    pub fn finish(&mut self, columns: &mut Vec<(usize, ArrayRef)>) -> Result<(), ArrowError> {
        for field in &mut self.fields {
            for (number, column) in &mut field.readers.columns {
                columns.push((*number, column.finish()?));
            }
            if let Some(inner) = &mut field.readers.inner {
                inner.finish(columns)?;
            }
        }
        Ok(())
    }
}

impl Readers {
    /// The number of the first column that is read here.
    fn first(&self) -> usize {
        let inner = self.inner.iter().flat_map(|inner| inner.fields.iter().map(|field| field.readers.first()));
        self.columns.iter().map(|(number, _)| *number).chain(inner).min().unwrap_or(usize::MAX)
    }

    /// Hands the value to all who read it. The first accounts for what it has no place for: what the others lack, it has.
    fn append(&mut self, token: Token<'_>, extra: &mut String) -> Result<bool, DecodeProblem> {
        if let ([(_, column)], None) = (self.columns.as_mut_slice(), &self.inner) {
            return column.append(token, extra);
        }
        let mut unused = String::new();
        let mut outcomes = Vec::with_capacity(1);
        for (_, column) in &mut self.columns {
            outcomes.push(column.append(token, if outcomes.is_empty() { extra } else { &mut unused }));
        }
        if let Some(inner) = &mut self.inner {
            outcomes.push(inner.append(token, if outcomes.is_empty() { extra } else { &mut unused }));
        }
        let outcomes = outcomes.into_iter().collect::<Result<Vec<bool>, DecodeProblem>>()?;
        Ok(outcomes.first().copied().unwrap_or(false))
    }
}
