# The means of hostile.yaml: large values from small words.
package hostile

long(s, n) := replace(sprintf(sprintf("%%0%dd", [n]), [0]), "0", s)

digits(n) := json.unmarshal(long("7", n))

# The language refuses to write such a number; a document may hold one.
power(n) := json.unmarshal(sprintf("1e%d", [n]))

many(n) := numbers.range(1, n)

fractions(n) := [f | some i in numbers.range(1, n); f := i / 7]

texts(n) := [sprintf("%d", [i]) | some i in numbers.range(1, n)]

set(n) := {i | some i in numbers.range(1, n)}

# Members that differ at the end only.
tail(n, i) := array.concat(numbers.range(1, n), [i])

ones(n, k) := [[i % k, 1] | some i in numbers.range(1, n)]

object(n) := {sprintf("%d", [i]): i | some i in numbers.range(1, n)}

text_object(n) := {sprintf("%d", [i]): "x" | some i in numbers.range(1, n)}

deep(n) := json.unmarshal(concat("", [long("[", n), long("]", n)]))

deep_object(n) := json.unmarshal(concat("", [long(`{"a":`, n), "1", long("}", n)]))

steps(n) := ["a" | some _ in numbers.range(1, n)]

# Everyone is everyone's neighbour.
graph(n) := {name: node_names(n) | some name in node_names(n)}

node_names(n) := [sprintf("%d", [i]) | some i in numbers.range(1, n)]

networks(n) := [sprintf("10.%d.%d.%d/32", [i % 256, floor(i / 256), 7]) | some i in numbers.range(1, n)]

# Each line names the one before it ten times.
bomb(n) := concat("\n", array.concat(
	[`a0: &a0 [x, x, x, x, x, x, x, x, x, x]`],
	[line |
		some i in numbers.range(1, n)
		line := sprintf("a%d: &a%d [%s]", [i, i, concat(", ", [sprintf("*a%d", [i - 1]) | some _ in numbers.range(1, 10)])])
	],
))

merge_bomb(n) := concat("\n", array.concat(
	[`a0: &a0 {x: 1}`],
	[sprintf("a%d: &a%d {<<: [*a%d, *a%d]}", [i, i, i - 1, i - 1]) | some i in numbers.range(1, n)],
))

# A token of zeros.
token(alg) := concat(".", [base64url.encode_no_pad(sprintf(`{"alg":"%s"}`, [alg])), "e30", long("A", 86)])

key_set(n) := json.marshal({"keys": [key |
	some i in numbers.range(1, n)
	some key in [
		{"kty": "EC", "crv": "P-256", "kid": sprintf("%d", [i]), "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
		{"kty": "OKP", "crv": "Ed25519", "kid": sprintf("e%d", [i]), "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
	]
]})

# A modulus of 600,000 bits.
huge_rsa := json.marshal({"kty": "RSA", "e": "AQAB", "n": long("_", 100000)})

rsa_key := json.marshal({"kty": "RSA", "e": "AQAB", "n": long("_", 100000), "d": long("_", 100000)})

# Each definition asks the next one twice.
doubling_schema(n) := {
	"$ref": "#/definitions/1",
	"definitions": {sprintf("%d", [i]): schema |
		some i in numbers.range(1, n)
		next := {"$ref": sprintf("#/definitions/%d", [(i % n) + 1])}
		schema := doubled(i, n, next)
	},
}

doubled(i, n, next) := {"allOf": [next, next]} if i < n

doubled(n, n, _) := true

pattern_schema(n) := {sprintf("^[0-9]*%d$", [i]): {"type": "number"} | some i in numbers.range(1, n)}

ref_schema(n) := {sprintf("%d", [i]): {"$ref": sprintf("#/definitions/%d", [(i % n) + 1])} | some i in numbers.range(1, n)}

graph_schema := `type Query { a: Query b: Int }`

# Each fragment spreads the next one twice, under the same name.
fragments(n) := concat("\n", array.concat(
	["{ ...f1 }"],
	[sprintf("fragment f%d on Query { a { ...f%d } a { ...f%d } b }", [i, (i % n) + 1, (i % n) + 1]) | some i in numbers.range(1, n - 1)],
))
