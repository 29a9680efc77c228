#!/usr/bin/env python3
"""Makes the vectors beside it with libspandsp2 (Debian): `python3 make.py` in this folder.

wide: 16,000 samples a second in, octets and the samples of them out. narrow: the same samples taken for 8,000 a second, the higher
band silent. any: what octets of all values are decoded to.
"""
import ctypes
import struct

spandsp = ctypes.CDLL("libspandsp.so.2")
for name in ("g722_encode_init", "g722_decode_init"):
    getattr(spandsp, name).restype = ctypes.c_void_p
    getattr(spandsp, name).argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
for name in ("g722_encode", "g722_decode"):
    getattr(spandsp, name).argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
NARROW = 1  # G722_SAMPLE_RATE_8000


def encoded(sound, options=0):
    state = spandsp.g722_encode_init(None, 64000, options)
    octets = (ctypes.c_uint8 * len(sound))()
    count = spandsp.g722_encode(state, octets, (ctypes.c_int16 * len(sound))(*sound), len(sound))
    return bytes(octets[:count])


def decoded(octets, options=0):
    state = spandsp.g722_decode_init(None, 64000, options)
    sound = (ctypes.c_int16 * (2 * len(octets)))()
    count = spandsp.g722_decode(state, sound, (ctypes.c_uint8 * len(octets))(*octets), len(octets))
    return struct.pack(f"<{count}h", *sound[:count])


class Lcg:
    def __init__(self, seed):
        self.seed = seed

    def next(self):
        self.seed = (self.seed * 1664525 + 1013904223) & 0xFFFFFFFF
        return self.seed >> 16


def material():
    lcg, y = Lcg(1), 0
    for n in range(3840):
        noise, part = lcg.next() - 32768, n // 480
        level = [0, 200, 3000, 32767, 32767, 8000, 1, 500][part]
        y += (((noise * level) >> 15) - y) >> [0, 1, 2, 0, 3, 2, 0, 1][part]
        if part == 4:
            sample = 32767 if n // 9 % 2 == 1 else -32768
        elif part == 5:
            sample = (noise * level) >> 15 if n % 160 < 20 else 0
        else:
            sample = y
        yield max(-32768, min(32767, sample))


def write(name, content):
    with open(name, "wb") as file:
        file.write(content)


sound = list(material())
for name, options in (("wide", 0), ("narrow", NARROW)):
    octets = encoded(sound, options)
    write(f"{name}.g722", octets)
    write(f"{name}.s16", decoded(octets, options))
lcg = Lcg(7)
octets = bytes((lcg.next() >> 3) & 0xFF for _ in range(1600))
write("any_wide.s16", decoded(octets))
write("any_narrow.s16", decoded(octets, NARROW))
