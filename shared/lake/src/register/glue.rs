//! Tables in the AWS Glue data catalog, as Athena, Spark, Trino and PyIceberg expect Iceberg's.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_glue::Client;
use aws_sdk_glue::config::http::HttpResponse;
use aws_sdk_glue::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_glue::types::{Column, StorageDescriptor, TableInput};
use iceberg::spec::{NestedField, TableMetadata};

use super::hive::hive;
use super::{Entry, Register, Remarks};
use crate::error::LakeError;
use crate::spec::COMMENT;

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
        let columns = found.storage_descriptor.and_then(|storage| storage.columns).unwrap_or_default();
        let columns = columns.into_iter().filter_map(|column| Some((column.name, column.comment?)));
        let remarks = Remarks { table: found.description, columns: columns.collect(), owner: found.owner };
        let version = found.version_id.ok_or_else(unversioned)?;
        Ok(Some(Entry { metadata_location, version, parameters, remarks }))
    }

    async fn create(&self, table: &str, location: &str, metadata: &TableMetadata) -> Result<bool, LakeError> {
        let parameters = HashMap::from([(LOCATION.to_owned(), location.to_owned())]);
        let request = self.glue.create_table().database_name(&self.database);
        match request.table_input(input(table, parameters, &Remarks::default(), metadata)?).send().await {
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
        let request = request.version_id(&from.version).table_input(input(table, parameters, &from.remarks, metadata)?);
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

/// What Glue keeps of a table's description, in bytes.
const TABLE_BYTES: usize = 2_048;

/// What Glue keeps of a column's comment, in bytes; it must stand in one line.
const COLUMN_BYTES: usize = 255;

/// The text, as far as Glue keeps it: other programs may have written a longer one into the table's metadata.
fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
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
    remarks: &Remarks,
    metadata: &TableMetadata,
) -> Result<TableInput, LakeError> {
    parameters.insert(KIND.to_owned(), "ICEBERG".to_owned());
    let columns = metadata.current_schema().as_struct().fields().iter().map(|field| column(field, remarks));
    let columns = columns.collect::<Result<Vec<_>, _>>().map_err(|e| LakeError::incompatible(table, e))?;
    let storage = StorageDescriptor::builder().location(metadata.location()).set_columns(Some(columns)).build();
    let input = TableInput::builder().name(table).table_type("EXTERNAL_TABLE").storage_descriptor(storage);
    let described = metadata.properties().get(COMMENT).map(|text| cut(text, TABLE_BYTES));
    let input = input.set_description(described.or_else(|| remarks.table.clone())).set_owner(remarks.owner.clone());
    input.set_parameters(Some(parameters)).build().map_err(|e| LakeError::incompatible(table, e))
}

fn column(field: &NestedField, remarks: &Remarks) -> Result<Column, aws_sdk_glue::error::BuildError> {
    let described = field.doc.as_ref().map(|text| cut(&text.replace(char::is_control, " "), COLUMN_BYTES));
    Column::builder()
        .name(&field.name)
        .set_comment(described.or_else(|| remarks.columns.get(&field.name).cloned()))
        .r#type(hive(&field.field_type))
        .parameters("iceberg.field.id", field.id.to_string())
        .parameters("iceberg.field.optional", (!field.required).to_string())
        .parameters("iceberg.field.current", "true")
        .build()
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::{DataType, Field, Schema};
    use iceberg::TableCreation;
    use iceberg::spec::{FormatVersion, TableMetadataBuilder};

    use super::*;
    use crate::schema::{DOC, declared};

    /// What is sent to Glue of a table with two columns, of which the definition describes what is given.
    fn sent(table: Option<&str>, column: Option<&str>, found: &Remarks) -> TableInput {
        let metadata = |text: Option<&str>| text.map(|text| (DOC.to_owned(), text.to_owned())).into_iter().collect();
        let columns = [
            Field::new("a", DataType::Utf8, true).with_metadata(metadata(column)),
            Field::new("b", DataType::Utf8, true),
        ];
        let properties: HashMap<_, _> = table.map(|text| (COMMENT.to_owned(), text.to_owned())).into_iter().collect();
        let creation = TableCreation::builder()
            .name("t".to_owned())
            .location("s3://b/t".to_owned())
            .schema(declared(&Schema::new(columns.to_vec())).unwrap())
            .properties(properties)
            .format_version(FormatVersion::V2)
            .build();
        let metadata = TableMetadataBuilder::from_table_creation(creation).unwrap().build().unwrap().metadata;
        input("t", HashMap::new(), found, &metadata).unwrap()
    }

    fn check(sent: &TableInput, table: Option<&str>, columns: [Option<&str>; 2]) {
        assert_eq!(sent.description(), table);
        let comments: Vec<_> = sent.storage_descriptor().unwrap().columns().iter().map(Column::comment).collect();
        assert_eq!(comments, columns);
    }

    #[test]
    fn input_20_what_people_said_in_glue_stays() {
        let columns = HashMap::from([("a".to_owned(), "an a".to_owned()), ("gone".to_owned(), "x".to_owned())]);
        let found = Remarks { table: Some("things".to_owned()), columns, owner: Some("me".to_owned()) };
        let kept = sent(None, None, &found);
        check(&kept, Some("things"), [Some("an a"), None]);
        assert_eq!(kept.owner(), Some("me"));
        check(&sent(Some("said"), Some("in the definition"), &found), Some("said"), [Some("in the definition"), None]);
        check(&sent(None, None, &Remarks::default()), None, [None, None]);
    }

    #[test]
    fn what_glue_would_refuse_is_cut() {
        let long = "ä".repeat(2_000);
        let sent = sent(Some(&long), Some(&format!("two\nlines {long}")), &Remarks::default());
        assert_eq!(sent.description().unwrap().len(), 2_048);
        let comment = sent.storage_descriptor().unwrap().columns()[0].comment().unwrap();
        assert!(comment.starts_with("two lines ä") && comment.len() <= 255);
    }

    #[test]
    fn throttling_passes_though_its_status_is_the_clients() {
        assert!(passes(Some("ThrottlingException"), 400));
        assert!(passes(Some("OperationTimeoutException"), 400));
        assert!(passes(Some("InternalServiceException"), 500) && passes(None, 503) && passes(None, 429));
        assert!(!passes(Some("AccessDeniedException"), 400));
        assert!(!passes(Some("InvalidInputException"), 400) && !passes(None, 404));
    }
}
