//! A stream's plan: how its messages become rows, decided once per definition.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::physical_plan::PhysicalExpr;
use foz_domain::StreamName;
use foz_pipeline::Stream;
use foz_pipeline::names::reserved_column;

use crate::decode::ColumnSource;
use crate::sql::{self, Compiler, Objection};
use crate::types::{self, column};

/// The part of a stream's definition that a problem is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `columns`
    Columns,
    /// `delete_when`
    DeleteWhen,
    /// `transform`
    Transform,
}

/// What is wrong with a stream's SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanProblem {
    /// The part of the definition.
    pub part: Part,
    /// Line and column in the SQL text, from 1; `None` if unknown.
    pub at: Option<(u64, u64)>,
    /// What is wrong.
    pub what: String,
    /// What to write instead; `None` if nothing is known.
    pub instead: Option<String>,
}

impl Part {
    /// The key in the definition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Columns => "columns",
            Self::DeleteWhen => "delete_when",
            Self::Transform => "transform",
        }
    }
}

impl fmt::Display for PlanProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.at {
            write!(f, "line {line}, column {column}: ")?;
        }
        f.write_str(&self.what)?;
        self.instead.as_ref().map_or(Ok(()), |instead| write!(f, "; {instead}"))
    }
}

impl PlanProblem {
    fn new(part: Part, objection: Objection) -> Self {
        let Objection { at, what, instead } = objection;
        Self { part, at, what, instead }
    }
}

/// One column of the stream's tables.
#[derive(Debug, Clone)]
pub(crate) struct OutputColumn {
    /// Its name and type.
    pub field: Field,
    /// What computes it from the message's columns.
    pub expr: Arc<dyn PhysicalExpr>,
    /// Whether it is one of the message's columns as it is.
    pub passed: bool,
}

/// How a stream's messages become rows.
#[derive(Debug, Clone)]
pub struct CompiledStream {
    pub(crate) stream: Stream,
    pub(crate) sources: Vec<ColumnSource>,
    pub(crate) messages: SchemaRef,
    pub(crate) key: Vec<usize>,
    pub(crate) version: Option<usize>,
    pub(crate) delete_when: Option<Arc<dyn PhysicalExpr>>,
    pub(crate) condition: Option<Arc<dyn PhysicalExpr>>,
    pub(crate) outputs: Vec<OutputColumn>,
    pub(crate) history: SchemaRef,
}

impl CompiledStream {
    /// Plans the stream, or says everything that is wrong with its SQL.
    pub fn new(stream: &Stream) -> Result<Self, Vec<PlanProblem>> {
        let fields = stream.columns.iter().map(|column| Field::new(&column.name, types::arrow(&column.ty), true));
        let columns: Vec<Field> = fields.collect();
        let index = |name: &String| stream.columns.iter().position(|column| column.name == *name);
        let of = |part: Part| move |objection| PlanProblem::new(part, objection);

        let messages = messages(&columns);
        let compiler = Compiler::new(&messages).map_err(|objection| vec![of(Part::Columns)(objection)])?;
        let mut problems = Vec::new();
        let delete_when = stream.delete_when.as_deref().and_then(|sql| {
            delete_when(sql, &compiler)
                .map_err(|found| problems.extend(found.into_iter().map(of(Part::DeleteWhen))))
                .ok()
        });
        let transformed = transform(stream, &compiler);
        let (outputs, condition) = transformed.unwrap_or_else(|found| {
            problems.extend(found.into_iter().map(of(Part::Transform)));
            (Vec::new(), None)
        });
        if !problems.is_empty() {
            return Err(problems);
        }
        let user: Vec<Field> = outputs.iter().map(|output| output.field.clone()).collect();
        let version = stream.version.as_ref().and_then(index);
        let history = types::history(&user, version.map(|index| columns[index].data_type()));
        let source = |column: &foz_pipeline::Column| ColumnSource {
            path: column.from.steps().to_vec(),
            data_type: types::arrow(&column.ty),
        };
        Ok(Self {
            stream: stream.clone(),
            sources: stream.columns.iter().map(source).collect(),
            messages,
            key: stream.key.iter().filter_map(index).collect(),
            version,
            delete_when,
            condition,
            outputs,
            history,
        })
    }

    /// The stream's name.
    pub fn stream(&self) -> &StreamName {
        &self.stream.name
    }

    /// What the transform gives: the user's columns of the tables.
    pub fn user_columns(&self) -> impl Iterator<Item = &Field> {
        self.outputs.iter().map(|output| &output.field)
    }

    /// The type of `_version`, if the stream declares one.
    pub fn version_type(&self) -> Option<&DataType> {
        self.version.map(|index| self.messages.field(index).data_type())
    }

    /// The schema of `<stream>_changes`.
    pub fn history_schema(&self) -> SchemaRef {
        self.history.clone()
    }

    /// The schema of `<stream>`.
    pub fn current_schema(&self) -> SchemaRef {
        types::current(&self.user_columns().cloned().collect::<Vec<_>>(), self.version_type())
    }

    /// The schema of `<stream>_quarantine`.
    pub fn quarantine_schema(&self) -> SchemaRef {
        types::quarantine()
    }

    /// The schema of `<stream>_tombstones`, if the stream declares a version.
    pub fn tombstone_schema(&self) -> Option<SchemaRef> {
        self.version_type().map(types::tombstones)
    }
}

/// What SQL may read: the columns, and what is known of the message itself and never changes.
fn messages(columns: &[Field]) -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let instant = |name: &str| Field::new(name, types::instant(), true);
    let known =
        [text(column::EXTRA), instant(column::PUBLISHED_AT), instant(column::INGESTED_AT), text(column::MESSAGE_ID)];
    Arc::new(Schema::new(columns.iter().cloned().chain(known).collect::<Vec<_>>()))
}

fn delete_when(sql: &str, compiler: &Compiler) -> Result<Arc<dyn PhysicalExpr>, Vec<Objection>> {
    let expr = sql::condition(sql)?;
    compiler.condition(&expr).map_err(|objection| vec![objection])
}

type Transform = (Vec<OutputColumn>, Option<Arc<dyn PhysicalExpr>>);

fn transform(stream: &Stream, compiler: &Compiler) -> Result<Transform, Vec<Objection>> {
    let names: Vec<&str> = stream.columns.iter().map(|column| column.name.as_str()).collect();
    let sql = stream.transform.as_deref().unwrap_or("SELECT * FROM messages");
    let selection = sql::selection(sql, &names)?;
    let mut problems = Vec::new();
    let mut outputs: Vec<OutputColumn> = Vec::new();
    for (name, expr) in &selection.outputs {
        if outputs.iter().any(|output| output.field.name() == name) {
            problems.push(Objection::new(format!("two columns are named {name}")));
        } else if let Some(what) = reserved(name) {
            problems.push(Objection::new(what));
        }
        match compiler.output(name, expr) {
            Ok((field, physical)) => {
                let field = described(field, stream);
                outputs.push(OutputColumn { field, expr: physical, passed: sql::passed(expr).is_some() });
            }
            Err(objection) => problems.push(objection),
        }
    }
    let referring = stream.references.iter().flat_map(|reference| &reference.columns);
    for (what, name) in stream.key.iter().map(|name| ("key", name)).chain(referring.map(|name| ("reference", name))) {
        let unchanged =
            |(output, expr): &(String, _)| output == name && sql::passed(expr).is_some_and(|passed| passed == *name);
        if !selection.outputs.iter().any(unchanged) {
            let what = format!("the {what} column {name} must be selected as it is");
            problems.push(Objection { at: None, what, instead: Some(format!("SELECT {name}, …")) });
        }
    }
    let condition = selection.condition.as_ref().map(|expr| compiler.condition(expr)).transpose();
    let condition = condition.unwrap_or_else(|objection| {
        problems.push(objection);
        None
    });
    if problems.is_empty() { Ok((outputs, condition)) } else { Err(problems) }
}

/// The column of a table with what the definition says of the one of that name.
fn described(field: Field, stream: &Stream) -> Field {
    let description = stream.column(field.name()).and_then(|column| column.description.clone());
    match description {
        Some(description) => field.with_metadata([(foz_lake::DOC.to_owned(), description)].into()),
        None => field,
    }
}

/// Why the name cannot be a column's.
fn reserved(name: &str) -> Option<String> {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if reserved_column(name).is_some() {
        Some(format!("the name {name} is reserved"))
    } else {
        (!plain).then(|| format!("{name:?} is not a column name: a-z first, then a-z, 0-9 and _"))
    }
}
