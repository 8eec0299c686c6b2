"""Templates and constraints: a review in, a verdict out.  Pure: no files, no cluster.

Files, in order of flow:

- `faults`      what can be wrong with a policy object
- `versions`    decoding by the shape of a kind's version
- `template`    a ConstraintTemplate of any version, in one form
- `crd`         the custom resource a template defines, and is it valid
- `dialect`     which Rego a template is in: that of the OPA that Gatekeeper embeds
- `regosource`  the Rego of a template: modules checked and moved
- `actions`     deny, warn, dryrun, scoped; enforcement points
- `constraint`  is a constraint acceptable, what does it say
- `exclusion`   namespaces that the Config resource excludes
- `inventory`   referential data as policies see them
- `policyset`   all that is loaded, changed in place, frozen into bytes
- `namespaces`  namespaces as reviews need them
- `selection` what kind and namespace of an object select
- `snapshot`    one generation, opened from the bytes; the index by kind
- `reviewdoc`   a request as `input.review`
- `judge`       matching, evaluation, results
- `gosort`      the order of equal results
- `providers`   is an external data Provider acceptable
- `expansions`  is an ExpansionTemplate acceptable
- `resources`   admission of Gatekeeper's own resources
- `admission`   `/v1/admit`: body bytes to answer bytes
- `labelguard`  `/v1/admitlabel`
- `plainreview` reviews of plain objects, as gator and audit make them
"""
