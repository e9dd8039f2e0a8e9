//! Tables in Apache Parquet, as data frames read them: types are kept, any cell may be empty, nothing is packed.

use super::table::{Cell, Column, Kind, Table};
use super::written::Written;
use parquet::basic::{LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use std::sync::Arc;

/// Media type, as registered with IANA.
pub const MEDIA_TYPE: &str = "application/vnd.apache.parquet";

/// Rows of a group, so many of which are in memory at once.
pub const GROUP: usize = 20_000;

/// A table that is written group by group.
pub struct Writer {
    file: SerializedFileWriter<Written>,
    written: Written,
    kinds: Vec<Kind>,
}

impl Writer {
    /// One without rows.
    ///
    /// # Errors
    /// If two columns have the same name.
    pub fn new(columns: &[Column]) -> Result<Self> {
        let fields = columns.iter().map(field).collect::<Result<_>>()?;
        let schema = Type::group_type_builder("schema")
            .with_fields(fields)
            .build()?;
        let written = Written::default();
        Ok(Self {
            file: SerializedFileWriter::new(written.clone(), Arc::new(schema), Arc::default())?,
            written,
            kinds: columns.iter().map(|column| column.kind).collect(),
        })
    }

    /// Adds a group of rows, cell by cell; gives what is to be sent.
    ///
    /// # Errors
    /// None that a table of these columns can cause.
    pub fn rows(&mut self, cells: &[Cell<'_>]) -> Result<Vec<u8>> {
        if !cells.is_empty() {
            let mut group = self.file.next_row_group()?;
            for (place, kind) in self.kinds.iter().enumerate() {
                let column = cells.iter().skip(place).step_by(self.kinds.len());
                match kind {
                    Kind::Text => fill::<ByteArrayType>(&mut group, column, text)?,
                    Kind::Whole => fill::<Int64Type>(&mut group, column, whole)?,
                    Kind::Number => fill::<DoubleType>(&mut group, column, number)?,
                }
            }
            group.close()?;
        }
        Ok(self.written.take())
    }

    /// Ends it; gives what is to be sent last.
    ///
    /// # Errors
    /// None that a table of these columns can cause.
    pub fn end(mut self) -> Result<Vec<u8>> {
        self.file.finish()?;
        Ok(self.written.take())
    }
}

/// The whole table.
///
/// # Errors
/// If two columns have the same name.
pub fn table(table: &Table<'_>) -> Result<Vec<u8>> {
    let mut writer = Writer::new(&table.columns)?;
    let mut out = Vec::new();
    for group in table.cells.chunks(GROUP * table.columns.len().max(1)) {
        out.extend(writer.rows(group)?);
    }
    out.extend(writer.end()?);
    Ok(out)
}

fn field(column: &Column) -> Result<TypePtr> {
    let (physical, logical) = match column.kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Whole => (Physical::INT64, None),
        Kind::Number => (Physical::DOUBLE, None),
    };
    let built = Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()?;
    Ok(Arc::new(built))
}

fn fill<'a, T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Written>,
    cells: impl Iterator<Item = &'a Cell<'a>>,
    of: impl Fn(&Cell<'_>) -> Option<T::T>,
) -> Result<()> {
    let mut values = Vec::new();
    let there: Vec<i16> = cells
        .map(|cell| {
            let value = of(cell);
            let is_there = i16::from(value.is_some());
            values.extend(value);
            is_there
        })
        .collect();
    let Some(mut column) = group.next_column()? else {
        return Ok(());
    };
    column
        .typed::<T>()
        .write_batch(&values, Some(&there), None)?;
    column.close()
}

fn text(cell: &Cell<'_>) -> Option<ByteArray> {
    match cell {
        Cell::Text(words) => Some(words.as_bytes().to_vec().into()),
        _ => None,
    }
}

fn whole(cell: &Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Whole(number) => Some(*number),
        _ => None,
    }
}

fn number(cell: &Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Number(number) => Some(*number),
        _ => None,
    }
}
