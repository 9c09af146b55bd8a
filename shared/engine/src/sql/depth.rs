//! How deep SQL is, told from its words alone: everything that looks at an expression goes down its levels by recursion, and
//! ends the process where the stack does. The parser bounds parentheses, but not `a AND b AND …`, each of which is a level.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::objection::Objection;

/// The most levels. As many are planned in the 8 MiB that a main thread has, also by a build that is not optimised; an `IN`,
/// or a `CASE`, says in one what an `OR` says in hundreds.
pub(super) const MAX_LEVELS: usize = 200;

/// The levels between two parentheses, or the words of a `CASE`.
#[derive(Debug, Default)]
struct Span {
    /// `AND`s and `OR`s since the last comma.
    logical: usize,
    /// Operators since the last of them, which bind closer.
    operators: usize,
    /// The most operators between two of them.
    most: usize,
    /// The deepest of what stands in parentheses since then.
    inside: usize,
    /// The deepest part between commas.
    deepest: usize,
}

impl Span {
    fn next(&mut self) {
        let deepest = self.deepest.max(self.logical + self.most.max(self.operators) + self.inside);
        *self = Self { deepest, ..Self::default() };
    }

    fn and(&mut self) {
        self.logical += 1;
        self.most = self.most.max(self.operators);
        self.operators = 0;
    }
}

/// Refuses text whose expressions may be too deep.
pub(super) fn bounded(sql: &str) -> Result<(), Objection> {
    // What has no words has no levels; the parser says why.
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize() else { return Ok(()) };
    let levels = levels(&tokens);
    if levels <= MAX_LEVELS {
        return Ok(());
    }
    let what = format!("an expression has {levels} levels, of which {MAX_LEVELS} are possible: each operator is one");
    Err(Objection::new(what).instead("IN (…) or CASE for many alternatives, or parentheses around halves"))
}

fn levels(tokens: &[Token]) -> usize {
    let (mut outer, mut span) = (Vec::new(), Span::default());
    for token in tokens {
        let word = match token {
            Token::Word(word) => word.keyword,
            _ => Keyword::NoKeyword,
        };
        match (token, word) {
            (Token::LParen, _) | (_, Keyword::CASE) => outer.push(std::mem::take(&mut span)),
            (Token::RParen, _) | (_, Keyword::END) => {
                span.next();
                let inside = span.deepest + 1;
                span = outer.pop().unwrap_or_default();
                span.inside = span.inside.max(inside);
            }
            (Token::Comma, _) | (_, Keyword::WHEN | Keyword::THEN | Keyword::ELSE | Keyword::FROM | Keyword::WHERE) => {
                span.next();
            }
            (_, Keyword::AND | Keyword::OR) => span.and(),
            (_, Keyword::NOT | Keyword::IS | Keyword::LIKE | Keyword::ILIKE)
            | (
                Token::Plus
                | Token::Minus
                | Token::Mul
                | Token::Div
                | Token::Mod
                | Token::StringConcat
                | Token::Eq
                | Token::Neq
                | Token::Lt
                | Token::LtEq
                | Token::Gt
                | Token::GtEq,
                _,
            ) => span.operators += 1,
            // Other operators are refused where they stand, but by recursion too.
            (Token::Whitespace(_) | Token::Word(_) | Token::Number(..) | Token::SingleQuotedString(_), _) => {}
            _ => span.operators += 1,
        }
    }
    while let Some(mut around) = outer.pop() {
        span.next();
        around.inside = around.inside.max(span.deepest + 1);
        span = around;
    }
    span.next();
    span.deepest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CompiledStream;
    use crate::fixture::stream;

    fn check(sql: &str, expected: usize) {
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().unwrap();
        assert_eq!(levels(&tokens), expected, "{sql}");
    }

    #[test]
    fn each_operator_and_each_parenthesis_is_a_level() {
        check("a", 0);
        check("SELECT a, b + 1 AS c FROM messages WHERE d = 'x'", 1);
        check("a + b + c", 2);
        check("(a + b) * c", 3);
        check("f(g(a + 1, b), c)", 3);
        check("a = 1 OR b IN (1, 2, 3)", 3);
        check("CASE WHEN a = 1 THEN 'x' WHEN a = 2 THEN 'y' ELSE 'z' END || b", 3);
        check("((", 2);
        check("))", 2);
    }

    #[test]
    fn width_is_no_depth() {
        let values = (0..10_000).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
        check(&format!("a IN ({values})"), 1);
        let cases = "WHEN a = 1 AND b = 2 THEN 'x' ".repeat(1_000);
        check(&format!("CASE {cases}END"), 3);
        check(&vec!["a = 1"; 100].join(" OR "), 100);
    }

    #[test]
    fn what_is_not_refused_is_planned_within_a_threads_stack() {
        let texts = [
            vec!["id = 'a'"; MAX_LEVELS].join(" AND "),
            vec!["id = 'a'"; MAX_LEVELS].join(" OR "),
            vec!["id"; MAX_LEVELS + 1].join(" || "),
            format!("{}id{}", "upper(".repeat(45), " || id)".repeat(45)),
        ];
        for text in texts {
            let lines =
                format!("key: [id]\ncolumns: {{ id: string }}\ntransform: \"SELECT id, {text} AS x FROM messages\"");
            let plan = move || CompiledStream::new(&stream(&lines)).map(drop);
            let planned = std::thread::Builder::new().stack_size(8 << 20).spawn(plan).unwrap().join().unwrap();
            assert_eq!(planned, Ok(()), "{text}");
        }
    }
}
