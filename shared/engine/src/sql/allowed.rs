//! What may stand in an expression: lists of what means the same in every engine.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType as SqlType, DateTimeField, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, TimezoneInfo, UnaryOperator, Value, visit_expressions,
};

use super::compile::state;
use super::functions;
use super::objection::Objection;

/// Everything in the expression that is not on the lists.
pub(super) fn objections(expr: &Expr) -> Vec<Objection> {
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
