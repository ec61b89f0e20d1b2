"""Validates rendered manifests: what Kubernetes knows by its own schemas, strictly; what operators add by theirs.

usage: validate.py FOLDER-OF-SCHEMAS RELEASE,… FILE…
"""

import collections
import json
import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml


def closed(schema):
    """The same schema, refusing fields that it does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(value) for key, value in schema.items()}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not is_open:
        schema["additionalProperties"] = False
    return schema


def is_kubernetes_own(group):
    return "." not in group or (group.endswith(".k8s.io") and group != "gateway.networking.k8s.io")


def main(folder, releases, files):
    schemas, counts, findings = {}, collections.Counter(), []
    for file in files:
        for manifest in yaml.safe_load_all(pathlib.Path(file).read_text()):
            group, _, version = manifest["apiVersion"].rpartition("/")
            kind = manifest["kind"]
            named = f"{pathlib.Path(file).stem}: {kind} {manifest['metadata']['name']}"
            if is_kubernetes_own(group):
                for release in releases:
                    try:
                        kubernetes_validate.validate(manifest, release, strict=True)
                        counts[f"by Kubernetes {release}'s schemas"] += 1
                    except kubernetes_validate.ValidationError as error:
                        where = "/".join(str(part) for part in error.path)
                        findings.append(f"{named}: {release}: {where}: {error.message[:300]}")
                continue
            path = folder / group / f"{kind.lower()}_{version}.json"
            if not path.exists():
                counts[f"not: there is no {path.name}"] += 1
                continue
            if path not in schemas:
                schema = closed(json.loads(path.read_text()))
                # Known to every kind, and checked by nobody else here.
                schema["properties"].update(apiVersion={"type": "string"}, kind={"type": "string"}, metadata={"type": "object"})
                schemas[path] = jsonschema.validators.validator_for(schema)(schema)
            for error in schemas[path].iter_errors(manifest):
                where = "/".join(str(part) for part in error.path)
                findings.append(f"{named}: {where}: {error.message[:300]}")
            counts["by their operators' schemas"] += 1
    for what, count in sorted(counts.items()):
        print(f"validated {count:4} {what}")
    print("\n".join(findings))
    return bool(findings)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2].split(","), sys.argv[3:]))
