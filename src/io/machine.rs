//! How large this machine is, asked once.
use crate::util::limits::Capacity;
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What it can bear. The process may have as many descriptors as the system lets it from now on: each call holds two.
#[must_use]
pub fn capacity() -> Capacity {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((1_024, 1_024));
    let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    let files = if raised { hard } else { soft };
    Capacity::of_machine(memory_kb().unwrap_or_default(), files)
}

fn memory_kb() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_machine_bears_some_calls() {
        assert!(super::memory_kb().unwrap() > 1_024);
        assert!(super::capacity().calls >= 16);
    }
}
