//! Where the engines agree on an operator only for some types: keeps to those, and rewrites what can be made equal.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, ScalarValue, SchemaError};
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::logical_expr::expr::{BinaryExpr, ScalarFunction};
use datafusion::logical_expr::{Expr, ExprSchemable, Operator, cast};
use datafusion::physical_expr::expressions::BinaryExpr as PhysicalBinary;
use datafusion::physical_plan::PhysicalExpr;

use super::objection::Objection;
use super::within::{Beyond, within};
use super::{functions, product};
use crate::types::instant;

/// Types among which both engines convert alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Null,
    Boolean,
    Integer,
    Real,
    Decimal,
    Text,
    Time,
    Other,
}

fn family(data_type: &DataType) -> Family {
    match data_type {
        DataType::Null => Family::Null,
        DataType::Boolean => Family::Boolean,
        other if other.is_integer() => Family::Integer,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Family::Real,
        other if other.is_decimal() => Family::Decimal,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Family::Text,
        DataType::Date32 | DataType::Timestamp(..) => Family::Time,
        _ => Family::Other,
    }
}

/// Arguments that are converted to a common type: which may meet.
fn alike(families: impl IntoIterator<Item = Family>) -> bool {
    let families: BTreeSet<Family> = families.into_iter().filter(|family| *family != Family::Null).collect();
    let reals = families.contains(&Family::Real) && families.contains(&Family::Decimal);
    let numbers = families.iter().all(|family| matches!(family, Family::Integer | Family::Real | Family::Decimal));
    families.len() <= 1 || (numbers && !reals)
}

/// The expression with Spark's meaning, or why there is none.
pub(super) fn conform(expr: Expr, schema: &DFSchema) -> Result<Expr, Objection> {
    let mut objections = Vec::new();
    let conformed = expr.transform_up(|expr| {
        let outcome = match expr {
            Expr::BinaryExpr(binary) => operation(binary, schema)?,
            Expr::ScalarFunction(call) => function(call, schema)?,
            Expr::Cast(mut conversion) => {
                conversion.data_type = zoned(conversion.data_type);
                let source = conversion.expr.get_type(schema)?;
                let target = conversion.data_type.clone();
                let wanted = castable(&source, &target).map(|()| Expr::Cast(conversion));
                wanted.map(|cast| timely(cast, &target, Beyond::Fails))
            }
            Expr::TryCast(mut conversion) => {
                conversion.data_type = zoned(conversion.data_type);
                let source = conversion.expr.get_type(schema)?;
                let target = conversion.data_type.clone();
                let wanted = castable(&source, &target).map(|()| Expr::TryCast(conversion));
                wanted.map(|cast| timely(cast, &target, Beyond::Null))
            }
            Expr::Negative(inner) => Ok(negated(*inner, schema)?),
            Expr::Case(case) => {
                let results = case.when_then_expr.iter().map(|(_, then)| then).chain(&case.else_expr);
                let results = mixed("the results of CASE", results.map(AsRef::as_ref), schema)?;
                let tested = case.expr.iter().chain(case.when_then_expr.iter().map(|(when, _)| when));
                let tested = match case.expr {
                    Some(_) => mixed("CASE and WHEN", tested.map(AsRef::as_ref), schema)?,
                    None => Ok(()),
                };
                results.and(tested).map(|()| Expr::Case(case))
            }
            Expr::InList(list) => {
                let all = std::iter::once(list.expr.as_ref()).chain(&list.list);
                mixed("IN", all, schema)?.map(|()| Expr::InList(list))
            }
            Expr::Between(between) => {
                let all = [&between.expr, &between.low, &between.high];
                mixed("BETWEEN", all.into_iter().map(AsRef::as_ref), schema)?.map(|()| Expr::Between(between))
            }
            Expr::Like(like) => {
                let all = [&like.expr, &like.pattern].map(|part| part.get_type(schema));
                let text =
                    all.into_iter().collect::<PlanResult<Vec<_>>>()?.iter().all(|part| family(part) == Family::Text);
                if text { Ok(Expr::Like(like)) } else { Err(Objection::new("LIKE compares text with text")) }
            }
            other => Ok(other),
        };
        match outcome {
            Ok(expr) => Ok(Transformed::yes(expr)),
            Err(objection) => {
                objections.push(objection);
                Err(DataFusionError::Plan("refused".to_owned()))
            }
        }
    });
    match (conformed, objections.pop()) {
        (Ok(conformed), _) => Ok(conformed.data),
        (Err(_), Some(objection)) => Err(objection),
        (Err(error), None) => Err(Objection::new(error.strip_backtrace())),
    }
}

fn operation(binary: BinaryExpr, schema: &DFSchema) -> PlanResult<Result<Expr, Objection>> {
    let types = [binary.left.get_type(schema)?, binary.right.get_type(schema)?];
    let [left, right] = types.each_ref().map(family);
    let op = binary.op;
    let numbers =
        |families: &[Family]| [left, right].iter().all(|side| *side == Family::Null || families.contains(side));
    let is = match op {
        Operator::Plus | Operator::Minus => {
            numbers(&[Family::Integer, Family::Real, Family::Decimal]) && alike([left, right])
        }
        Operator::Multiply
            if [left, right].contains(&Family::Decimal) && numbers(&[Family::Integer, Family::Decimal]) =>
        {
            return product::exact(binary, schema);
        }
        Operator::Multiply => numbers(&[Family::Integer, Family::Real]),
        Operator::Divide => {
            if numbers(&[Family::Integer, Family::Real]) {
                let args = [binary.left, binary.right].map(|side| cast(*side, DataType::Float64)).to_vec();
                return Ok(Ok(functions::divide().call(args)));
            }
            false
        }
        Operator::Modulo => numbers(&[Family::Integer]),
        Operator::StringConcat => numbers(&[Family::Text]),
        Operator::And | Operator::Or => true,
        // Comparisons: whatever else there is was refused by name.
        _ => alike([left, right]),
    };
    Ok(if is {
        let arithmetic = matches!(op, Operator::Plus | Operator::Minus);
        let expr = Expr::BinaryExpr(binary);
        let computed = expr.get_type(schema)?;
        Ok(if arithmetic { within(expr, &computed, Beyond::Fails) } else { expr })
    } else {
        let types_of = [left, right];
        let [left, right] = types;
        let what = format!("the engines differ on {left} {op} {right}");
        Err(Objection::new(what).instead(match [types_of[0], types_of[1]] {
            [Family::Decimal | Family::Integer, Family::Decimal | Family::Integer] => {
                "CAST both sides to DOUBLE, which rounds"
            }
            [Family::Decimal, Family::Real] | [Family::Real, Family::Decimal] => {
                "CAST the decimal to DOUBLE, which rounds, or the other side to DECIMAL(…)"
            }
            _ => "CAST one side, or write DATE '…' or TIMESTAMP '…'",
        }))
    })
}

fn function(call: ScalarFunction, schema: &DFSchema) -> PlanResult<Result<Expr, Objection>> {
    let types = call.args.iter().map(|arg| arg.get_type(schema)).collect::<PlanResult<Vec<_>>>()?;
    let mut families = types.iter().map(family);
    let fits = match call.func.name() {
        "coalesce" | "nvl" | "ifnull" | "nullif" | "greatest" | "least" => alike(families),
        "abs" | "sqrt" | "nanvl" => families.all(|family| matches!(family, Family::Integer | Family::Real)),
        "make_date" | "timestamp_millis" | "timestamp_seconds" => families.all(|family| family == Family::Integer),
        "date_trunc" => matches!(types.last(), Some(DataType::Timestamp(..))),
        "date_part" => families.next_back() == Some(Family::Time),
        // Made of a dot in a name.
        "get_field" => true,
        _ => families.all(|family| matches!(family, Family::Text | Family::Integer)),
    };
    Ok(if fits {
        let makes_time = matches!(call.func.name(), "make_date" | "timestamp_millis" | "timestamp_seconds");
        let expr = Expr::ScalarFunction(call);
        let computed = expr.get_type(schema)?;
        Ok(if makes_time { within(expr, &computed, Beyond::Fails) } else { expr })
    } else {
        let types: Vec<_> = types.iter().map(ToString::to_string).collect();
        Err(Objection::new(format!("the engines differ on {}({})", call.func.name(), types.join(", "))).instead("CAST"))
    })
}

fn mixed<'a>(
    what: &str,
    exprs: impl Iterator<Item = &'a Expr>,
    schema: &DFSchema,
) -> PlanResult<Result<(), Objection>> {
    let types = exprs.map(|expr| expr.get_type(schema)).collect::<PlanResult<Vec<_>>>()?;
    Ok(if alike(types.iter().map(family)) {
        Ok(())
    } else {
        Err(Objection::new(format!("{what} mixes types that the engines convert differently")).instead("CAST"))
    })
}

/// The conversion, whose result is checked if it is a time.
fn timely(cast: Expr, target: &DataType, beyond: Beyond) -> Expr {
    if family(target) == Family::Time { within(cast, target, beyond) } else { cast }
}

/// The negative of a value, which is an error where the type has none: the least whole number.
fn negated(inner: Expr, schema: &DFSchema) -> PlanResult<Expr> {
    let data_type = inner.get_type(schema)?;
    if family(&data_type) != Family::Integer {
        return Ok(Expr::Negative(Box::new(inner)));
    }
    let zero = Expr::Literal(ScalarValue::new_zero(&data_type)?, None);
    Ok(Expr::BinaryExpr(BinaryExpr::new(Box::new(zero), Operator::Minus, Box::new(inner))))
}

/// SQL's TIMESTAMP is Spark's: an instant.
fn zoned(data_type: DataType) -> DataType {
    if matches!(data_type, DataType::Timestamp(..)) { instant() } else { data_type }
}

fn castable(from: &DataType, to: &DataType) -> Result<(), Objection> {
    let number = |family| matches!(family, Family::Integer | Family::Real | Family::Decimal);
    let (source, target) = (family(from), family(to));
    let differs = match (source, target) {
        (Family::Real, Family::Text) => true,
        (Family::Time, Family::Text) => *from != DataType::Date32,
        (Family::Time, target) => number(target) || target == Family::Boolean,
        (source, Family::Time) => number(source) || source == Family::Boolean,
        (source, target) => source == Family::Other && target != Family::Other,
    };
    if !differs {
        return Ok(());
    }
    let objection = Objection::new(format!("the engines differ on the CAST of {from} to {to}"));
    Err(match (source, target) {
        (Family::Integer, Family::Time) => objection.instead("timestamp_seconds(…) or timestamp_millis(…)"),
        _ => objection,
    })
}

/// Arithmetic that errors where it would overflow, as in Spark.
pub(super) fn checked(expr: Arc<dyn PhysicalExpr>) -> PlanResult<Arc<dyn PhysicalExpr>> {
    let checked = expr.transform_up(|expr| {
        Ok(match expr.as_any().downcast_ref::<PhysicalBinary>() {
            Some(binary) if matches!(binary.op(), Operator::Plus | Operator::Minus | Operator::Multiply) => {
                Transformed::yes(Arc::new(binary.clone().with_fail_on_overflow(true)) as Arc<dyn PhysicalExpr>)
            }
            _ => Transformed::no(expr),
        })
    })?;
    Ok(checked.data)
}

/// The name of which the error says that there is no such column; `None` if it says something else.
pub(super) fn unknown_column(error: &DataFusionError) -> Option<String> {
    match error.find_root() {
        DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
            SchemaError::FieldNotFound { field, .. } => Some(field.name.clone()),
            _ => None,
        },
        DataFusionError::Diagnostic(_, inner) => unknown_column(inner),
        _ => None,
    }
}
