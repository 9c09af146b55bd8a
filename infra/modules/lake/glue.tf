resource "aws_glue_catalog_database" "this" {
  name         = var.glue_database
  description  = "Tables that Foz keeps"
  location_uri = "s3://${var.bucket}/tables"
}

# The raw objects as they are. No stream can be called like it: their names begin with a letter.
resource "aws_glue_catalog_table" "raw" {
  name          = "_raw"
  database_name = aws_glue_catalog_database.this.name
  description   = "Every message as it was published; name the stream in the WHERE clause"
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    EXTERNAL       = "TRUE"
    classification = "parquet"

    # Athena finds the partitions by their names: nobody has to register any.
    "projection.enabled"        = "true"
    "projection.stream.type"    = "injected" # a list would leave out the streams that pipeline.yaml no longer names
    "projection.date.type"      = "date"
    "projection.date.format"    = "yyyy-MM-dd"
    "projection.date.range"     = "2025-01-01,NOW+1DAYS" # before the first release; a bridge's clock may be ahead
    "storage.location.template" = "s3://${aws_s3_bucket.this.bucket}/raw/stream=$${stream}/date=$${date}"
  }

  partition_keys {
    name = "stream"
    type = "string"
  }

  partition_keys {
    name = "date"
    type = "string"
  }

  storage_descriptor {
    location      = "s3://${aws_s3_bucket.this.bucket}/raw/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }

    dynamic "columns" {
      for_each = local.raw_columns

      content {
        name = columns.value[0]
        type = columns.value[1]
      }
    }
  }
}

locals {
  above_tables = [
    replace(aws_glue_catalog_database.this.arn, "/:database\\/.*$/", ":catalog"),
    aws_glue_catalog_database.this.arn,
  ]
  table_arn = replace(aws_glue_catalog_database.this.arn, "/:database\\/(.*)$/", ":table/$1/")

  # docs/format.md, "Raw object"; in the order of the files.
  raw_columns = [
    ["index", "int"],
    ["body", "binary"],
    ["oversize_key", "string"],
    ["digest", "binary"],
    ["message_id", "string"],
    ["published_at", "timestamp"],
    ["ingested_at", "timestamp"],
    ["exchange", "string"],
    ["routing_key", "string"],
    ["content_type", "string"],
    ["content_encoding", "string"],
    ["delivery_mode", "int"],
    ["priority", "int"],
    ["correlation_id", "string"],
    ["reply_to", "string"],
    ["expiration", "string"],
    ["type", "string"],
    ["user_id", "string"],
    ["app_id", "string"],
    ["cluster_id", "string"],
    ["headers", "map<string,struct<type:string,value:string>>"],
  ]
}
