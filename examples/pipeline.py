"""Reads a credential for one run of a pipeline. Standard library only."""
import json, os, sys, urllib.error, urllib.parse, urllib.request

URL = os.environ["INTEGRATIONS_URL"]  # the decrypt function's URL, or the one host in front of all

def identity_token(audience):
    if "INTEGRATIONS_TOKEN" in os.environ:
        return os.environ["INTEGRATIONS_TOKEN"]
    server = os.environ.get("GCE_METADATA_HOST", "metadata.google.internal")
    path = f"/computeMetadata/v1/instance/service-accounts/default/identity?audience={audience}&format=full"
    request = urllib.request.Request(f"http://{server}{path}", headers={"Metadata-Flavor": "Google"})
    return urllib.request.urlopen(request, timeout=5).read().decode()

def decrypt(org, provider, pipeline, run_id):
    root = urllib.parse.urljoin(URL, "/").rstrip("/")  # what Cloud Run knows the function by, without a path
    headers = {"Content-Type": "application/json", "X-Serverless-Authorization": f"Bearer {identity_token(root)}",
               "Authorization": f"Bearer {identity_token('cloudact-integrations-decrypt')}"}
    body = json.dumps({"pipeline": pipeline, "run_id": run_id}).encode()
    try:
        request = urllib.request.Request(f"{URL}/{org}/{provider}/decrypt", body, headers)
        return json.load(urllib.request.urlopen(request, timeout=30))
    except urllib.error.HTTPError as error:
        problem = json.load(error)
        sys.exit(f"{problem['code']}: {problem['error']} {problem.get('remedy', '')}")

if __name__ == "__main__":
    answer = decrypt(*sys.argv[1:5])
    print(f"{answer['provider']} {answer['validation_status']}, fields: {', '.join(answer['credential'])}")
