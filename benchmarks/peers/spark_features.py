"""The features of a month on local Spark: what the pipeline's ingest and feature models do, in outline."""

from pathlib import Path
from typing import Any

import typer
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.window import Window

SUMS = [
    "bytes_down", "bytes_up", "sessions", "session_seconds", "bytes_down_business_hours", "bytes_up_business_hours",
    "bytes_down_evening", "bytes_up_evening", "bytes_down_night", "bytes_up_night",
]  # fmt: skip


def main(source: Path, target: Path, last_day: str, memory: str = "12g") -> None:
    """Read the files in ``source``, and write a row per customer as of ``last_day`` to the folder ``target``."""
    spark = (
        SparkSession.builder.master("local[*]")
        .config("spark.driver.memory", memory)
        .config("spark.sql.shuffle.partitions", 16)
        .config("spark.ui.enabled", "false")
        .getOrCreate()
    )
    as_of = f.to_date(f.lit(last_day))
    contracts = contracts_at(spark, source, as_of)
    customers = spark.read.parquet(str(source / "customers.parquet")).where(f.col("created_date") <= as_of)
    frame = (
        customers.join(held(contracts, as_of), "customer_id", "left")
        .join(used(spark, source, contracts, as_of), "customer_id", "left")
        .join(paid(spark, source, as_of), "customer_id", "left")
        .join(asked(spark, source, as_of), "customer_id", "left")
    )
    frame.write.parquet(str(target))
    gateway: Any = spark.sparkContext._gateway
    spark.stop()
    # Whoever measures this process sees what the JVM used once it has ended and was waited for.
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait()


def contracts_at(spark: SparkSession, source: Path, as_of: f.Column) -> DataFrame:
    """Return the state of every contract on the day."""
    states = spark.read.parquet(str(source / "contracts.parquet")).where(f.col("valid_from_date") <= as_of)
    latest = Window.partitionBy("contract_id").orderBy(f.col("valid_from_date").desc())
    return states.withColumn("place", f.row_number().over(latest)).where("place = 1").drop("place")


def held(contracts: DataFrame, as_of: f.Column) -> DataFrame:
    """Return what each customer holds."""
    is_open = (f.col("start_date") <= as_of) & (f.col("end_date").isNull() | (f.col("end_date") > as_of))
    return contracts.groupBy("customer_id").agg(
        f.min("start_date").alias("first_start_date"),
        f.max("end_date").alias("last_end_date"),
        f.sum(is_open.cast("int")).alias("open_contracts"),
        f.sum(f.when(is_open, f.col("monthly_fee"))).alias("fee"),
        f.count_distinct(f.when(is_open, f.col("product_family"))).alias("families"),
    )


def used(spark: SparkSession, source: Path, contracts: DataFrame, as_of: f.Column) -> DataFrame:
    """Return usage of the last three months, of the three before, and of all."""
    usage = spark.read.parquet(str(source / "usage")).where(f.col("usage_date") <= as_of)
    monthly = (
        usage.groupBy("contract_id", f.last_day("usage_date").alias("month"))
        .agg(
            *(f.sum(name).alias(name) for name in SUMS),
            f.max("peak_mbps").alias("peak_mbps"),
            f.max("devices").alias("devices"),
            f.count_distinct("usage_date").alias("usage_days"),
        )
        .join(contracts.select("contract_id", "customer_id"), "contract_id")
    )
    age = f.months_between(as_of, f.col("month"))
    return monthly.groupBy("customer_id").agg(
        *(f.avg(f.when(age < 3, f.col(name))).alias(f"{name}_3m") for name in SUMS),
        *(f.avg(f.when((age >= 3) & (age < 6), f.col(name))).alias(f"{name}_before") for name in SUMS),
        f.sum(f.col("bytes_down") + f.col("bytes_up")).alias("bytes_of_all_months"),
        f.max(f.when(age < 3, f.col("peak_mbps"))).alias("peak_mbps"),
        f.max(f.when(age < 3, f.col("devices"))).alias("devices"),
        f.avg(f.when(age < 3, f.col("usage_days"))).alias("usage_days"),
    )


def paid(spark: SparkSession, source: Path, as_of: f.Column) -> DataFrame:
    """Return what was billed, paid and paid late."""
    invoices = spark.read.parquet(str(source / "invoices")).where(f.col("invoice_date") <= as_of)
    payments = spark.read.parquet(str(source / "payments")).where(f.col("paid_date") <= as_of)
    late = (
        payments.where(f.months_between(as_of, f.col("paid_date")) < 12)
        .join(invoices.select("invoice_id", "due_date"), "invoice_id")
        .where("paid_date > due_date")
        .groupBy("customer_id")
        .agg(f.count("*").alias("late_payments_12m"))
    )
    return (
        invoices.groupBy("customer_id")
        .agg(f.sum("net_amount").alias("billed"))
        .join(payments.groupBy("customer_id").agg(f.sum("amount").alias("paid")), "customer_id", "left")
        .join(late, "customer_id", "left")
    )


def asked(spark: SparkSession, source: Path, as_of: f.Column) -> DataFrame:
    """Return contacts of the last 90 days and of all time."""
    contacts = spark.read.parquet(str(source / "interactions")).where(f.to_date("occurred_at") <= as_of)
    recent = f.datediff(as_of, f.to_date("occurred_at")) < 90
    return contacts.groupBy("customer_id").agg(
        f.count("*").alias("contacts"), f.sum(recent.cast("int")).alias("contacts_90d")
    )


if __name__ == "__main__":
    typer.run(main)
