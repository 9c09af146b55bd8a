//! How answers look: tables for people, JSON for machines.

use std::io::{self, IsTerminal, Write};

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, TableComponent, presets};
use serde_json::Value;

/// Where answers go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// Whether a machine reads them.
    pub json: bool,
}

/// How a column of a table is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column<'a> {
    /// Text, to the left.
    Text(&'a str),
    /// Numbers, to the right.
    Number(&'a str),
}

/// A cell, and whether it should catch the eye.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    text: String,
    loud: bool,
}

impl<T: Into<String>> From<T> for Field {
    fn from(text: T) -> Self {
        Self { text: text.into(), loud: false }
    }
}

impl Field {
    /// Something that somebody should look at.
    pub fn loud(text: impl Into<String>) -> Self {
        Self { text: text.into(), loud: true }
    }
}

impl Output {
    /// Prints a text.
    pub fn text(self, text: &str) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // Who reads has seen enough, as `head` has.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => Ok(done?),
        }
    }

    /// Prints one JSON value on a line.
    pub fn value(self, value: &Value) -> anyhow::Result<()> {
        self.text(&format!("{value}\n"))
    }

    /// Prints a table, or says what there is none of.
    pub fn table(self, columns: &[Column<'_>], rows: Vec<Vec<Field>>, none: &str) -> anyhow::Result<()> {
        if rows.is_empty() {
            return self.text(&format!("{none}\n"));
        }
        self.text(&format!("{}\n", table(columns, rows)))
    }
}

fn table(columns: &[Column<'_>], rows: Vec<Vec<Field>>) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    // A terminal wraps long cells; a file keeps them whole.
    let arrangement =
        if io::stdout().is_terminal() { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
    table.set_content_arrangement(arrangement);
    table.set_style(TableComponent::HeaderLines, '─').set_style(TableComponent::MiddleHeaderIntersections, '─');
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(name) | Column::Number(name) => Cell::new(name).add_attribute(Attribute::Bold),
    }));
    for row in rows {
        table.add_row(row.into_iter().map(|Field { text, loud }| {
            let cell = Cell::new(text);
            if loud { cell.fg(Color::Red).add_attribute(Attribute::Bold) } else { cell }
        }));
    }
    for (i, column) in columns.iter().enumerate() {
        if let (Column::Number(_), Some(column)) = (column, table.column_mut(i)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.to_string();
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Says on standard error what is wrong.
pub fn complain(text: &str) {
    // If nobody hears it, the exit code still tells.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_plain_where_there_is_no_terminal() {
        let columns = [Column::Text("GROUP"), Column::Number("PENDING")];
        let rows = vec![vec!["flights".into(), "7".into()], vec!["planes".into(), Field::loud("12,345")]];
        let expected = " GROUP     PENDING\n───────────────────\n flights         7\n planes     12,345";
        assert_eq!(table(&columns, rows), expected);
    }
}
