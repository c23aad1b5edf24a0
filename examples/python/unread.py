"""Lists the last five unread e-mails of a Gmail account. It holds no token: it says whose account it
means, and Claviger does the rest."""

import json
import os
import sys
import urllib.error
import urllib.request

PROXY = os.environ.get("CLAVIGER_URL", "http://127.0.0.1:8090")
ACCOUNT = os.environ.get("ACCOUNT", "gmail/user_123")


def get(path):
    request = urllib.request.Request(PROXY + path, headers={"Connected-Account": ACCOUNT})
    try:
        with urllib.request.urlopen(request) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        # The text says what to do, when it comes from Claviger.
        sys.exit(f"{error.code}: {error.read().decode()}")


messages = get("/gmail/v1/users/me/messages?q=is:unread&maxResults=5").get("messages", [])
for message in messages:
    mail = get(f"/gmail/v1/users/me/messages/{message['id']}?format=metadata&metadataHeaders=Subject")
    for header in mail["payload"]["headers"]:
        print(header["value"])
