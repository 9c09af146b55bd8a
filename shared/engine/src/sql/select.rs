//! From text to expressions: the one shape that a transform may have, and conditions.

use datafusion::sql::sqlparser::ast::{Expr, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::allowed::objections;
use super::objection::Objection;
use super::{MESSAGES, depth};

/// A transform: what it computes for a message that meets its condition.
#[derive(Debug)]
pub(crate) struct Selection {
    /// Output columns, named.
    pub outputs: Vec<(String, Expr)>,
    pub condition: Option<Expr>,
}

/// Reads a transform. `*` stands for `columns`.
pub(crate) fn selection(sql: &str, columns: &[&str]) -> Result<Selection, Vec<Objection>> {
    let one = |objection: Objection| vec![objection];
    depth::bounded(sql).map_err(one)?;
    let parsed = Parser::parse_sql(&GenericDialect {}, sql).map_err(|error| one(Objection::new(error.to_string())))?;
    let [Statement::Query(query)] = parsed.as_slice() else {
        return Err(one(Objection::new("a transform is one SELECT … FROM messages")));
    };
    let select = per_message(query).map_err(one)?;
    let mut problems = Vec::new();
    let mut outputs = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::Wildcard(_) => {
                outputs.extend(columns.iter().map(|name| ((*name).to_owned(), Expr::Identifier(Ident::new(*name)))));
            }
            SelectItem::ExprWithAlias { expr, alias } => outputs.push((name_of(alias), expr.clone())),
            SelectItem::UnnamedExpr(expr) => match named(expr) {
                Some(name) => outputs.push((name, expr.clone())),
                None => problems.push(
                    Objection::new(format!("the engines name {expr} differently"))
                        .instead("give it a name: … AS name")
                        .at(expr),
                ),
            },
            SelectItem::QualifiedWildcard(..) => {
                problems.push(Objection::new(format!("{item} is not supported")).instead("*"))
            }
        }
    }
    problems.extend(outputs.iter().map(|(_, expr)| expr).chain(&select.selection).flat_map(objections));
    if problems.is_empty() { Ok(Selection { outputs, condition: select.selection.clone() }) } else { Err(problems) }
}

/// Reads a condition over the columns.
pub(crate) fn condition(sql: &str) -> Result<Expr, Vec<Objection>> {
    let wrong = |what: String| vec![Objection::new(what)];
    depth::bounded(sql).map_err(|objection| vec![objection])?;
    let mut parser = Parser::new(&GenericDialect {}).try_with_sql(sql).map_err(|error| wrong(error.to_string()))?;
    let expr = parser.parse_expr().map_err(|error| wrong(error.to_string()))?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        return Err(wrong(format!("expected the condition to end, found {rest}")));
    }
    let problems = objections(&expr);
    if problems.is_empty() { Ok(expr) } else { Err(problems) }
}

/// The column that the expression passes through unchanged; `None` if it computes something.
pub(crate) fn passed(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(column) => Some(name_of(column)),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, column] if name_of(table) == MESSAGES => Some(name_of(column)),
            _ => None,
        },
        Expr::Nested(inner) => passed(inner),
        _ => None,
    }
}

fn name_of(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn named(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Identifier(column) => Some(name_of(column)),
        Expr::CompoundIdentifier(parts) => parts.last().map(name_of),
        _ => None,
    }
}

/// The one shape that looks at one message at a time.
fn per_message(query: &Query) -> Result<&Select, Objection> {
    const ONE: &str = "a transform sees one message at a time";
    let refuse = |what: &str| Err(Objection::new(format!("{what}: {ONE}")));
    if query.with.is_some() {
        return refuse("WITH is not possible");
    }
    if query.order_by.is_some() {
        return refuse("ORDER BY is not possible");
    }
    if query.limit_clause.is_some() || query.fetch.is_some() {
        return refuse("LIMIT is not possible");
    }
    let select = match query.body.as_ref() {
        SetExpr::Select(select) => select,
        SetExpr::SetOperation { op, .. } => return refuse(&format!("{op} is not possible")),
        _ => return refuse("this is not possible"),
    };
    if select.distinct.is_some() {
        return refuse("DISTINCT is not possible");
    }
    let [from] = select.from.as_slice() else {
        return Err(Objection::new("a transform reads FROM messages, and nothing else"));
    };
    if !from.joins.is_empty() {
        return refuse("a join is not possible");
    }
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    if grouped || select.having.is_some() {
        return refuse("GROUP BY and HAVING are not possible");
    }
    // Whatever else SQL may have: the text must be that of this shape.
    let items: Vec<String> = select.projection.iter().map(ToString::to_string).collect();
    let condition = select.selection.as_ref().map(|condition| format!(" WHERE {condition}")).unwrap_or_default();
    let shape = format!("SELECT {} FROM {MESSAGES}{condition}", items.join(", "));
    if !query.to_string().eq_ignore_ascii_case(&shape) {
        return Err(Objection::new(format!("only SELECT … FROM {MESSAGES} [WHERE …] is possible: {ONE}")));
    }
    Ok(select)
}
