//! The SQL of transforms and delete conditions: what it may be, and why not more.
//!
//! A transform sees one message at a time, so that its result depends neither on how messages were cut into runs nor on
//! when they ran; and it must mean the same in DataFusion and in Spark. What cannot promise that is refused here, by
//! lists of what is allowed.

mod functions;
mod types;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
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
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, DateTimeField, Expr, ExprWithAlias, Function, FunctionArg,
    FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident, Query, Select, SelectItem, SetExpr, Spanned,
    Statement, TimezoneInfo, UnaryOperator, Value, visit_expressions,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::types::stored;

/// The table that a transform reads.
const MESSAGES: &str = "messages";

/// What is wrong with an expression, where it stands in its text if that is known, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Objection {
    /// Line and column in the SQL text, from 1.
    pub at: Option<(u64, u64)>,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub instead: Option<String>,
}

impl Objection {
    pub fn new(what: impl Into<String>) -> Self {
        Self { at: None, what: what.into(), instead: None }
    }

    fn instead(self, instead: impl Into<String>) -> Self {
        Self { instead: Some(instead.into()), ..self }
    }

    fn at(self, place: &impl Spanned) -> Self {
        let start = place.span().start;
        Self { at: (start.line > 0).then_some((start.line, start.column)), ..self }
    }
}

/// A transform: what it computes for a message that meets its condition.
#[derive(Debug)]
pub(crate) struct Selection {
    /// Output columns, named.
    pub outputs: Vec<(String, Expr)>,
    /// The condition.
    pub condition: Option<Expr>,
}

/// Reads a transform. `*` stands for `columns`.
pub(crate) fn selection(sql: &str, columns: &[&str]) -> Result<Selection, Vec<Objection>> {
    let one = |objection: Objection| vec![objection];
    let parsed = Parser::parse_sql(&GenericDialect {}, sql).map_err(|error| one(Objection::new(error.to_string())))?;
    let [Statement::Query(query)] = parsed.as_slice() else {
        return Err(one(Objection::new("a transform is one SELECT … FROM messages")));
    };
    let select = per_message(query).map_err(one)?;
    let mut problems = Vec::new();
    let mut outputs = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::Wildcard(_) => {
                outputs.extend(columns.iter().map(|name| ((*name).to_owned(), Expr::Identifier(Ident::new(*name)))));
            }
            SelectItem::ExprWithAlias { expr, alias } => outputs.push((name_of(alias), expr.clone())),
            SelectItem::UnnamedExpr(expr) => match named(expr) {
                Some(name) => outputs.push((name, expr.clone())),
                None => problems.push(
                    Objection::new(format!("the engines name {expr} differently"))
                        .instead("give it a name: … AS name")
                        .at(expr),
                ),
            },
            SelectItem::QualifiedWildcard(..) => {
                problems.push(Objection::new(format!("{item} is not supported")).instead("*"))
            }
        }
    }
    problems.extend(outputs.iter().map(|(_, expr)| expr).chain(&select.selection).flat_map(objections));
    if problems.is_empty() { Ok(Selection { outputs, condition: select.selection.clone() }) } else { Err(problems) }
}

/// Reads a condition over the columns.
pub(crate) fn condition(sql: &str) -> Result<Expr, Vec<Objection>> {
    let wrong = |what: String| vec![Objection::new(what)];
    let mut parser = Parser::new(&GenericDialect {}).try_with_sql(sql).map_err(|error| wrong(error.to_string()))?;
    let expr = parser.parse_expr().map_err(|error| wrong(error.to_string()))?;
    let rest = parser.peek_token();
    if rest.token != datafusion::sql::sqlparser::tokenizer::Token::EOF {
        return Err(wrong(format!("expected the condition to end, found {rest}")));
    }
    let problems = objections(&expr);
    if problems.is_empty() { Ok(expr) } else { Err(problems) }
}

/// The column that the expression passes through unchanged, if it does.
pub(crate) fn passed(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(column) => Some(name_of(column)),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, column] if name_of(table) == MESSAGES => Some(name_of(column)),
            _ => None,
        },
        Expr::Nested(inner) => passed(inner),
        _ => None,
    }
}

fn name_of(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn named(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(column) => Some(name_of(column)),
        Expr::CompoundIdentifier(parts) => parts.last().map(name_of),
        _ => None,
    }
}

/// The one shape that looks at one message at a time.
fn per_message(query: &Query) -> Result<&Select, Objection> {
    const ONE: &str = "a transform sees one message at a time";
    let refuse = |what: &str| Err(Objection::new(format!("{what}: {ONE}")));
    if query.with.is_some() {
        return refuse("WITH is not possible");
    }
    if query.order_by.is_some() {
        return refuse("ORDER BY is not possible");
    }
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return refuse("LIMIT is not possible");
    }
    let select = match query.body.as_ref() {
        SetExpr::Select(select) => select,
        SetExpr::SetOperation { op, .. } => return refuse(&format!("{op} is not possible")),
        _ => return refuse("this is not possible"),
    };
    if select.distinct.is_some() {
        return refuse("DISTINCT is not possible");
    }
    let [from] = select.from.as_slice() else {
        return Err(Objection::new("a transform reads FROM messages, and nothing else"));
    };
    if !from.joins.is_empty() {
        return refuse("a join is not possible");
    }
    let grouped =
        !matches!(&select.group_by, datafusion::sql::sqlparser::ast::GroupByExpr::Expressions(by, _) if by.is_empty());
    if grouped || select.having.is_some() {
        return refuse("GROUP BY and HAVING are not possible");
    }
    // Whatever else SQL may have: the text must be that of this shape.
    let items: Vec<String> = select.projection.iter().map(ToString::to_string).collect();
    let condition = select.selection.as_ref().map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
    let shape = format!("SELECT {} FROM {MESSAGES}{condition}", items.join(", "));
    if !query.to_string().eq_ignore_ascii_case(&shape) {
        return Err(Objection::new(format!("only SELECT … FROM {MESSAGES} [WHERE …] is possible: {ONE}")));
    }
    Ok(select)
}

/// Everything in the expression that is not on the lists.
fn objections(expr: &Expr) -> Vec<Objection> {
    let mut found = Vec::new();
    let _ = visit_expressions(expr, |expr| {
        if let Some(objection) = objection(expr) {
            found.push(objection.at(expr));
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

fn objection(expr: &Expr) -> Option<Objection> {
    let refuse = |what: String| Some(Objection::new(what));
    match expr {
        Expr::Identifier(ident) => quoted(ident),
        Expr::CompoundIdentifier(parts) => parts.iter().find_map(quoted),
        Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::InList { .. }
        | Expr::Between { .. }
        | Expr::Nested(_)
        | Expr::Case { .. }
        | Expr::Like { any: false, escape_char: None, .. }
        | Expr::ILike { any: false, escape_char: None, .. }
        | Expr::Position { .. }
        | Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::Minus | UnaryOperator::Plus, .. } => None,
        Expr::BinaryOp { op, .. } => operator(op),
        Expr::Trim { trim_where: None, trim_what: None, trim_characters: None, .. } => None,
        Expr::Substring { substring_from, substring_for, expr, .. } => {
            let args = [Some(expr), substring_from.as_ref(), substring_for.as_ref()];
            let args: Vec<&Expr> = args.into_iter().flatten().map(AsRef::as_ref).collect();
            functions::objection("substring", &args).map(Objection::new)
        }
        Expr::Extract { field, .. } => match field {
            DateTimeField::Year
            | DateTimeField::Quarter
            | DateTimeField::Month
            | DateTimeField::Day
            | DateTimeField::Hour
            | DateTimeField::Minute => None,
            other => refuse(format!("the engines count {other} differently")),
        },
        Expr::Cast { kind: CastKind::Cast | CastKind::TryCast, data_type, format: None, .. } => castable(data_type),
        Expr::TypedString(text) => match text.data_type {
            SqlType::Date | SqlType::Timestamp(None, TimezoneInfo::None) => None,
            _ => refuse(format!("{expr} is not supported")),
        },
        Expr::Value(value) => literal(&value.value),
        Expr::Function(function) => call(function),
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
            refuse("a subquery is not possible: a transform sees one message at a time".to_owned())
        }
        Expr::CompoundFieldAccess { .. } => {
            refuse("subscripts differ between the engines (Spark counts from 0, DataFusion from 1)".to_owned())
        }
        other => refuse(format!("{other} is not on the list of what means the same in every engine")),
    }
}

fn quoted(ident: &Ident) -> Option<Objection> {
    (ident.quote_style == Some('"')).then(|| {
        Objection::new(format!("Spark reads {ident} as text"))
            .instead(format!("`{}` for a name, '…' for text", ident.value))
    })
}

fn operator(op: &BinaryOperator) -> Option<Objection> {
    use BinaryOperator::{And, Divide, Eq, Gt, GtEq, Lt, LtEq, Minus, Modulo, Multiply, NotEq, Or, Plus, StringConcat};
    match op {
        And | Or | Eq | NotEq | Lt | LtEq | Gt | GtEq | Plus | Minus | Multiply | Divide | Modulo | StringConcat => {
            None
        }
        other => Some(Objection::new(format!("the operator {other} is not the same in every engine"))),
    }
}

fn castable(data_type: &SqlType) -> Option<Objection> {
    match data_type {
        SqlType::Boolean
        | SqlType::Int(None)
        | SqlType::Integer(None)
        | SqlType::BigInt(None)
        | SqlType::Float(_)
        | SqlType::Double(_)
        | SqlType::Decimal(_)
        | SqlType::String(None)
        | SqlType::Date
        | SqlType::Timestamp(None, TimezoneInfo::None) => None,
        other => Some(
            Objection::new(format!("CAST to {other} is not the same in every engine"))
                .instead("BOOLEAN, INT, BIGINT, FLOAT, DOUBLE, DECIMAL(p,s), STRING, DATE or TIMESTAMP"),
        ),
    }
}

fn literal(value: &Value) -> Option<Objection> {
    match value {
        Value::Null | Value::Boolean(_) => None,
        Value::Number(text, false) if text.contains('.') && !text.contains(['e', 'E']) => Some(
            Objection::new(format!("Spark reads {text} as a decimal, DataFusion as a double"))
                .instead(format!("{text}e0")),
        ),
        Value::Number(_, false) => None,
        Value::SingleQuotedString(text) if text.contains(['\\', '\'']) => {
            Some(Objection::new("the engines read quotes and backslashes in text differently"))
        }
        Value::SingleQuotedString(_) => None,
        other => Some(Objection::new(format!("{other} is not the same in every engine"))),
    }
}

fn call(function: &Function) -> Option<Objection> {
    let name = function.name.to_string().to_lowercase();
    if function.over.is_some() {
        return Some(Objection::new(format!(
            "{name}: a window is not possible: a transform sees one message at a time"
        )));
    }
    let state = state();
    if state.aggregate_functions().contains_key(&name) {
        return Some(Objection::new(format!(
            "{name}: an aggregate is not possible: a transform sees one message at a time"
        )));
    }
    let FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses }) = &function.args
    else {
        return functions::objection(&name, &[]).map(Objection::new);
    };
    let plain = |arg: &FunctionArg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)));
    let odd = function.filter.is_some() || function.null_treatment.is_some() || !function.within_group.is_empty();
    if odd || !clauses.is_empty() || !args.iter().all(plain) {
        return Some(Objection::new(format!("{function}: only plain arguments are possible")));
    }
    let args: Vec<&Expr> = args
        .iter()
        .filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        })
        .collect();
    let meant = foz_pipeline::problem::did_you_mean(&name, functions::names());
    functions::objection(&name, &args).map(|what| Objection { at: None, what, instead: meant })
}

/// A session as transforms are planned in it: strings are strings, and Spark's additional functions are known.
fn state() -> SessionState {
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

#[cfg(test)]
mod tests;
