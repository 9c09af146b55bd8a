//! The SQL of transforms and delete conditions: what it may be, and why not more.
//!
//! A transform sees one message at a time, so that its result depends neither on how messages were cut into runs nor on
//! when they ran; and it must mean the same in DataFusion and in Spark. What cannot promise that is refused here, by
//! lists of what is allowed.
//!
//! - `select`: from text to the expressions of one `SELECT … FROM messages`
//! - `depth`: how deep it is, which is asked first
//! - `allowed`: what may stand in an expression; `functions` lists the functions
//! - `guarded`: functions of DataFusion that need a guard
//! - `compile`: from expressions to what computes them; `types` makes both engines agree on types

mod allowed;
mod compile;
mod depth;
mod functions;
mod guarded;
mod objection;
mod product;
mod select;
mod types;
mod within;

pub(crate) use compile::Compiler;
pub(crate) use guarded::MAX_TEXT;
pub(crate) use objection::Objection;
pub(crate) use select::{condition, passed, selection};

/// The table that a transform reads.
const MESSAGES: &str = "messages";

#[cfg(test)]
mod tests;
