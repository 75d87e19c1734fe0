// SPDX-License-Identifier: GPL-2.0

//! What the next read and the next write of an address would do.
//!
//! It follows from what the mapping allows and what the tables hold. What the files do not
//! tell is left open in the words.

use crate::lines::{Keys, Vma};

/// What happens on a touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The processor does it alone.
    Nothing,
    /// The kernel is called, and goes on at once.
    Minor,
    /// The kernel is called, and has to wait: for a disk, or another process.
    Major,
    /// The process gets a signal.
    Signal,
}

/// A touch: what happens, and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touch {
    /// What happens.
    pub effect: Effect,
    /// In words.
    pub text: String,
}

fn touch(effect: Effect, text: impl Into<String>) -> Touch {
    Touch {
        effect,
        text: text.into(),
    }
}

/// A read and a write of an address of a process.
///
/// `others` says how many more mappings of the page there are, and `kind` what it is used
/// for, if that is known.
pub fn touches(
    walk: &Keys<'_>,
    vma: Option<&Vma<'_>>,
    others: Option<u64>,
    kind: Option<&str>,
) -> [Touch; 2] {
    let Some(vma) = vma else {
        return nothing_mapped();
    };
    let read = if !vma.perm.contains(['r', 'w', 'x']) {
        touch(
            Effect::Signal,
            "SIGSEGV: the mapping allows nothing (PROT_NONE)",
        )
    } else if !vma.perm.contains('r') && !vma.writable() {
        touch(
            Effect::Signal,
            "SIGSEGV where the processor can tell reading from executing; else as if it were readable",
        )
    } else {
        read(walk, vma)
    };
    let write = if vma.writable() {
        write(walk, vma, others, kind)
    } else {
        touch(Effect::Signal, "SIGSEGV: the mapping may not be written")
    };
    [read, write]
}

fn nothing_mapped() -> [Touch; 2] {
    ["read", "write"].map(|_| {
        touch(
            Effect::Signal,
            "SIGSEGV: nothing is mapped there (a stack that may grow down to it would)",
        )
    })
}

fn has(walk: &Keys<'_>, flag: &str) -> bool {
    let flags = walk.get("flags").unwrap_or_default();
    flags.split(',').any(|one| one == flag)
}

/// What holds for reads and writes alike, by why there is no page.
fn absent(why: &str, walk: &Keys<'_>) -> Option<Touch> {
    Some(match why {
        "swap" => touch(
            Effect::Major,
            format!(
                "major fault: the page is read back from swap ({}); a minor one if it is still in memory",
                walk.get("swap").unwrap_or("?")
            ),
        ),
        "migration" => touch(
            Effect::Minor,
            "minor fault: it waits until the page has moved, then goes on",
        ),
        "device" => touch(
            Effect::Major,
            "fault: the driver brings the page back from the device",
        ),
        "hwpoison" => touch(Effect::Signal, "SIGBUS: the memory has failed"),
        "poison" => touch(Effect::Signal, "SIGBUS: the page is marked as poisoned, or could not be read back"),
        "guard" => touch(Effect::Signal, "SIGSEGV: a guard page (MADV_GUARD_INSTALL)"),
        "retry" => touch(Effect::Minor, "the entry kept changing: ask again"),
        "no-vma" => touch(Effect::Signal, "SIGSEGV: nothing is mapped there"),
        _ => return None,
    })
}

fn read(walk: &Keys<'_>, vma: &Vma<'_>) -> Touch {
    let Some(why) = walk.get("why") else {
        return read_present(walk);
    };
    if let Some(touch) = absent(why, walk) {
        return touch;
    }
    if vma.of_file() {
        touch(
            Effect::Major,
            "major fault: the page is read from the file; a minor one if it is cached; SIGBUS behind \
             the file's end",
        )
    } else if is_kernels(vma) {
        touch(
            Effect::Minor,
            "minor fault: the kernel maps a page of its own there",
        )
    } else if is_hugetlb(vma) {
        touch(
            Effect::Minor,
            "minor fault: a huge page of the pool, zeroed; SIGBUS where it has none left",
        )
    } else if vma.shared() {
        touch(
            Effect::Minor,
            "minor fault: the page that is there for others (a major one if it is in swap), or a new one of zeroes, \
             which all who share the mapping see",
        )
    } else {
        touch(
            Effect::Minor,
            "minor fault: the zero page is mapped, no memory is used (where huge pages are enabled and \
             fit: the huge zero page)",
        )
    }
}

fn read_present(walk: &Keys<'_>) -> Touch {
    if has(walk, "protnone") {
        if has(walk, "uffd") {
            return touch(
                Effect::Major,
                "fault: whoever watches the memory by userfaultfd is told, and lets it go on",
            );
        }
        return touch(
            Effect::Minor,
            "minor fault: a NUMA hint; the kernel notes who reads, may move the page, and goes on",
        );
    }
    let first = if has(walk, "accessed") {
        ""
    } else {
        "; the entry becomes `accessed`"
    };
    touch(
        Effect::Nothing,
        format!("no fault: the processor reads the page{first}"),
    )
}

fn write(walk: &Keys<'_>, vma: &Vma<'_>, others: Option<u64>, kind: Option<&str>) -> Touch {
    let Some(why) = walk.get("why") else {
        return write_present(walk, vma, others, kind);
    };
    if let Some(touch) = absent(why, walk) {
        return touch;
    }
    if why == "uffd" {
        return touch(
            Effect::Major,
            "fault: whoever watches the memory by userfaultfd is told before it is written",
        );
    }
    match (vma.of_file(), vma.shared()) {
        (true, true) => touch(
            Effect::Major,
            "major fault: the page is read from the file (minor if it is cached), and becomes dirty; \
             SIGBUS behind the file's end",
        ),
        (true, false) => touch(
            Effect::Major,
            "major fault: the page is read from the file (minor if it is cached), and copied: the copy \
             is the process' own; SIGBUS behind the file's end",
        ),
        _ if is_hugetlb(vma) => touch(
            Effect::Minor,
            "minor fault: a huge page of the pool, zeroed; SIGBUS where it has none left",
        ),
        (false, true) => touch(
            Effect::Minor,
            "minor fault: the page that is there for others (a major one if it is in swap), or a new one of zeroes, \
             which all who share the mapping see",
        ),
        (false, false) => touch(
            Effect::Minor,
            "minor fault: a new page of zeroes (a huge one where these are enabled and fit)",
        ),
    }
}

fn write_present(walk: &Keys<'_>, vma: &Vma<'_>, others: Option<u64>, kind: Option<&str>) -> Touch {
    let perm = walk.get("perm").unwrap_or_default();
    if has(walk, "uffd") {
        return touch(
            Effect::Major,
            "fault: whoever watches the memory by userfaultfd is told before it is written",
        );
    }
    if perm.contains('w') {
        let first = if has(walk, "dirty") {
            ""
        } else {
            "; the entry becomes `dirty`"
        };
        return touch(
            Effect::Nothing,
            format!("no fault: the processor writes the page{first}"),
        );
    }
    if has(walk, "zero") {
        return touch(
            Effect::Minor,
            "minor fault: copy on write; a page of zeroes of its own takes the zero page's place",
        );
    }
    if vma.shared() {
        return touch(
            Effect::Minor,
            "minor fault: the entry becomes writable, so that the kernel knows of the change",
        );
    }
    match (kind, others) {
        _ if has(walk, "protnone") => touch(
            Effect::Minor,
            "minor fault: a NUMA hint; then as for any page of a private mapping: copied if others use it",
        ),
        (Some("file" | "shmem"), _) => touch(
            Effect::Minor,
            "minor fault: copy on write; the copy is the process' own, the file's page stays as it is",
        ),
        (Some("ksm"), _) => touch(
            Effect::Minor,
            "minor fault: copy on write; this process gets a copy of the merged page",
        ),
        (Some("anon"), Some(0)) => touch(
            Effect::Minor,
            "minor fault: nobody else maps the page, so it is made writable (copied, if something else \
             in the kernel still uses it)",
        ),
        (_, Some(0) | None) => touch(
            Effect::Minor,
            "minor fault: copy on write, if the page is the file's or somebody else's; else it is made \
             writable",
        ),
        (_, Some(n)) => touch(
            Effect::Minor,
            format!(
                "minor fault: copy on write; this process gets a copy, and {} this page",
                if n == 1 {
                    "the other mapping keeps".to_owned()
                } else {
                    format!("the {n} other mappings keep")
                }
            ),
        ),
    }
}

/// `[vdso]`, `[vvar]`, `[vvar_vclock]`.
fn is_kernels(vma: &Vma<'_>) -> bool {
    vma.name.starts_with("[v")
}

fn is_hugetlb(vma: &Vma<'_>) -> bool {
    vma.name.starts_with("/anon_hugepage")
}

#[cfg(test)]
mod tests {
    use super::*;
    use Effect::{Major, Minor, Nothing, Signal};

    fn effects(walk: &str, perm: &str, name: &str, others: Option<u64>) -> [Effect; 2] {
        let vma = Vma {
            start: 0,
            end: 4096,
            perm,
            size_kb: 4,
            present_kb: 0,
            huge_kb: 0,
            zero_kb: 0,
            swap_kb: 0,
            empty_kb: 4,
            name,
        };
        touches(&Keys::parse(walk).unwrap(), Some(&vma), others, None).map(|touch| touch.effect)
    }

    #[test]
    fn pages_that_are_there() {
        let page = |perm: &str, flags: &str| {
            format!("pa=0x1000 page=4K level=pte perm={perm} flags={flags}")
        };
        let own = page("rw-u", "accessed,dirty,nx");
        let barred = page("r--u", "accessed,nx");
        assert_eq!(effects(&own, "rw-p", "[heap]", Some(0)), [Nothing, Nothing]);
        assert_eq!(
            effects(&barred, "r--p", "/lib/x", Some(3)),
            [Nothing, Signal]
        );
        assert_eq!(effects(&barred, "rw-p", "-", Some(1)), [Nothing, Minor]);
        assert_eq!(
            effects(&barred, "rw-s", "/dev/shm/x", Some(1)),
            [Nothing, Minor]
        );
        let zero = page("r--u", "zero");
        assert_eq!(effects(&zero, "rw-p", "-", None), [Nothing, Minor]);
        let none = page("---u", "protnone");
        assert_eq!(effects(&none, "---p", "-", None), [Signal, Signal]);
        assert_eq!(effects(&none, "rw-p", "-", None), [Minor, Minor]);
        let watched = page("r--u", "accessed,uffd");
        assert_eq!(effects(&watched, "rw-p", "-", Some(0)), [Nothing, Major]);
    }

    #[test]
    fn pages_that_are_not() {
        let why = |why: &str| format!("pa=none why={why} level=pte");
        assert_eq!(
            effects(&why("not-populated"), "rw-p", "-", None),
            [Minor, Minor]
        );
        assert_eq!(
            effects(&why("not-populated"), "r-xp", "/lib/x", None),
            [Major, Signal]
        );
        assert_eq!(
            effects(&why("not-populated"), "r--p", "[vvar]", None),
            [Minor, Signal]
        );
        assert_eq!(effects(&why("swap"), "rw-p", "-", None), [Major, Major]);
        assert_eq!(effects(&why("guard"), "rw-p", "-", None), [Signal, Signal]);
        assert_eq!(effects(&why("poison"), "rw-p", "-", None), [Signal, Signal]);
        assert_eq!(effects(&why("uffd"), "rw-p", "-", None), [Minor, Major]);
        let no_vma = Keys::parse("pa=none why=no-vma level=-").unwrap();
        assert_eq!(
            touches(&no_vma, None, None, None).map(|touch| touch.effect),
            [Signal, Signal]
        );
    }

    #[test]
    fn copies_are_told_from_pages_of_ones_own() {
        let walk = "pa=0x1000 page=4K level=pte perm=r--u flags=accessed,nx";
        let vma = |name| Vma {
            start: 0,
            end: 4096,
            perm: "rw-p",
            size_kb: 4,
            present_kb: 4,
            huge_kb: 0,
            zero_kb: 0,
            swap_kb: 0,
            empty_kb: 0,
            name,
        };
        let text = |name, others, kind| {
            let walk = Keys::parse(walk).unwrap();
            let [_, write] = touches(&walk, Some(&vma(name)), others, kind);
            write.text
        };
        assert!(text("-", Some(2), Some("anon"))
            .contains("copy on write; this process gets a copy, and the 2 other"));
        assert!(text("/lib/x", Some(0), Some("anon")).contains("nobody else maps"));
        assert!(text("/lib/x", Some(0), Some("file")).contains("the file's page stays"));
        assert!(text("-", Some(1), Some("ksm")).contains("merged page"));
        assert!(text("/lib/x", Some(0), None).contains("if the page is the file's"));
    }
}
