//! The functions that a transform may call: those that are deterministic and mean the same in DataFusion and in Spark
//! (ANSI mode, session time zone UTC), as long as the arguments obey the rule given here.
//!
//! Left out although one might expect them, and why:
//! - `concat`: DataFusion skips nulls, Spark answers null. `||` means the same in both.
//! - `ceil`, `floor`: Spark answers a whole number for a double, DataFusion a double.
//! - `round`: Spark rounds the decimal digits as printed (2.675 → 2.68), DataFusion the binary value (2.67).
//! - `ln`, `log`, `power`: differ at zero, and for whole numbers in the type they answer.
//! - `initcap`: Spark splits words at spaces, DataFusion at anything that is no letter or digit.
//! - `regexp_*`, `rlike`: Java's regular expressions are not Rust's, and DataFusion replaces the first match only.
//! - `starts_with`, `ends_with`: named `startswith` and `endswith` in Spark; `LIKE 'x%'` is in both.
//! - `sha256`, `encode`, `digest`: bytes here, hexadecimal text there.
//! - `to_timestamp`, `to_date`, `to_char`, `date_format`: formats are written differently. `CAST` reads ISO 8601 in both.
//! - `now`, `current_date`, `random`, `uuid`: a transform's result must not depend on when it runs.
//! - `trunc`: cuts numbers in DataFusion, dates in Spark. `strpos`: Spark says `instr`.
//! - `array_*`, `map_*`, `size`: count from different ends and treat nulls differently.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::exec_datafusion_err;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datafusion::sql::sqlparser::ast::{Expr, Value};

use super::guarded;
use crate::types::instant;

/// What the arguments of a function must be.
type Rule = fn(&[&Expr]) -> Option<&'static str>;

/// Names in lower case, with the rule for their arguments: `None` if they are fine, else what they must be.
const ALLOWED: [(&str, Rule); 39] = [
    ("abs", any),
    ("bit_length", any),
    ("btrim", any),
    ("char_length", any),
    ("character_length", any),
    ("coalesce", any),
    ("concat_ws", any),
    ("contains", any),
    ("date_trunc", |args| literal_text(args.first(), "the unit, such as 'day', must be a literal")),
    ("greatest", any),
    ("ifnull", any),
    ("instr", any),
    ("least", any),
    ("left", |args| whole(args.get(1), 0, "the length must be a literal, 0 or more")),
    ("length", any),
    ("lower", any),
    ("lpad", padded),
    ("ltrim", trimmed),
    ("make_date", any),
    ("md5", any),
    ("nanvl", any),
    ("nullif", any),
    ("nvl", any),
    ("octet_length", any),
    ("repeat", any),
    ("replace", |args| literal_text(args.get(1), "the text to replace must be a literal and not empty")),
    ("reverse", any),
    ("right", |args| whole(args.get(1), 0, "the length must be a literal, 0 or more")),
    ("rpad", padded),
    ("rtrim", trimmed),
    ("split_part", |args| whole(args.get(2), 1, "the part's number must be a literal, 1 or more")),
    ("sqrt", any),
    ("substr", substring),
    ("substring", substring),
    ("timestamp_millis", any),
    ("timestamp_seconds", any),
    ("translate", any),
    ("trim", trimmed),
    ("upper", any),
];

/// Why a function must not be called with these arguments. `None` if it may.
pub(super) fn objection(name: &str, args: &[&Expr]) -> Option<String> {
    match ALLOWED.iter().find(|(allowed, _)| *allowed == name) {
        Some((_, rule)) => rule(args).map(|what| format!("{name}: {what}")),
        None => Some(format!("the function {name} is not on the list of those that mean the same in every engine")),
    }
}

/// The allowed names.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALLOWED.iter().map(|(name, _)| *name)
}

fn any(_: &[&Expr]) -> Option<&'static str> {
    None
}

fn trimmed(args: &[&Expr]) -> Option<&'static str> {
    (args.len() != 1).then_some("takes one argument; the order of two differs between the engines (btrim takes two)")
}

fn padded(args: &[&Expr]) -> Option<&'static str> {
    whole(args.get(1), 0, "the length must be a literal, 0 or more").or_else(|| {
        args.get(2).and_then(|pad| literal_text(Some(pad), "what to pad with must be a literal and not empty"))
    })
}

fn substring(args: &[&Expr]) -> Option<&'static str> {
    let length = args.get(2).and_then(|length| whole(Some(length), 0, "the length must be a literal, 0 or more"));
    whole(args.get(1), 1, "the start must be a literal, 1 or more; the engines count differently below").or(length)
}

fn literal_text(arg: Option<&&Expr>, what: &'static str) -> Option<&'static str> {
    let given = match arg {
        Some(Expr::Value(value)) => matches!(&value.value, Value::SingleQuotedString(text) if !text.is_empty()),
        _ => false,
    };
    (!given).then_some(what)
}

fn whole(arg: Option<&&Expr>, least: u64, what: &'static str) -> Option<&'static str> {
    let given = match arg {
        Some(Expr::Value(value)) => {
            matches!(&value.value, Value::Number(text, _) if text.parse::<u64>().is_ok_and(|number| number >= least))
        }
        _ => false,
    };
    (!given).then_some(what)
}

/// Functions that Spark has and DataFusion lacks, or has with another meaning.
pub(super) fn additions() -> Vec<ScalarUDF> {
    let scaled = |name: &'static str, micros: i64| {
        create_udf(
            name,
            vec![DataType::Int64],
            instant(),
            Volatility::Immutable,
            Arc::new(move |args: &[ColumnarValue]| {
                let numbers = args[0].to_array(1)?;
                let numbers: &Int64Array = numbers.as_primitive::<Int64Type>();
                let scale = |number: i64| {
                    number.checked_mul(micros).ok_or_else(|| exec_datafusion_err!("{name}: {number} is out of range"))
                };
                let micros: TimestampMicrosecondArray = numbers.try_unary(scale)?;
                Ok(ColumnarValue::Array(Arc::new(micros.with_data_type(instant()))))
            }),
        )
    };
    let own = [scaled("timestamp_millis", 1_000), scaled("timestamp_seconds", 1_000_000)];
    own.into_iter().chain(guarded::functions()).collect()
}

/// Spark's division: always of doubles, and an error at zero (DataFusion divides whole numbers into whole numbers, and
/// doubles by zero into infinity).
pub(super) fn divide() -> ScalarUDF {
    let types = vec![DataType::Float64, DataType::Float64];
    create_udf(
        "divide",
        types,
        DataType::Float64,
        Volatility::Immutable,
        Arc::new(|args: &[ColumnarValue]| {
            let arrays = ColumnarValue::values_to_arrays(args)?;
            let (left, right) = (arrays[0].as_primitive::<Float64Type>(), arrays[1].as_primitive::<Float64Type>());
            let mut quotients = Float64Array::builder(left.len());
            for (left, right) in left.iter().zip(right) {
                match (left, right) {
                    (Some(_), Some(0.0)) => return Err(exec_datafusion_err!("division by zero")),
                    (Some(left), Some(right)) => quotients.append_value(left / right),
                    _ => quotients.append_null(),
                }
            }
            Ok(ColumnarValue::Array(Arc::new(quotients.finish()) as ArrayRef))
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_unique() {
        assert!(ALLOWED.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
