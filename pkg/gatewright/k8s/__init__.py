"""Kubernetes as data: kinds, metadata, selectors, schemas, reviews.  No I/O.

In come decoded JSON values (dicts, lists, str, int, float, bool, None); out go
facts, errors with the texts that Kubernetes and Go print, and bytes.

Files, in order of flow:

- `gotext`     values and strings as Go prints them (`%v`, `%T`, `%q`, JSON)
- `gojson`     where and why Go's JSON scanner refuses a text
- `gostruct`   decoding into shapes as Go decodes into structs
- `yaml`       YAML documents as objects: YAML 1.1 as gator reads them, 1.2 suites
- `gvk`        group, version, kind
- `meta`       nested fields and metadata of an object
- `names`      DNS names, label keys and values
- `fields`     errors at a field path, and their aggregate
- `patterns`   regular expressions as Go reads them
- `selectors`  label selectors: decode, validate, match
- `formats`    the string formats of OpenAPI that a schema may ask for
- `jsonschema` JSONSchemaProps: decode
- `structural` is a schema structural; its defaults; pruning
- `crd`        is a custom resource definition valid
- `openapi`    does a value satisfy a schema
- `review`     AdmissionReview: request and response types
"""
