"""Checks a release from the outside: signature, digest, chain, evidence, and the numbers recomputed from the samples.

Pure but for reading the samples it is given: works on what a server answers, on another machine, without a database.
"""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from evaluation import samples as samples_file
from evaluation.comparing import Measured, comparison_document
from evaluation.comparing.inputs import SAMPLE_COLUMNS
from evaluation.contract import Report, RunReport, RunSpec, Spec
from zoo.publishing import document as documents
from zoo.publishing import signing

_SPEC: TypeAdapter[Any] = TypeAdapter(Spec)
_REPORT: TypeAdapter[Any] = TypeAdapter(Report)
RECOMPUTED = ("tasks", "capabilities", "overall")
"""The parts of a comparison that follow from the samples alone."""
SIDES = ("student", "teacher")


class Finding(NamedTuple):
    """One check and how it came out. ``detail`` says what differs."""

    check: str
    holds: bool
    detail: str = ""


def check(
    release: dict[str, Any],
    *,
    public_key: str,
    results: dict[str, str],
    previous: dict[str, str],
    samples: dict[str, bytes],
    later: list[dict[str, Any]],
    head: str,
) -> list[Finding]:
    """All findings about a release, in order; later ones are made even where an earlier one fails.

    By side: ``results`` holds the recorded results as they were hashed, ``previous`` the hash before each in the
    chain of results, ``samples`` the Parquet files. ``later`` holds the rows of all newer releases in any order,
    ``head`` the end of the chain of releases, asked for before them.
    """
    document = release["document"]
    return [
        _signature(release, public_key),
        _digest(release),
        _chain(release),
        _to_the_head(release, later, head),
        *(_bundle(document, side, results[side], previous[side]) for side in SIDES),
        *(_evidence(document, side, results[side], samples[side]) for side in SIDES),
        _recomputed(document, results, samples),
    ]


def _signature(release: dict[str, Any], public_key: str) -> Finding:
    name = "the statement is signed with the instance's key and names this document"
    try:
        body = signing.opened(release["envelope"], signing.load_public(public_key))
    except ValueError as error:
        return Finding(name, False, str(error))
    named = json.loads(body)["subject"][0]["digest"]["sha256"]
    return Finding(
        name, named == release["digest"], "" if named == release["digest"] else f"it names {named}"
    )


def _digest(release: dict[str, Any]) -> Finding:
    found = documents.digest(release["document"])
    return Finding("the document has its digest", found == release["digest"], f"found {found}")


def _chain(release: dict[str, Any]) -> Finding:
    found = documents.chained(release["previous_hash"], release["digest"])
    return Finding("the hash follows from the one before", found == release["hash"], f"found {found}")


def _to_the_head(release: dict[str, Any], later: list[dict[str, Any]], head: str) -> Finding:
    """A release that was added while these were asked for stands after the head, and that is fine."""
    name = "the releases after it lead to the head of the chain"
    sequence, last = release["sequence"], release["hash"]
    passed = {last}
    for row in sorted(later, key=lambda row: int(row["sequence"])):
        if row["sequence"] != sequence + 1 or row["hash"] != documents.chained(last, row["digest"]):
            return Finding(name, False, f"release {row['sequence']} does not follow from release {sequence}")
        sequence, last = row["sequence"], row["hash"]
        passed.add(last)
    return Finding(name, head in passed, "" if head in passed else f"the head is {head}")


def _bundle(document: dict[str, Any], side: str, bundle: str, previous: str) -> Finding:
    """Model digests, worker, isolation and engine stand in the recorded result alone: its hash is what is signed."""
    name = f"the {side}'s recorded result has the hash that was signed"
    # Results and releases are chained by the same rule: the hash before, then the digest.
    found = documents.chained(previous, hashlib.sha256(bundle.encode()).hexdigest())
    signed = document["evidence"][side]["result_hash"]
    return Finding(name, found == signed, "" if found == signed else f"found {found}, signed was {signed}")


def _evidence(document: dict[str, Any], side: str, bundle: str, samples: bytes) -> Finding:
    name = f"the {side}'s recorded result names the samples that are kept"
    evidence = document["evidence"][side]
    report = json.loads(bundle)["report"]
    digest = hashlib.sha256(samples).hexdigest()
    problems = []
    if digest != evidence["samples_sha256"]:
        problems.append(f"the samples have the digest {digest}")
    if report["samples"]["sha256"] != evidence["samples_sha256"]:
        problems.append("the result names other samples")
    if report["identity"] != evidence["identity"]:
        problems.append("the result is of another measurement")
    return Finding(name, not problems, "; ".join(problems))


def _recomputed(document: dict[str, Any], results: dict[str, str], samples: dict[str, bytes]) -> Finding:
    name = "the numbers follow from the samples"
    published = document["comparison"]
    try:
        sides = [_measured(results[side], samples[side]) for side in SIDES]
        again = comparison_document(*sides, identifier=published["id"])
    except (ValueError, LookupError) as error:
        return Finding(name, False, f"they cannot be recomputed: {error}")
    # Through JSON, so that both sides have been written and read once.
    again = json.loads(json.dumps({part: again[part] for part in RECOMPUTED}))
    differing = [part for part in RECOMPUTED if again[part] != published[part]]
    return Finding(name, not differing, f"other numbers in {', '.join(differing)}" if differing else "")


def _measured(bundle: str, samples: bytes) -> Measured:
    found = json.loads(bundle)
    spec, report = _SPEC.validate_python(found["spec"]), _REPORT.validate_python(found["report"])
    if not isinstance(spec, RunSpec) or not isinstance(report, RunReport):
        raise ValueError("the result is not one of a single run")
    return Measured(spec, report, samples_file.read_table(io.BytesIO(samples), columns=SAMPLE_COLUMNS))
