//! `pipeline.yaml`: the one definition. The CLI reads what a person wrote, every function what is resolved of it.
//!
//! - [`definition`]: what it means
//! - [`mod@column`], [`mod@reference`], [`settings`]: its parts, and how they are read
//! - `setting`: what a setting is
//! - [`types`], [`path`], [`quantity`], [`names`]: the small languages inside it, each with its parser
//! - [`parse`]: from text to a definition, or to everything that is wrong with it
//! - [`problem`]: what is wrong, where, and what to write instead; `places`: where each part stands
//! - [`resolved`]: the canonical text, SQL included
//! - `planning`: how a group is to be planned
//! - [`limits`]: how much there may be of what; `bounded` asks a definition for them
//! - [`explain`]: what a definition means, in words; `warnings`: what is hardly meant

mod bounded;
pub mod column;
pub mod definition;
pub mod explain;
pub mod limits;
pub mod names;
pub mod parse;
pub mod path;
mod places;
pub mod planning;
pub mod problem;
pub mod quantity;
mod read;
pub mod reference;
pub mod resolved;
mod section;
mod setting;
pub mod settings;
pub mod types;
mod validate;
mod warnings;
mod yaml;

pub use column::Column;
pub use definition::{Broker, Definition, Stream};
pub use names::LakeName;
pub use parse::Examined;
pub use path::Path;
pub use problem::{Place, Problem, Problems};
pub use reference::Reference;
pub use setting::Described;
pub use settings::{Door, OnError, Retain, StreamSettings};
pub use types::{DataType, Field};
