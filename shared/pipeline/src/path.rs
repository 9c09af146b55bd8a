//! Where in a message's body a column's value stands.

use std::fmt;
use std::str::FromStr;

/// The names of the nested objects' members that lead to a value: `$.a.b`, or `$.a['b c']` for unusual names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<String>);

impl Path {
    /// The member `name` of the body itself.
    pub fn top(name: &str) -> Self {
        Self(vec![name.to_owned()])
    }

    /// The members' names from the outermost in; at least one.
    pub fn steps(&self) -> &[String] {
        &self.0
    }

    /// Whether this is the path that a column of this name has by default.
    pub fn is_top(&self, name: &str) -> bool {
        matches!(self.0.as_slice(), [only] if only == name)
    }
}

fn is_plain(step: &str) -> bool {
    !step.is_empty() && step.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        self.0.iter().try_for_each(|step| {
            if is_plain(step) { write!(f, ".{step}") } else { write!(f, "['{}']", step.replace('\'', "''")) }
        })
    }
}

/// A text that is not a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a path into the body")]
pub struct PathError(String);

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let wrong = || PathError(text.to_owned());
        let mut rest = text.strip_prefix('$').ok_or_else(wrong)?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(quoted) = rest.strip_prefix("['") {
                let (step, after) = quoted.split_once("']").ok_or_else(wrong)?;
                if step.replace("''", "").contains('\'') {
                    return Err(wrong());
                }
                steps.push(step.replace("''", "'"));
                rest = after;
            } else {
                let plain = rest.strip_prefix('.').ok_or_else(wrong)?;
                let end = plain.find(['.', '[']).unwrap_or(plain.len());
                let (step, after) = plain.split_at(end);
                if !is_plain(step) {
                    return Err(wrong());
                }
                steps.push(step.to_owned());
                rest = after;
            }
        }
        if steps.is_empty() { Err(wrong()) } else { Ok(Self(steps)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths() {
        let steps = |text: &str| text.parse::<Path>().unwrap().0;
        assert_eq!(steps("$.a"), ["a"]);
        assert_eq!(steps("$.a.b-c['d e'].f"), ["a", "b-c", "d e", "f"]);
        assert!(Path::top("a").is_top("a"));
        for text in ["", "$", "a", "$a", "$.", "$..a", "$.a b", "$.a[0]", "$['a", "$['a'b']"] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }

    proptest! {
        // A step that holds "']" cannot be written: the first one found ends it.
        #[test]
        fn paths_round_trip(steps in prop::collection::vec("[a-z0-9é '._$-]{0,8}", 1..5)) {
            let path = Path(steps);
            prop_assert_eq!(path.to_string().parse::<Path>(), Ok(path));
        }
    }
}
