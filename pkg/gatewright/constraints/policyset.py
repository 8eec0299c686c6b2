"""The policies that are loaded: templates, constraints, Config, objects.

A `PolicySet` is what one process keeps and changes; `build` freezes it into the
bytes of one library, which `snapshot` opens, here or in other processes.  Nothing
here reads files or talks to a cluster.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Final

from gatewright.constraints import (
    actions,
    constraint,
    crd,
    dialect,
    inventory,
    regosource,
    template,
)
from gatewright.constraints.constraint import Constraint
from gatewright.constraints.exclusion import Exclusions
from gatewright.constraints.faults import IngestError, PolicyFault, TemplateError
from gatewright.constraints.regosource import RegoSource
from gatewright.engine import crew
from gatewright.engine.cache import CompileCache, compile_key, entry_meta
from gatewright.engine.documents import Doc
from gatewright.engine.parts import Part
from gatewright.engine.policy import Policy, compile_policy
from gatewright.engine.reviews import LibraryBuilder
from gatewright.k8s import gotext, gvk, meta
from gatewright.k8s.gojson import whole_numbers
from gatewright.k8s.jsonschema import Schema
from gatewright.rego.ast import Module
from gatewright.rego.compiled import CompileOptions
from gatewright.rego.errors import RegoErrors
from gatewright.rego.parser import parse_module

__all__ = ["PolicySet", "Settings", "TemplateEntry"]

_HOOK: Final = parse_module(regosource.HOOK_MODULE, regosource.HOOK, version=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How policies are read.

    `template_defaults`: whether the defaults of the API server are filled in.
    `check_actions`: whether a constraint with unknown actions is refused when it is
    loaded, as Gatekeeper's controller does and gator does not.  `referential`:
    whether code may read `data.inventory`.  `print_enabled`: whether print() is
    kept.  `float_parameters`, `float_inventory`: whether numbers there go through
    float64, as those of a review do (3000000 is then spelled 3e+06); a cluster's
    don't, gator's do.  `indexes`: whether policies may ask for indexes of
    `data.inventory`.  `options` go to the compiler besides; what has been compiled
    is looked for in `cache`.
    """

    template_defaults: bool = True
    float_parameters: bool = False
    float_inventory: bool = False
    check_actions: bool = True
    referential: bool = True
    indexes: bool = True
    options: CompileOptions = field(default_factory=CompileOptions)
    cache: CompileCache = field(default_factory=CompileCache)


@dataclass(slots=True, eq=False)
class TemplateEntry:
    """One template that is in force, and its constraints by name.

    `part` is its code; `notices` are remarks for whoever loaded it.
    """

    template: template.Template
    schema: Schema
    part: Part
    notices: tuple[str, ...] = ()
    constraints: dict[str, Constraint] = field(default_factory=dict)


class PolicySet:
    """Everything that a review is held against; see the module."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._options = dialect.options_of(self.settings.options)
        self.templates: dict[str, TemplateEntry] = {}
        self.namespaces: dict[str, Mapping[str, Any]] = {}
        self.inventory = inventory.Inventory(floats=self.settings.float_inventory)
        self.config: Mapping[str, Any] | None = None
        #: Compiled by `compile_ahead`, and read, until it is asked for.
        self._ahead: dict[bytes, Part] = {}
        self._read: dict[int, tuple[Mapping[str, Any], template.Template]] = {}

    # Templates ---------------------------------------------------------------

    def add_template(self, obj: Mapping[str, Any]) -> TemplateEntry:
        """Add or replace a template; raise PolicyFault and keep what was there.

        The constraints of a replaced template stay, checked no further.
        """
        parsed = self._parsed(obj)
        crd.check_target(parsed)
        old = self.templates.get(parsed.name)
        if old is not None:
            if old.template.source.get("spec") == obj.get("spec"):
                return old
            self._check_same_target(old, parsed)
        crd.check_template(parsed)
        part = self._compile(parsed)
        entry = TemplateEntry(
            parsed,
            crd.constraint_schema(parsed),
            part,
            _notices(parsed),
            {} if old is None else old.constraints,
        )
        self.templates[parsed.name] = entry
        return entry

    def _check_same_target(self, old: TemplateEntry, new: template.Template) -> None:
        before = [one.name for one in old.template.targets]
        after = [one.name for one in new.targets]
        if old.constraints and before != after:
            raise TemplateError(
                "ConstraintTemplates with Constraints may not change targets: old targets "
                f"[{' '.join(before)}], new targets [{' '.join(after)}]"
            )

    def compile_ahead(
        self,
        objects: Iterable[Mapping[str, Any]],
        *,
        guard: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """Compile what templates among these objects need and what is not in the
        cache, in several processes where there are cores for them, so that
        `add_template` finds it.  What has errors is left to that.

        `guard` surrounds each; what raises in it leaves the template out.
        """
        self._ahead.clear()
        self._read.clear()
        objects = list(objects)
        if crew.processes(len(objects)) < 2:
            return
        wanted: dict[bytes, RegoSource] = {}
        for obj in objects:
            try:
                parsed = self._parsed(obj)
                source = regosource.source_of(parsed)
            except PolicyFault:
                continue
            self._read[id(obj)] = obj, parsed
            key = self._key(source)
            if key is not None and not self.settings.cache.has(key):
                wanted[key] = source
        # The long ones first, so that all are done at the same time.
        todo = sorted(wanted, key=lambda key: _size(wanted[key]), reverse=True)

        def do(job: int) -> bytes | None:
            try:
                with guard():
                    return self._part(wanted[todo[job]], todo[job]).data
            except Exception:  # noqa: BLE001 - `add_template` says it
                return None

        for job, data in crew.do_jobs(len(todo), do).items():
            try:
                self._ahead[todo[job]] = Part.read(data)
            except ValueError:
                continue  # a process that ended as it wrote: no image

    def _parsed(self, obj: Mapping[str, Any]) -> template.Template:
        read = self._read.pop(id(obj), None)
        if read is not None and read[0] is obj:
            return read[1]
        return template.parse(obj, defaults=self.settings.template_defaults)

    def _compile(self, parsed: template.Template) -> Part:
        source = regosource.source_of(parsed)
        key = self._key(source)
        if key is None:
            return self._part(source, key)
        cache = self.settings.cache
        part = cache.get(key)
        if part is None:
            part = self._ahead.pop(key, None) or self._part(source, key)
            cache.put(key, part)
        return part

    def _key(self, source: RegoSource) -> bytes | None:
        settings = self.settings
        return compile_key(
            "template",
            [
                source.text,
                source.libs,
                source.version,
                settings.referential,
                settings.indexes,
            ],
            options=self._options,
            sources=[regosource.__file__],
        )

    def _part(self, source: RegoSource, key: bytes | None) -> Part:
        """Compile; raises IngestError."""
        modules = regosource.modules_of(source, referential=self.settings.referential)
        try:
            return self._policy(modules).part(
                regosource.ENTRYPOINT, meta=b"" if key is None else entry_meta(key)
            )
        except RegoErrors as error:
            raise IngestError(f"unable to compile modules: {error}") from None

    def _policy(self, modules: Mapping[str, Module]) -> Policy:
        """The policy of a template's modules; raises RegoErrors."""

        def compiled(modules: Mapping[str, Module]) -> Policy:
            return compile_policy(
                modules,
                options=self._options,
                messages="gatekeeper",
                indexed=inventory.TREE if self.settings.indexes else None,
            )

        try:
            policy = compiled(modules)
        except RegoErrors:
            policy = None  # said below, together with what the hook finds
        if policy is not None and regosource.has_messages(policy.compiled.types):
            return policy
        return compiled({regosource.HOOK_MODULE: _HOOK, **modules})

    def remove_template(self, name: str) -> None:
        """Remove a template and with it all its constraints."""
        self.templates.pop(name, None)

    # Constraints -------------------------------------------------------------

    def _entry_of(self, obj: Mapping[str, Any]) -> TemplateEntry:
        constraint.check_metadata(obj)
        kind = gvk.gvk_of(obj).kind
        entry = self.templates.get(kind.lower())
        if entry is None:
            raise constraint.missing_template(kind)
        return entry

    def check_constraint(self, obj: Mapping[str, Any]) -> None:
        """Raise PolicyFault unless a constraint could be added (actions aside)."""
        entry = self._entry_of(obj)
        constraint.check(obj, entry.template.kind, entry.schema)

    def add_constraint(self, obj: Mapping[str, Any]) -> Constraint:
        """Add or replace a constraint; raise PolicyFault and keep what was there."""
        entry = self._entry_of(obj)
        constraint.check(obj, entry.template.kind, entry.schema)
        if self.settings.check_actions:
            action = meta.nested_string(obj, "spec", "enforcementAction")
            if action:
                actions.check_action(action, obj)
        compiled = constraint.compile_constraint(obj, entry.schema)
        entry.constraints[compiled.name] = compiled
        return compiled

    def remove_constraint(self, kind: str, name: str) -> None:
        """Remove a constraint if it is there."""
        entry = self.templates.get(kind.lower())
        if entry is not None:
            entry.constraints.pop(name, None)

    # Surroundings ------------------------------------------------------------

    def set_config(self, obj: Mapping[str, Any] | None) -> None:
        """Take a Config resource, or none; raises gostruct.UnmarshalError."""
        Exclusions.of(obj)
        self.config = obj

    def set_namespaces(self, objects: Iterable[Mapping[str, Any]]) -> None:
        """Take these Namespaces for all that there are."""
        self.namespaces = {meta.name_of(obj): obj for obj in objects}

    def add_object(self, obj: Mapping[str, Any]) -> None:
        """Add or replace an object of the inventory; raise PolicyFault."""
        self.inventory.put_value(inventory.object_key(obj), obj)

    def remove_object(self, obj: Mapping[str, Any]) -> None:
        """Remove an object of the inventory if it is there."""
        self.inventory.remove(inventory.object_key(obj))

    # Freezing ----------------------------------------------------------------

    def build(
        self,
        generation: str = "",
        *,
        extra: Mapping[str, Any] | None = None,
        apart: bool = False,
    ) -> bytes:
        """Return the library of all this; `generation` is its name in logs.

        `extra` is JSON data of the caller's, found again as `Snapshot.extra`.  The
        objects of the inventory are not in it: they are shared by themselves, and
        changes of them that wait are committed.  `apart`: neither are Namespaces,
        and nothing is committed; the caller hands both over (`Snapshot.at`).
        """
        if not apart:
            self.inventory.commit()
        builder = LibraryBuilder()
        described: list[list[Any]] = []
        lines: list[Mapping[str, Any]] = []
        for name in sorted(self.templates):
            entry = self.templates[name]
            handle = builder.add_part(entry.part)
            held = list(entry.constraints.values())
            floats = self.settings.float_parameters
            parameters = [
                builder.add_document(_spelled(one.parameters, floats=floats))
                for one in held
            ]
            operations = entry.template.targets[0].operations
            described.append([name, operations, handle, parameters])
            lines += [entry.template.source, *(one.source for one in held)]
        known = {
            "generation": generation,
            "extra": extra or {},
            "template_defaults": self.settings.template_defaults,
            "templates": described,
            "config": self.config,
            "namespaces": {} if apart else self.namespaces,
            "synced_namespaces": {
                meta.name_of(one): dict(meta.labels_of(one))
                for one in (() if apart else self.inventory.namespaces())
            },
        }
        return builder.build(
            meta="\n".join(
                json.dumps(one, separators=(",", ":")) for one in (known, *lines)
            ).encode(),
            data={inventory.TREE.name: {}},
        )


def _spelled(value: Any, *, floats: bool) -> Any:
    """Return a value with its numbers spelled as policies are to see them."""
    if not floats:
        return whole_numbers(value)
    text = gotext.json_text(value).encode("utf-8", "surrogateescape")
    return Doc.parse(text, review=True)


def _size(source: RegoSource) -> int:
    return len(source.text) + sum(map(len, source.libs))


def _notices(parsed: template.Template) -> tuple[str, ...]:
    if parsed.targets[0].code_of(template.CEL) is None:
        return ()
    engines = f"{template.CEL} is not supported yet, {template.REGO} is evaluated"
    return (f'ConstraintTemplate "{parsed.name}" has code for two engines: {engines}',)
