"""OpenWrt packages: what is in tandem's, and how an .ipk is laid out. (.apk: openwrt_apk.py)

An .ipk (opkg, OpenWrt up to 24.10) is a gzipped tar of ./debian-binary, ./data.tar.gz and ./control.tar.gz, each
of the two a gzipped tar again. Owners are numbers, times are all the same, so the same input gives the same bytes.
"""

import dataclasses
import gzip
import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile

import openwrt_apk

# Bytes from which on an archive is compressed by zopfli instead of zlib.
PATIENCE = 65_536
LICENSE = "MIT OR Apache-2.0"
MAINTAINER = "tandem maintainers"
# /etc/rc.common's helpers do what every OpenWrt package wants: enable and start the init script, and the reverse.
SCRIPTS = {
    "postinst": '#!/bin/sh\n. "${IPKG_INSTROOT}/lib/functions.sh"\ndefault_postinst "$0" "$@"\n',
    "prerm": '#!/bin/sh\n. "${IPKG_INSTROOT}/lib/functions.sh"\ndefault_prerm "$0" "$@"\n',
}


@dataclasses.dataclass(frozen=True)
class File:
    """One file of a package: absolute path on the router, octal mode, contents."""

    path: str
    mode: int
    data: bytes
    conffile: bool = False


@dataclasses.dataclass(frozen=True)
class Package:
    """One package for one OpenWrt architecture. `version` has the release behind it: 0.1.0-r1."""

    name: str
    version: str
    architecture: str
    section: str
    description: str
    depends: tuple[str, ...]
    files: tuple[File, ...]
    fields: tuple[tuple[str, str], ...] = ()
    scripts: tuple[tuple[str, str], ...] = ()

    @property
    def apk_name(self):
        return f"{self.name}-{self.version}.apk"

    @property
    def ipk_name(self):
        return f"{self.name}_{self.version}_{self.architecture}.ipk"


def tandem_package(version, architecture, binary, source, smallest=False):
    """The daemon's package. `binary` is the program's bytes, `source` the folder openwrt-package/files."""
    files = (
        File("/etc/config/tandem", 0o600, (source / "tandem.config").read_bytes(), conffile=True),
        File("/etc/init.d/tandem", 0o755, (source / "tandem.init").read_bytes()),
        File("/lib/upgrade/keep.d/tandem", 0o644, (source / "tandem.keep").read_bytes()),
        File("/usr/sbin/tandem", 0o755, binary),
    )
    name, depends, fields = "tandem", ("kmod-usb-serial-option", "ca-bundle"), []
    description = "Telephone exchange: texts of a SIM in a USB dongle become mail."
    if smallest:
        name, depends = "tandem-small", depends[:1]
        description = "Telephone exchange for small flash: texts of a SIM in a USB dongle, without mail and TLS."
        fields += [("Provides", "tandem"), ("Conflicts", "tandem")]
    fields += [
        ("License", LICENSE),
        ("Maintainer", MAINTAINER),
        ("Installed-Size", str(sum(len(f.data) for f in files))),
    ]
    return Package(
        name, version, architecture, "net", description, depends, files, tuple(fields), tuple(SCRIPTS.items())
    )


def control_text(package):
    """The `control` file; the order of ipkg-build's own packages, then ours."""
    fields = [
        ("Package", package.name),
        ("Version", package.version),
        ("Architecture", package.architecture),
        ("Depends", ", ".join(package.depends)),
        ("Section", package.section),
        *package.fields,
        ("Description", package.description),
    ]
    return "".join(f"{key}: {value}\n" for key, value in fields)


def _add(tar, name, mode, data, time):
    entry = tarfile.TarInfo(name)
    entry.mode, entry.mtime = mode, time
    if data is None:
        entry.type = tarfile.DIRTYPE
        tar.addfile(entry)
    else:
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))


def _tar(entries, time):
    """An uncompressed tar of (name, mode, bytes or None for a directory), in that order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, mode, data in entries:
            _add(tar, name, mode, data, time)
    return buffer.getvalue()


def _with_directories(files):
    """Tar entries of files, each directory once before what is in it, in the order of their paths."""
    entries = {".": (0o755, None)}
    for file in sorted(files, key=lambda f: f.path):
        parts = file.path.strip("/").split("/")
        for depth in range(1, len(parts)):
            entries.setdefault("./" + "/".join(parts[:depth]), (0o755, None))
        entries["./" + "/".join(parts)] = (file.mode, file.data)
    return [(name, mode, data) for name, (mode, data) in entries.items()]


def data_tar(package, time):
    return _tar(_with_directories(package.files), time)


def control_tar(package, time):
    entries = [(".", 0o755, None)]
    conffiles = "".join(f"{f.path}\n" for f in package.files if f.conffile)
    if conffiles:
        entries.append(("./conffiles", 0o644, conffiles.encode()))
    entries.append(("./control", 0o644, control_text(package).encode()))
    entries += [(f"./{name}", 0o755, text.encode()) for name, text in package.scripts]
    return _tar(entries, time)


def _gzip(data):
    """The same format, found with more patience where it pays: 3.5 % less of a program for 3 seconds."""
    if len(data) < PATIENCE:
        return gzip.compress(data, 9, mtime=0)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        try:
            made = subprocess.run(["zopfli", "--i5", "-c", file.name], capture_output=True, check=True).stdout
        except FileNotFoundError:
            sys.exit("openwrt: there is no zopfli here; run 'make setup'")
    # zopfli writes no time and no name; a reader that disagrees with it must not go unnoticed.
    if gzip.decompress(made) != data:
        sys.exit("openwrt: zopfli did not give back what it got")
    return made


def ipk(package, time):
    """The bytes of the .ipk; `time` (Unix seconds) is every file's modification time."""
    # What is in it is compressed already.
    return gzip.compress(
        _tar(
            [
                ("./debian-binary", 0o644, b"2.0\n"),
                ("./data.tar.gz", 0o644, _gzip(data_tar(package, time))),
                ("./control.tar.gz", 0o644, _gzip(control_tar(package, time))),
            ],
            time,
        ),
        9,
        mtime=0,
    )


def _apk_files(package):
    """The package's files and what OpenWrt's own functions look up under /lib/apk: which files there are, which of
    them are configuration, and what those were like when they were delivered."""
    base = f"/lib/apk/packages/{package.name}"
    paths = sorted(f.path for f in package.files)
    files = [*package.files, File(f"{base}.list", 0o644, "".join(f"{p}\n" for p in paths).encode())]
    conffiles = [f for f in package.files if f.conffile]
    if conffiles:
        names = "".join(f"{f.path}\n" for f in conffiles)
        sums = "".join(f"{f.path} {hashlib.sha256(f.data).hexdigest()}\n" for f in conffiles)
        files.append(File(f"{base}.conffiles", 0o644, names.encode()))
        files.append(File(f"{base}.conffiles_static", 0o644, sums.encode()))
    return files


def _apk_scripts(package):
    """As for opkg, but apk does not call a script by the package's name, so it says it; and upgrades have their own."""
    start = '. "${IPKG_INSTROOT}/lib/functions.sh"\n' + f'export root="$IPKG_INSTROOT" pkgname={package.name}\n'
    return {
        "post-install": "#!/bin/sh\n" + start + "default_postinst\n",
        "pre-deinstall": "#!/bin/sh\n" + start + "default_prerm\n",
        "post-upgrade": "#!/bin/sh\nexport PKG_UPGRADE=1\n" + start + "default_postinst\n",
    }


def apk(package, time):
    """The bytes of the .apk with the same contents."""
    fields = dict(package.fields)
    info = {
        "name": package.name,
        "version": package.version,
        "description": package.description,
        "arch": package.architecture,
        "license": fields["License"],
        "maintainer": fields["Maintainer"],
        "depends": package.depends,
    }
    if "Provides" in fields:
        info["provides"] = (fields["Provides"],)
    return openwrt_apk.apk(info, _apk_files(package), _apk_scripts(package), time)
