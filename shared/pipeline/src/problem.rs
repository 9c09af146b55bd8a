//! What is wrong with a definition: where, what, and what to write instead.

use std::fmt;

/// A place in the file. Both numbers count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// One thing that is wrong, shown as `12:5: streams.flights: unknown key "referenzes"; did you mean "references"?`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it stands.
    pub place: Place,
    /// The keys that lead there, `streams.flights.references.tailnum`; empty at the top.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What to do or write instead; `None` if nothing is known.
    pub instead: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place: Place { line, column }, path, what, instead } = self;
        write!(f, "{line}:{column}: ")?;
        if !path.is_empty() {
            write!(f, "{path}: ")?;
        }
        f.write_str(what)?;
        instead.as_ref().map_or(Ok(()), |instead| write!(f, "; {instead}"))
    }
}

/// Everything that is wrong with a definition, in the order of the file; one line each, with the file's name first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// The file's name, as the user gave it.
    pub file: String,
    /// What is wrong; never empty.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.list.iter().enumerate() {
            let line_end = if i == 0 { "" } else { "\n" };
            write!(f, "{line_end}{}:{problem}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The candidate that was probably meant by `word`; `None` if none is near enough.
pub fn similar<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may be wrong; one always may, except in a word of one letter.
    let limit = (word.chars().count() / 3).max(1);
    let near = |candidate: &&str| word.chars().count() > 1 && distance(word, candidate) <= limit;
    candidates.into_iter().filter(near).min_by_key(|candidate| distance(word, candidate))
}

/// `did you mean "candidate"?` for the candidate that was probably meant; `None` if none was.
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    similar(word, candidates).map(|candidate| format!("did you mean \"{candidate}\"?"))
}

/// Number of letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("referenzes", "references"), 1);
        assert_eq!(distance("taiulnm", "tailunm"), 1);
        assert_eq!(distance("ab", "ba"), 1);
    }

    #[test]
    fn only_near_words_are_meant() {
        assert_eq!(similar("referenzes", ["queue", "references"]), Some("references"));
        assert_eq!(similar("colums", ["columns", "key"]), Some("columns"));
        assert_eq!(similar("xyz", ["key", "queue"]), None);
        assert_eq!(similar("x", ["y"]), None);
    }
}
