"""Which file is a package, which member of an archive is the pipeline, and what hostile archives cost."""

import contextlib
import gzip
import io
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import InvalidArgument
from server.packages.archives import ZIP_DIRECTORY_MAX, unpack
from server.packages.tar import MEMBERS_MAX

LIMIT = 1024 * 1024
TEXT = b"a: b\n"
Members = list[tuple[str, bytes]]
Pack = Callable[[Members], bytes]


def zip_of(members: Members, *, method: int = zipfile.ZIP_DEFLATED, comment: bytes = b"") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.comment = comment
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def tar_of(members: Members, *, form: int = tarfile.PAX_FORMAT, mtime: float = 0) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz", format=form) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(content), mtime
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def tar_with(kind: bytes, *, name: str = "pipeline.yaml") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "other.yaml"
        archive.addfile(member)
        archive.addfile(tarfile.TarInfo("other.yaml"))
    return packed.getvalue()


TOO_LARGE = "PACKAGE_TOO_LARGE"


def refusal(data: bytes, *, name: str = "p.bin", limit: int = LIMIT, reason: str = "INVALID_PIPELINE_SPEC") -> str:
    with pytest.raises(InvalidArgument) as caught:
        unpack(name, data, limit=limit)
    assert caught.value.reason == reason
    return caught.value.message


def peak_of_refusing(data: bytes, *, sentence: str, reason: str = TOO_LARGE) -> int:
    tracemalloc.start()
    try:
        assert sentence in refusal(data, reason=reason)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


packs = pytest.mark.parametrize("pack", [zip_of, tar_of], ids=["zip", "tar.gz"])


@pytest.mark.parametrize("name", ["p.yaml", "p.yml", "p.json", ".yaml", "a b.yaml"])
def test_a_file_named_as_text_is_taken_as_it_is_even_if_it_is_an_archive(name: str) -> None:
    for data in (TEXT, zip_of([("pipeline.yaml", TEXT)]), b"\x1f\x8b", b"PK"):
        assert unpack(name, data, limit=LIMIT) == data


@pytest.mark.parametrize("name", ["p.txt", "p", "", "p.YAML", "p.yaml.txt", "p.zip", "p.tar.gz", "yaml"])
def test_a_file_that_is_neither_named_as_text_nor_an_archive_is_refused(name: str) -> None:
    assert "nor a zip" in refusal(TEXT, name=name)


@packs
@pytest.mark.parametrize("name", ["p.zip", "p.tar.gz", "p", "p.YAML", "p.txt"])
def test_an_archive_is_known_by_its_content_whatever_its_name(pack: Pack, name: str) -> None:
    assert unpack(name, pack([("pipeline.yaml", TEXT)]), limit=LIMIT) == TEXT


@packs
@pytest.mark.parametrize(
    "members",
    [
        [("a.txt", b"-"), ("pipeline.yaml", TEXT)],
        [("a.yaml", b"-"), ("pipeline.yaml", TEXT)],
        [("a.yaml", TEXT), ("b.yaml", b"-")],
        [("dir/a.yml", TEXT), ("dir/pipeline.yaml", b"-")],
        [("ü" * 80 + ".yaml", TEXT)],
        [("d/" * 60 + "a.yaml", TEXT)],
        [("n" * 300 + ".yaml", TEXT)],
    ],
    ids=lambda members: members[0][0][:10],
)
def test_the_pipeline_is_the_member_of_that_name_or_the_first_one_of_that_kind(pack: Pack, members: Members) -> None:
    assert unpack("p", pack(members), limit=LIMIT) == TEXT


@packs
@pytest.mark.parametrize(
    "members",
    [
        [],
        [("a.json", TEXT)],
        [("a.txt", b"-"), ("b.yaml", TEXT)],
        [("a.txt", b"-"), ("dir/pipeline.yaml", TEXT)],
        [("Pipeline.YAML", TEXT)],
        [("dir/", b""), ("dir/a.yaml", TEXT)],
    ],
    ids=str,
)
def test_an_archive_without_a_pipeline_is_refused(pack: Pack, members: Members) -> None:
    assert "does not contain pipeline.yaml" in refusal(pack(members))


@packs
def test_an_empty_pipeline_is_refused(pack: Pack) -> None:
    assert "empty" in refusal(b"", name="p.yaml")
    assert "empty" in refusal(pack([("pipeline.yaml", b"")]))


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["pipeline.yaml", "d/" * 49 + "é.yaml", "d" * 90 + "/" + "e" * 60 + ".yaml"])
def test_every_form_of_tar_is_read(form: int, name: str) -> None:
    assert unpack("p", tar_of([(name, TEXT * 300)], form=form), limit=LIMIT) == TEXT * 300


def test_an_extended_header_that_names_nothing_is_skipped() -> None:
    assert unpack("p", tar_of([("pipeline.yaml", TEXT)], mtime=1.5), limit=LIMIT) == TEXT


def test_a_tar_archive_may_be_packed_in_several_gzip_members() -> None:
    packed = gzip.decompress(tar_of([("pipeline.yaml", TEXT)]))

    assert unpack("p", gzip.compress(packed[:700]) + gzip.compress(packed[700:]), limit=LIMIT) == TEXT


def test_a_zip_archive_may_be_stored_and_have_a_comment() -> None:
    assert unpack("p", zip_of([("a.yaml", TEXT)], method=zipfile.ZIP_STORED, comment=b"c" * 65535), limit=LIMIT) == TEXT


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_archives_compressed_in_another_way_are_refused(method: int) -> None:
    assert "deflate" in refusal(zip_of([("pipeline.yaml", TEXT)], method=method))


def test_an_encrypted_zip_archive_is_refused() -> None:
    packed = bytearray(zip_of([("pipeline.yaml", TEXT)]))
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1

    assert "encrypted" in refusal(bytes(packed))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
@pytest.mark.parametrize("name", ["pipeline.yaml", "first.yaml"])
def test_what_is_no_regular_file_in_a_tar_archive_is_refused(kind: bytes, name: str) -> None:
    assert "regular" in refusal(tar_with(kind, name=name))


def test_a_directory_is_not_taken_for_a_pipeline() -> None:
    assert "does not contain pipeline.yaml" in refusal(tar_with(tarfile.DIRTYPE))


@packs
def test_damaged_archives_are_refused(pack: Pack) -> None:
    packed = pack([("pipeline.yaml", bytes(range(256)) * 40)])

    for data in (packed[:-30], packed[: len(packed) // 2], packed[:3], packed[:2]):
        refusal(data)


def test_text_in_gzip_is_no_tar_archive() -> None:
    refusal(gzip.compress(TEXT * 1000))
    refusal(gzip.compress(b""))


@packs
@given(st.data())
def test_no_damage_fails_in_another_way_than_by_refusal(pack: Pack, data: st.DataObject) -> None:
    packed = bytearray(pack([("first.yaml", b"x" * 50), ("pipeline.yaml", TEXT * 20)]))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(2, len(packed) - 1))] = data.draw(st.integers(0, 255))

    with contextlib.suppress(InvalidArgument):
        assert len(unpack("p", bytes(packed), limit=LIMIT)) <= LIMIT


@given(st.data())
def test_no_damage_within_a_tar_archive_fails_in_another_way_than_by_refusal(data: st.DataObject) -> None:
    members = [("é" * 120 + ".yaml", b"x" * 50), ("pipeline.yaml", TEXT * 20)]
    packed = bytearray(gzip.decompress(tar_of(members, mtime=1.5)))
    for _ in range(data.draw(st.integers(1, 4))):
        packed[data.draw(st.integers(0, 4000))] = data.draw(st.integers(0, 255))
    for at in range(0, 4096, 512):
        block = packed[at : at + 512]
        total = sum(block) - sum(block[148:156]) + 8 * 32
        packed[at + 148 : at + 156] = b"%06o\x00 " % total

    with contextlib.suppress(InvalidArgument):
        assert len(unpack("p", gzip.compress(bytes(packed)), limit=LIMIT)) <= LIMIT


@packs
def test_what_comes_out_may_be_as_large_as_the_limit_and_no_larger(pack: Pack) -> None:
    assert len(unpack("p", pack([("a.yaml", b"x" * LIMIT)]), limit=LIMIT)) == LIMIT
    assert str(LIMIT) in refusal(pack([("a.yaml", b"x" * (LIMIT + 1))]), reason=TOO_LARGE)


def test_what_goes_in_may_be_as_large_as_the_limit_and_no_larger() -> None:
    assert len(unpack("p.yaml", b"x" * LIMIT, limit=LIMIT)) == LIMIT
    assert str(LIMIT) in refusal(b"x" * (LIMIT + 1), name="p.yaml", reason=TOO_LARGE)


@packs
def test_a_bomb_is_never_inflated_beyond_the_limit(pack: Pack) -> None:
    bomb = pack([("first.yaml", b"\x00" * (64 * LIMIT))])

    assert peak_of_refusing(bomb, sentence="than 1048576 bytes") < 8 * LIMIT


def test_a_bomb_before_the_pipeline_of_a_tar_archive_is_not_inflated_either() -> None:
    bomb = tar_of([(f"{n}.txt", b"\x00" * (LIMIT // 2)) for n in range(64)] + [("pipeline.yaml", TEXT)])

    assert peak_of_refusing(bomb, sentence="than 1048576 bytes") < 8 * LIMIT


def test_a_zip_archive_that_lies_about_its_size_is_not_inflated_beyond_the_limit() -> None:
    packed = bytearray(zip_of([("pipeline.yaml", b"\x00" * (64 * LIMIT))]))
    for header, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = packed.index(header) + at
        packed[start : start + 4] = (10).to_bytes(4, "little")

    assert peak_of_refusing(bytes(packed), sentence="", reason="INVALID_PIPELINE_SPEC") < 8 * LIMIT


def test_a_sparse_file_is_not_expanded() -> None:
    header = tarfile.TarInfo("pipeline.yaml")
    header.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": "1000000000000", "GNU.sparse.major": "0"}
    packed = header.tobuf(tarfile.PAX_FORMAT) + b"\x00" * 1024

    assert "regular" in refusal(gzip.compress(packed))


def test_an_archive_of_many_members_is_refused_without_reading_them_all() -> None:
    many = zip_of([(f"{n:060}", b"") for n in range(ZIP_DIRECTORY_MAX // 100)])
    header = tarfile.TarInfo("a").tobuf()

    assert "too many" in refusal(many, limit=4 * LIMIT)
    assert "members" in refusal(gzip.compress(header * (MEMBERS_MAX + 1)))


def test_a_large_zip_directory_cannot_hide_in_the_form_for_large_archives() -> None:
    packed = zip_of([("pipeline.yaml", TEXT)])
    end = packed.rindex(b"PK\x05\x06")
    locator = b"PK\x06\x07" + bytes(16)

    assert "too many" in refusal(packed[:end] + locator + packed[end:])


def test_chained_and_long_headers_are_refused_in_bounded_time() -> None:
    long_name = tarfile.TarInfo("a")
    long_name.type, long_name.size = tarfile.GNUTYPE_LONGNAME, 100_000
    chained = tarfile.TarInfo("a")
    chained.type, chained.size = tarfile.XHDTYPE, 512
    record = b"512 a=" + b"1" * 505 + b"\n"

    assert "too long" in refusal(gzip.compress(long_name.tobuf() + b"1" * 102_400))
    assert "members" in refusal(gzip.compress((chained.tobuf() + record) * 20_000), limit=32 * LIMIT)


@pytest.mark.parametrize(
    "record", [b"0 path=a.yaml\n", b"1 path=a.yaml\n", b"9", b"x path=a\n", b"7 path\n", b"=", b" =", b"99"]
)
def test_records_that_do_not_say_how_long_they_are_are_refused(record: bytes) -> None:
    header = tarfile.TarInfo("a")
    header.type, header.size = tarfile.XHDTYPE, len(record)

    assert "damaged" in refusal(gzip.compress(header.tobuf() + record.ljust(512, b"\x00") + bytes(1024)))


def test_sizes_below_zero_are_refused() -> None:
    header = bytearray(tarfile.TarInfo("pipeline.yaml").tobuf())
    header[124:136] = b"\xff" * 12
    header[148:156] = b"%06o\x00 " % (sum(header) - sum(header[148:156]) + 8 * 32)

    assert "damaged" in refusal(gzip.compress(bytes(header) + bytes(1024)))


def test_gzip_that_ends_early_or_has_a_wrong_sum_is_refused() -> None:
    packed = tar_of([("pipeline.yaml", TEXT)])

    assert "damaged" in refusal(packed[:40])
    assert "damaged" in refusal(b"\x1f\x8b\x08" + zlib.compress(b"x"))
