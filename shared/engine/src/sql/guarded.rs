//! DataFusion's functions where they answer wrongly, or make more of a message than there is room for.

use std::any::Any;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, FieldRef, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, Datelike, NaiveDate};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use datafusion::functions::datetime::date_trunc;
use datafusion::functions::string::{repeat, replace};
use datafusion::functions::unicode::{lpad, rpad};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use crate::calendar::{DAY, SECOND};

/// The most bytes of text that a function may make of the rows that it is given at once, and so of one row: as many as a
/// whole frame has. Several such columns still fit into the function's memory.
pub(crate) const MAX_TEXT: usize = 64 << 20;

/// The check that comes before the function itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Guard {
    /// `repeat(text, times)`
    Repeat,
    /// `lpad(text, length, pad)`, and `rpad`
    Pad,
    /// `replace(text, from, to)`
    Replace,
    /// `date_trunc(unit, instant)`: DataFusion counts in nanoseconds, whose 64 bits end in the year 2262.
    DateTrunc,
}

/// A function with its guard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Guarded {
    function: Arc<ScalarUDF>,
    guard: Guard,
}

/// The functions that stand in the place of DataFusion's of the same names.
pub(super) fn functions() -> Vec<ScalarUDF> {
    let guarded = [
        (repeat(), Guard::Repeat),
        (lpad(), Guard::Pad),
        (rpad(), Guard::Pad),
        (replace(), Guard::Replace),
        (date_trunc(), Guard::DateTrunc),
    ];
    guarded.into_iter().map(|(function, guard)| ScalarUDF::from(Guarded { function, guard })).collect()
}

impl ScalarUDFImpl for Guarded {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        self.function.name()
    }

    fn signature(&self) -> &Signature {
        self.function.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.function.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.function.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.function.return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if self.guard == Guard::DateTrunc {
            return match truncated(&args)? {
                Some(instants) => Ok(instants),
                None => self.function.invoke_with_args(args),
            };
        }
        let arrays = args.args.iter().map(|arg| arg.to_array(args.number_rows)).collect::<Result<Vec<_>>>()?;
        let bytes = match self.guard {
            Guard::Repeat => sum(&arrays, repeated)?,
            Guard::Pad => sum(&arrays, padded)?,
            Guard::Replace | Guard::DateTrunc => sum(&arrays, replaced)?,
        };
        if bytes > MAX_TEXT {
            let name = self.name();
            return Err(exec_datafusion_err!("{name}: the text would have {bytes} bytes, more than {MAX_TEXT}"));
        }
        self.function.invoke_with_args(args)
    }
}

/// The arguments of one row: texts and whole numbers, `None` if null.
struct Arguments<'a> {
    texts: &'a [StringArray],
    row: usize,
}

impl<'a> Arguments<'a> {
    fn text(&self, number: usize) -> Option<&'a str> {
        self.texts.get(number).filter(|texts| texts.is_valid(self.row)).map(|texts| texts.value(self.row))
    }

    fn bytes(&self, number: usize) -> usize {
        self.text(number).map_or(0, str::len)
    }
}

/// Bytes of the result of one row, at least as many as it will have.
type Size = fn(&Arguments<'_>, Option<i64>) -> usize;

fn sum(arrays: &[ArrayRef], size: Size) -> Result<usize> {
    let text = |array: &ArrayRef| match array.data_type() {
        DataType::Int64 => Ok(StringArray::new_null(array.len())),
        _ => Ok(arrow::compute::cast(array, &DataType::Utf8)?.as_string::<i32>().clone()),
    };
    let texts = arrays.iter().map(text).collect::<Result<Vec<_>>>()?;
    let numbers = arrays.get(1).and_then(|array| array.as_primitive_opt::<Int64Type>());
    let rows = arrays.first().map_or(0, Array::len);
    let of_row = |row: usize| {
        let number = numbers.filter(|numbers| numbers.is_valid(row)).map(|numbers| numbers.value(row));
        size(&Arguments { texts: &texts, row }, number)
    };
    Ok((0..rows).map(of_row).fold(0, usize::saturating_add))
}

fn repeated(of: &Arguments<'_>, times: Option<i64>) -> usize {
    of.bytes(0).saturating_mul(usize::try_from(times.unwrap_or(0)).unwrap_or(0))
}

fn padded(of: &Arguments<'_>, length: Option<i64>) -> usize {
    let widest = of.text(2).unwrap_or(" ").chars().map(char::len_utf8).max().unwrap_or(0);
    let pad = usize::try_from(length.unwrap_or(0)).unwrap_or(0).saturating_mul(widest);
    of.bytes(0).saturating_add(pad)
}

fn replaced(of: &Arguments<'_>, _: Option<i64>) -> usize {
    let (Some(text), Some(from), Some(to)) = (of.text(0), of.text(1), of.text(2)) else { return 0 };
    let more = to.len().saturating_sub(from.len());
    let times = if more == 0 { 0 } else { text.matches(from).count() };
    text.len().saturating_add(times.saturating_mul(more))
}

/// The instants, cut to the unit; `None` if they are not in microseconds, or the unit is not one of ours.
fn truncated(args: &ScalarFunctionArgs) -> Result<Option<ColumnarValue>> {
    let [ColumnarValue::Scalar(unit), instants] = args.args.as_slice() else { return Ok(None) };
    let DataType::Timestamp(TimeUnit::Microsecond, zone) = instants.data_type() else { return Ok(None) };
    let Some(cut) = unit.try_as_str().flatten().and_then(|unit| cut_to(&unit.to_lowercase())) else { return Ok(None) };
    let outside = |micros: i64| exec_datafusion_err!("date_trunc: {micros} is out of range");
    let instants = instants.to_array(args.number_rows)?;
    let instants = instants.as_primitive::<TimestampMicrosecondType>();
    let instants: TimestampMicrosecondArray =
        instants.try_unary(|micros| cut(micros).ok_or_else(|| outside(micros)))?;
    Ok(Some(ColumnarValue::Array(Arc::new(instants.with_timezone_opt(zone)))))
}

/// What cuts an instant (microseconds since 1970 UTC) to the unit; `None` if there is no such unit. The cut instant is
/// `None` if it is beyond what the calendar knows.
fn cut_to(unit: &str) -> Option<fn(i64) -> Option<i64>> {
    fn down(micros: i64, unit: i64) -> Option<i64> {
        micros.checked_sub(micros.rem_euclid(unit))
    }
    fn day(micros: i64, of: impl FnOnce(NaiveDate) -> Option<NaiveDate>) -> Option<i64> {
        let date = of(DateTime::from_timestamp_micros(micros)?.date_naive())?;
        Some(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros())
    }
    Some(match unit {
        "microsecond" => Some,
        "millisecond" => |micros| down(micros, 1000),
        "second" => |micros| down(micros, SECOND),
        "minute" => |micros| down(micros, 60 * SECOND),
        "hour" => |micros| down(micros, 3600 * SECOND),
        "day" => |micros| down(micros, DAY),
        // 1970 began with a Thursday, weeks begin with Monday.
        "week" => |micros| micros.checked_sub(micros.checked_add(3 * DAY)?.rem_euclid(7 * DAY)),
        "month" => |micros| day(micros, |date| date.with_day(1)),
        "quarter" => |micros| day(micros, |date| date.with_day(1)?.with_month(date.month0() / 3 * 3 + 1)),
        "year" => |micros| day(micros, |date| date.with_ordinal(1)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(instant: &str, expected: [(&str, &str); 7]) {
        let micros = |text: &str| text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_micros();
        for (unit, expected) in expected {
            assert_eq!(cut_to(unit).unwrap()(micros(instant)), Some(micros(expected)), "{unit} of {instant}");
        }
    }

    #[test]
    fn input_8a_instants_are_cut_in_every_year() {
        check(
            "9999-12-31T23:59:59.999999Z",
            [
                ("second", "9999-12-31T23:59:59Z"),
                ("hour", "9999-12-31T23:00:00Z"),
                ("day", "9999-12-31T00:00:00Z"),
                ("week", "9999-12-27T00:00:00Z"),
                ("month", "9999-12-01T00:00:00Z"),
                ("quarter", "9999-10-01T00:00:00Z"),
                ("year", "9999-01-01T00:00:00Z"),
            ],
        );
        check(
            "1969-07-20T20:17:40Z",
            [
                ("second", "1969-07-20T20:17:40Z"),
                ("hour", "1969-07-20T20:00:00Z"),
                ("day", "1969-07-20T00:00:00Z"),
                ("week", "1969-07-14T00:00:00Z"),
                ("month", "1969-07-01T00:00:00Z"),
                ("quarter", "1969-07-01T00:00:00Z"),
                ("year", "1969-01-01T00:00:00Z"),
            ],
        );
        assert_eq!(cut_to("year").unwrap()(i64::MIN), None);
        assert!(cut_to("fortnight").is_none());
    }
}
