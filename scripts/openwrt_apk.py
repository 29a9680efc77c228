"""The .apk of OpenWrt 25.12 and later: apk-tools 3's package format, written from a package of apk's own.

The file is `ADBd`, then, deflated without a header: the schema `pckg` and blocks. A block is a 32-bit word (two bits
of type, 30 of size with the word), its payload, and zeroes up to a multiple of eight. First comes one ADB block, a
small database that describes the package; then a data block with the contents of each file.

The database is eight bytes of header, whose second word is the root value, and values that point to what was
written before them. A value is 32 bits: four of type, 28 of number or of offset. What occurs twice is written once.
Everything is little-endian. Not signed: `apk add --allow-untrusted FILE`.
"""

import hashlib
import struct
import zlib

SCHEMA_PACKAGE = 0x676B6370
BLOCK_ADB, BLOCK_DATA = 0, 2
INT, INT_32, BLOB_8, BLOB_16, OBJECT = 0x1, 0x2, 0x8, 0x9, 0xE
NULL = 0

# Places of the fields in their objects; place 0 is the object's own length.
INFO = {
    "name": 1, "version": 2, "hashes": 3, "description": 4, "arch": 5, "license": 6, "maintainer": 8,
    "installed-size": 12, "depends": 15, "provides": 16,
}  # fmt: skip
SCRIPTS = {
    "pre-install": 2, "post-install": 3, "pre-deinstall": 4, "post-deinstall": 5, "pre-upgrade": 6, "post-upgrade": 7,
}  # fmt: skip
# A package is known by so many bytes of the SHA-256 of its database.
UNIQUE_ID_BYTES = 20


class Database:
    """An ADB under construction: each method writes something and answers the value that points to it."""

    def __init__(self):
        self.data = bytearray(8)
        self.written = {}

    def _write(self, kind, data, alignment):
        at = self.written.get((data, alignment))
        if at is None:
            self.data += bytes(-len(self.data) % alignment)
            at = self.written[data, alignment] = len(self.data)
            self.data += data
        return kind << 28 | at

    def integer(self, number):
        if number < 1 << 28:
            return INT << 28 | number
        return self._write(INT_32, struct.pack("<I", number), 4)

    def blob(self, data):
        if len(data) == 0:
            return NULL
        if len(data) < 256:
            return self._write(BLOB_8, bytes([len(data)]) + data, 1)
        return self._write(BLOB_16, struct.pack("<H", len(data)) + data, 2)

    def text(self, text):
        return self.blob(text.encode())

    def object(self, fields):
        """`fields` is {place: value}. Empty ones at the end are not written; an empty object is null."""
        last = max((place for place, value in fields.items() if value != NULL), default=0)
        if last == 0:
            return NULL
        values = [last + 1] + [fields.get(place, NULL) for place in range(1, last + 1)]
        return self._write(OBJECT, struct.pack(f"<{len(values)}I", *values), 4)

    def array(self, values):
        return self.object(dict(enumerate(values, 1)))


def _block(kind, payload):
    size = 4 + len(payload)
    return struct.pack("<I", kind << 30 | size) + payload + bytes(-size % 8)


def _directories(files):
    """[(path, its files in order of name)] of every directory, the root first, as apk sorts them."""
    found = {"": []}
    for file in files:
        parts = file.path.strip("/").split("/")
        for depth in range(1, len(parts)):
            found.setdefault("/".join(parts[:depth]), [])
        found["/".join(parts[:-1])].append(file)
    return [(path, sorted(found[path], key=lambda f: f.path)) for path in sorted(found)]


def _owned_by_root(db, mode):
    root = db.text("root")
    return db.object({1: db.integer(mode), 2: root, 3: root})


def _file(db, file, time):
    fields = {1: db.text(file.path.rsplit("/", 1)[1])}
    fields[5] = db.blob(hashlib.sha256(file.data).digest())
    fields[4] = db.integer(time)
    fields[3] = db.integer(len(file.data))
    fields[2] = _owned_by_root(db, file.mode)
    return db.object(fields)


def _directory(db, path, files, time):
    entries = [_file(db, file, time) for file in files]
    fields = {1: db.text(path), 2: _owned_by_root(db, 0o755)}
    fields[3] = db.array(entries)
    return db.object(fields)


def _dependencies(db, names):
    return db.array([db.object({1: db.text(name)}) for name in sorted(names)])


def database(info, files, scripts, time):
    """The ADB of a package. `info` has the keys of INFO (`depends` and `provides` are lists of names), `scripts`
    those of SCRIPTS."""
    db = Database()
    values = {}
    for key in sorted(info, key=INFO.get):
        value = info[key]
        values[INFO[key]] = db.text(value) if isinstance(value, str) else _dependencies(db, value)
    paths = [_directory(db, path, contents, time) for path, contents in _directories(files)]
    values[INFO["installed-size"]] = db.integer(max(1, sum(len(f.data) for f in files)))
    # The id is the hash of the database in which its own place is zero: written last, patched afterwards.
    values[INFO["hashes"]] = db.blob(bytes(UNIQUE_ID_BYTES))
    id_at = (values[INFO["hashes"]] & 0x0FFFFFFF) + 1
    package = {1: db.object(values), 2: db.array(paths)}
    package[3] = db.object({SCRIPTS[name]: db.text(text) for name, text in scripts.items()})
    root = db.object(package)
    struct.pack_into("<I", db.data, 4, root)
    db.data[id_at : id_at + UNIQUE_ID_BYTES] = hashlib.sha256(db.data).digest()[:UNIQUE_ID_BYTES]
    return bytes(db.data)


def uncompressed(info, files, scripts, time):
    """The whole package as `ADB.`, which apk reads as well."""
    blocks = [_block(BLOCK_ADB, database(info, files, scripts, time))]
    for directory, (_, contents) in enumerate(_directories(files), 1):
        for number, file in enumerate(contents, 1):
            if file.data:
                blocks.append(_block(BLOCK_DATA, struct.pack("<II", directory, number) + file.data))
    return b"ADB." + struct.pack("<I", SCHEMA_PACKAGE) + b"".join(blocks)


def apk(info, files, scripts, time):
    """The bytes of the .apk; `time` (Unix seconds) is every file's modification time."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = uncompressed(info, files, scripts, time)
    return b"ADBd" + compressor.compress(data) + compressor.flush()
