"""The bad-input table: 70 kinds of input that must not harm, and the test that shows each. No row goes without one."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
MODELS = "integration/evaluation/intake/test_bad_models.py"
TABLE = f"{MODELS}::test_the_table_holds"
ARCHIVES = "unit/evaluation/formats/test_archive.py"
NAMES = "unit/evaluation/formats/test_names.py"
HUB = "integration/evaluation/intake/test_intake.py::test_the_hub_s_faults_have_names"
WALLS = "faults/isolation/test_walls.py"
RESULTS = "unit/evaluation/isolation/test_result.py"
REQUESTS = "integration/security/test_bad_requests.py"

SHOWN_BY: dict[int, tuple[str, str]] = {
    1: ("a pickle alone", TABLE),
    2: ("a pickle beside safetensors", TABLE),
    3: ("a pickle named .safetensors", TABLE),
    4: ("a pickle behind zero bytes", TABLE),
    5: ("a zip named .safetensors", TABLE),
    6: ("a header of 2^63 bytes", TABLE),
    7: ("a header beyond the file", TABLE),
    8: ("a header of spaces", TABLE),
    9: ("400,000 empty tensors", TABLE),
    10: ("a shape that overflows", TABLE),
    11: ("a huge shape with little data", TABLE),
    12: ("a negative or fractional dimension", TABLE),
    13: ("overlaps and holes", TABLE),
    14: ("trailing bytes", TABLE),
    15: ("a tensor twice", TABLE),
    16: ("a tensor named as a path", TABLE),
    17: ("a script in the metadata", TABLE),
    18: ("weights full of NaN", f"{WALLS}::test_a_death_has_a_reason"),
    19: ("weights that are a link or a device", f"{MODELS}::test_19_what_is_no_plain_file_is_not_opened"),
    20: ("an index that climbs", TABLE),
    21: ("an index with an absolute path", TABLE),
    22: ("an index that names nothing", TABLE),
    23: ("an index of 10^6 entries", TABLE),
    24: ("a config 5,000 deep", TABLE),
    25: ("a config of 100 MB", TABLE),
    26: ("a key twice", TABLE),
    27: ("NaN, Infinity, 1e400", TABLE),
    28: ("a list, null, UTF-16", TABLE),
    29: ("10^9 layers", TABLE),
    30: ("10^9 labels", TABLE),
    31: ("a vocabulary of 10^15 or -1", TABLE),
    32: ("heads that do not divide", TABLE),
    33: ("auto_map with a known type", TABLE),
    34: ("auto_map with an unknown type", TABLE),
    35: ("attention from a repository", TABLE),
    36: ("trust_remote_code in the config", TABLE),
    37: ("an unknown quantization", TABLE),
    38: ("code beside the weights", TABLE),
    39: ("a tokenizer that wants code", TABLE),
    40: ("a tokenizer of 2 GB", f"{MODELS}::test_40_a_tokenizer_of_two_gigabytes_is_refused_by_its_listing"),
    41: ("a tokenizer that never ends", f"{MODELS}::test_41_a_tokenizer_that_never_ends_is_ended"),
    42: ("a template that escapes", TABLE),
    43: ("a template without end", TABLE),
    44: ("a template that takes memory", TABLE),
    45: ("a template that includes", TABLE),
    46: ("a template of 5 MB", TABLE),
    47: ("an archive with names that climb", f"{ARCHIVES}::test_a_hostile_archive_is_refused"),
    48: ("bombs", f"{ARCHIVES}::test_a_hostile_archive_is_refused"),
    49: ("links and devices in archives", f"{ARCHIVES}::test_a_hostile_archive_is_refused"),
    50: ("a zip that describes a file twice", f"{ARCHIVES}::test_a_hostile_archive_is_refused"),
    51: ("two files that are one elsewhere", f"{ARCHIVES}::test_a_hostile_archive_is_refused"),
    52: ("another size than announced", f"{ARCHIVES}::test_52_an_upload_of_another_size_leaves_nothing"),
    53: ("a model id that is none", f"{NAMES}::test_53_what_is_no_model_id_is_refused"),
    54: ("a revision that is none", f"{NAMES}::test_54_what_is_no_revision_is_refused"),
    55: ("a hub that leads inside", HUB),
    56: ("a hub that never ends", HUB),
    57: ("a hub that sends something else", HUB),
    58: (
        "a task that is a path or runs code",
        f"{REQUESTS}::test_58_a_task_is_a_name_of_ours_that_runs_no_code",
    ),
    59: ("settings out of range", f"{NAMES}::test_59_and_60_settings_are_in_range_and_no_others_exist"),
    60: ("arguments for the loader", f"{NAMES}::test_59_and_60_settings_are_in_range_and_no_others_exist"),
    61: ("a run that opens a socket", f"{WALLS}::test_61_there_is_no_network"),
    62: ("a run that reads elsewhere", f"{WALLS}::test_62_foreign_folders_are_out_of_reach"),
    63: (
        "a result that is a link, a pipe or a lie",
        f"{RESULTS}::test_63_what_is_no_plain_small_file_is_refused",
    ),
    64: ("a run that prints without end", f"{WALLS}::test_64_a_flood_is_read_and_dropped"),
    65: ("a run that forks, fills, maps", f"{WALLS}::test_65_processes_are_limited"),
    66: ("an active model card", f"{REQUESTS}::test_66_a_card_becomes_inert_html_within_bounds"),
    67: ("a remote picture in a card", f"{REQUESTS}::test_67_a_card_makes_no_visitor_ask_another_site"),
    68: ("a name that is a formula", f"{REQUESTS}::test_68_no_cell_of_an_export_is_a_formula"),
    69: ("a license that is no line", f"{REQUESTS}::test_69_a_license_is_a_short_line"),
    70: (
        "lineage in a circle, 10,000 children",
        f"{REQUESTS}::test_70_ten_thousand_children_are_shown_in_bounds",
    ),
}


def test_every_row_has_a_test() -> None:
    assert sorted(SHOWN_BY) == list(range(1, 71))
    missing = [
        f"{row} ({what}): {place}"
        for row, (what, place) in SHOWN_BY.items()
        if place.partition("::")[2] not in functions(place.partition("::")[0])
    ]
    assert not missing, "\n".join(missing)


def test_rows_of_a_shared_table_have_a_line_in_it() -> None:
    for place in (TABLE, f"{ARCHIVES}::test_a_hostile_archive_is_refused"):
        source = (TESTS / place.partition("::")[0]).read_text("utf-8")
        rows = [row for row, (_, shown) in SHOWN_BY.items() if shown == place]
        assert [row for row in rows if f'("{row:02} ' not in source] == []


def functions(file: str) -> set[str]:
    """The names of a test file's functions."""
    tree = ast.parse((TESTS / file).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
