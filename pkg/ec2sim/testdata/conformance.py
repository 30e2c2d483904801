"""Reads calls as JSON lines {"service", "action", "params", "status", "body"} and checks each against botocore's own service model.

What was sent must be parameters that the model knows, the required ones among them. A reply must have the root the model implies, no element
the model does not know, every member the model requires, and must be readable by botocore's parser; an error must be one to botocore, with
code, message and request id. Complaints go to standard output, one a line.
"""
import json
import re
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
        scalar(element, shape, path)


def scalar(element, shape, path):
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


def query_name(service, name, shape):
    """How a member is spelt in a form: EC2 has names of its own for it, or capitals."""
    if service != "ec2":
        return shape.serialization.get("name", name)
    if "queryName" in shape.serialization:
        return shape.serialization["queryName"]
    spelt = shape.serialization.get("name", name)
    return spelt[0].upper() + spelt[1:]


def known(service, shape, parts):
    """Says whether the parts of a parameter's name lead to a value of the input shape."""
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if parts and query_name(service, name, member) == parts[0]:
                return known(service, member, parts[1:])
        return False
    if shape.type_name == "list":
        if service != "ec2":
            parts = parts[1:] if parts and parts[0] == "member" else []
        return bool(parts) and parts[0].isdigit() and known(service, shape.member, parts[1:])
    return not parts


def check_request(call, operation):
    service, action, shape = call["service"], call["action"], operation.input_shape
    sent = {name: value for name, value in call["params"].items() if name not in ("Action", "Version")}
    for name in sent:
        if not known(service, shape, name.split(".")):
            complaints.append(f"{action}: the model has no parameter {name}")
    for name in shape.required_members if shape else []:
        spelt = query_name(service, name, shape.members[name])
        if not any(n == spelt or n.startswith(spelt + ".") for n in sent):
            complaints.append(f"{action}: the required parameter {spelt} was not sent, and yet it succeeded")


def check_success(call, operation):
    service, action = call["service"], call["action"]
    root = ET.fromstring(call["body"])
    if local(root.tag) != action + "Response":
        complaints.append(f"{action}: the root is {local(root.tag)}")
    namespace = models[service].metadata.get("xmlNamespace", "")
    if namespace.rstrip("/") != root.tag.split("}")[0].strip("{").rstrip("/"):  # EC2 really answers with a slash at the end
        complaints.append(f"{action}: the name space is not {namespace}")
    body, ids = root, [c for c in root if local(c.tag) == "requestId"]
    if service == "ec2":
        for child in ids:
            root.remove(child)
    else:
        body = root[0]
        if local(body.tag) != action + "Result":
            complaints.append(f"{action}: no result wrapper")
        ids = [c for c in root.iter() if local(c.tag) == "RequestId"]
    if len(ids) != 1:
        complaints.append(f"{action}: {len(ids)} request ids")
    shape = operation.output_shape
    if shape is None:
        complaints.extend(f"{action}: unknown element {local(c.tag)}" for c in body)
    else:
        walk(body, shape, action)


def check_error(call, operation, parsed):
    service, action, root = call["service"], call["action"], ET.fromstring(call["body"])
    tree = {
        "ec2": {"Response": {"Errors": {"Error": {"Code": {}, "Message": {}}}, "RequestID": {}}},
        "sts": {"ErrorResponse": {"Error": {"Type": {}, "Code": {}, "Message": {}}, "RequestId": {}}},
    }[service]
    got = {local(root.tag): skeleton(root)}
    if got != tree:
        complaints.append(f"{action}: an error of the form {json.dumps(got)}")
    error = parsed.get("Error", {})
    for member in ("Code", "Message"):
        if not error.get(member):
            complaints.append(f"{action}: botocore finds no {member} in the error")
    if not parsed.get("ResponseMetadata", {}).get("RequestId"):
        complaints.append(f"{action}: botocore finds no request id in the error")
    for shape in operation.error_shapes:
        want = shape.metadata.get("error", {}).get("httpStatusCode")
        if shape.error_code == error.get("Code") and want and want != call["status"]:
            complaints.append(f"{action}: {shape.error_code} with status {call['status']}, not {want}")


def skeleton(element):
    return {local(c.tag): skeleton(c) for c in element}


def check(call):
    service = call["service"]
    operation = models[service].operation_model(call["action"])
    parser = botocore.parsers.create_parser(models[service].metadata["protocol"])
    reply = {"body": call["body"].encode(), "headers": {}, "status_code": call["status"]}
    parsed = parser.parse(reply, operation.output_shape)
    if call["status"] == 200:
        check_request(call, operation)
        check_success(call, operation)
    else:
        check_error(call, operation, parsed)


def check_dry_run(line):
    """Whether an action takes DryRun must be what the model says."""
    members = models["ec2"].operation_model(line["action"]).input_shape.members
    if ("DryRun" in members) != line["takesDryRun"]:
        complaints.append(f"{line['action']}: the model and the simulator differ on DryRun")


def documented_filters():
    """The filters of each Describe call, as its documentation lists them; tag:<key> is spelt tag:any."""
    out = {}
    for action in models["ec2"].operation_names:
        filters = action.startswith("Describe") and models["ec2"].operation_model(action).input_shape.members.get("Filters")
        if filters:
            listed = re.findall(r"<li>\s*<p>\s*<code>([\w.-]+)</code>", filters.documentation)
            out[action] = ["tag:any" if name == "tag" else name for name in listed]
    return out


if sys.argv[1:] == ["filters"]:
    print(json.dumps(documented_filters()))
    sys.exit()

for line in map(json.loads, sys.stdin):
    check_dry_run(line) if "takesDryRun" in line else check(line)
print("\n".join(sorted(set(complaints))))
