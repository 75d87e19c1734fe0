// SPDX-License-Identifier: GPL-2.0

//! How long a process holds mmap locks, from the kernel's own trace events.

use crate::prelude::*;

/// Traces go here and leave others alone.
const INSTANCE: &str = "/sys/kernel/tracing/instances/memintro-stall";
const EVENTS: [&str; 2] = ["mmap_lock_acquire_returned", "mmap_lock_released"];

/// Holds of one mm's lock, in microseconds.
pub type Holds = Vec<u64>;

/// A trace of the locks that one process takes.
pub struct Trace(PathBuf);

impl Trace {
    /// Begins to trace.
    pub fn of(pid: Pid) -> io::Result<Self> {
        let path = Path::new(INSTANCE);
        if !path.exists() {
            fs::create_dir(path)?;
        }
        let trace = Self(path.to_owned());
        trace.set("buffer_size_kb", "16384")?;
        trace.set("trace", "")?;
        for event in EVENTS {
            let event = format!("events/mmap_lock/{event}");
            trace.set(&format!("{event}/filter"), &format!("common_pid == {pid}"))?;
            trace.set(&format!("{event}/enable"), "1")?;
        }
        trace.set("tracing_on", "1")?;
        Ok(trace)
    }

    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        fs::write(self.0.join(file), value)
    }

    /// Ends the trace, and says how long the process held the lock of each mm
    /// for reading.
    pub fn end(self) -> io::Result<BTreeMap<String, Holds>> {
        self.set("tracing_on", "0")?;
        let text = fs::read_to_string(self.0.join("trace"))?;
        Ok(holds(&text))
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

/// Pairs the events of a trace. What was lost, or begun before, has no pair.
fn holds(text: &str) -> BTreeMap<String, Holds> {
    let mut all: BTreeMap<String, Holds> = BTreeMap::new();
    let mut since = HashMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<_> = line.split_whitespace().collect();
        let Some(place) = words.iter().position(|word| word.starts_with("mmap_lock_")) else {
            continue;
        };
        let time = words[place - 1].trim_end_matches(':').replace('.', "");
        let (Ok(time), Some(mm)) = (time.parse::<u64>(), words.get(place + 1)) else {
            continue;
        };
        if words[place].starts_with("mmap_lock_acquire") {
            if words.contains(&"success=true") {
                since.insert(*mm, time);
            }
        } else if let Some(begun) = since.remove(mm) {
            let holds = all.entry((*mm).to_owned()).or_default();
            holds.push(time.saturating_sub(begun));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_paired() {
        let text = "# tracer: nop\n\
            stall-9 [001] ..... 12.000100: mmap_lock_released: mm=aa memcg_id=1 write=false\n\
            stall-9 [001] ..... 12.000200: mmap_lock_acquire_returned: mm=aa memcg_id=1 write=false success=true\n\
            stall-9 [001] ..... 12.000210: mmap_lock_acquire_returned: mm=bb memcg_id=1 write=false success=false\n\
            stall-9 [001] ..... 12.000250: mmap_lock_released: mm=aa memcg_id=1 write=false\n\
            stall-9 [001] ..... 13.999999: mmap_lock_acquire_returned: mm=bb memcg_id=1 write=false success=true\n\
            stall-9 [001] ..... 14.000009: mmap_lock_released: mm=bb memcg_id=1 write=false\n";
        let found = holds(text);
        assert_eq!(found["mm=aa"], [50]);
        assert_eq!(found["mm=bb"], [10]);
    }
}
