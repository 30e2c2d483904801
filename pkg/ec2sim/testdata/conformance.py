"""Reads replies as JSON lines {"service", "action", "body"} and checks each against botocore's own service model.

A reply must have the root the model implies, no element the model does not know, every member the model requires, and must
be readable by botocore's parser. Complaints go to standard output, one a line.
"""
import json
import sys
import xml.etree.ElementTree as ET

import botocore.parsers
import botocore.session

session = botocore.session.get_session()
models = {s: session.get_service_model(s) for s in ("ec2", "sts")}
complaints = []


def local(tag):
    return tag.rsplit("}", 1)[-1]


def walk(element, shape, path):
    if shape.type_name == "structure":
        members = {m.serialization.get("name", name): (name, m) for name, m in shape.members.items()}
        seen = set()
        for child in element:
            name = local(child.tag)
            if name not in members:
                complaints.append(f"{path}: unknown element {name}")
                continue
            if name in seen:
                complaints.append(f"{path}: {name} comes twice")
            seen.add(name)
            walk(child, members[name][1], f"{path}/{name}")
        for name, (member, _) in members.items():
            if member in shape.required_members and name not in seen:
                complaints.append(f"{path}: required member {name} is missing")
    elif shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        for child in element:
            if local(child.tag) != item:
                complaints.append(f"{path}: {local(child.tag)} where {item} belongs")
            walk(child, shape.member, path + "/" + item)
    else:
        if len(element):
            complaints.append(f"{path}: a {shape.type_name} with elements inside")
        text = (element.text or "").strip()
        if shape.type_name == "boolean" and text not in ("true", "false"):
            complaints.append(f"{path}: {text!r} is no boolean")
        if shape.type_name in ("integer", "long") and not text.lstrip("-").isdigit():
            complaints.append(f"{path}: {text!r} is no number")
        # EC2 itself answers "available" here, which its model does not list.
        quirk = path.endswith("attachmentSet/item/state")
        if getattr(shape, "enum", None) and text not in shape.enum and not quirk:
            complaints.append(f"{path}: {text!r} is not in the enumeration")


def check(reply):
    service, action = reply["service"], reply["action"]
    operation = models[service].operation_model(action)
    root = ET.fromstring(reply["body"])
    if local(root.tag) != action + "Response":
        complaints.append(f"{action}: the root is {local(root.tag)}")
    namespace = models[service].metadata.get("xmlNamespace", "")
    if namespace.rstrip("/") != root.tag.split("}")[0].strip("{").rstrip("/"):  # EC2 really answers with a slash at the end
        complaints.append(f"{action}: the name space is not {namespace}")
    body = root
    if service == "ec2":
        for child in list(root):
            if local(child.tag) == "requestId":
                root.remove(child)
    else:
        body = root[0]
        if local(body.tag) != action + "Result":
            complaints.append(f"{action}: no result wrapper")
    shape = operation.output_shape
    if shape is None:
        complaints.extend(f"{action}: unknown element {local(c.tag)}" for c in body)
    else:
        walk(body, shape, action)
    parser = botocore.parsers.create_parser(models[service].metadata["protocol"])
    parser.parse({"body": reply["body"].encode(), "headers": {}, "status_code": 200}, shape)


for line in sys.stdin:
    check(json.loads(line))
print("\n".join(sorted(set(complaints))))
