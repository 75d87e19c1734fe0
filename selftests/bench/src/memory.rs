// SPDX-License-Identifier: GPL-2.0

//! How much memory the module needs, as the kernel accounts it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
};

/// The cgroup that is charged.
const GROUP: &str = "/sys/fs/cgroup/memintro-bench";
/// How many conversations are open at once: the counters are coarse.
const MANY: u64 = 64;

/// Prints the bytes of kernel memory that a conversation of each kind is
/// charged for, its queue full and an answer begun.
pub fn conversations(questions: &[(&str, String)]) -> io::Result<()> {
    if fs::metadata(GROUP).is_err() {
        let _ = fs::write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
        fs::create_dir(GROUP)?;
    }
    fs::write(format!("{GROUP}/cgroup.procs"), "0")?;
    for (name, question) in questions {
        let queue = format!("{question}\n").repeat((64 << 10) / (question.len() + 1));
        let before = charged()?;
        let mut files: Vec<File> = Vec::new();
        for _ in 0..MANY {
            let path = format!("/proc/memintro/{name}");
            let mut file = OpenOptions::new().read(true).write(true).open(path)?;
            file.write_all(queue.as_bytes())?;
            file.read_exact(&mut [0; 16])?;
            files.push(file);
        }
        let each = charged()?.saturating_sub(before) / MANY;
        println!("memory-of-a-conversation,{name},1,0,{each},0");
    }
    fs::write("/sys/fs/cgroup/cgroup.procs", "0")
}

/// Prints the bytes of the loaded module, and of its samples.
pub fn module() -> io::Result<()> {
    let text = fs::read_to_string("/sys/module/memintro/coresize")?;
    let size: u64 = text.trim().parse().map_err(io::Error::other)?;
    println!("memory-of-the-module,code-and-data,1,0,{size},0");
    // KIND VA SIZE_B ...: the samples are those that were allocated.
    let samples: u64 = fs::read_to_string("/proc/memintro/kmem")?
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|fields| matches!(fields[0], "kmalloc" | "vmalloc"))
        .filter_map(|fields| fields[2].parse::<u64>().ok())
        .sum();
    println!("memory-of-the-module,samples,1,0,{samples},0");
    Ok(())
}

/// The kernel memory of this cgroup.
fn charged() -> io::Result<u64> {
    fs::read_to_string(format!("{GROUP}/memory.stat"))?
        .lines()
        .find_map(|line| line.strip_prefix("kernel ")?.parse().ok())
        .ok_or_else(|| io::Error::other("memory.stat has no kernel memory"))
}
