//! The product of decimals, exactly: all digits after the point stay, and one of more than 38 digits is an error of its
//! row. Spark does the same with `spark.sql.decimalOperations.allowPrecisionLoss=false`; without that it would round.

use arrow::datatypes::{DECIMAL128_MAX_SCALE, DataType};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::expr::BinaryExpr;
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};

use super::objection::Objection;
use super::within::{Beyond, within};

/// The product, one of whose sides is a decimal and the other a decimal or a whole number.
pub(super) fn exact(binary: BinaryExpr, schema: &DFSchema) -> PlanResult<Result<Expr, Objection>> {
    let [left, right] = [binary.left, binary.right].map(|side| counted(*side));
    let scales = [&left, &right].map(|side| side.get_type(schema).map(|data_type| scale(&data_type)));
    let scale: i16 = scales.into_iter().sum::<PlanResult<i16>>()?;
    if scale > i16::from(DECIMAL128_MAX_SCALE) {
        let what =
            format!("the product has {scale} digits after the point, and a decimal has {DECIMAL128_MAX_SCALE} at most");
        return Ok(Err(Objection::new(what).instead("CAST one side to a DECIMAL of fewer")));
    }
    let product = Expr::BinaryExpr(BinaryExpr::new(Box::new(left), Operator::Multiply, Box::new(right)));
    let data_type = product.get_type(schema)?;
    Ok(Ok(within(product, &data_type, Beyond::Fails)))
}

fn scale(data_type: &DataType) -> i16 {
    match data_type {
        DataType::Decimal128(_, scale) => i16::from(*scale),
        _ => 0,
    }
}

/// A whole number that is written out counts with its own digits, as in Spark.
fn counted(side: Expr) -> Expr {
    match side {
        Expr::Literal(ScalarValue::Int64(Some(number)), metadata) => {
            let digits = u8::try_from(number.unsigned_abs().to_string().len()).unwrap_or(19);
            Expr::Literal(ScalarValue::Decimal128(Some(i128::from(number)), digits, 0), metadata)
        }
        other => other,
    }
}
