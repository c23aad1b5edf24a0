"""Lists the last five unread e-mails of a Gmail account with Google's own library, which holds no token:
the address names the account, and Claviger does the rest."""

import json
import os

import httplib2
from googleapiclient.discovery import build_from_document

PROXY = os.environ.get("CLAVIGER_URL", "http://127.0.0.1:8090")
ACCOUNT = os.environ.get("ACCOUNT", "gmail/user_123")

# The library works by a description of Gmail's API, which says where the API is. It comes through the
# proxy as well, and then says that the API is there.
base = f"{PROXY}/@{ACCOUNT}/"
http = httplib2.Http()
response, text = http.request(base + "$discovery/rest?version=v1")
if response.status != 200:
    raise SystemExit(f"{response.status}: {text.decode()}")
gmail = build_from_document({**json.loads(text), "rootUrl": base}, http=http)

messages = gmail.users().messages()
for message in messages.list(userId="me", q="is:unread", maxResults=5).execute().get("messages", []):
    mail = messages.get(userId="me", id=message["id"], format="metadata", metadataHeaders="Subject").execute()
    for header in mail["payload"]["headers"]:
        print(header["value"])
