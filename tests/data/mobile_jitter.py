#!/usr/bin/env python3
"""Makes mobile_jitter.txt: python3 tests/data/mobile_jitter.py > tests/data/mobile_jitter.txt

No trace of a real mobile network with a licence that fits this project was found, so this is a model of one. It is
integer arithmetic with one seed: the same file wherever it is run. What it has, and from where:

- scheduling requests: the uplink waits 0 to 10 ms for its turn (TS 36.213 section 10.1.5, a period of 10 ms);
- HARQ: a tenth of the packets is sent again after 8 ms, a tenth of these once more (TS 36.321 section 5.4.2, FDD);
- RLC in acknowledged mode: what HARQ gives up is asked for again, which takes 50 to 120 ms, and packets are delivered
  in order (TS 36.322 section 5.1.3): those behind wait and then come in a heap, 0.3 ms apart;
- handover: nothing for 40 to 90 ms, a few packets gone, then another path whose delay is up to 25 ms more or less
  (TR 36.881 gives 50 ms for a good one);
- 3G with HSPA: turns of 10 ms, RLC repeats after 80 to 200 ms, and each half minute a change of channels (TS 25.331)
  that holds everything back for 250 to 400 ms;
- a full queue in the cell: delay grows within 5 s to 140 ms, stays 10 s, and drains within 5 s.
"""

SEED = 20261127
PACKET = 200  # of 20 ms, in tenths of a millisecond
SECOND = 50  # packets


class Dice:
    """The generator of the tests (tests/sound/world.rs)."""

    def __init__(self, seed):
        self.state = seed

    def roll(self, below):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % below


def delays():
    """For each packet the tenths of a millisecond after its sending, None when it is lost."""
    dice = Dice(SEED)
    path = 300  # what the way takes besides the radio
    held_until = 0  # nothing is delivered before
    last = 0  # the arrival of the packet before
    lost = 0  # packets that are still to be lost
    next_handover = 75 * SECOND
    next_channel = 130 * SECOND
    for n in range(300 * SECOND):
        second = n // SECOND
        sent = n * PACKET
        moving, third = 60 <= second < 120, 120 <= second < 180
        delay = path + dice.roll(100) + dice.roll(10)
        if third:
            delay += dice.roll(100)
        for _ in range(3):
            if dice.roll(10):
                break
            delay += 80
        # One in 400 in a good cell, one in 80 elsewhere: RLC repeats it.
        if dice.roll(80 if moving or third else 400) == 0:
            delay += 800 + dice.roll(1200) if third else 500 + dice.roll(700)
        if moving and n >= next_handover:
            next_handover = n + 10 * SECOND + dice.roll(5 * SECOND)
            held_until = sent + 400 + dice.roll(500)
            path = 200 + dice.roll(250)
            lost = dice.roll(4)
        if third and n >= next_channel:
            next_channel = n + 30 * SECOND
            held_until = sent + 2500 + dice.roll(1500)
        if 180 <= second < 200:
            at = n - 180 * SECOND
            delay += min(at, 20 * SECOND - at, 5 * SECOND) * 1400 // (5 * SECOND)
        if dice.roll(500) == 0:
            lost = max(lost, 1)
        arrival = max(sent + delay, held_until, last + 3)
        if lost:
            lost -= 1
            yield None
            continue
        last = arrival
        yield arrival - sent


def main():
    print("# Delays of 15,000 RTP packets of 20 ms through a mobile network: made by a model, not recorded.")
    print(f"# By tests/data/mobile_jitter.py, which says what it models; seed {SEED}.")
    print("# One number a packet, tenths of a millisecond from its sending to its arrival; -: lost. A line is half a second.")
    print("# Seconds 0-59: a good LTE cell. 60-119: on the road, with handovers. 120-179: 3G. 180-199: a full queue. 200-299: LTE.")
    row = []
    for delay in delays():
        row.append("-" if delay is None else str(delay))
        if len(row) == 25:
            print(" ".join(row))
            row = []


if __name__ == "__main__":
    main()
