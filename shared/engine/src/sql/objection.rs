//! Why an expression is refused.

use datafusion::sql::sqlparser::ast::Spanned;

/// What is wrong with an expression, where it stands in its text if that is known, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objection {
    /// Line and column in the SQL text, from 1; `None` if unknown.
    pub at: Option<(u64, u64)>,
    /// What is wrong.
    pub what: String,
    /// What to write instead; `None` if nothing is known.
    pub instead: Option<String>,
}

impl Objection {
    pub fn new(what: impl Into<String>) -> Self {
        Self { at: None, what: what.into(), instead: None }
    }

    pub fn instead(self, instead: impl Into<String>) -> Self {
        Self { instead: Some(instead.into()), ..self }
    }

    pub fn at(self, place: &impl Spanned) -> Self {
        let start = place.span().start;
        Self { at: (start.line > 0).then_some((start.line, start.column)), ..self }
    }
}
