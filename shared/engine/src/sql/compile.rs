//! From expressions to what computes them over a batch of messages.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::DFSchema;
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::FunctionRegistry;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::physical_expr::expressions::CastExpr;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::SessionConfig;
use datafusion::sql::sqlparser::ast::{Expr, ExprWithAlias};

use super::objection::Objection;
use super::{MESSAGES, functions, types};
use crate::types::stored;

/// A session as transforms are planned in it: strings are strings, and Spark's additional functions are known.
pub(super) fn state() -> SessionState {
    let mut options = ConfigOptions::new();
    options.sql_parser.map_string_types_to_utf8view = false;
    let mut state =
        SessionStateBuilder::new().with_config(SessionConfig::from(options)).with_default_features().build();
    for function in functions::additions() {
        // Fails only for registries that take no functions.
        let _ = state.register_udf(Arc::new(function));
    }
    state
}

/// Compiles expressions over a batch of messages.
pub(crate) struct Compiler {
    state: SessionState,
    schema: DFSchema,
    columns: BTreeSet<String>,
}

impl Compiler {
    /// For messages with these columns.
    pub fn new(schema: &Schema) -> Result<Self, Objection> {
        let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        let schema = DFSchema::try_from_qualified_schema(MESSAGES, schema);
        Ok(Self { state: state(), schema: schema.map_err(|error| Objection::new(error.strip_backtrace()))?, columns })
    }

    /// The expression, ready to be evaluated, as a column of that name.
    pub fn output(&self, name: &str, expr: &Expr) -> Result<(Field, Arc<dyn PhysicalExpr>), Objection> {
        let compiled = self.compile(expr)?;
        let wrong = |error: DataFusionError| Objection::new(error.strip_backtrace()).at(expr);
        let data_type = compiled.data_type(self.schema.as_arrow()).map_err(wrong)?;
        let stored = stored(&data_type).ok_or_else(|| {
            Objection::new(format!("{expr} is of type {data_type}, which tables do not have")).instead("CAST").at(expr)
        })?;
        let converted =
            if stored == data_type { compiled } else { Arc::new(CastExpr::new(compiled, stored.clone(), None)) };
        Ok((Field::new(name, stored, true), converted))
    }

    /// The condition, ready to be evaluated.
    pub fn condition(&self, expr: &Expr) -> Result<Arc<dyn PhysicalExpr>, Objection> {
        let compiled = self.compile(expr)?;
        let wrong = |error: DataFusionError| Objection::new(error.strip_backtrace()).at(expr);
        match compiled.data_type(self.schema.as_arrow()).map_err(wrong)? {
            DataType::Boolean => Ok(compiled),
            other => {
                Err(Objection::new(format!("a condition is true or false, but {expr} is of type {other}")).at(expr))
            }
        }
    }

    fn compile(&self, expr: &Expr) -> Result<Arc<dyn PhysicalExpr>, Objection> {
        let planned = self.plan(expr)?;
        let wrong = |error: DataFusionError| Objection::new(error.strip_backtrace()).at(expr);
        let physical = self.state.create_physical_expr(planned, &self.schema).map_err(wrong)?;
        types::checked(physical).map_err(wrong)
    }

    fn plan(&self, expr: &Expr) -> Result<datafusion::logical_expr::Expr, Objection> {
        let alone = ExprWithAlias { expr: expr.clone(), alias: None };
        let planned = self.state.create_logical_expr_from_sql_expr(alone, &self.schema).map_err(|error| {
            match types::unknown_column(&error) {
                Some(name) => {
                    let meant = foz_pipeline::problem::did_you_mean(&name, self.columns.iter().map(String::as_str));
                    Objection { at: None, what: format!("there is no column {name}"), instead: meant }
                }
                None => Objection::new(error.strip_backtrace()),
            }
            .at(expr)
        })?;
        types::conform(planned, &self.schema).map_err(|objection| objection.at(expr))
    }
}
