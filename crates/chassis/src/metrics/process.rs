//! What the process takes from the machine, where `/proc` tells.

use opentelemetry::metrics::Meter;

/// `/proc` counts CPU time in these on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;
const PAGE: u64 = 4_096;

/// Looked up when somebody asks: three small files that the kernel keeps in memory.
pub(super) fn observe(meter: &Meter) {
    meter
        .u64_observable_gauge("process.memory.usage")
        .with_unit("By")
        .with_description("Resident memory of the process.")
        .with_callback(|memory| resident().into_iter().for_each(|bytes| memory.observe(bytes, &[])))
        .build();
    meter
        .f64_observable_counter("process.cpu.time")
        .with_unit("s")
        .with_description("CPU time of the process, user and system.")
        .with_callback(|cpu| cpu_seconds().into_iter().for_each(|seconds| cpu.observe(seconds, &[])))
        .build();
    meter
        .u64_observable_gauge("process.unix.file_descriptor.count")
        .with_description("Open files and connections of the process.")
        .with_callback(|open| open_files().into_iter().for_each(|count| open.observe(count, &[])))
        .build();
}

fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()? * PAGE)
}

fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Behind the name, which may hold anything: the state, ten more, then user and system time.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

fn open_files() -> Option<u64> {
    // The one that lists them is open too.
    Some((std::fs::read_dir("/proc/self/fd").ok()?.count() as u64).saturating_sub(1))
}
