"""Unpacks source distributions that hold recorded exchanges with a cloud.

`python recordings.py DISTRIBUTIONS OUTPUT` writes into OUTPUT one JSON file for each recording of the Azure SDK, a list of
{method, uri, request, status, headers, body}, and libcloud's fixtures of Google's replies as they are.
"""

import json
import pathlib
import sys
import tarfile
import zipfile

import yaml


def main(distributions, output):
    for path in sorted(distributions.iterdir()):
        for name, data in files(path):
            parts = pathlib.PurePosixPath(name).parts
            package = parts[0]
            if "recordings" in parts and name.endswith(".yaml"):
                write(output / "azure" / package / (parts[-1][: -len(".yaml")] + ".json"), exchanges(data))
            elif "/test/compute/fixtures/gce/" in name and name.endswith(".json"):
                write(output / "gce" / parts[-1], data.decode())


def files(path):
    """Names and contents of a distribution's files."""
    if path.name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield name, archive.read(name)
    elif path.name.endswith(".tar.gz"):
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile():
                    yield member.name, archive.extractfile(member).read()


def exchanges(data):
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return json.dumps([exchange(one) for one in yaml.load(data, loader)["interactions"]])


def exchange(one):
    request, response = one["request"], one["response"]
    body = response["body"]
    return {
        "method": request["method"],
        "uri": request["uri"],
        "request": text(request.get("body")),
        "status": response["status"]["code"],
        "headers": {name.lower(): value if isinstance(value, str) else ", ".join(value) for name, value in response["headers"].items()},
        "body": text(body["string"] if isinstance(body, dict) else body),
    }


def text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
