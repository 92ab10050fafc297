"""lineal-server import-mlmd: imports the history of an MLMD store into a Lineal store. The command line registers it.

Exit status: 0 when done, 1 when not done (one sentence says why), 2 for wrong usage, 3 when --verify found differences.
"""

import asyncio
import json
import sys
import time
from typing import Any, NoReturn

import click

from migrations.mlmd.dry_run import dry_run as run_dry
from migrations.mlmd.importer import run_import
from migrations.mlmd.read.survey import Survey
from migrations.mlmd.report import plan_lines
from migrations.mlmd.source import ImportRequest
from migrations.mlmd.undo import undo as run_undo
from migrations.mlmd.verify import verify as run_verify
from server.config import InvalidSetting, Settings, load
from server.passwords import PasswordRefused, with_password_asked_for, with_password_of
from storage.errors import StorageError
from storage.record import record
from storage.sql.dialects import dialect_for

NOT_DONE, USAGE_ERROR, DIFFERENT = 1, 2, 3

LINE_SECONDS = 5.0
"""How often progress is printed as a line when the output is not a terminal."""

STORE_ID_CHARACTERS = 64

_BAR_CHARACTERS = 30


@record
class _Options:
    """The flags of the command that are not only about its output."""

    store: str | None
    store_password_file: str | None
    source_password_file: str | None
    kfp_db: str
    kfp_db_password_file: str | None
    store_id: str
    run_context: tuple[str, ...]
    skipped_file: str
    dry_run: bool
    verify: bool
    undo: bool
    prune: bool
    yes: bool
    reused_ids: bool
    change_options: bool
    allow_incomplete: bool
    upgrade: bool


@click.command("import-mlmd")
@click.argument("source", required=False, default="")
@click.option("--source-password-file", metavar="FILE", help="A file with the password of SOURCE, whose URL has none.")
@click.option("--store", help="The Lineal store to import into: sqlite:///file, postgresql://… or mysql://…")
@click.option(
    "--store-password-file",
    metavar="FILE",
    help="A file with the password of the store, whose URL has none.  [LINEAL_STORE_PASSWORD_FILE]",
)
@click.option("--kfp-db", default="", help="URL of KFP's own database, for run names, states and pipelines.")
@click.option(
    "--kfp-db-password-file", metavar="FILE", help="A file with the password of KFP's database, whose URL has none."
)
@click.option(
    "--store-id",
    default="",
    help="A name for this MLMD store; required for all but one when several stores are imported.",
)
@click.option(
    "--run-context", multiple=True, metavar="TYPE", help="Also treat contexts of this type as runs; may be repeated."
)
@click.option(
    "--report", "report_file", metavar="FILE", help="Write a report of what was found and done to a file, as JSON."
)
@click.option(
    "--skipped",
    "skipped_file",
    metavar="FILE",
    default="",
    help="Write the id of everything that was skipped, kept or left alone to a file, with the reason.",
)
@click.option("--dry-run", is_flag=True, help="Only print what would be done.")
@click.option("--verify", is_flag=True, help="Compare every imported row with the source.")
@click.option("--undo", is_flag=True, help="Remove everything that was imported; SOURCE may be left out.")
@click.option(
    "--prune",
    is_flag=True,
    help="Also remove, empty and rename imported rows to match a source that has changed: up to 1 % of them.",
)
@click.option("--yes", is_flag=True, help="Let --prune change any number of rows.")
@click.option(
    "--reused-ids",
    is_flag=True,
    help="Import rows whose ids MLMD had given to other rows before under ids of their own; the imported rows are kept.",
)
@click.option(
    "--change-options",
    is_flag=True,
    help="Import with a different --kfp-db, --run-context or --store-id than the previous import.",
)
@click.option(
    "--allow-incomplete",
    is_flag=True,
    help="Go on although the source lacks tables or columns that its version has, or hides them from its user.",
)
@click.option("--upgrade", is_flag=True, help="Upgrade the schema of the store first (always done for SQLite).")
@click.option(
    "--settings-file",
    "file",
    help="A TOML file with settings, named as in the output of `config`; only `store` is used.",
)
def import_mlmd(source: str, report_file: str | None, file: str | None, **flags: Any) -> None:
    """Import an MLMD store, or what has changed in it since the last import. SOURCE is its SQLAlchemy URL; it is only read."""
    options = _Options(**flags)
    _check_usage(source, options)
    settings = _settings(
        file, store=options.store, store_password_file=options.store_password_file, upgrade=options.upgrade or None
    )
    request, observer = _request(source, settings, options), _Screen()
    try:
        if options.undo:
            report = asyncio.run(run_undo(request, observer.progress))
        elif options.verify:
            report = asyncio.run(run_verify(request, observer))
        elif options.dry_run:
            report = asyncio.run(run_dry(request, observer))
        else:
            report = asyncio.run(run_import(request, observer, upgrade_schema=settings.upgrade, gives_way=True))
    except StorageError as error:
        _fail(str(error), report_file)
    except KeyboardInterrupt:
        _fail("interrupted; run the same command again to continue", report_file)
    observer.end()
    for line in report.lines():
        click.echo(line)
    click.echo(f"{report.command}: {report.outcome} after {report.seconds:.1f} s")
    if report_file:
        _save(report.plain(), report_file)
    sys.exit(DIFFERENT if report.difference_count else 0)


def _check_usage(source: str, options: _Options) -> None:
    if options.dry_run + options.verify + options.undo > 1:
        raise click.UsageError("--dry-run, --verify and --undo cannot be combined")
    is_import = not (options.verify or options.undo)
    if (options.prune or options.change_options or options.reused_ids or options.skipped_file) and not is_import:
        raise click.UsageError(
            "--prune, --change-options, --reused-ids and --skipped can only be used for imports and dry runs"
        )
    if options.prune and options.allow_incomplete:
        raise click.UsageError("--prune would remove what cannot be read; it cannot be used with --allow-incomplete")
    if options.yes and not options.prune:
        raise click.UsageError("--yes can only be used with --prune")
    if not source and not options.undo:
        raise click.UsageError("SOURCE is required: sqlite:///file, postgresql://… or mysql://…")
    if not _is_store_id(options.store_id):
        raise click.UsageError(f"--store-id can have up to {STORE_ID_CHARACTERS} letters, digits and - . _")


def _request(source: str, settings: Settings, options: _Options) -> ImportRequest:
    try:
        source = _with_password(source, options.source_password_file, "--source-password-file", "the source")
        kfp = _with_password(options.kfp_db, options.kfp_db_password_file, "--kfp-db-password-file", "KFP's database")
    except PasswordRefused as error:
        click.echo(f"lineal-server: {error}", err=True)
        sys.exit(USAGE_ERROR)
    return ImportRequest(
        *(source, with_password_asked_for(settings.store, what="the store"), kfp),
        *(options.store_id, options.run_context),
        prune=options.prune,
        change_options=options.change_options,
        reused_ids=options.reused_ids,
        allow_incomplete=options.allow_incomplete,
        skipped=options.skipped_file,
        yes=options.yes,
    )


def _with_password(url: str, file: str | None, option: str, what: str) -> str:
    if file is not None:
        return with_password_of(file, url, option=option, what=what)
    return with_password_asked_for(url, what=what)


class _Screen:
    """Shows progress: a bar on a terminal, a line every LINE_SECONDS elsewhere."""

    def __init__(self) -> None:
        self._phase = ""
        self._start = self._last_line = time.monotonic()
        self._on_line = False
        self._first = 0

    def plan(self, survey: Survey, source: str, store: str) -> None:
        for line in plan_lines(survey, source, store):
            click.echo(line)
        sys.stdout.flush()

    def progress(self, phase: str, done: int, total: int) -> None:
        now = time.monotonic()
        if phase != self._phase:
            self.end()
            self._phase, self._start, self._last_line, self._first = phase, now, now, done
            return
        if sys.stderr.isatty():
            self._bar(done, total, now)
        elif now - self._last_line >= LINE_SECONDS:
            self._last_line = now
            click.echo(self._text(done, total, now), err=True)

    def warn(self, sentence: str) -> None:
        self.foretell(sentence)

    def foretell(self, sentence: str) -> None:
        self.end()
        click.echo(sentence)
        sys.stdout.flush()

    def end(self) -> None:
        """End the line of the bar."""
        if self._on_line:
            click.echo(err=True)
        self._on_line = False

    def _bar(self, done: int, total: int, now: float) -> None:
        filled_characters = _BAR_CHARACTERS * done // max(total, 1)
        bar = "█" * filled_characters + "░" * (_BAR_CHARACTERS - filled_characters)
        click.echo(f"\r\x1b[K{bar} {self._text(done, total, now)}", nl=False, err=True)
        self._on_line = True

    def _text(self, done: int, total: int, now: float) -> str:
        # The speed does not include the part that an interrupted import has already done.
        rate = (done - self._first) / max(now - self._start, 0.001)
        remainder = f", {_duration((total - done) / rate)} left" if rate > 0 else ""
        return f"{self._phase}: {done} of {total}, {rate:.0f}/s{remainder}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _is_store_id(text: str) -> bool:
    return len(text) <= STORE_ID_CHARACTERS and all(one.isascii() and (one.isalnum() or one in "-._") for one in text)


def _settings(file: str | None, **flags: Any) -> Settings:
    try:
        settings = load(flags, file=file)
        dialect_for(settings.store)
        return settings
    except (InvalidSetting, StorageError) as error:
        click.echo(f"lineal-server: {error}", err=True)
        sys.exit(USAGE_ERROR)


def _fail(sentence: str, report_file: str | None) -> NoReturn:
    click.echo(f"lineal-server: {sentence}", err=True)
    if report_file:
        _save({"outcome": "failed", "error": sentence}, report_file)
    sys.exit(NOT_DONE)


def _save(plain: object, file: str) -> None:
    try:
        with open(file, "w", encoding="utf-8") as stream:
            json.dump(plain, stream, indent=2, ensure_ascii=False)
            stream.write("\n")
    except OSError as error:
        click.echo(f"lineal-server: the report {file} cannot be written: {error.strerror}", err=True)
        sys.exit(NOT_DONE)
