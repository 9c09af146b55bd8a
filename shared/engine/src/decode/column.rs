//! Columns under construction. [`ColumnBuilder::append`] adds exactly one slot whether it succeeds or not, so that a message
//! that fails in the middle leaves all columns of the same length, and its row is dropped afterwards.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryBuilder, BooleanBuilder, ListArray, MapArray, NullBufferBuilder,
    PrimitiveBuilder, StringBuilder, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, FieldRef, Fields, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use arrow::error::ArrowError;

use super::object::{FieldNames, Members, Object, distinct};
use super::problem::{DecodeProblem, Reason};
use super::scalar;
use super::tape::{Token, fields, items, kind};

/// A column that takes JSON values.
pub(super) trait ColumnBuilder: Send {
    /// Adds one slot. What the type has no place for (fields that a struct does not declare) is written to `extra` as
    /// one JSON value; says whether there was any.
    fn append(&mut self, token: Token<'_>, extra: &mut String) -> Result<bool, DecodeProblem>;

    /// Hands out the column so far, and begins it anew.
    fn finish(&mut self) -> Result<ArrayRef, ArrowError>;
}

/// An empty column of the type.
pub(super) fn column(data_type: &DataType) -> Result<Box<dyn ColumnBuilder>, ArrowError> {
    Ok(match data_type {
        DataType::Boolean => Box::new(Booleans(BooleanBuilder::new())),
        DataType::Int32 => primitive::<Int32Type>(data_type, |token| scalar::integer(token, "int")),
        DataType::Int64 => primitive::<Int64Type>(data_type, |token| scalar::integer(token, "long")),
        DataType::Float32 => primitive::<Float32Type>(data_type, scalar::float),
        DataType::Float64 => primitive::<Float64Type>(data_type, scalar::double),
        &DataType::Decimal128(precision, scale) => {
            primitive::<Decimal128Type>(data_type, move |token| scalar::decimal(token, precision, scale))
        }
        DataType::Date32 => primitive::<Date32Type>(data_type, scalar::date),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            primitive::<TimestampMicrosecondType>(data_type, scalar::timestamp)
        }
        DataType::Timestamp(TimeUnit::Microsecond, None) => {
            primitive::<TimestampMicrosecondType>(data_type, scalar::local_timestamp)
        }
        DataType::Utf8 => Box::new(Strings(StringBuilder::new())),
        DataType::Binary => Box::new(Binaries(BinaryBuilder::new())),
        DataType::Struct(children) => Box::new(Structs {
            names: FieldNames::new(children.iter().map(|field| field.name().clone())),
            children: children.iter().map(|child| column(child.data_type())).collect::<Result<_, _>>()?,
            fields: children.clone(),
            nulls: NullBufferBuilder::new(0),
        }),
        DataType::List(item) => Box::new(Lists {
            item: item.clone(),
            values: column(item.data_type())?,
            lengths: Vec::new(),
            nulls: NullBufferBuilder::new(0),
        }),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(children) if children.len() == 2 => Box::new(Maps {
                entries: entries.clone(),
                keys: column(children[0].data_type())?,
                values: column(children[1].data_type())?,
                lengths: Vec::new(),
                nulls: NullBufferBuilder::new(0),
            }),
            _ => return Err(ArrowError::SchemaError(format!("not the entries of a map: {entries}"))),
        },
        other => return Err(ArrowError::SchemaError(format!("{other} is no type of a column"))),
    })
}

struct Primitives<T: ArrowPrimitiveType, F> {
    builder: PrimitiveBuilder<T>,
    read: F,
}

fn primitive<T: ArrowPrimitiveType>(
    data_type: &DataType,
    read: impl Fn(&Token<'_>) -> Result<T::Native, Reason> + Send + 'static,
) -> Box<dyn ColumnBuilder> {
    Box::new(Primitives::<T, _> { builder: PrimitiveBuilder::new().with_data_type(data_type.clone()), read })
}

impl<T: ArrowPrimitiveType, F: Fn(&Token<'_>) -> Result<T::Native, Reason> + Send> ColumnBuilder for Primitives<T, F> {
    fn append(&mut self, token: Token<'_>, _: &mut String) -> Result<bool, DecodeProblem> {
        let value = if token == Token::Null { Ok(None) } else { (self.read)(&token).map(Some) };
        self.builder.append_option(*value.as_ref().unwrap_or(&None));
        value.map(|_| false).map_err(DecodeProblem::from)
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(self.builder.finish()))
    }
}

struct Booleans(BooleanBuilder);

impl ColumnBuilder for Booleans {
    fn append(&mut self, token: Token<'_>, _: &mut String) -> Result<bool, DecodeProblem> {
        let value = if token == Token::Null { Ok(None) } else { scalar::boolean(&token).map(Some) };
        self.0.append_option(*value.as_ref().unwrap_or(&None));
        value.map(|_| false).map_err(DecodeProblem::from)
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(self.0.finish()))
    }
}

struct Strings(StringBuilder);

impl ColumnBuilder for Strings {
    fn append(&mut self, token: Token<'_>, _: &mut String) -> Result<bool, DecodeProblem> {
        match token {
            Token::Null => self.0.append_null(),
            Token::String(text) => match text.value() {
                Ok(value) => self.0.append_value(value),
                Err(reason) => {
                    self.0.append_null();
                    return Err(reason.into());
                }
            },
            other => self.0.append_value(other.raw()),
        }
        Ok(false)
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(self.0.finish()))
    }
}

struct Binaries(BinaryBuilder);

impl ColumnBuilder for Binaries {
    fn append(&mut self, token: Token<'_>, _: &mut String) -> Result<bool, DecodeProblem> {
        let value = if token == Token::Null { Ok(None) } else { scalar::binary(&token).map(Some) };
        self.0.append_option(value.as_ref().ok().and_then(Option::as_ref));
        value.map(|_| false).map_err(DecodeProblem::from)
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        Ok(Arc::new(self.0.finish()))
    }
}

struct Structs {
    names: FieldNames,
    children: Vec<Box<dyn ColumnBuilder>>,
    fields: Fields,
    nulls: NullBufferBuilder,
}

impl ColumnBuilder for Structs {
    fn append(&mut self, token: Token<'_>, extra: &mut String) -> Result<bool, DecodeProblem> {
        let object = match token {
            Token::Null => Ok(None),
            Token::Object(object) => self.names.read(object).map(Some).map_err(DecodeProblem::from),
            other => Err(DecodeProblem::expected("an object", kind(&other))),
        };
        self.nulls.append(matches!(object, Ok(Some(_))));
        let (object, mut outcome) = match object {
            Ok(object) => (object.unwrap_or_default(), Ok(())),
            Err(problem) => (Object::default(), Err(problem)),
        };
        let mut members = Members::new(extra);
        for (index, (child, field)) in self.children.iter_mut().zip(&self.fields).enumerate() {
            let appended = members.add(field.name(), |extra| child.append(object.get(index), extra));
            outcome = outcome.and(appended.map_err(|problem| problem.within(field.name())));
        }
        outcome?;
        members.rest(&object);
        Ok(members.finish())
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let children = self.children.iter_mut().map(|child| child.finish()).collect::<Result<Vec<_>, _>>()?;
        let nulls = std::mem::replace(&mut self.nulls, NullBufferBuilder::new(0));
        let length = nulls.len();
        Ok(Arc::new(StructArray::try_new_with_length(self.fields.clone(), children, nulls.build(), length)?))
    }
}

struct Lists {
    item: FieldRef,
    values: Box<dyn ColumnBuilder>,
    lengths: Vec<usize>,
    nulls: NullBufferBuilder,
}

impl ColumnBuilder for Lists {
    fn append(&mut self, token: Token<'_>, extra: &mut String) -> Result<bool, DecodeProblem> {
        let mut length = 0;
        let mut outcome = Ok(());
        let start = extra.len();
        let mut any = false;
        match token {
            Token::Null => {}
            Token::Array(array) => {
                // The text was checked when it was read, so only values can be wrong.
                items(array, |index, token| {
                    length += 1;
                    extra.push(if index == 0 { '[' } else { ',' });
                    match self.values.append(token, extra) {
                        Ok(true) => any = true,
                        Ok(false) => extra.push_str("null"),
                        Err(problem) if outcome.is_ok() => outcome = Err(problem.within(&format!("[{index}]"))),
                        Err(_) => {}
                    }
                    Ok(())
                })?;
            }
            other => outcome = Err(DecodeProblem::expected("an array", kind(&other))),
        }
        self.lengths.push(length);
        self.nulls.append(matches!(token, Token::Array(_)));
        if any {
            extra.push(']');
        } else {
            extra.truncate(start);
        }
        outcome.map(|()| any)
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let offsets = OffsetBuffer::from_lengths(self.lengths.drain(..));
        let nulls = std::mem::replace(&mut self.nulls, NullBufferBuilder::new(0)).build();
        Ok(Arc::new(ListArray::try_new(self.item.clone(), offsets, self.values.finish()?, nulls)?))
    }
}

struct Maps {
    entries: FieldRef,
    keys: Box<dyn ColumnBuilder>,
    values: Box<dyn ColumnBuilder>,
    lengths: Vec<usize>,
    nulls: NullBufferBuilder,
}

impl ColumnBuilder for Maps {
    fn append(&mut self, token: Token<'_>, extra: &mut String) -> Result<bool, DecodeProblem> {
        let mut length = 0;
        let mut names = Vec::new();
        let mut outcome = Ok(());
        let mut members = Members::new(extra);
        match token {
            Token::Null => {}
            Token::Object(object) => {
                let read = fields(object, |name, token| {
                    let value = name.value()?;
                    length += 1;
                    let key = self.keys.append(Token::String(name), &mut String::new());
                    let value_outcome = members.add_quoted(name.quoted(), |extra| self.values.append(token, extra));
                    if outcome.is_ok() {
                        outcome = key.map(|_| ()).and(value_outcome).map_err(|problem| problem.under_key(&value));
                    }
                    names.push(value);
                    Ok(())
                });
                outcome =
                    outcome.and(read.map_err(DecodeProblem::from)).and(distinct(names).map_err(DecodeProblem::from));
            }
            other => outcome = Err(DecodeProblem::expected("an object", kind(&other))),
        }
        self.lengths.push(length);
        self.nulls.append(matches!(token, Token::Object(_)));
        outcome.map(|()| members.finish())
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let DataType::Struct(children) = self.entries.data_type() else {
            return Err(ArrowError::SchemaError(format!("not the entries of a map: {}", self.entries)));
        };
        let offsets = OffsetBuffer::from_lengths(self.lengths.drain(..));
        let entries = StructArray::try_new(children.clone(), vec![self.keys.finish()?, self.values.finish()?], None)?;
        let nulls = std::mem::replace(&mut self.nulls, NullBufferBuilder::new(0)).build();
        Ok(Arc::new(MapArray::try_new(self.entries.clone(), offsets, entries, nulls, false)?))
    }
}
