# SPDX-License-Identifier: Apache-2.0
"""check_schema.py LIST, run by a Python that has jsonschema: LIST is JSON, [[schema, instance]...]
by their paths. Prints what is wrong, one a line."""
import json
import pathlib
import sys

import jsonschema


def main():
    for schema, instance in json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")):
        rules = json.loads(pathlib.Path(schema).read_text(encoding="utf-8"))
        try:
            jsonschema.Draft202012Validator.check_schema(rules)
        except jsonschema.SchemaError as e:
            print(f"{schema}: is no schema: {e.message}")
            continue
        said = json.loads(pathlib.Path(instance).read_text(encoding="utf-8"))
        for e in jsonschema.Draft202012Validator(rules).iter_errors(said):
            print(f"{instance}: {'/'.join(map(str, e.absolute_path))}: {e.message}"[:300])


main()
