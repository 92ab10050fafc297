#!/usr/bin/env python3
"""Compare a compiled FileDescriptorSet with the wire facts in wire.json.

Usage: check_wire.py DESCRIPTOR_SET [--services Artifact,Run,...]

DESCRIPTOR_SET is the output of `protoc --include_imports --descriptor_set_out=...`. Every message, enum and method that
the named services reach (by default Artifact, Run, Experiment, Pipeline and Healthz, plus the Filter message) must
exist with the same full names, field names, numbers, types, labels, presence, enum values, gRPC paths and HTTP
bindings. Additions of ours are allowed where they cannot collide: other messages and services, fields numbered from
1000, enum values from 100. Called by wire_contract.py.
Exits 1 and prints one line per difference. Needs: protobuf, googleapis-common-protos.
"""

import argparse
import json
import pathlib
import sys

from google.api import annotations_pb2  # registers the google.api.http extension
from google.protobuf import descriptor_pb2, descriptor_pool

DEFAULT_SERVICES = "Artifact,Run,Experiment,Pipeline,Healthz"
PACKAGE = "kubeflow.pipelines.backend.api.v2beta1"
SCALARS = {v: k[5:].lower() for k, v in descriptor_pb2.FieldDescriptorProto.Type.items()}


def facts_index(facts):
    messages, enums, services = {}, {}, {}

    def walk(node):
        for enum in node["enums"]:
            enums[enum["full_name"]] = enum
        for message in node["messages"]:
            messages[message["full_name"]] = message
            walk(message)

    for file in facts["files"]:
        walk(file)
        services.update({s["full_name"]: s for s in file["services"]})
    return messages, enums, services


def reachable(services, messages, wanted):
    todo = [f"{PACKAGE}.Filter"]
    for name in wanted:
        for method in services[name]["methods"]:
            todo += [method["input"], method["output"]]
    seen = []
    while todo:
        name = todo.pop()
        if name in seen or name not in messages:
            continue
        seen.append(name)
        for field in messages[name]["fields"]:
            todo += [n for n in (field.get("type_name"), field.get("map_value")) if n]
    return seen


def describe(field):
    """One field of a live descriptor in the shape of wire.json."""
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        value = entry.fields_by_name["value"]
        target = value.message_type or value.enum_type
        return {
            "number": field.number,
            "type": "map",
            "map_key": SCALARS[entry.fields_by_name["key"].type],
            "map_value": target.full_name if target else SCALARS[value.type],
        }
    target = field.message_type or field.enum_type
    repeated = getattr(field, "is_repeated", None)
    if repeated is None:
        repeated = field.label == field.LABEL_REPEATED
    facts = {
        "number": field.number,
        "type": SCALARS[field.type],
        "label": "repeated" if repeated else "singular",
        "explicit_presence": field.has_presence,
        "json_name": field.json_name,
    }
    if target is not None:
        facts["type_name"] = target.full_name
    return facts


def http_rule(method):
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    verb = rule.WhichOneof("pattern")
    return None if verb is None else (verb.upper(), getattr(rule, verb), rule.body or None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("descriptor_set")
    parser.add_argument("--services", default=DEFAULT_SERVICES)
    args = parser.parse_args()
    facts = json.loads(pathlib.Path(__file__).with_name("wire.json").read_text())
    messages, enums, services = facts_index(facts)
    wanted = [f"{PACKAGE}.{s}Service" for s in args.services.split(",")]

    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(args.descriptor_set).read_bytes()).file:
        pool.AddSerializedFile(file.SerializeToString())

    differences, checked = [], 0

    lookups = {
        "Message": pool.FindMessageTypeByName,
        "Enum": pool.FindEnumTypeByName,
        "Service": pool.FindServiceByName,
    }

    def find(kind, name):
        try:
            return lookups[kind](name)
        except KeyError:
            differences.append(f"{name}: missing")
            return None

    used_enums = set()
    for name in reachable(services, messages, wanted):
        live = find("Message", name)
        if live is None:
            continue
        expected = {f["name"]: f for f in messages[name]["fields"]}
        for extra in sorted(set(live.fields_by_name) - set(expected)):
            if live.fields_by_name[extra].number < 1000:
                differences.append(f"{name}.{extra}: not in the contract")
        for field_name, want in expected.items():
            checked += 1
            if want["type"] == "enum":
                used_enums.add(want["type_name"])
            if field_name not in live.fields_by_name:
                differences.append(f"{name}.{field_name}: missing")
                continue
            got = describe(live.fields_by_name[field_name])
            for key, value in got.items():
                if want.get(key) != value:
                    differences.append(f"{name}.{field_name}: {key} is {value!r}, contract says {want.get(key)!r}")
    for name in sorted(used_enums & set(enums)):
        live = find("Enum", name)
        if live is None:
            continue
        want = {v["name"]: v["number"] for v in enums[name]["values"]}
        got = {v.name: v.number for v in live.values if v.number < 100}
        checked += len(want)
        if want != got:
            differences.append(f"{name}: values {got} differ from {want}")
    for name in wanted:
        live = find("Service", name)
        if live is None:
            continue
        for method in services[name]["methods"]:
            checked += 1
            got = live.methods_by_name.get(method["name"])
            if got is None:
                differences.append(f"{name}/{method['name']}: missing")
                continue
            if (got.input_type.full_name, got.output_type.full_name) != (method["input"], method["output"]):
                differences.append(f"{name}/{method['name']}: types differ")
            want = method["http"] and (method["http"]["verb"], method["http"]["path"], method["http"]["body"])
            if (tuple(want) if want else None) != http_rule(got):
                differences.append(f"{name}/{method['name']}: http is {http_rule(got)}, contract says {want}")
    for line in differences:
        print(line)
    print(f"{checked} facts checked, {len(differences)} differences")
    return 1 if differences or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
