//! One vocabulary for why a call ended: ITU-T Q.850 causes. SIP and the stick are translated at the edge.
use crate::modem::{End, EndedBy};
use crate::wire::at::Final;

/// A Q.850 cause, 1 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause(pub u8);

impl Cause {
    pub const UNASSIGNED: Self = Self(1);
    pub const NO_ROUTE: Self = Self(3);
    pub const NORMAL: Self = Self(16);
    pub const BUSY: Self = Self(17);
    pub const NO_RESPONSE: Self = Self(18);
    pub const NO_ANSWER: Self = Self(19);
    pub const ABSENT: Self = Self(20);
    pub const REJECTED: Self = Self(21);
    pub const INVALID_NUMBER: Self = Self(28);
    pub const UNSPECIFIED: Self = Self(31);
    pub const NO_CIRCUIT: Self = Self(34);
    pub const NETWORK_DOWN: Self = Self(38);
    pub const TEMPORARY: Self = Self(41);
    pub const CONGESTION: Self = Self(42);
    pub const NO_RESOURCES: Self = Self(47);
    pub const BARRED: Self = Self(55);
    pub const NOT_AUTHORIZED: Self = Self(57);
    pub const NO_BEARER: Self = Self(58);
    pub const INCOMPATIBLE: Self = Self(88);

    /// What the stick said, DONGLE 3.4: `^CEND`'s cause where it has one, else its end status, else the final result.
    #[must_use]
    pub fn of_end(end: &End) -> Self {
        if let Some(cause @ 1..=127) = end.cause {
            return Self(cause);
        }
        match (end.status, &end.by) {
            (Some(21 | 34 | 106), _) | (_, EndedBy::StickLost) => Self::NETWORK_DOWN,
            (Some(102 | 103), _) => Self::REJECTED,
            (Some(105), _) => Self(68),
            (_, EndedBy::Refused(Final::Busy)) => Self::BUSY,
            (_, EndedBy::Refused(Final::NoAnswer)) => Self::NO_ANSWER,
            (_, EndedBy::Refused(Final::NoDialtone)) => Self::NETWORK_DOWN,
            // +CME ERROR: 30 no network service, 31 time-out, 32 emergency calls only.
            (_, EndedBy::Refused(Final::Cme(30 | 32))) => Self::NETWORK_DOWN,
            (_, EndedBy::Refused(_)) => Self::TEMPORARY,
            _ => Self::NORMAL,
        }
    }

    /// RFC 3398 section 8.2.6.1; but 480 is no answer, for "no user responding" would come to the caller as 408.
    #[must_use]
    pub const fn of_status(status: u16) -> Self {
        Self(match status {
            401 | 402 | 403 | 407 | 603 => 21,
            404 | 604 => 1,
            405 | 501 => 63,
            406 | 415 | 488 | 606 => 88,
            408 | 504 => 102,
            410 => 22,
            480 => 19,
            481 | 500 | 503 => 41,
            484 => 28,
            486 | 600 => 17,
            502 => 38,
            487 => 16,
            _ => 127,
        })
    }

    /// The final answer to an INVITE that ends so. RFC 3398 section 7.2.4.1 with DONGLE 3.4 for mobile networks.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self.0 {
            1..=3 => 404,
            17 => 486,
            18 => 408,
            21 => 603,
            22 => 410,
            27 => 502,
            28 => 484,
            29 | 79 => 501,
            34 | 38 | 41 | 42 | 44 | 47 | 58 => 503,
            50 | 55 | 57 | 68 | 87 => 403,
            65 | 88 => 488,
            102 => 504,
            63 | 81..=111 | 127 => 500,
            _ => 480,
        }
    }

    /// Whether another way may do what this one could not: not where somebody said no, or the number is wrong.
    #[must_use]
    pub const fn deserves_another_way(self) -> bool {
        matches!(self.0, 3 | 20 | 27 | 34 | 38 | 41 | 42 | 44 | 47 | 57 | 58 | 63 | 88 | 102 | 127)
    }

    /// The value of a Reason header, RFC 3326.
    #[must_use]
    pub fn reason(self) -> String {
        format!("Q.850;cause={};text=\"{}\"", self.0, self.words())
    }

    /// Q.850 section 2.2.7, in its words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self.0 {
            1 => "unallocated number",
            2 | 3 => "no route to destination",
            16 => "normal call clearing",
            17 => "user busy",
            18 => "no user responding",
            19 => "no answer from user",
            20 => "subscriber absent",
            21 => "call rejected",
            22 => "number changed",
            27 => "destination out of order",
            28 => "invalid number format",
            29 => "facility rejected",
            34 => "no circuit available",
            38 => "network out of order",
            41 => "temporary failure",
            42 => "switching equipment congestion",
            44 => "requested circuit not available",
            47 => "resource unavailable",
            50 => "requested facility not subscribed",
            55 => "incoming calls barred",
            57 => "bearer capability not authorized",
            58 => "bearer capability not available",
            63 => "service not available",
            68 => "no credit",
            88 => "incompatible destination",
            102 => "recovery on timer expiry",
            127 => "interworking",
            _ => "normal, unspecified",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(status: Option<u8>, cause: Option<u8>) -> End {
        End { by: EndedBy::Network, status, cause, seconds: 0 }
    }

    #[test]
    fn mobile_causes_become_statuses() {
        // DONGLE 3.4, one row each: end status, cause, and the answer to an INVITE.
        for (status, cause, want) in [
            (104, Some(1), 404),
            (104, Some(3), 404),
            (104, Some(16), 480),
            (104, Some(17), 486),
            (104, Some(18), 408),
            (104, Some(19), 480),
            (104, Some(20), 480),
            (104, Some(21), 603),
            (104, Some(22), 410),
            (104, Some(27), 502),
            (104, Some(28), 484),
            (104, Some(29), 501),
            (104, Some(31), 480),
            (104, Some(34), 503),
            (104, Some(38), 503),
            (104, Some(41), 503),
            (104, Some(42), 503),
            (104, Some(47), 503),
            (104, Some(50), 403),
            (104, Some(55), 403),
            (104, Some(68), 403),
            (104, Some(95), 500),
            (104, Some(127), 500),
            (21, None, 503),
            (34, None, 503),
            (105, None, 403),
            (106, None, 503),
            (104, None, 480),
        ] {
            assert_eq!(Cause::of_end(&end(Some(status), cause)).status(), want, "{status} {cause:?}");
        }
        let refused = |result| End { by: EndedBy::Refused(result), status: None, cause: None, seconds: 0 };
        assert_eq!(Cause::of_end(&refused(Final::Busy)).status(), 486);
        assert_eq!(Cause::of_end(&refused(Final::Cme(30))).status(), 503);
        assert_eq!(Cause::of_end(&refused(Final::Error)).status(), 503);
    }

    #[test]
    fn statuses_become_causes_and_come_back() {
        for (status, cause) in [(486, 17), (600, 17), (603, 21), (404, 1), (480, 19), (503, 41), (488, 88)] {
            assert_eq!(Cause::of_status(status), Cause(cause), "{status}");
        }
        for status in [480, 486, 603, 404, 410, 484, 488, 503] {
            assert_eq!(Cause::of_status(status).status(), status);
        }
    }
}
