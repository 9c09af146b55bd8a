"""The emulator does not deceive where moto would: under concurrency, and with stale versions."""

import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

CLIENTS = 4
NUMBERS = itertools.count()


@pytest.fixture
def table(aws):
    """A table like the catalog's, with its client."""
    dynamodb, name = aws.client("dynamodb"), f"table-{next(NUMBERS)}"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in ("pk", "sk")],
    )
    return dynamodb, name


@pytest.fixture
def bucket(aws):
    """A bucket's client and name."""
    s3, name = aws.client("s3"), f"bucket-{next(NUMBERS)}"
    s3.create_bucket(Bucket=name)
    return s3, name


def code(call, *arguments, **named) -> str:
    """The error code of a call, `ok` if it succeeded."""
    try:
        call(*arguments, **named)
        return "ok"
    except ClientError as error:
        return error.response["Error"]["Code"]


def together(work, count: int) -> list:
    """The results of `count` clients at once."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def put(name: str, sk: str, condition: str | None = None) -> dict:
    action = {"TableName": name, "Item": {"pk": {"S": "g"}, "sk": {"S": sk}}}
    return {"Put": action | ({"ConditionExpression": condition} if condition else {})}


def test_a_failing_transaction_undoes_only_what_it_touched(table):
    dynamodb, name = table
    dynamodb.transact_write_items(TransactItems=[put(name, "taken")])

    def work(client: int) -> list[str]:
        written = []
        for number in range(60):
            sk = f"{client}-{number}"
            if client % 2:
                losing = [put(name, f"lost-{sk}"), put(name, "taken", "attribute_not_exists(pk)")]
                assert code(dynamodb.transact_write_items, TransactItems=losing) == "TransactionCanceledException"
            else:
                dynamodb.put_item(TableName=name, Item={"pk": {"S": "g"}, "sk": {"S": sk}})
                written.append(sk)
        return written

    written = {sk for each in together(work, CLIENTS) for sk in each}
    pages = dynamodb.get_paginator("query").paginate(
        TableName=name, KeyConditionExpression="pk = :g", ExpressionAttributeValues={":g": {"S": "g"}}, ConsistentRead=True
    )
    there = {item["sk"]["S"] for page in pages for item in page["Items"]}
    assert there == written | {"taken"}


def test_a_cancelled_transaction_leaves_updated_items_as_they_were(table):
    dynamodb, name = table
    key = {"pk": {"S": "g"}, "sk": {"S": "head"}}
    dynamodb.put_item(TableName=name, Item=key | {"n": {"N": "1"}})
    update = {"TableName": name, "Key": key, "UpdateExpression": "SET n = n + :1", "ExpressionAttributeValues": {":1": {"N": "1"}}}
    refused = [{"Update": update}, put(name, "new"), put(name, "head2", "attribute_exists(pk)")]
    assert code(dynamodb.transact_write_items, TransactItems=refused) == "TransactionCanceledException"
    assert dynamodb.get_item(TableName=name, Key=key)["Item"]["n"] == {"N": "1"}
    assert "Item" not in dynamodb.get_item(TableName=name, Key={"pk": {"S": "g"}, "sk": {"S": "new"}})


def test_concurrent_transactions_count_without_a_gap(table):
    dynamodb, name = table
    key = {"pk": {"S": "g"}, "sk": {"S": "head"}}
    dynamodb.put_item(TableName=name, Item=key | {"n": {"N": "0"}})

    def work(_client: int) -> int:
        won = 0
        for _ in range(40):
            n = int(dynamodb.get_item(TableName=name, Key=key, ConsistentRead=True)["Item"]["n"]["N"])
            step = {
                "TableName": name,
                "Key": key,
                "UpdateExpression": "SET n = :next",
                "ConditionExpression": "n = :n",
                "ExpressionAttributeValues": {":n": {"N": str(n)}, ":next": {"N": str(n + 1)}},
            }
            row = put(name, f"row-{n:06}", "attribute_not_exists(pk)")
            won += code(dynamodb.transact_write_items, TransactItems=[{"Update": step}, row]) == "ok"
        return won

    won = sum(together(work, CLIENTS))
    found = dynamodb.query(TableName=name, KeyConditionExpression="pk = :g", ExpressionAttributeValues={":g": {"S": "g"}})["Items"]
    assert [item["sk"]["S"] for item in found] == ["head", *(f"row-{n:06}" for n in range(won))]
    assert found[0]["n"] == {"N": str(won)}


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("sk BETWEEN :a AND :b", (":a", "B3", ":b", "B5"), ["B3", "B4", "B5"]),
        ("begins_with(sk, :a)", (":a", "C"), ["C0", "C1"]),
        ("sk > :a", (":a", "B8"), ["B9", "C0", "C1"]),
        ("sk >= :a", (":a", "C0"), ["C0", "C1"]),
        ("sk < :a", (":a", "B1"), ["B0"]),
        ("sk <= :a", (":a", "B1"), ["B0", "B1"]),
        ("sk = :a", (":a", "B7"), ["B7"]),
    ],
)
def test_queries_by_range_find_the_same_as_before(table, condition, values, expected):
    dynamodb, name = table
    for sk in ["C1", "C0", *(f"B{n}" for n in range(10))]:
        dynamodb.put_item(TableName=name, Item={"pk": {"S": "g"}, "sk": {"S": sk}})
        dynamodb.put_item(TableName=name, Item={"pk": {"S": "other"}, "sk": {"S": sk}})
    bounds = {key: {"S": value} for key, value in zip(values[::2], values[1::2], strict=True)}
    query = {"TableName": name, "KeyConditionExpression": f"pk = :g AND {condition}", "ExpressionAttributeValues": bounds | {":g": {"S": "g"}}}
    assert [item["sk"]["S"] for item in dynamodb.query(**query)["Items"]] == expected
    assert [item["sk"]["S"] for item in dynamodb.query(**query, ScanIndexForward=False, Limit=1)["Items"]] == expected[-1:]


def test_of_many_table_updates_with_one_version_one_wins(aws):
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": "races"})
    glue.create_table(DatabaseName="races", TableInput={"Name": "t", "Parameters": {"by": "nobody"}})
    for _ in range(10):
        version = glue.get_table(DatabaseName="races", Name="t")["Table"]["VersionId"]

        def update(client: int, version: str = version) -> str:
            new = {"Name": "t", "Parameters": {"by": str(client)}}
            return code(glue.update_table, DatabaseName="races", TableInput=new, VersionId=version, SkipArchive=True)

        answers = together(update, CLIENTS)
        assert sorted(answers) == ["ConcurrentModificationException"] * (CLIENTS - 1) + ["ok"]
        winner = glue.get_table(DatabaseName="races", Name="t")["Table"]["Parameters"]["by"]
        assert answers[int(winner)] == "ok"


def test_of_many_creations_of_an_object_one_wins(bucket):
    s3, name = bucket
    for number in range(10):

        def create(client: int, number: int = number) -> str:
            return code(s3.put_object, Bucket=name, Key=f"k{number}", Body=f"{client}".encode() * 1000, IfNoneMatch="*")

        answers = together(create, CLIENTS)
        assert sorted(answers) == ["PreconditionFailed"] * (CLIENTS - 1) + ["ok"]
        body = s3.get_object(Bucket=name, Key=f"k{number}")["Body"].read()
        assert body == str(answers.index("ok")).encode() * 1000


def test_a_long_poll_wakes_with_the_message_and_holds_nobody_up(aws):
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="poll")["QueueUrl"]
    with ThreadPoolExecutor(1) as pool:
        poll = pool.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        for _ in range(20):  # answered while the poll waits, or never
            sqs.get_queue_url(QueueName="poll")
        assert not poll.done()
        sqs.send_message(QueueUrl=url, MessageBody="come")
        assert poll.result(timeout=10)["Messages"][0]["Body"] == "come"


def test_a_function_whose_creation_is_asked_for_again_is_there_once(aws):
    """An SDK that got no answer repeats its request, with the same invocation id."""
    role = aws.client("iam").create_role(RoleName="creation", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    functions = aws.client("lambda")
    functions.meta.events.register("before-send.lambda.CreateFunction", lambda request, **_: request.headers.__setitem__("amz-sdk-invocation-id", "1"))
    wanted = {"FunctionName": "creation", "Role": role, "Runtime": "provided.al2023", "Handler": "bootstrap", "Code": {"ZipFile": b"zip"}}
    first, second = (functions.create_function(**wanted) for _ in range(2))
    assert first["FunctionArn"] == second["FunctionArn"]
    assert code(aws.client("lambda").create_function, **wanted) == "ResourceConflictException"
