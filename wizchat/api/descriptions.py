"""What each operation does, in words, with an example of its body."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from apikeys.api import serializers as keys
from apikeys.api.queries import DEFAULT_DAYS, MAX_DAYS
from apikeys.leaks import serializers as leaks
from apikeys.models import KeyState
from chatbots.serializers import ChatbotSerializer, FAQEntrySerializer, QuerySerializer
from wizchat.api import catalogue
from wizchat.api.operations import Operation, describe
from wizchat.api.pagination import MAX_PAGE_SIZE, PAGE_SIZE

CHATBOTS, KEYS, LEAKS, DOCUMENT = "Chatbots", "API keys", "Leaked keys", "OpenAPI"

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
    OpenApiParameter.HEADER,
    description="Send the same value when you retry: within 24 hours, it creates only one key.",
)
STATE = OpenApiParameter(
    "state",
    {"type": "string", "enum": [state.value for state in KeyState]},
    description="Only keys in this state.",
)
DAYS = OpenApiParameter(
    "days",
    {"type": "integer", "minimum": 1, "maximum": MAX_DAYS, "default": DEFAULT_DAYS},
    description="How many days back, today included.",
)
CASCADE = OpenApiParameter(
    "cascade",
    {"type": "boolean", "default": False},
    description="Also revoke every key that this one created, directly or indirectly.",
)
PAGES = (
    OpenApiParameter(
        "page_size",
        {"type": "integer", "minimum": 1, "default": PAGE_SIZE},
        description=f"Objects per page. A value over {MAX_PAGE_SIZE} means {MAX_PAGE_SIZE}.",
    ),
    OpenApiParameter("cursor", OpenApiTypes.STR, description="Part of the links in next and previous."),
)

describe(
    "ChatbotList",
    "GET",
    Operation(
        "listChatbots",
        CHATBOTS,
        "List chatbots",
        "Your chatbots, newest first.",
        ChatbotSerializer(many=True),
        parameters=PAGES,
    ),
)
describe(
    "ChatbotList",
    "POST",
    Operation(
        "createChatbot",
        CHATBOTS,
        "Create a chatbot",
        "Creates a chatbot. Only its name is required.",
        ChatbotSerializer,
        201,
        ChatbotSerializer,
        {"name": "Support", "welcome_message": "Hello! How can I help?"},
    ),
)
describe(
    "ChatbotDetail",
    "GET",
    Operation(
        "getChatbot", CHATBOTS, "Get a chatbot", "Returns one chatbot with its settings.", ChatbotSerializer
    ),
)
describe(
    "ChatbotDetail",
    "PATCH",
    Operation(
        "updateChatbot",
        CHATBOTS,
        "Update a chatbot",
        "Changes only the settings in the body.",
        ChatbotSerializer,
        request=ChatbotSerializer,
        example={"is_active": False},
    ),
)
describe(
    "ChatbotDetail",
    "DELETE",
    Operation(
        "deleteChatbot",
        CHATBOTS,
        "Delete a chatbot",
        "Deletes a chatbot with its FAQ entries and queries.",
        status=204,
    ),
)
describe(
    "QueryList",
    "GET",
    Operation(
        "listQueries",
        CHATBOTS,
        "List queries",
        "The messages sent to a chatbot, with its answers, newest first.",
        QuerySerializer(many=True),
        parameters=PAGES,
    ),
)
describe(
    "MessageCreate",
    "POST",
    Operation(
        "sendMessage",
        CHATBOTS,
        "Send a message",
        "Stores a message and answers it with the best matching FAQ entry, or with the fallback message.",
        QuerySerializer,
        201,
        QuerySerializer,
        {"message": "How do I reset my password?"},
        errors=(catalogue.CHATBOT_INACTIVE,),
    ),
)
describe(
    "FAQEntryList",
    "GET",
    Operation(
        "listFAQs",
        CHATBOTS,
        "List FAQ entries",
        "The questions and answers that a chatbot uses, newest first.",
        FAQEntrySerializer(many=True),
        parameters=PAGES,
    ),
)
describe(
    "FAQEntryList",
    "POST",
    Operation(
        "createFAQ",
        CHATBOTS,
        "Add an FAQ entry",
        "Adds a question and its answer. A chatbot can have up to 1,000.",
        FAQEntrySerializer,
        201,
        FAQEntrySerializer,
        {"question": "How do I reset my password?", "answer": "Choose “Forgot password?”."},
    ),
)
describe(
    "FAQEntryDetail",
    "DELETE",
    Operation("deleteFAQ", CHATBOTS, "Delete an FAQ entry", "Deletes one FAQ entry.", status=204),
)
describe(
    "CurrentKey",
    "GET",
    Operation(
        "getCurrentKey",
        KEYS,
        "Get the key in use",
        "Returns the key you use, and your IP address as WizChat sees it.",
        keys.CallerSerializer,
    ),
)
describe(
    "CurrentKey",
    "DELETE",
    Operation(
        "revokeCurrentKey",
        KEYS,
        "Revoke the key in use",
        "The key revokes itself. This can't be undone.",
        status=204,
    ),
)
describe(
    "KeyList",
    "GET",
    Operation(
        "listKeys",
        KEYS,
        "List keys",
        "Your keys, newest first, including revoked and expired ones.",
        keys.KeySerializer(many=True),
        parameters=(STATE, *PAGES),
    ),
)
describe(
    "KeyList",
    "POST",
    Operation(
        "createKey",
        KEYS,
        "Create a key",
        "Creates a key that can do no more than the key you use. `key` has the whole key, only this once.",
        keys.NewKeySerializer,
        201,
        keys.CreateSerializer,
        {"name": "Analytics Integration", "permissions": ["read"]},
        (IDEMPOTENCY_KEY,),
        (catalogue.ESCALATION, catalogue.ALREADY_CREATED),
    ),
)
describe("KeyDetail", "GET", Operation("getKey", KEYS, "Get a key", "Returns one key.", keys.KeySerializer))
describe(
    "KeyDetail",
    "PATCH",
    Operation(
        "updateKey",
        KEYS,
        "Update a key",
        "Changes only the fields in the body.",
        keys.KeySerializer,
        request=keys.ChangeSerializer,
        example={"allowed_ips": ["203.0.113.7", "10.0.0.0/8"]},
        errors=(catalogue.ESCALATION, catalogue.KEY_ENDED),
    ),
)
describe(
    "KeyDetail",
    "DELETE",
    Operation(
        "revokeKey",
        KEYS,
        "Revoke a key",
        "The key stops working immediately. This can't be undone.",
        status=204,
        parameters=(CASCADE,),
    ),
)
describe(
    "KeyRotate",
    "POST",
    Operation(
        "rotateKey",
        KEYS,
        "Rotate a key",
        "Creates a successor with the same name, permissions, addresses and lifetime. The old key keeps "
        "working for the overlap. `key` has the whole new key, only this once.",
        keys.NewKeySerializer,
        201,
        keys.RotateSerializer,
        {"overlap_seconds": 86400},
        (IDEMPOTENCY_KEY,),
        (
            catalogue.ESCALATION,
            catalogue.KEY_ENDED,
            catalogue.ALREADY_ROTATED,
            catalogue.ALREADY_CREATED,
        ),
    ),
)
describe(
    "KeyUsage",
    "GET",
    Operation(
        "getKeyUsage",
        KEYS,
        "Get a key's usage",
        "Calls per day (UTC) and outcome, oldest day first.",
        keys.UsageSerializer,
        parameters=(DAYS,),
    ),
)
describe(
    "LeakedKeys",
    "POST",
    Operation(
        "reportLeakedKeys",
        LEAKS,
        "Report leaked keys",
        "Revokes each genuine key that still works and tells its owner. The response is the same for a "
        "genuine key and for any other text. Each client address may report 60 times an hour.",
        leaks.ReceivedSerializer,
        202,
        leaks.LeakedKeysSerializer,
        {"keys": ["wzc_…"]},
        errors=(catalogue.TOO_MANY_REPORTS,),
    ),
)
describe(
    "GitHubSecretScanning",
    "POST",
    Operation(
        "reportFromGitHub",
        LEAKS,
        "Report leaked keys as GitHub",
        "For GitHub's secret scanning. GitHub signs the raw body with ECDSA (P-256, SHA-256) and sends "
        "`Github-Public-Key-Identifier` and `Github-Public-Key-Signature`.",
        leaks.LabelSerializer(many=True),
        request=leaks.MatchSerializer(many=True),
        example=[{"token": "wzc_…", "type": "wizchat_api_key", "url": "", "source": "commit"}],
        errors=(catalogue.INVALID_SIGNATURE,),
    ),
)
describe(
    "OpenAPIDocument",
    "GET",
    Operation("getOpenAPI", DOCUMENT, "Get this document", "The OpenAPI 3.1 document.", OpenApiTypes.OBJECT),
)
