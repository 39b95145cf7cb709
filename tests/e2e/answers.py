"""Holds each answer of a daemon against its own description (OpenAPI): no more and no less than is described."""

import re

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


def is_of(value, kind):
    if kind in ("integer", "number"):
        return isinstance(value, int if kind == "integer" else (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[kind])


class Description:
    """An OpenAPI document, as far as ours uses it. The units' own check (tests/api/answer_check.cpp) knows more."""

    def __init__(self, document):
        self.schemas = document["components"]["schemas"]
        self.paths = []
        for path, operations in document["paths"].items():
            pattern = re.sub(r"\\\{[^/]*\\\}", "[^/]+", re.escape(path))
            self.paths.append((path.count("{"), re.compile(pattern), operations))
        self.paths.sort(key=lambda path: path[0])

    def operation(self, method, target):
        path = target.partition("?")[0]
        for _, pattern, operations in self.paths:
            if pattern.fullmatch(path) and method.lower() in operations:
                return operations[method.lower()]
        return None

    def faults(self, method, target, status, kind, value):
        """What is wrong with an answer whose JSON is `value`."""
        operation = self.operation(method, target)
        if operation is None:
            return [] if status >= 400 else ["is not described"]
        responses = operation["responses"]
        if str(status) not in responses and status < 400:
            return ["has a status that is not described"]
        content = responses.get(str(status), responses["default"]).get("content", {})
        if kind not in content:
            return [f"has a type that is not described: {kind}"]
        return self.differences(value, content[kind]["schema"], "")

    def differences(self, value, schema, where):
        if "$ref" in schema:
            return self.differences(value, self.schemas[schema["$ref"].rpartition("/")[2]], where)
        out = []
        kinds = schema.get("type", [])
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if kinds and not any(is_of(value, kind) for kind in kinds):
            out.append(f"{where} is no {schema['type']}: {value!r:.100}")
        if "enum" in schema and value not in schema["enum"]:
            out.append(f"{where} is none of {schema['enum']}: {value!r:.100}")
        if "const" in schema and value != schema["const"]:
            out.append(f"{where} is not {schema['const']}: {value!r:.100}")
        if "oneOf" in schema and sum(not self.differences(value, one, where) for one in schema["oneOf"]) != 1:
            out.append(f"{where} fits none, or several: {value!r:.100}")
        if schema.get("format") == "date-time" and isinstance(value, str) and not TIME.fullmatch(value):
            out.append(f"{where} is no time: {value}")
        if isinstance(value, list) and "items" in schema:
            for number, item in enumerate(value):
                out += self.differences(item, schema["items"], f"{where}/{number}")
        if isinstance(value, dict):
            out += self.differences_of_object(value, schema, where)
        return out

    def differences_of_object(self, value, schema, where):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        out = [f"{where} lacks {name}" for name in schema.get("required", []) if name not in value]
        for name, inner in value.items():
            if name in properties:
                out += self.differences(inner, properties[name], f"{where}/{name}")
            elif others is False:
                out.append(f"{where} has what is not described: {name}")
            elif isinstance(others, dict):
                out += self.differences(inner, others, f"{where}/{name}")
        return out
