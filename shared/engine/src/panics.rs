//! Panics of the engine, as errors of the rows at which they happen.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use datafusion::common::exec_datafusion_err;
use datafusion::error::DataFusionError;

/// What `work` gives; a panic of the engine is an error as others are.
pub(crate) fn unless_it_panics<T, E: From<DataFusionError>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let panicked = |panic: Box<dyn Any + Send>| E::from(exec_datafusion_err!("{}", said(panic.as_ref())));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panicked(panic)))
}

/// What a panic says.
pub(crate) fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("the engine panicked: {}", text.unwrap_or("without a word"))
}
