//! Comma-separated values (RFC 4180) that no spreadsheet takes for formulas.

use super::table::{Cell, Column, Table};
use std::fmt::Write;

/// Media type.
pub const MEDIA_TYPE: &str = "text/csv; charset=utf-8; header=present";

/// The whole table, its heads first.
pub fn table(table: &Table<'_>) -> String {
    head(&table.columns) + &rows(&table.columns, &table.cells)
}

/// The first line of such a table.
pub fn head(columns: &[Column]) -> String {
    let mut out = String::new();
    row(&mut out, columns.iter().map(|it| it.name.as_str().into()));
    out
}

/// What follows: cells row by row.
pub fn rows(columns: &[Column], cells: &[Cell<'_>]) -> String {
    let mut out = String::new();
    for cells in cells.chunks(columns.len().max(1)) {
        row(&mut out, cells.iter().cloned());
    }
    out
}

/// Adds a row.
pub fn row<'a>(out: &mut String, cells: impl IntoIterator<Item = Cell<'a>>) {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        match cell {
            Cell::Empty => {}
            Cell::Text(words) => text(out, &words),
            Cell::Number(number) if number.is_nan() => out.push_str("NaN"),
            Cell::Number(number) if number.is_infinite() => {
                out.push_str(if number > 0.0 { "inf" } else { "-inf" });
            }
            Cell::Number(number) => {
                let _ = write!(out, "{number:?}");
            }
            Cell::Whole(number) => {
                let _ = write!(out, "{number}");
            }
        }
    }
    out.push_str("\r\n");
}

/// A text in quotes where it needs them. One that a spreadsheet would compute gets an apostrophe before it: a formula could
/// read other cells and send them away.
fn text(out: &mut String, words: &str) {
    let guarded = words.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let quoted = guarded || words.contains(['"', ',', '\r', '\n', ';']);
    if !quoted {
        out.push_str(words);
        return;
    }
    out.push('"');
    if guarded {
        out.push('\'');
    }
    out.push_str(&words.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_formulas_and_numbers_stay_numbers() {
        let mut out = String::new();
        let cells = [
            Cell::from("a, \"b\""),
            Cell::from("=1+1"),
            Cell::from("+x"),
            Cell::from("-x"),
            Cell::from("@x"),
            Cell::from("\tx"),
            Cell::Number(-0.5),
            Cell::Number(1e-7),
            Cell::Number(f64::NAN),
            Cell::Number(f64::NEG_INFINITY),
            Cell::Whole(-3),
            Cell::Empty,
        ];
        row(&mut out, cells);
        assert_eq!(
            out,
            "\"a, \"\"b\"\"\",\"'=1+1\",\"'+x\",\"'-x\",\"'@x\",\"'\tx\",-0.5,1e-7,NaN,-inf,-3,\r\n"
        );
    }
}
