"""The OpenAPI document as it is published: readable names, and every property described with an example."""

import re
from dataclasses import fields
from typing import Any

from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import OpenAPI
from litestar.types import Method

from luma_rag.http.openapi_properties import PARAMETERS, PROPERTIES, UPLOAD, Property

_REFERENCE = "#/components/schemas/"
_METHODS = ("get", "post", "put", "patch", "delete")
_PAGE = re.compile(r"Page_(?:\w+\.)*(\w+?)(?:View)?_")
# What Python's http.HTTPStatus says of a success reads as if it were about files.
_RESPONSES = {
    "Document created, URL follows": "Created.",
    "Request accepted, processing continues off-line": "Accepted; the work continues in the background.",
    "Request fulfilled, document follows": "Success.",
}
_WORD_BOUNDARY = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Handlers whose own name would not tell the operations apart.
_OPERATION_IDS = {
    "audit.list_events": "listAuditEvents",
    "auth.end_session": "endSession",
    "auth.me": "getCurrentUser",
    "auth.tokens": "listTokens",
    "chats.ask": "askQuestion",
    "chats.rate": "rateAnswer",
    "chats.regenerate": "regenerateAnswer",
    "chats.change_chat": "updateChat",
    "chats.join": "joinAnswer",
    "chats.remove_chat": "deleteChat",
    "chats.stop": "stopAnswer",
    "documents.change_document": "updateDocument",
    "documents.file": "downloadDocument",
    "documents.passages": "listPassages",
    "documents.permissions": "listDocumentPermissions",
    "documents.remove_document": "deleteDocument",
    "documents.share": "shareDocument",
    "documents.unshare": "unshareDocument",
    "documents.upload": "uploadDocument",
    "evaluation.candidates": "listQuestionCandidates",
    "evaluation.evaluate": "runEvaluation",
    "metrics.metrics": "getMetrics",
    "namespaces.add_document": "addNamespaceDocument",
    "namespaces.change_namespace": "updateNamespace",
    "namespaces.documents_of_namespace": "listNamespaceDocuments",
    "namespaces.follow": "followNamespace",
    "namespaces.members": "listMembers",
    "namespaces.remove_document": "removeNamespaceDocument",
    "namespaces.remove_namespace": "deleteNamespace",
    "namespaces.search": "searchNamespace",
    "openai.complete": "createChatCompletion",
    "openid.begin": "beginOpenIDSignIn",
    "openid.come_back": "completeOpenIDSignIn",
    "openid.options": "getSignInOptions",
    "operations.live": "getLiveness",
    "operations.ready": "getReadiness",
    "users.change_user": "updateUser",
    "users.lookup": "findUser",
    "users.remove_user": "deleteUser",
}


def operation_id(handler: HTTPRouteHandler, method: Method, path: list[Any]) -> str:
    """The id of an operation: by default the name of its handler, `create_namespace` as `createNamespace`."""
    module = handler.fn.__module__.rpartition(".")[2]
    name = handler.fn.__name__
    first, *rest = name.split("_")
    return _OPERATION_IDS.get(f"{module}.{name}", first + "".join(word.capitalize() for word in rest))


class DocumentConfig(OpenAPIConfig):
    """Makes Litestar's document ours."""

    def to_openapi_schema(self) -> OpenAPI:
        """An empty document, which describes itself when it is rendered."""
        plain = super().to_openapi_schema()
        return _Document(**{field.name: getattr(plain, field.name) for field in fields(plain)})


class _Document(OpenAPI):
    def to_schema(self) -> dict[str, Any]:
        document: dict[str, Any] = _renamed(super().to_schema())
        schemas = document["components"]["schemas"]
        for name, schema in schemas.items():
            _describe(name, schema, schemas)
        for path in document["paths"].values():
            for method in _METHODS:
                if method in path:
                    _describe_operation(path[method])
        return document


def _renamed(node: Any) -> Any:
    """The document with `NamespacePage` for `Page_luma_rag.namespaces.NamespaceView_`."""
    if isinstance(node, dict):
        return {_name(key): _renamed(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_renamed(value) for value in node]
    if isinstance(node, str) and node.startswith(_REFERENCE):
        return _REFERENCE + _name(node.removeprefix(_REFERENCE))
    return node


def _name(key: str) -> str:
    return _PAGE.sub(r"\1Page", key)


def _describe(name: str, schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    for key, value in schema.get("properties", {}).items():
        known = _property(name, key)
        value["description"] = known.description
        value["examples"] = [_example(known, value, schemas)]


def _property(schema: str, key: str) -> Property:
    # A missing property fails a test; the running service publishes the document without it.
    return PROPERTIES.get(f"{schema}.{key}") or PROPERTIES.get(key) or Property("")


def _example(known: Property, value: dict[str, Any], schemas: dict[str, Any]) -> Any:
    return known.example if known.example is not None else _composed(value, schemas)


def _composed(value: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """An example of a value that holds other schemas, composed of theirs."""
    if "$ref" in value:
        name = value["$ref"].removeprefix(_REFERENCE)
        properties = schemas[name]["properties"]
        return {key: _example(_property(name, key), inner, schemas) for key, inner in properties.items()}
    if value.get("type") == "array":
        return [_composed(value["items"], schemas)]
    if isinstance(inner := value.get("additionalProperties"), dict):
        return {"ndcg_cut_10": _composed(inner, schemas) if inner.get("type") != "number" else 0.74}
    return _composed(value["oneOf"][0], schemas) if "oneOf" in value else None


def _describe_operation(operation: dict[str, Any]) -> None:
    words = _WORD_BOUNDARY.sub(" ", operation["operationId"]).lower().replace("open id", "OpenID")
    operation["summary"] = words[0].upper() + words[1:]
    for response in operation["responses"].values():
        response["description"] = _RESPONSES.get(response["description"], response["description"])
    for parameter in operation.get("parameters", ()):
        parameter.setdefault("description", PARAMETERS.get(parameter["name"]))
    form = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data")
    for key, value in form["schema"]["properties"].items() if form else ():
        value["description"] = UPLOAD[key].description
        value["examples"] = [UPLOAD[key].example]
