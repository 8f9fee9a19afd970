"""All settings; those that vary between installations come from the environment (see .env.example)."""

from __future__ import annotations

from pathlib import Path

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from wizchat.environment import Environment, local_cache
from wizchat.observability import logs

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment(BASE_DIR)

# --- The environment ---------------------------------------------------------------------

DEBUG = env.flag("DEBUG", default=False)
SECRET_KEY = env.text("SECRET_KEY", default="debug-only-" + "x" * 50 if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("Set SECRET_KEY in the environment or in .env.")
# Earlier values of SECRET_KEY, so that the authenticator secrets they encrypted stay readable.
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS")
HTTPS_ONLY = env.flag("HTTPS_ONLY", default=True)
SIGNUP_OPEN = env.flag("SIGNUP_OPEN", default=False)
AUTH_FAILURES_PER_MINUTE = env.number("AUTH_FAILURES_PER_MINUTE", default=100, least=1)
RATE_LIMIT = env.rate("RATE_LIMIT", default="6000/minute")
TRUSTED_PROXIES = env.networks("TRUSTED_PROXIES")
DEMO_PASSWORD = env.text("DEMO_PASSWORD", default="")
METRICS_TOKEN = env.text("METRICS_TOKEN")
SITE_URL = env.site_url("SITE_URL", hosts=ALLOWED_HOSTS)
DEFAULT_FROM_EMAIL = env.sender("DEFAULT_FROM_EMAIL", default="WizChat <no-reply@localhost>")
REAUTHENTICATION_TIMEOUT = env.number("REAUTHENTICATION_TIMEOUT", default=900, least=1)
LEAK_ACTION = env.choice("LEAK_ACTION", default="revoke", choices=("revoke", "notify"))
GITHUB_KEYS_URL = env.document_url(
    "GITHUB_KEYS_URL", default="https://api.github.com/meta/public_keys/secret_scanning"
)

# --- Django ------------------------------------------------------------------------------

INSTALLED_APPS = [
    "wizchat.apps.RedactingAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "rest_framework",
    "apikeys",
    "chatbots",
    "wizchat.accounts",
]

MIDDLEWARE = [
    "wizchat.observability.requests.TelemetryMiddleware",
    "apikeys.usage.middleware.UsageMiddleware",
    "wizchat.middleware.APIEnvelopeMiddleware",
    "wizchat.middleware.ForwardedSchemeMiddleware",
    "wizchat.middleware.HTTPSOnlyAPIMiddleware",
    "wizchat.middleware.RedirectMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "wizchat.middleware.APIShortcutMiddleware",  # everything below is only for pages
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "wizchat.accounts.reauthentication.ReauthenticationMiddleware",
]

ROOT_URLCONF = "wizchat.urls"
WSGI_APPLICATION = "wizchat.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": env.database(
        "DATABASE_URL",
        default="sqlite:///var/wizchat.sqlite3",
        statement_seconds=env.number("DATABASE_TIMEOUT", default=15, least=0, most=86_400),
        pooler=env.choice("DATABASE_POOLER", default="none", choices=("none", "transaction")),
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES = {
    "default": env.cache("CACHE_URL", default="locmemcache://"),
    # Separate from the sign-in limits, which a flood of bad keys must not evict.
    "failed_attempts": env.cache("CACHE_URL", default="locmemcache://", local="failed_attempts"),
    # For what must keep working while the shared cache doesn't respond.
    "local": local_cache("local"),
}

email = env.email("EMAIL_URL", default="consolemail://")
# Emails about keys contain no secret, so the console may print them in production too.
NOTICES_EMAIL_BACKEND = EMAIL_BACKEND = email["EMAIL_BACKEND"]
if EMAIL_BACKEND == "django.core.mail.backends.console.EmailBackend" and not DEBUG:
    # The console is the log, where links in emails would let readers sign in.
    EMAIL_BACKEND = "wizchat.email.UnsentBackend"
elif EMAIL_BACKEND == "django.core.mail.backends.smtp.EmailBackend":
    NOTICES_EMAIL_BACKEND = EMAIL_BACKEND = "wizchat.email.SMTPBackend"
EMAIL_HOST = email["EMAIL_HOST"]
EMAIL_PORT = email["EMAIL_PORT"]
EMAIL_HOST_USER = email["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = email["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = email.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = email.get("EMAIL_USE_SSL", False)
EMAIL_SSL_CERTFILE = email.get("EMAIL_SSL_CERTFILE")
EMAIL_SSL_KEYFILE = email.get("EMAIL_SSL_KEYFILE")
EMAIL_FILE_PATH = email["EMAIL_FILE_PATH"]
EMAIL_TIMEOUT = 10
# A mail server may take long to confirm an email, and a client that gives up earlier sends it twice
# (RFC 5321, 4.5.3.2.6).
EMAIL_ACCEPT_TIMEOUT = 600
# A worker renews its claim on the email it is sending. If it dies, another worker may send it after this.
EMAIL_CLAIM_SECONDS = 60
# A thread sends the emails of account pages, so that no request waits for a mail server.
EMAIL_IN_BACKGROUND = True

LOGGING = logs.configuration(debug=DEBUG)
DEFAULT_EXCEPTION_REPORTER = "wizchat.observability.error_reports.Reporter"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    # Only files: the length of a compressed page can give away a secret in it (BREACH).
    "staticfiles": {"BACKEND": "wizchat.storage.CompressedFiles"},
}

# --- Accounts ----------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["wizchat.accounts.backend.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_REDIRECT_URL = "apikeys:list"
LOGIN_URL = "account_login"
ACCOUNT_ADAPTER = "wizchat.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
# For people who sign up; wizchat.accounts.stages exempts accounts that operators create.
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "[WizChat] "
ACCOUNT_EMAIL_NOTIFICATIONS = True
# Don't email unknown addresses that ask for a reset: they may belong to strangers.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = REAUTHENTICATION_TIMEOUT
ACCOUNT_FORMS = {
    "login": "wizchat.accounts.forms.LoginForm",
    "signup": "wizchat.accounts.forms.SignupForm",
    "reauthenticate": "wizchat.accounts.forms.ReauthenticateForm",
    "change_password": "wizchat.accounts.forms.ChangePasswordForm",
    "reset_password": "wizchat.accounts.forms.ResetPasswordForm",
    "reset_password_from_key": "wizchat.accounts.forms.ResetPasswordKeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_ADAPTER = "wizchat.accounts.mfa.MFAAdapter"
MFA_FORMS = {"activate_totp": "wizchat.accounts.mfa.ActivateTOTPForm"}
MFA_TOTP_ISSUER = "WizChat"
# People who signed up have already verified an address; others may have none.
MFA_ALLOW_UNVERIFIED_EMAIL = True

# --- Keys --------------------------------------------------------------------------------

# Argon2id cost of a stored key: memory in KiB, passes, lanes. If you change them, each key is
# rehashed on its next use.
API_KEY_ARGON2 = {"memory_cost": 19456, "time_cost": 2, "parallelism": 1}

# Seconds between two writes of usage; 0 leaves them to `usage.flush()`.
USAGE_FLUSH_SECONDS = 1.0

# --- The API -----------------------------------------------------------------------------

CHATBOT_REPLIER = "chatbots.replies.FAQReplier"

HOUSEKEEPING_CHORES = [
    "apikeys.chores",
    "chatbots.chores",
    "apikeys.notices.chores",
    "wizchat.accounts.chores",
]
API_MAX_BODY_BYTES = 256 * 1024
# Removes secrets from what a client sent, before a response repeats it.
API_REDACTOR = "apikeys.core.keyformat.redact"
# The server refuses anything larger (BODY_BYTES in wizchat/gunicorn/arrival.py).
DATA_UPLOAD_MAX_MEMORY_SIZE = API_MAX_BODY_BYTES
FILE_UPLOAD_HANDLERS = ["wizchat.uploads.NoUploads"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apikeys.auth.authentication.APIKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["apikeys.auth.permissions.HasKeyPermission"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["wizchat.api.parsing.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "wizchat.api.parsing.AlwaysJSON",
    "DEFAULT_PAGINATION_CLASS": "wizchat.api.pagination.NewestFirst",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "wizchat.api.openapi.Schema",
    "EXCEPTION_HANDLER": "wizchat.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}

SPECTACULAR_SETTINGS = {
    "TITLE": "WizChat API",
    "VERSION": "1",
    "DESCRIPTION": "JSON over HTTPS. Send an API key in the Authorization header of each request.",
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": SITE_URL}],
    "TAGS": [{"name": name} for name in ("Chatbots", "API keys", "Leaked keys", "OpenAPI")],
    "COMPONENT_SPLIT_REQUEST": True,
    "APPEND_COMPONENTS": {"securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer"}}},
    "PREPROCESSING_HOOKS": ["wizchat.api.openapi.without_slash"],
    "POSTPROCESSING_HOOKS": ["wizchat.api.openapi.finished"],
}

# --- Security ----------------------------------------------------------------------------

# Browsers accept a cookie with this prefix only over https and from this exact host, not a subdomain.
COOKIE_PREFIX = "__Host-" if HTTPS_ONLY else ""
SESSION_COOKIE_NAME = f"{COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}csrftoken"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = HTTPS_ONLY
# The API refuses instead of redirecting, because a redirect would teach clients to send
# their key in the clear first.
SECURE_REDIRECT_EXEMPT = [r"^v1(/|$)"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS_ONLY
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}
