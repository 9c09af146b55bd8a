//! The environment of a process, read once, typed, with all errors at once.
//!
//! ```
//! use foz_edge::settings::{self, Env, LakeEnv};
//! struct Settings { lake: LakeEnv, hint_queue: String }
//! let env = Env::from_pairs([("FOZ_BUCKET", "b"), ("FOZ_TABLE", "t"), ("FOZ_DEFINITION", "config/1.yaml"), ("FOZ_HINT_QUEUE_URL", "q")]);
//! let settings = settings::read(&env, |vars| {
//!     // Read everything first, then unwrap: so every error is found, not only the first.
//!     let lake = LakeEnv::read(vars);
//!     let hint_queue = vars.required("FOZ_HINT_QUEUE_URL");
//!     Some(Settings { lake: lake?, hint_queue: hint_queue? })
//! })?;
//! assert_eq!((settings.lake.bucket.as_str(), settings.hint_queue.as_str()), ("b", "q"));
//! # Ok::<(), settings::SettingsError>(())
//! ```

use std::collections::BTreeMap;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use foz_wire::env;

/// Everything that is wrong with the environment, one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment is not as it should be:\n{}", .0.join("\n"))]
pub struct SettingsError(pub Vec<String>);

/// A snapshot of environment variables. An empty value counts as absent: Terraform cannot leave a variable out.
#[derive(Debug, Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The environment of this process.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the environment; callers pass values on")]
    pub fn of_process() -> Self {
        Self::from_pairs(std::env::vars())
    }

    /// An environment from pairs, for tests.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(pairs.into_iter().map(|(k, v)| (k.into(), v.into())).filter(|(_, v)| !v.is_empty()).collect())
    }

    /// The text of a variable; `None` if it is not set, or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Reads variables and collects what is wrong with them.
#[derive(Debug)]
pub struct Vars<'a> {
    env: &'a Env,
    errors: Vec<String>,
}

impl Vars<'_> {
    /// The value of a variable that must be set; `None` if it is not, or cannot be parsed, which [`read`] then reports.
    pub fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let value = self.optional(name);
        if self.env.get(name).is_none() {
            self.errors.push(format!("{name} is not set"));
        }
        value
    }

    /// The value of a variable; `None` if it is absent, or cannot be parsed, which [`read`] then reports.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        match self.env.get(name)?.parse() {
            Ok(value) => Some(value),
            Err(why) => {
                // The value itself is left out: it may be a secret.
                self.errors.push(format!("{name} cannot be read: {why}"));
                None
            }
        }
    }

    /// Whether a switch is on: `1` is yes, `0` or nothing is no.
    pub fn flag(&mut self, name: &str) -> bool {
        match self.env.get(name) {
            Some("1") => true,
            None | Some("0") => false,
            Some(_) => {
                self.errors.push(format!("{name} must be 1, 0 or absent"));
                false
            }
        }
    }

    /// Records something that is wrong beyond the parsing of one variable.
    pub fn wrong(&mut self, what: impl Into<String>) {
        self.errors.push(what.into());
    }
}

/// Reads settings with `build`, which reads all variables before it unwraps any.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn read<T>(env: &Env, build: impl FnOnce(&mut Vars<'_>) -> Option<T>) -> Result<T, SettingsError> {
    let mut vars = Vars { env, errors: Vec::new() };
    match build(&mut vars) {
        Some(settings) if vars.errors.is_empty() => Ok(settings),
        _ => Err(SettingsError(vars.errors)),
    }
}

/// What every process needs to find its lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LakeEnv {
    /// Name of the lake bucket (`FOZ_BUCKET`).
    pub bucket: String,
    /// Name of the catalog's DynamoDB table (`FOZ_TABLE`).
    pub table: String,
    /// Key of the current definition in the bucket (`FOZ_DEFINITION`).
    pub definition: String,
    /// Whether this is the local cloud (`FOZ_LOCAL=1`).
    pub local: bool,
}

impl LakeEnv {
    /// Reads the variables that all processes share.
    pub fn read(vars: &mut Vars<'_>) -> Option<Self> {
        let bucket = vars.required(env::BUCKET.name);
        let table = vars.required(env::TABLE.name);
        let definition = vars.required(env::DEFINITION.name);
        let local = vars.flag(env::LOCAL.name);
        Some(Self { bucket: bucket?, table: table?, definition: definition?, local })
    }
}

/// Seconds that a heartbeat may stand still: `FOZ_TAKEOVER_AFTER`, else a minute. Who beats and who judges must agree.
pub fn takeover_after(vars: &mut Vars<'_>) -> u64 {
    vars.optional(env::TAKEOVER_AFTER.name).unwrap_or(60)
}

/// What an invocation of ingest may take: `FOZ_INGEST_TIMEOUT`, else half a minute. Who waits for it must agree.
pub fn ingest_timeout(vars: &mut Vars<'_>) -> Duration {
    let seconds = vars.optional::<NonZeroU32>(env::INGEST_TIMEOUT.name).map_or(30, NonZeroU32::get);
    Duration::from_secs(seconds.into())
}

/// Bytes that the engine may use before it spills: `FOZ_MEMORY_LIMIT`, else a third of the function's memory
/// (the rest is for Parquet writers, the SDK's buffers and the allocator), else 512 MiB outside Lambda.
pub fn memory_limit(vars: &mut Vars<'_>) -> usize {
    const MIB: usize = 1024 * 1024;
    let of_function = vars.optional::<usize>("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").map(|mib| mib * MIB / 3);
    vars.optional(env::MEMORY_LIMIT.name).or(of_function).unwrap_or(512 * MIB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_everything_that_is_wrong() {
        let env = Env::from_pairs([("FOZ_TABLE", "t"), ("FOZ_LOCAL", "yes"), ("N", "x"), ("FOZ_BUCKET", "")]);
        let error = read(&env, |vars| {
            let lake = LakeEnv::read(vars);
            let n = vars.required::<u32>("N");
            Some((lake?, n?))
        })
        .unwrap_err();
        let expected = ["FOZ_BUCKET is not set", "FOZ_DEFINITION is not set", "FOZ_LOCAL must be", "N cannot be read"];
        assert_eq!(error.0.len(), expected.len(), "{error}");
        for (found, expected) in error.0.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found} / {expected}");
        }
    }

    #[test]
    fn an_optional_that_cannot_be_parsed_is_an_error_not_a_default() {
        let env = Env::from_pairs([("FOZ_MEMORY_LIMIT", "much")]);
        assert!(read(&env, |vars| Some(memory_limit(vars))).is_err());
        let timeout = |text| read(&Env::from_pairs([("FOZ_INGEST_TIMEOUT", text)]), |vars| Some(ingest_timeout(vars)));
        assert!(timeout("0").is_err() && timeout("1m").is_err());
        assert_eq!((timeout(""), timeout("90")), (Ok(Duration::from_secs(30)), Ok(Duration::from_secs(90))));
    }

    #[test]
    fn memory_is_a_third_of_the_function_unless_set() {
        let limit = |pairs: &[(&str, &str)]| read(&Env::from_pairs(pairs.iter().copied()), |v| Some(memory_limit(v)));
        assert_eq!(limit(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3072")]), Ok(1 << 30));
        assert_eq!(limit(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3072"), ("FOZ_MEMORY_LIMIT", "7")]), Ok(7));
        assert_eq!(limit(&[]), Ok(512 << 20));
    }
}
