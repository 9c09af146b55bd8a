"""A Spark of two threads with Iceberg's runtime, in this process' own Java machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

from pyspark.sql import SparkSession

from tests.readers.java import fetched, for_spark
from tests.readers.lake import CREDENTIALS, Lake

# What EMR 7 has.
RUNTIME = "org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.0"
AWS = "org.apache.iceberg:iceberg-aws-bundle:1.10.0"


def session(catalogs: Mapping[str, Mapping[str, str]], jars: tuple[str, ...] = (RUNTIME,)) -> SparkSession:
    """A session with these Iceberg catalogs: name → properties."""
    os.environ["JAVA_HOME"] = str(for_spark())
    # Spark asks the machine's name for its address; that may not resolve.
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    builder = SparkSession.builder.master("local[2]").appName("foz")
    settings = {
        "spark.jars": ",".join(str(fetched(jar)) for jar in jars),
        "spark.driver.memory": "3g",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
    }
    for name, properties in catalogs.items():
        settings[f"spark.sql.catalog.{name}"] = "org.apache.iceberg.spark.SparkCatalog"
        settings |= {f"spark.sql.catalog.{name}.{key}": value for key, value in properties.items()}
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def java_process(spark: SparkSession) -> int:
    """The process id of the session's Java machine."""
    return spark.sparkContext._gateway.proc.pid


class Spark:
    """A lake's tables as Spark sees them through Glue, as docs/query.md says."""

    def __init__(self, lake: Lake):
        self._lake = lake
        # The SDK finds credentials where it always looks.
        os.environ |= {"AWS_ACCESS_KEY_ID": CREDENTIALS, "AWS_SECRET_ACCESS_KEY": CREDENTIALS, "AWS_REGION": lake.region}
        catalog = {
            "catalog-impl": "org.apache.iceberg.aws.glue.GlueCatalog",
            "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
            "warehouse": f"s3://{lake.bucket}/tables",
            "glue.endpoint": lake.endpoint,
            "s3.endpoint": lake.endpoint,
            "s3.path-style-access": "true",
            "client.region": lake.region,
            # Each query looks the table up.
            "cache-enabled": "false",
        }
        self._spark = session({"lake": catalog}, (RUNTIME, AWS))

    def rows(self, table: str) -> list[dict]:
        """A table's rows."""
        frame = self._spark.sql(f"SELECT * FROM lake.`{self._lake.database}`.{table}")
        return frame.toArrow().to_pylist() if hasattr(frame, "toArrow") else [row.asDict(recursive=True) for row in frame.collect()]

    def close(self) -> None:
        """Ends it."""
        self._spark.stop()
