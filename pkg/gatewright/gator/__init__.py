"""Policies tried out on files: what `verify`, `test` and `bench` run.

Files, in order of flow:

- `inputs`      files, folders and standard input, as objects
- `policies`    what an object is; templates and constraints loaded as gator does
- `prints`      what policies print
- `mutated`     objects as the mutators of an input leave them
- `stats`       what each template took
- `audit`       `test`: every object held against every policy
- `findings`    its violations as text, JSON and YAML
- `expressions` RE2 expressions over names and messages
- `suite`       suites as they are written down
- `suites`      which suites a path names
- `selection`   which tests and cases run
- `assertion`   whether the violations of a case add up
- `verify`      `verify`: suites in, results out
- `report`      results of suites in the form of `go test`
- `latencies`   results of a benchmark
- `benching`    `bench`: loading and reviews measured
- `benchreport` results as table, JSON and YAML
- `baseline`    results kept, and compared with new ones
- `fields`      documents to be printed; JSON as Go indents it
- `goyaml`      YAML as Go's libraries write it
- `gotime`      durations as Go writes and reads them
- `tables`      text in columns
"""
