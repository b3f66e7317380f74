"""`luma sync` from a bucket, on a real S3 server."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from luma_rag.errors import ConfigurationError, UnavailableError
from luma_rag.sync.sources import open_source
from tests.luma_command import Luma

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the server, with an empty bucket called rules; the environment names both."""
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
        environment[name] = value
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="rules")
    for one in client.list_objects_v2(Bucket="rules").get("Contents", ()):
        client.delete_object(Bucket="rules", Key=one["Key"])
    return client


def put(bucket: Any, path: str, text: str) -> None:
    bucket.put_object(Bucket="rules", Key=path, Body=text.encode())


def test_a_bucket_is_kept_in_step(bucket: Any, luma: Luma) -> None:
    luma("users", "add", "root", "root@example.com", "--admin", "--password-stdin", input="long enough\n")
    put(bucket, "signed/hotel.txt", "A hotel room may cost 500 euros.")
    put(bucket, "signed/deep/seat.txt", "Trains are booked in second class.")
    put(bucket, "signed/.hidden/x.txt", "Nobody looks here.")
    put(bucket, "signed/folder/", "")
    put(bucket, "drafts/other.txt", "This is below another prefix.")

    def sync(*options: str) -> dict[str, int]:
        done = luma("sync", "s3://rules/signed/", "--namespace", "rules", "--json", *options)
        assert done.returncode == 0, (done.stdout, done.stderr)
        counts: dict[str, int] = json.loads(done.stdout)["counts"]
        return {action: count for action, count in counts.items() if count}

    def found() -> list[tuple[str, str]]:
        hits = json.loads(luma("search", "rules", "hotel room", "--json").stdout)["hits"]
        return sorted((hit["title"], hit["text"]) for hit in hits)

    assert sync() == {"new": 2, "skipped": 2}
    assert sync() == {"unchanged": 2, "skipped": 2}
    put(bucket, "signed/hotel.txt", "A hotel room may cost 900 euros.")
    bucket.copy_object(Bucket="rules", Key="signed/class.txt", CopySource="rules/signed/deep/seat.txt")
    bucket.delete_object(Bucket="rules", Key="signed/deep/seat.txt")
    assert sync("--delete") == {"changed": 1, "moved": 1, "skipped": 2}
    assert found() == [
        ("class", "Trains are booked in second class."),
        ("hotel", "A hotel room may cost 900 euros."),
    ]
    bucket.delete_object(Bucket="rules", Key="signed/class.txt")
    assert sync("--delete") == {"unchanged": 1, "removed": 1, "skipped": 2}
    assert [title for title, _ in found()] == ["hotel"]


def test_large_objects_come_in_pieces(bucket: Any) -> None:
    content = "".join(f"{number:09}\n" for number in range(500_000))
    put(bucket, "large.txt", content)
    source = open_source("s3://rules")
    assert [(entry.path, entry.size) for entry in source.list().entries] == [("large.txt", len(content))]
    pieces = list(source.pieces("large.txt"))
    assert b"".join(pieces) == content.encode()
    assert max(map(len, pieces)) < len(content)


def test_what_is_wrong_with_a_bucket_is_told(bucket: Any) -> None:
    with pytest.raises(UnavailableError, match=r"s3://missing can't be listed: .*"):
        open_source("s3://missing").list()
    with pytest.raises(UnavailableError, match=r"It can't be read: .*"):
        list(open_source("s3://rules").pieces("missing.txt"))


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    monkeypatch.setitem(sys.modules, "obstore.exceptions", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'luma-rag\[objects\]'"):
        open_source("s3://rules")
