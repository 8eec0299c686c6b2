"""gatewright test."""

from __future__ import annotations

import click

from gatewright.cli import gator_options as options
from gatewright.cli.compile_cache import cache_option, open_cache
from gatewright.gator import audit, findings, inputs
from gatewright.gator.policies import GatorError

__all__ = ["test"]


@click.command(
    cls=options.GatorCommand,
    short_help="Review objects by policies, all of them in files.",
)
@click.option(
    "-f",
    "--filename",
    "filenames",
    multiple=True,
    metavar="PATH",
    help="A file, or a folder with files (.yaml, .yml, .json) at any depth. May be "
    "repeated.",
)
@click.option(
    "-o",
    "--output",
    default="",
    metavar="FORMAT",
    help="json or yaml; else one line each.",
)
@click.option("--deny-only", is_flag=True, help="Print only violations that deny.")
@click.option(
    "--stats", is_flag=True, help="Tell what each template took (json, yaml)."
)
@click.option("-v", "--verbose", is_flag=True, help="Show what policies print().")
@click.option("-t", "--trace", is_flag=True, help="Not supported yet.")
@options.engine_option()
@options.cel_options
@options.image_options
@cache_option
def test(
    filenames: tuple[str, ...],
    output: str,
    *,
    deny_only: bool,
    stats: bool,
    verbose: bool,
    trace: bool,
    engine: str | None,
    native: bool | None,
    failure_policy: str,
    images: tuple[str, ...],
    plain_http: bool,  # noqa: ARG001 - belongs to images, which are refused
    tempdir: str | None,  # noqa: ARG001 - as above
    compile_cache: str,
) -> None:
    r"""Hold Kubernetes objects against ConstraintTemplates and constraints.

    Files, folders and standard input may mix all three. Every object is reviewed,
    and every object is referential data (data.inventory).

    \b
    Examples:
      gatewright test -f manifests/ -f policies/
      kustomize build . | gatewright test -f policies/
      gatewright test -f all.yaml -o json | jq -r '.[].msg'

    \b
    Exit status:
      0  no violation, or only such as warn or are dry runs
      1  a violation that denies, or an error
      2  a wrong command line
    """
    if wrong := options.check_failure_policy(failure_policy):
        options.fail(wrong)
    options.choose_engine(engine)
    options.refuse_images(images)
    options.refuse_trace(trace)
    try:
        sources = inputs.read_all(filenames)
    except inputs.InputError as error:
        options.fail(f"reading: {error}")
    options.warn(inputs.repeated(sources))
    objects = inputs.objects_of(sources)
    if not objects:
        options.fail("no input data identified")
    try:
        found = audit.audit(
            objects, stats=stats, prints=verbose, cache=open_cache(compile_cache)
        )
    except GatorError as error:
        options.fail(f"auditing objects: {error}")
    if native is not False and engine is None:
        options.say(found.notices)
    shown = [one for one in found.findings if one.denies or not deny_only]
    try:
        text = _rendered(output.lower(), shown, found)
    except GatorError as error:
        options.fail(str(error))
    click.echo(text, nl=False)
    if found.printed:
        click.echo(f"\n{found.printed}\n", nl=False)
    if any(one.denies for one in found.findings):
        raise SystemExit(1)


def _rendered(output: str, shown: list[audit.Finding], found: audit.Audit) -> str:
    if output == "json":
        return findings.as_json(shown, found.stats)
    if output == "yaml":
        return findings.as_yaml(shown, found.stats)
    # gator's own name of its text format prints nothing.
    return "" if output == "default" else findings.as_text(shown)
