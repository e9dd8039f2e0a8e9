"""A provider of OpenID Connect (oidc-provider-mock) on a free port, whose number it prints.

What the package leaves out is added here: codes are held to the challenge that they were asked for with (PKCE). Below
/login/oauth it answers as GitHub does.
"""

import base64
import hashlib
import io
import json
import os
import secrets
from urllib.parse import parse_qsl, urlencode, urlsplit

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"

import oidc_provider_mock
import werkzeug.serving


def challenge(verifier):
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def body(environ):
    sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(sent)
    return dict(parse_qsl(sent.decode()))


def answer(start, status, said):
    start(status, [("Content-Type", "application/json")])
    return [json.dumps(said).encode()]


class Provider:
    def __init__(self, app):
        self.app = app
        self.challenges = {}
        self.users = {}

    def __call__(self, environ, start):
        path = environ["PATH_INFO"]
        asked = dict(parse_qsl(environ["QUERY_STRING"]))
        if path == "/oauth2/authorize":
            return self.authorize(environ, start, asked)
        if path == "/oauth2/token" and not self.holds(body(environ)):
            return answer(start, "400 Bad Request", {"error": "invalid_grant"})
        if path == "/login/oauth/authorize":
            code = secrets.token_hex(8)
            self.users[code] = body(environ)["sub"]
            self.challenges[code] = asked["code_challenge"]
            back = urlencode({"code": code, "state": asked["state"]})
            start("302 Found", [("Location", f"{asked['redirect_uri']}?{back}")])
            return []
        if path == "/login/oauth/access_token":
            form = body(environ)
            # GitHub says so with 200, too.
            if not self.holds(form) or form["client_secret"] != "s3cret":
                return answer(start, "200 OK", {"error": "bad_verification_code"})
            return answer(start, "200 OK", {"access_token": form["code"], "token_type": "bearer"})
        if path == "/api/v3/user":
            user = self.users.get(environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer "))
            if user is None:
                return answer(start, "401 Unauthorized", {})
            return answer(start, "200 OK", {"id": int(user), "login": "Octo-Cat"})
        return self.app(environ, start)

    def authorize(self, environ, start, asked):
        def noting(status, headers, *exception):
            to = urlsplit(dict(headers).get("Location", ""))
            code = dict(parse_qsl(to.query)).get("code")
            if code and asked.get("code_challenge_method") == "S256":
                self.challenges[code] = asked.get("code_challenge")
            return start(status, headers, *exception)

        return self.app(environ, noting)

    def holds(self, form):
        expected = self.challenges.get(form.get("code"))
        return expected == challenge(form.get("code_verifier", ""))


provider = Provider(oidc_provider_mock.app(require_nonce=True))
server = werkzeug.serving.make_server("127.0.0.1", 0, provider, threaded=True)
print(server.server_port, flush=True)
server.serve_forever()
