"""Google's and Microsoft's own clients request tokens from a fake server. Prints the number of tokens.

Arguments: the URL of the fake server, the same with TLS, the certificate of its authority, and the token file.
"""

import sys
from urllib.parse import quote

import requests
from azure.identity import ClientAssertionCredential, ClientSecretCredential
from google.auth import identity_pool
from google.auth.transport.requests import Request

PLAIN, TLS, AUTHORITY, TOKEN_FILE = sys.argv[1:]
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/cluster"
ACCOUNT = quote("puller@acme.iam.gserviceaccount.com")


def google(**more):
    credentials = identity_pool.Credentials(
        audience=AUDIENCE,
        subject_token_type="urn:ietf:params:oauth:token-type:jwt",
        token_url=f"{PLAIN}/v1/token",
        credential_source={"file": TOKEN_FILE},
        scopes=[SCOPE],
        **more,
    )
    credentials.refresh(Request())
    assert credentials.token and credentials.expiry, "Google's client has a token and its end"


def azure(credential):
    access = credential.get_token("https://containerregistry.azure.net/.default")
    form = {"grant_type": "access_token", "service": "acme.azurecr.io", "tenant": "72f988bf", "access_token": access.token}
    answer = requests.post(f"{PLAIN}/oauth2/exchange", data=form, timeout=10)
    answer.raise_for_status()
    assert answer.json()["refresh_token"], "the token of Microsoft's client is exchanged"


with open(TOKEN_FILE, encoding="utf-8") as file:
    SUBJECT = file.read().strip()
HOW = {"authority": TLS, "disable_instance_discovery": True, "connection_verify": AUTHORITY}

google()
google(service_account_impersonation_url=f"{PLAIN}/v1/projects/-/serviceAccounts/{ACCOUNT}:generateAccessToken")
azure(ClientAssertionCredential("72f988bf", "client", lambda: SUBJECT, **HOW))
azure(ClientSecretCredential("72f988bf", "client", SUBJECT, **HOW))
print("4 tokens")
