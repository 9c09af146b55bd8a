//! What a computed value must be so that a table can hold it: a date or an instant of the years 1 to 9999, a decimal of
//! 38 digits. An expression that computes another value fails, so that its message is quarantined, and no later step
//! meets a number that wraps.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::{Result as PlanResult, exec_datafusion_err};
use datafusion::logical_expr::{ColumnarValue, Expr, ScalarUDF, Volatility, create_udf};

use crate::calendar::{DAYS, MICROS};

/// What becomes of a value that no table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    /// The expression fails.
    Fails,
    /// It is null, as in TRY_CAST.
    Null,
}

/// The expression of that type, whose values are checked if the type has some that no table holds.
pub(super) fn within(expr: Expr, data_type: &DataType, beyond: Beyond) -> Expr {
    let bounded = matches!(
        data_type,
        DataType::Date32 | DataType::Timestamp(TimeUnit::Microsecond, _) | DataType::Decimal128(..)
    );
    if bounded { function(data_type, beyond).call(vec![expr]) } else { expr }
}

fn function(data_type: &DataType, beyond: Beyond) -> ScalarUDF {
    let name = match beyond {
        Beyond::Fails => "within",
        Beyond::Null => "within_or_null",
    };
    create_udf(
        name,
        vec![data_type.clone()],
        data_type.clone(),
        Volatility::Immutable,
        Arc::new(move |args: &[ColumnarValue]| {
            let values = ColumnarValue::values_to_arrays(args)?;
            Ok(ColumnarValue::Array(checked(&values[0], beyond)?))
        }),
    )
}

fn checked(values: &ArrayRef, beyond: Beyond) -> PlanResult<ArrayRef> {
    const YEARS: &str = "a time outside of the years 1 to 9999";
    match *values.data_type() {
        DataType::Date32 => kept::<Date32Type>(values, |day| DAYS.contains(&day), YEARS, beyond),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            kept::<TimestampMicrosecondType>(values, |micros| MICROS.contains(&micros), YEARS, beyond)
        }
        DataType::Decimal128(precision, _) => {
            let limit = 10i128.pow(u32::from(precision));
            let fits = |value: i128| -limit < value && value < limit;
            kept::<Decimal128Type>(values, fits, "a decimal of more digits than its type has", beyond)
        }
        _ => Ok(values.clone()),
    }
}

fn kept<T: ArrowPrimitiveType>(
    values: &ArrayRef,
    fits: impl Fn(T::Native) -> bool,
    what: &str,
    beyond: Beyond,
) -> PlanResult<ArrayRef> {
    let typed = values.as_primitive::<T>();
    if typed.iter().flatten().all(&fits) {
        return Ok(values.clone());
    }
    match beyond {
        Beyond::Fails => Err(exec_datafusion_err!("{what}")),
        Beyond::Null => {
            let kept: PrimitiveArray<T> = typed.unary_opt(|value| fits(value).then_some(value));
            Ok(Arc::new(kept.with_data_type(values.data_type().clone())))
        }
    }
}
