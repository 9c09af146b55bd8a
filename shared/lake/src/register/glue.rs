//! Tables in the AWS Glue data catalog, as Athena, Spark, Trino and PyIceberg expect Iceberg's.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_glue::Client;
use aws_sdk_glue::config::http::HttpResponse;
use aws_sdk_glue::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_glue::types::{Column, StorageDescriptor, TableInput};
use iceberg::spec::{NestedField, PrimitiveType, TableMetadata, Type};

use super::{Entry, Register};
use crate::error::LakeError;

const LOCATION: &str = "metadata_location";
const PREVIOUS: &str = "previous_metadata_location";
const KIND: &str = "table_type";

/// One Glue database.
#[derive(Debug, Clone)]
pub struct GlueRegister {
    glue: Client,
    database: String,
}

impl GlueRegister {
    /// The database as seen through the client.
    pub fn new(glue: Client, database: impl Into<String>) -> Self {
        Self { glue, database: database.into() }
    }
}

#[async_trait]
impl Register for GlueRegister {
    async fn find(&self, table: &str) -> Result<Option<Entry>, LakeError> {
        let answer = match self.glue.get_table().database_name(&self.database).name(table).send().await {
            Ok(answer) => answer,
            Err(e) if e.code() == Some("EntityNotFoundException") => return Ok(None),
            Err(e) => return Err(failure("find", table, e)),
        };
        let Some(found) = answer.table else { return Ok(None) };
        let mut parameters = found.parameters.unwrap_or_default();
        let foreign = || LakeError::incompatible(table, "the Glue table of that name is not an Iceberg table");
        let metadata_location = parameters.remove(LOCATION).ok_or_else(foreign)?;
        // Without a version there is no compare-and-set, and so no safe commit.
        let unversioned = || LakeError::incompatible(table, "Glue gave no VersionId");
        Ok(Some(Entry { metadata_location, version: found.version_id.ok_or_else(unversioned)?, parameters }))
    }

    async fn create(&self, table: &str, location: &str, metadata: &TableMetadata) -> Result<bool, LakeError> {
        let parameters = HashMap::from([(LOCATION.to_owned(), location.to_owned())]);
        let request = self.glue.create_table().database_name(&self.database);
        match request.table_input(input(table, parameters, metadata)?).send().await {
            Ok(_) => Ok(true),
            Err(e) if e.code() == Some("AlreadyExistsException") => Ok(false),
            Err(e) => Err(failure("create", table, e)),
        }
    }

    async fn swap(
        &self,
        table: &str,
        from: &Entry,
        location: &str,
        metadata: &TableMetadata,
    ) -> Result<bool, LakeError> {
        let mut parameters = from.parameters.clone();
        parameters.insert(LOCATION.to_owned(), location.to_owned());
        parameters.insert(PREVIOUS.to_owned(), from.metadata_location.clone());
        let request = self.glue.update_table().database_name(&self.database).skip_archive(true);
        let request = request.version_id(&from.version).table_input(input(table, parameters, metadata)?);
        match request.send().await {
            Ok(_) => Ok(true),
            Err(e) if matches!(e.code(), Some("ConcurrentModificationException" | "VersionMismatchException")) => {
                Ok(false)
            }
            Err(e) => Err(failure("update", table, e)),
        }
    }
}

fn failure<E>(verb: &'static str, table: &str, error: SdkError<E, HttpResponse>) -> LakeError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let transient = match &error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::ServiceError(service) => passes(service.err().code(), service.raw().status().as_u16()),
        _ => true,
    };
    LakeError::Register { verb, table: table.to_owned(), transient, source: error.into() }
}

/// Whether what Glue answered may change by itself. Like all services with JSON it throttles with status 400.
fn passes(code: Option<&str>, status: u16) -> bool {
    match code {
        Some(
            "ThrottlingException"
            | "Throttling"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "OperationTimeoutException"
            | "ConcurrentModificationException",
        ) => true,
        _ => status == 429 || status >= 500,
    }
}

fn input(
    table: &str,
    mut parameters: HashMap<String, String>,
    metadata: &TableMetadata,
) -> Result<TableInput, LakeError> {
    parameters.insert(KIND.to_owned(), "ICEBERG".to_owned());
    let columns = metadata.current_schema().as_struct().fields().iter().map(|field| column(field));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|e| LakeError::incompatible(table, e))?;
    let storage = StorageDescriptor::builder().location(metadata.location()).set_columns(Some(columns)).build();
    let input = TableInput::builder().name(table).table_type("EXTERNAL_TABLE").storage_descriptor(storage);
    input.set_parameters(Some(parameters)).build().map_err(|e| LakeError::incompatible(table, e))
}

fn column(field: &NestedField) -> Result<Column, aws_sdk_glue::error::BuildError> {
    Column::builder()
        .name(&field.name)
        .r#type(hive(&field.field_type))
        .parameters("iceberg.field.id", field.id.to_string())
        .parameters("iceberg.field.optional", (!field.required).to_string())
        .parameters("iceberg.field.current", "true")
        .build()
}

/// The name that Hive, and so Glue, gives an Iceberg type.
fn hive(kind: &Type) -> String {
    match kind {
        Type::Primitive(primitive) => match primitive {
            PrimitiveType::Boolean => "boolean".to_owned(),
            PrimitiveType::Int => "int".to_owned(),
            PrimitiveType::Long => "bigint".to_owned(),
            PrimitiveType::Float => "float".to_owned(),
            PrimitiveType::Double => "double".to_owned(),
            PrimitiveType::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
            PrimitiveType::Date => "date".to_owned(),
            PrimitiveType::Timestamp
            | PrimitiveType::Timestamptz
            | PrimitiveType::TimestampNs
            | PrimitiveType::TimestamptzNs => "timestamp".to_owned(),
            PrimitiveType::Time | PrimitiveType::String | PrimitiveType::Uuid => "string".to_owned(),
            PrimitiveType::Fixed(_) | PrimitiveType::Binary => "binary".to_owned(),
        },
        Type::Struct(fields) => {
            let fields = fields.fields().iter().map(|f| format!("{}:{}", f.name, hive(&f.field_type)));
            format!("struct<{}>", fields.collect::<Vec<_>>().join(","))
        }
        Type::List(list) => format!("array<{}>", hive(&list.element_field.field_type)),
        Type::Map(map) => {
            format!("map<{},{}>", hive(&map.key_field.field_type), hive(&map.value_field.field_type))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_passes_though_its_status_is_the_clients() {
        assert!(passes(Some("ThrottlingException"), 400));
        assert!(passes(Some("OperationTimeoutException"), 400));
        assert!(passes(Some("InternalServiceException"), 500) && passes(None, 503) && passes(None, 429));
        assert!(!passes(Some("AccessDeniedException"), 400));
        assert!(!passes(Some("InvalidInputException"), 400) && !passes(None, 404));
    }
}
