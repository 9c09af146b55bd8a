//! How answers look: tables for people, JSON for machines.

use std::io::{self, IsTerminal, Write};

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, TableComponent, presets};
use foz_edge::settings::Env;
use serde_json::Value;

/// On a terminal with at most this many columns, a table that does not fit is printed as one field per line.
const NARROW: usize = 60;
/// The same where there are fewer terminal columns than this for each column of the table.
const NARROW_COLUMN: usize = 8;

/// Prints answers to standard output, for people or for machines.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    /// Whether answers are JSON, one value a line.
    pub json: bool,
    look: Look,
}

/// What standard output can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    /// Width of the terminal; `None` if there is none, then lines are not wrapped.
    width: Option<u16>,
    /// Whether it can show bold and red.
    styled: bool,
}

impl Look {
    fn of_stdout(no_color: bool) -> Self {
        Self { width: Table::new().width(), styled: io::stdout().is_terminal() && !no_color }
    }

    fn table(self) -> Table {
        let mut table = Table::new();
        // Not asked itself, the table would style it where NO_COLOR forbids.
        table.load_preset(presets::NOTHING).force_no_tty();
        if self.styled {
            table.enforce_styling();
        }
        if let Some(width) = self.width {
            table.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
        }
        table
    }
}

/// The heading of a table's column, and how its values are aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heading<'a> {
    /// Texts, aligned to the left.
    Text(&'a str),
    /// Numbers, aligned to the right.
    Number(&'a str),
}

impl Heading<'_> {
    fn heading(&self) -> Cell {
        match self {
            Heading::Text(name) | Heading::Number(name) => Cell::new(name).add_attribute(Attribute::Bold),
        }
    }
}

/// The text of a table's cell, and whether it should catch the eye.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellText {
    text: String,
    loud: bool,
}

impl<T: Into<String>> From<T> for CellText {
    fn from(text: T) -> Self {
        Self { text: text.into(), loud: false }
    }
}

impl CellText {
    /// A text that is printed bold and red, because somebody should look at it.
    pub fn loud(text: impl Into<String>) -> Self {
        Self { text: text.into(), loud: true }
    }

    fn cell(&self) -> Cell {
        let cell = Cell::new(&self.text);
        if self.loud { cell.fg(Color::Red).add_attribute(Attribute::Bold) } else { cell }
    }
}

impl Printer {
    /// A printer of JSON, or of tables as the terminal can show them.
    pub fn new(json: bool) -> Self {
        // https://no-color.org
        let no_color = Env::of_process().get("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { json, look: Look::of_stdout(no_color) }
    }

    /// Prints a text.
    pub fn text(self, text: &str) -> anyhow::Result<()> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            // The reader has seen enough, as `head` has.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            done => Ok(done?),
        }
    }

    /// Prints one JSON value on a line.
    pub fn value(self, value: &Value) -> anyhow::Result<()> {
        self.text(&format!("{value}\n"))
    }

    /// Prints a table, or the text `none` if it has no rows.
    pub fn table(self, columns: &[Heading<'_>], rows: Vec<Vec<CellText>>, none: &str) -> anyhow::Result<()> {
        if rows.is_empty() {
            return self.text(&format!("{none}\n"));
        }
        self.text(&format!("{}\n", table(columns, &rows, self.look)))
    }
}

/// Lays rows out as a table, or with one field per line where a table would be cut to pieces.
fn table(columns: &[Heading<'_>], rows: &[Vec<CellText>], look: Look) -> String {
    let whole = wide(columns, rows, Look { width: None, ..look }, Padding::Usual);
    let Some(width) = look.width.map(usize::from) else { return whole };
    // The line below the header is as wide as the table.
    let fits = |table: &str| table.lines().nth(1).map_or(0, |rule| rule.matches('─').count()) <= width;
    if fits(&whole) {
        return whole;
    }
    if width <= NARROW {
        return tall(columns, rows, look);
    }
    let close = wide(columns, rows, Look { width: None, ..look }, Padding::Close);
    if fits(&close) {
        close
    } else if width < columns.len() * NARROW_COLUMN {
        tall(columns, rows, look)
    } else {
        wide(columns, rows, look, Padding::Usual)
    }
}

/// How far a wide table's columns stand apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Padding {
    Usual,
    /// Just so that they are told apart: better than words that are cut in two.
    Close,
}

fn wide(columns: &[Heading<'_>], rows: &[Vec<CellText>], look: Look, padding: Padding) -> String {
    let mut table = look.table();
    table.set_style(TableComponent::HeaderLines, '─').set_style(TableComponent::MiddleHeaderIntersections, '─');
    table.set_header(columns.iter().map(Heading::heading));
    for row in rows {
        table.add_row(row.iter().map(CellText::cell));
    }
    if padding == Padding::Close {
        table.column_iter_mut().for_each(|column| {
            column.set_padding((0, 1));
        });
    }
    for (i, column) in columns.iter().enumerate() {
        if let (Heading::Number(_), Some(column)) = (column, table.column_mut(i)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    lines(&table)
}

/// Lays each row out as a block with one field per line. Empty fields are left out.
fn tall(columns: &[Heading<'_>], rows: &[Vec<CellText>], look: Look) -> String {
    let blocks = rows.iter().map(|row| {
        let mut table = look.table();
        for (column, field) in columns.iter().zip(row).filter(|(_, field)| !field.text.is_empty()) {
            table.add_row([column.heading(), field.cell()]);
        }
        lines(&table)
    });
    blocks.collect::<Vec<_>>().join("\n\n")
}

fn lines(table: &Table) -> String {
    table.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Writes what is wrong to standard error.
pub fn complain(text: &str) {
    // If nobody hears it, the exit code still tells.
    let _ = writeln!(io::stderr().lock(), "{}", visible(text));
}

/// Tells a person at a terminal, on standard error, why nothing comes yet. Nobody else is told.
pub fn explain_wait(text: &str) {
    if io::stderr().is_terminal() {
        complain(text);
    }
}

/// Replaces characters that a terminal hides or obeys by their numbers, because messages quote what users wrote.
fn visible(text: &str) -> String {
    let mut shown = String::new();
    for c in text.chars() {
        let hidden =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if hidden || (c.is_control() && !matches!(c, '\n' | '\t')) {
            shown.push_str(&format!("U+{:04X}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Heading<'_>; 2] = [Heading::Text("GROUP"), Heading::Number("PENDING")];

    fn rows() -> Vec<Vec<CellText>> {
        vec![
            vec!["flights".into(), "7".into()],
            vec!["planes".into(), CellText::loud("12,345")],
            vec!["".into(), "1".into()],
        ]
    }

    #[test]
    fn tables_are_plain_where_there_is_no_terminal() {
        let expected =
            " GROUP     PENDING\n───────────────────\n flights         7\n planes     12,345\n                 1";
        assert_eq!(table(&COLUMNS, &rows(), Look { width: None, styled: false }), expected);
        assert_eq!(table(&COLUMNS, &rows(), Look { width: Some(19), styled: false }), expected);
    }

    #[test]
    fn narrow_terminals_get_one_field_per_line() {
        let expected = " GROUP    flights\n PENDING  7\n\n GROUP    planes\n PENDING  12,345\n\n PENDING  1";
        assert_eq!(table(&COLUMNS, &rows(), Look { width: Some(18), styled: false }), expected);
        let columns = [Heading::Text("A"); 10];
        let rows = vec![vec!["word ".repeat(3).into(); 10]];
        let height = |width| table(&columns, &rows, Look { width: Some(width), styled: false }).lines().count();
        assert_eq!((height(79), height(100)), (10, 5));
        // Before words are cut in two, columns come closer.
        let rows = vec![vec!["123456".into(); 10]];
        let shown = |width| table(&columns, &rows, Look { width: Some(width), styled: false });
        assert_eq!((shown(89).lines().count(), shown(80).lines().count(), shown(79).lines().count()), (3, 3, 3));
        assert!(shown(80).ends_with("123456  123456"), "{}", shown(80));
    }

    #[test]
    fn without_colour_nothing_is_bold_either() {
        for width in [Some(18), Some(80), None] {
            assert!(!table(&COLUMNS, &rows(), Look { width, styled: false }).contains('\x1b'));
            assert!(table(&COLUMNS, &rows(), Look { width, styled: true }).contains("\x1b[1m"));
        }
    }

    #[test]
    fn what_nobody_would_see_is_shown() {
        assert_eq!(visible("a\u{feff}b\x1b[1m\n\té"), "aU+FEFFbU+001B[1m\n\té");
    }
}
