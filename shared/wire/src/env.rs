//! The environment variables that tell a program what it needs.
//!
//! Programs read the names from here, and the documentation's table and Terraform are tested against [`ALL`].

use Program::{Bridge, Compact, Consolidate, Dispatch, Foz, Ingest, Transform};

/// A program of Foz.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// The process that carries queues into the lake.
    Bridge,
    /// The function that catalogues batches.
    Ingest,
    /// The function that decides what is done next.
    Dispatch,
    /// The function that writes history tables.
    Transform,
    /// The function that writes current images.
    Consolidate,
    /// The function that merges files of current tables.
    Compact,
    /// The command line.
    Foz,
}

impl Program {
    /// Every program.
    pub const ALL: [Self; 7] = [Bridge, Ingest, Dispatch, Transform, Consolidate, Compact, Foz];

    /// The name of its binary.
    pub const fn as_str(self) -> &'static str {
        match self {
            Bridge => "bridge",
            Ingest => "ingest",
            Dispatch => "dispatch",
            Transform => "transform",
            Consolidate => "consolidate",
            Compact => "compact",
            Foz => "foz",
        }
    }
}

/// Whether a program can do without a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A function or the bridge does not start without it. `foz` asks for it only where it needs it, and takes a flag or the
    /// file of a local cloud instead.
    Required,
    /// There is a default.
    Optional,
    /// Looked at on the local cloud only, with `FOZ_LOCAL=1`.
    LocalOnly,
}

/// An environment variable.
#[derive(Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name, `FOZ_…`.
    pub name: &'static str,
    /// Whether the programs that read it can do without it.
    pub need: Need,
    /// The programs that read it.
    pub programs: &'static [Program],
    /// What its value says.
    pub meaning: &'static str,
}

macro_rules! variables {
    ($($ident:ident = $name:literal, $need:ident, $programs:expr, $meaning:literal;)*) => {
        $(
            #[doc = $meaning]
            pub static $ident: Variable =
                Variable { name: $name, need: Need::$need, programs: &$programs, meaning: $meaning };
        )*
        /// Every variable of Foz, in the order of the documentation's table.
        pub static ALL: &[&Variable] = &[$(&$ident),*];
    };
}

variables! {
    BUCKET = "FOZ_BUCKET", Required, Program::ALL, "Name of the lake bucket.";
    TABLE = "FOZ_TABLE", Required, Program::ALL, "Name of the catalog's DynamoDB table.";
    GLUE_DATABASE = "FOZ_GLUE_DATABASE", Required, [Transform, Consolidate, Compact, Foz], "Name of the Glue database.";
    DEFINITION = "FOZ_DEFINITION", Required, Program::ALL, "Key of the current definition in the bucket, `config/<digest>.yaml`: the resolved text.";
    HINT_QUEUE_URL = "FOZ_HINT_QUEUE_URL", Required, [Ingest, Dispatch, Transform, Consolidate, Compact], "URL of the SQS queue of hints.";
    INGEST_FUNCTION = "FOZ_INGEST_FUNCTION", Required, [Bridge], "Name of the ingest function.";
    INGEST_TIMEOUT = "FOZ_INGEST_TIMEOUT", Optional, [Bridge, Ingest], "Seconds that an invocation of ingest may take, by default 30; the bridge waits for the answer a quarter of a minute longer.";
    TRANSFORM_FUNCTION = "FOZ_TRANSFORM_FUNCTION", Required, [Dispatch], "Name of the transform function.";
    CONSOLIDATE_FUNCTION = "FOZ_CONSOLIDATE_FUNCTION", Required, [Dispatch], "Name of the consolidate function.";
    COMPACT_FUNCTION = "FOZ_COMPACT_FUNCTION", Required, [Dispatch], "Name of the compact function.";
    MEMORY_LIMIT = "FOZ_MEMORY_LIMIT", Optional, [Consolidate], "Bytes that the engine may use before it spills; by default a third of the function's memory.";
    REWRITE_BELOW = "FOZ_REWRITE_BELOW", Optional, [Consolidate], "Bytes up to which a bucket that changes is written anew by every image, by default 2097152; of a larger one the image adds what changed.";
    AMQP_URL = "FOZ_AMQP_URL", Required, [Bridge, Foz], "URL of the broker, with user and password.";
    MANAGEMENT_URL = "FOZ_MANAGEMENT_URL", Optional, [Bridge, Foz], "URL of the broker's management API.";
    CONSUMER_TIMEOUT_MS = "FOZ_CONSUMER_TIMEOUT_MS", Optional, [Bridge], "The queues' consumer timeout in milliseconds, by default 1800000; the bridge gives back at a quarter of it.";
    SWITCH_MARKERS = "FOZ_SWITCH_MARKERS", LocalOnly, [Bridge], "`off`, in a development build: no markers, so that tests can show what they are for.";
    TAKEOVER_AFTER = "FOZ_TAKEOVER_AFTER", Optional, [Dispatch, Transform, Consolidate, Compact], "Seconds that a heartbeat may stand still, by default 60; runs beat six times as often.";
    LOG = "FOZ_LOG", Optional, Program::ALL, "What is logged: `info` by default, `debug`, `foz_catalog=debug,info`, …";
    STACK = "FOZ_STACK", Optional, [Foz], "The file that describes a local cloud, by default `.local/stack.json`, here or further up; not looked at if `FOZ_BUCKET` is set.";
    LOCAL = "FOZ_LOCAL", Optional, Program::ALL, "`1` on the local cloud: allows `amqp://`, fail points and test switches.";
    FAIL_POINTS = "FOZ_FAIL_POINTS", LocalOnly, Program::ALL, "A folder: who passes the fail point `a.b` looks there for a file `a.b`, removes it, and does what its text says: `exit` (kill -9 of itself), `panic`, `error`, `outage`, `hang`; with a number behind the word, that many times.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_is_listed_once_and_read_by_somebody() {
        let names: BTreeSet<&str> = ALL.iter().map(|variable| variable.name).collect();
        assert_eq!(names.len(), ALL.len());
        for variable in ALL {
            assert!(variable.name.starts_with("FOZ_") && !variable.programs.is_empty(), "{}", variable.name);
        }
    }
}
